"""Metrics of task `attack`. A run's model is the attack, so what is better for it is worse for the victim."""

from zoo.specs import MetricSpec

METRICS = [
    MetricSpec(
        name="robust-accuracy",
        summary="Share of all samples on which the victim withstands the attack within eps; lower is the stronger attack",
        task="attack",
        target="zoo.metrics.robustness:RobustAccuracy",
        direction="lower",
        reference="autoattack: robust accuracy",
    ),
    MetricSpec(
        name="clean-accuracy",
        summary="Share of samples that the victim gets right without an attack",
        task="attack",
        target="zoo.metrics.robustness:CleanAccuracy",
        direction="none",
        reference="sklearn.metrics.accuracy_score",
    ),
    MetricSpec(
        name="success-rate",
        summary="Share of the samples that the victim gets right which the attack turns within eps",
        task="attack",
        target="zoo.metrics.robustness:SuccessRate",
        direction="higher",
        reference="1 - robust accuracy / clean accuracy",
    ),
    MetricSpec(
        name="median-norm",
        summary="Median norm of the perturbations that fool the victim; infinite where the attack fails",
        task="attack",
        target="zoo.metrics.robustness:MedianNorm",
        direction="lower",
        range=(0.0, None),
        reference="numpy.median",
    ),
    MetricSpec(
        name="forwards",
        summary="Mean evaluations of the victim per attacked sample",
        task="attack",
        target="zoo.metrics.robustness:Forwards",
        direction="lower",
        range=(0.0, None),
        reference="counted by hand",
    ),
    MetricSpec(
        name="gradients",
        summary="Mean gradients of the victim per attacked sample",
        task="attack",
        target="zoo.metrics.robustness:Gradients",
        direction="lower",
        range=(0.0, None),
        reference="counted by hand",
    ),
]
