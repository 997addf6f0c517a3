"""Two runs on the same samples by one metric: the test, the interval of the difference, and the samples that changed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.comparing.reading import Data, Read
from zoo.comparing.record import Difference
from zoo.comparing.statistics import Chance, Statistic, bootstrapped, mcnemar, mean_statistic, permuted
from zoo.metrics.base import Metric
from zoo.metrics.intervals import Interval, no_interval
from zoo.plugins.blame import in_plugin
from zoo.specs import MetricSpec

Array = np.ndarray[Any, Any]


class Tested(NamedTuple):
    """How likely a difference is by chance, by which test, and what is resampled: a statistic of samples, each of a unit."""

    chance: Chance
    name: str
    statistic: Statistic
    unit: Array
    units: str


class Paired:
    """The samples that two runs share, and how often they are drawn anew."""

    def __init__(self, ids: Sequence[str], data: Data, resamples: int, seed: int) -> None:
        self.ids, self.resamples, self.seed = ids, resamples, seed
        self.classes = data.info.classes or ()
        self.groups = None if data.groups is None else _numbered([data.groups[data.places[name]] for name in ids])

    def difference(
        self, metric: Metric, text: str, spec: MetricSpec, first: tuple[str, Read], second: tuple[str, Read]
    ) -> Difference:
        """Two runs by one metric; p-values are not corrected yet."""
        (name, a), (other, b) = first, second
        found = Difference(
            metric=text,
            direction=spec.direction,
            unit=spec.unit,
            first=name,
            second=other,
            first_value=a.score.value,
            second_value=b.score.value,
            samples=len(self.ids),
        )
        with in_plugin(spec.name, f"metric {text}"):
            return self._told(found, metric, text, spec, a, b)

    def _told(self, found: Difference, metric: Metric, text: str, spec: MetricSpec, a: Read, b: Read) -> Difference:
        test = self.tested(metric, text, a, b)
        if isinstance(test, str):
            return found.model_copy(update={"refused": test})
        low, high, how = self._interval(test, a, b)
        told = {
            "difference": (a.score.value or 0.0) - (b.score.value or 0.0),
            "p": test.chance.p,
            "p_bound": test.chance.bound,
            "test": test.name,
            "units": test.units,
            "ci_low": low,
            "ci_high": high,
            "interval": how,
        }
        return found.model_copy(update=told | self._changed(metric, spec, a, b))

    def tested(self, metric: Metric, text: str, a: Read, b: Read) -> "Tested | str":
        """The test of two runs by one metric, or why there is none."""
        refused = _refused(metric, a, b)
        statistic = None if refused else self._statistic(metric, a, b)
        if statistic is None:
            return refused or "it has no value of a sample, nor of samples drawn anew"
        _check_value(text, statistic, len(self.ids), a.score.value or 0.0, b.score.value or 0.0)
        unit, units = self._units(metric, a)
        one, two = a.values, b.values
        if one is not None and two is not None and _are_flags(one, two) and units == "samples":
            p = mcnemar(int((one > two).sum()), int((one < two).sum()))
            return Tested(Chance(p, p), "exact McNemar", statistic, unit, units)
        chance = permuted(statistic, unit, self.resamples, self.seed)
        return Tested(chance, f"paired permutation of {units}", statistic, unit, units)

    def _statistic(self, metric: Metric, a: Read, b: Read) -> Statistic | None:
        assert a.state is not None and b.state is not None
        if a.values is not None and b.values is not None:
            return mean_statistic(a.values, b.values)
        both = metric.join([a.state, b.state])
        if metric.resampled(both, np.ones((1, 2 * len(self.ids))), self.classes) is None:
            return None

        def pooled(of_first: Array, of_second: Array) -> Array:
            found = metric.resampled(both, np.concatenate([of_first, of_second], axis=1), self.classes)
            assert found is not None
            return found

        return pooled

    def _units(self, metric: Metric, a: Read) -> tuple[Array, str]:
        """Of which independent unit each sample is, int [n], and what they are called."""
        assert a.state is not None
        own = metric.clusters(a.state)
        if own is not None:
            return np.unique(own[0], return_inverse=True)[1], own[1]
        if self.groups is not None:
            return np.unique(self.groups, return_inverse=True)[1], "groups"
        return np.arange(len(self.ids)), metric.units

    def _interval(self, test: "Tested", a: Read, b: Read) -> Interval:
        """The interval of the difference; none where neither score has one, for the same reason."""
        for read in (a, b):
            if read.score.ci_low is None and read.score.value not in (0.0, 1.0):
                return no_interval(read.score.interval.removeprefix("none: "))
        return bootstrapped(test.statistic, test.unit, self.resamples, self.seed, test.units)

    def _changed(self, metric: Metric, spec: MetricSpec, a: Read, b: Read) -> dict[str, Any]:
        """The samples that came out better in either run, those that changed most first."""
        one, two = (self._outcomes(metric, read) for read in (a, b))
        if one is None or two is None:
            return {}
        better = (one - two) * (-1 if spec.direction == "lower" else 1)
        order = np.argsort(-np.abs(np.nan_to_num(better)), kind="stable")
        return {
            "flips": _are_flags(one, two),
            "first_better": tuple(self.ids[i] for i in order if better[i] > 0),
            "second_better": tuple(self.ids[i] for i in order if better[i] < 0),
        }

    def _outcomes(self, metric: Metric, read: Read) -> Array | None:
        assert read.state is not None
        return metric.outcomes(read.state, self.classes) if read.values is None else read.values


def _refused(metric: Metric, a: Read, b: Read) -> str:
    """Why there is no comparison by this metric; empty where there may be one."""
    for read in (a, b):
        if read.score.value is None:
            return read.score.interval.removeprefix("none: ") or "it has no single value"
    if a.state is None or b.state is None:
        return "it keeps nothing of a sample"
    reason = metric.incomparable(a.state, b.state)
    infinite = sum(int(np.isinf(read.values).sum()) for read in (a, b) if read.values is not None)
    return reason or (f"{infinite:,} samples have no finite value" if infinite else "")


def _check_value(text: str, statistic: Statistic, n: int, first: float, second: float) -> None:
    """Raise AssertionError where what is resampled is not the score: that is a bug of the metric."""
    ones = np.ones((1, n))
    found = statistic(ones, 0 * ones)[0], statistic(0 * ones, ones)[0]
    if not np.allclose(found, (first, second), rtol=1e-6, atol=1e-9):
        raise AssertionError(f"{text} scores {first} and {second}, but what is resampled of it {found[0]} and {found[1]}")


def _are_flags(*values: Array) -> bool:
    """Whether every sample counts, and is right or wrong."""
    return all(bool(np.isin(of, (0.0, 1.0)).all()) for of in values)


def _numbered(groups: Sequence[Any]) -> Array:
    """Equal numbers for equal groups, int [n]."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups])
