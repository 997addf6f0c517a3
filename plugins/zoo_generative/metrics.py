"""Metrics of drawn images whose names say their feature space."""

from typing import Literal

from zoo.metrics import FrechetDistance, SamplePrecision, SampleRecall

Lenet = Literal["cnn/lenet5@mnist"]
LENET: Lenet = "cnn/lenet5@mnist"
Inception = Literal["generative/inception@fid"]
INCEPTION: Inception = "generative/inception@fid"


class FdLenet(FrechetDistance):
    """Fréchet distance in the 84 features of the penultimate layer of LeNet-5 for MNIST, behind its ReLU."""

    features: Lenet = LENET


class PrecisionLenet(SamplePrecision):
    """Precision in the same space."""

    features: Lenet = LENET


class RecallLenet(SampleRecall):
    """Recall in the same space."""

    features: Lenet = LENET


class Fid(FrechetDistance):
    """Fréchet Inception distance: that in the 2,048 features of the reference Inception, and of no other network."""

    features: Inception = INCEPTION
