"""Metrics of clustering: how well k-means on the vectors at length 1 finds the classes, with as many clusters as classes."""

import threading
import warnings
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from zoo.metrics.base import Score, State
from zoo.metrics.embed import Array, EmbedMetric, Places, once, undefined
from zoo.metrics.intervals import no_interval, scored


class _Clustering(EmbedMetric):
    """A score of the clusters against the classes. k-means is scikit-learn's, seeded, from one k-means++ start."""

    seed: Annotated[int, Field(ge=0, lt=2**32, description="Of the k-means.")] = 0
    function: ClassVar[str]

    def incomparable(self, first: State, second: State) -> str:
        return "a clustering is of all samples at once"

    def of(self, places: Places) -> Score:
        from sklearn import metrics

        classes = len(np.unique(places.labels))
        if classes < 2 or classes == len(places):
            reason = (
                "there are no samples" if not classes else "there is one class" if classes == 1 else "no class has two samples"
            )
            return undefined(reason, len(places))
        value = getattr(metrics, self.function)(places.labels, clusters(places, classes, self.seed))
        return scored(float(value), len(places), no_interval("a clustering is of all samples at once"))


class Nmi(_Clustering):
    """Normalised mutual information of clusters and classes: 2 I / (H + H'). 0 where the clusters say nothing, 1 if equal.

    Chance alone brings it above 0, the more the smaller the classes: see `ami`. Parity: sklearn `normalized_mutual_info_score`.
    """

    function: ClassVar[str] = "normalized_mutual_info_score"


class Ami(_Clustering):
    """Mutual information of clusters and classes, adjusted for chance: 0 for random clusters, 1 if equal.

    Source: Vinh, Epps & Bailey 2010, Information theoretic measures for clusterings comparison.
    Parity: sklearn `adjusted_mutual_info_score`.
    """

    function: ClassVar[str] = "adjusted_mutual_info_score"


_one_by_one = threading.Lock()
"""k-means sets the process's number of BLAS threads, and this here its filters of warnings, and both set them back."""


@once
def clusters(places: Places, count: int, seed: int) -> Array:
    """The cluster of each sample, int32 [n]. Fewer than `count` where there are fewer distinct vectors."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with _one_by_one, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of too few distinct vectors
        found: Array = KMeans(count, n_init=1, random_state=seed).fit_predict(places.unit.astype(np.float32))
    return found
