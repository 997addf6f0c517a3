"""Metrics of certificates, folded from `predicted`, `radius` and `limit` [n], `target`, and the protocol's `eps`.

A sample is certified at a radius where the class that holds within it is the true one: what is predicted wrong is certified at
no radius, not even 0, however far the mistake may reach, and stays in the denominator.
"""

import math
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import AfterValidator, Field

from zoo.errors import OptionError
from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import NO_SAMPLES, Interval, jackknife, no_interval, scored, wilson
from zoo.tasks.attack.contract import Ratio, exact_ratio
from zoo.tasks.base import Rows

Array = np.ndarray[Any, Any]


def _radii(text: str) -> tuple[float, ...]:
    return tuple(exact_ratio(part) for part in text.split("+"))


def _checked_radii(text: str) -> str:
    radii = _radii(text)
    if any(not (math.isfinite(radius) and radius >= 0) for radius in radii) or list(radii) != sorted(set(radii)):
        raise ValueError("must be radii of at least 0 in ascending order, such as 0+0.25+0.5")
    return text


class CertifiedAccuracy(Metric):
    """Share of all samples that are predicted right with a radius of at least `at`: a lower bound of what withstands any attack.

    Where the radius is larger than the certifier looked at, there is no value: nobody knows.
    """

    proportion: ClassVar[bool] = True
    at: Ratio | None = Field(default=None, ge=0, allow_inf_nan=False, description="Radius. Default: the protocol's eps.")

    def update(self, rows: Rows) -> State:
        columns = _certified(rows)
        radius, hits = self._hits(rows)
        return {
            "hits": np.array([hits.sum()]),
            "n": np.array([len(rows)]),
            "unseen": np.array([(columns["limit"] < radius).sum()]),
        }

    def per_sample(self, rows: Rows) -> State:
        return {"value": self._hits(rows)[1].astype(np.float64)}

    def values(self, state: State) -> Array:
        return state["value"]

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        return _share(int(state["hits"][0]), int(state["n"][0]), int(state["unseen"][0]))

    def _hits(self, rows: Rows) -> tuple[Array, Array]:
        """The radius that is asked for, and whether a sample is certified there, [n] each."""
        columns = _certified(rows)
        radius = columns["eps"] if self.at is None else np.full(len(rows), self.at)
        return radius, np.asarray(_right(columns) & (columns["radius"] >= radius))


class CertifiedCurve(Metric):
    """Certified accuracy at each of several radii, in `detail`, with bounds of its own (not all at once)."""

    radii: Annotated[str, AfterValidator(_checked_radii)] = Field(description="In ascending order: 0+0.25+0.5.")

    def update(self, rows: Rows) -> State:
        columns = _certified(rows)
        radii = np.array(_radii(self.radii))
        hits = _right(columns)[:, None] & (columns["radius"][:, None] >= radii)
        unseen = columns["limit"][:, None] < radii
        return {"hits": hits.sum(axis=0), "n": np.array([len(rows)]), "unseen": unseen.sum(axis=0)}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        n = int(state["n"][0])
        if not n:
            return NO_SAMPLES
        scores = [_share(int(hits), n, int(unseen)) for hits, unseen in zip(state["hits"], state["unseen"], strict=True)]
        detail = {
            "radii": list(_radii(self.radii)),
            "certified-accuracy": [score.value for score in scores],
            "ci_low": [score.ci_low for score in scores],
            "ci_high": [score.ci_high for score in scores],
        }
        note = next((f"at some radii {score.interval.removeprefix('none: ')}" for score in scores if score.value is None), "")
        return Score(None, n, interval="none: a share at each radius, with bounds of its own", detail=detail, note=note)


class MeanRadius(Metric):
    """Mean certified radius over all samples, where one that is predicted wrong or abstained on counts 0.

    Source: the average certified radius of Zhai et al. 2020, MACER, arXiv:2001.02378, section 5. A note says where radii reach
    the largest that was looked at, so that they may be larger. Interval: that of a share of the largest radius, by a jackknife.
    """

    gathers = True

    def update(self, rows: Rows) -> State:
        columns = _certified(rows)
        return {"radius": np.where(_right(columns), columns["radius"], 0.0), "limit": columns["limit"]}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        radius, limit = state["radius"], state["limit"]
        n = len(radius)
        if not n:
            return NO_SAMPLES
        if not np.isfinite(radius).all():
            return Score(None, n, interval=f"none: the radius of {int(np.isinf(radius).sum()):,} of {n:,} samples is infinite")
        cut = int(((radius == limit) & (radius > 0)).sum())
        note = f"{cut:,} of {n:,} radii reach the largest that was looked at, and may be larger" if cut else ""
        return scored(radius.mean(), n, _of_mean(radius), note)

    def values(self, state: State) -> Array:
        return state["radius"]


class AbstentionRate(Metric):
    """Share of samples on which the certifier names no class at all; a tie of the victim's logits is one."""

    def update(self, rows: Rows) -> State:
        return {"hits": np.array([(_certified(rows)["predicted"] < 0).sum()]), "n": np.array([len(rows)])}

    def per_sample(self, rows: Rows) -> State:
        return {"value": (_certified(rows)["predicted"] < 0).astype(np.float64)}

    def values(self, state: State) -> Array:
        return state["value"]

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        return _share(int(state["hits"][0]), int(state["n"][0]))


def _certified(rows: Rows) -> dict[str, Array]:
    if "radius" not in rows.columns:
        raise OptionError("this metric scores a certificate, and here it is attacked", "robust-accuracy is the bound from above")
    return rows.columns


def _right(columns: dict[str, Array]) -> Array:
    return np.asarray(columns["predicted"] == columns["target"])


def _share(hits: int, n: int, unseen: int = 0) -> Score:
    if not n:
        return NO_SAMPLES
    if unseen:
        return Score(None, n, interval=f"none: the certifier looked at smaller radii alone, on {unseen:,} of {n:,} samples")
    return scored(hits / n, n, wilson(hits, n))


def _of_mean(values: Array) -> Interval:
    n, largest = len(values), float(values.max())
    if n < 2 or largest == 0:
        return no_interval("one sample has no variance" if n < 2 else "no sample has a radius")
    shares = values / largest
    found = jackknife(float(shares.mean()), (shares.sum() - shares) / (n - 1))
    if found.low is None or found.high is None:
        return found
    return Interval(found.low * largest, found.high * largest, found.method)
