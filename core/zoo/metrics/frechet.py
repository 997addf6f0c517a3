"""Fréchet distance between the features of drawn and of real images, each taken as one Gaussian.

Source: Heusel et al. 2017, GANs trained by a two time-scale update rule, arXiv:1706.08500, section 4, eq. 6: the squared
distance |m - m'|² + tr(C + C' - 2 (C C')^½), C with n - 1 in the denominator. Its name says the feature space: FID is that of
the reference Inception alone. The fewer samples, the larger it comes out (about as 1/n), so equal n alone compare.
"""

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from zoo.errors import DataError
from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import NO_SAMPLES
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]
SETS = ("features", "real", "another")
WHY_NONE = "none: a distance between two distributions has no value per sample"


class FrechetDistance(Metric):
    """The distance, with that of two sets of real images of the same sizes beside it: the floor.

    The state of each set is its count, mean and centred sum of outer products, merged by Chan, Golub & LeVeque 1979 (eq. 1.5
    of the pairwise update), which loses no digits where a mean is far from 0. Float64 throughout.
    """

    features: Annotated[str | None, Field(description="Name of the embedder that the features must be of; None takes any.")] = (
        None
    )

    def update(self, rows: Rows) -> State:
        check_space(rows, self.features)
        state: State = {"n": np.array([len(rows)])}
        for name in SETS:
            vectors = rows.columns[name].astype(np.float64)
            mean = vectors.mean(axis=0) if len(rows) else np.zeros(vectors.shape[1])
            state[f"{name} mean"] = mean
            state[f"{name} scatter"] = (vectors - mean).T @ (vectors - mean)
        return state

    def merge(self, first: State, second: State) -> State:
        n, m = int(first["n"][0]), int(second["n"][0])
        merged: State = {"n": np.array([n + m])}
        for name in SETS:
            apart = second[f"{name} mean"] - first[f"{name} mean"]
            merged[f"{name} mean"] = first[f"{name} mean"] + apart * (m / (n + m))
            scatter = first[f"{name} scatter"] + second[f"{name} scatter"]
            merged[f"{name} scatter"] = scatter + np.outer(apart, apart) * (n * m / (n + m))
        return merged

    def per_sample(self, rows: Rows) -> State:
        return {}

    def incomparable(self, first: State, second: State) -> str:
        return WHY_NONE.removeprefix("none: ")

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        n = int(state["n"][0])
        if n < 2:
            return NO_SAMPLES if not n else Score(None, n, interval="none: one sample has no covariance")
        made, real, another = ((state[f"{name} mean"], state[f"{name} scatter"] / (n - 1)) for name in SETS)
        value, floor = frechet_distance(*made, *real), frechet_distance(*another, *real)
        note = f"{n:,} drawn against {n:,} real images; {n:,} other real images have {floor:.4g}"
        return Score(value, n, interval=WHY_NONE, note=note)


def frechet_distance(mean: Array, covariance: Array, other_mean: Array, other_covariance: Array) -> float:
    """Squared Fréchet distance of two Gaussians of d dimensions, float64, never below 0.

    tr (C C')^½ is the sum of the square roots of the eigenvalues of C^½ C' C^½, which is symmetric and positive
    semi-definite: no complex square roots, and no trouble with singular covariances. Parity: scipy.linalg.sqrtm of C C'.
    """
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ other_covariance @ root).clip(min=0)).sum()
    apart = mean - other_mean
    return max(0.0, float(apart @ apart + np.trace(covariance) + np.trace(other_covariance) - 2 * shared))


def check_space(rows: Rows, wanted: str | None) -> None:
    """Raise DataError where the features are of another embedder than the metric's name says."""
    found = set(rows.columns["space"].tolist()) - {wanted}
    if wanted is not None and found:
        raise DataError(
            f"these are features of {', '.join(sorted(found))}, not of {wanted}, which the metric's name says",
            f"take `aux.features={wanted}`, or among the `metrics` frechet-distance, which takes any",
        )
