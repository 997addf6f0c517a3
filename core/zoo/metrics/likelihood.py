"""Metrics of task generate over the likelihood of images: folded from `log_weights` [n, draws] in nats and `pixels` [n].

Both bounds are of the same draws, so that by Jensen's inequality the ELBO of a sample is never above its IWAE bound. The
metric's name says of what pixels: likelihoods of other pixels are other quantities.
"""

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from zoo.errors import DataError
from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import NO_SAMPLES, scored, student_mean
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]


class _Bound(Metric):
    """The mean over samples of what `bound` says of the log-weights of each."""

    gathers: ClassVar[bool] = True
    pixels: ClassVar[str]

    def bound(self, log_weights: Array) -> Array:
        """Of float64 [n, draws]: float64 [n]."""
        raise NotImplementedError

    def update(self, rows: Rows) -> State:
        """`values` float64 [n]."""
        found = set(rows.columns["pixels"].tolist()) - {self.pixels}
        if found:
            raise DataError(f"these are likelihoods of {', '.join(found)} pixels, not of {self.pixels} ones")
        return {"values": self.bound(rows.columns["log_weights"])}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        values = state["values"]
        return scored(values.mean(), len(values), student_mean(values)) if len(values) else NO_SAMPLES

    def values(self, state: State) -> Array:
        return state["values"]


class ElboBinarised(_Bound):
    """Evidence lower bound in nats, the mean of log p(x, z) - log q(z | x) over all draws; -ELBO is what a VAE minimises.

    Source: Kingma & Welling 2014, Auto-encoding variational Bayes, arXiv:1312.6114, eq. 2.
    """

    pixels = "binarised"

    def bound(self, log_weights: Array) -> Array:
        return np.asarray(log_weights.mean(axis=1))


class ElboDequantised(ElboBinarised):
    """The same of a density of pixels that are dequantised."""

    pixels = "dequantised"


class IwaeBinarised(_Bound):
    """Importance-weighted bound in nats, log of the mean weight of the first k draws; it rises with k towards log p(x).

    Source: Burda, Grosse & Salakhutdinov 2016, Importance weighted autoencoders, arXiv:1509.00519, eq. 8.
    """

    pixels = "binarised"
    k: Annotated[int | None, Field(ge=1, description="Draws that count; by default all that were made.")] = None

    def bound(self, log_weights: Array) -> Array:
        from scipy.special import logsumexp

        made = log_weights.shape[1]
        if self.k is not None and 1 < made < self.k:
            raise DataError(
                f"iwae-{self.pixels}:k={self.k} needs {self.k} draws, but the run made {made}", f"`protocol.draws={self.k}`"
            )
        taken = log_weights[:, : self.k]
        return np.asarray(logsumexp(taken, axis=1) - np.log(taken.shape[1]))


class IwaeDequantised(IwaeBinarised):
    """The same of a density of pixels that are dequantised."""

    pixels = "dequantised"
