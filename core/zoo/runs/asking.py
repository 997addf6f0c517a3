"""Asking: what may be asked of a run's figures, as comparisons that are joined.

A figure is a metric, a setting, or a field of the run's row, in this order. What cannot be said of a run, because it lacks a
figure, is None, and joined by Kleene's tables.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

PARTS = {"low": 1, "high": 2, "n": 3}
"""Behind a metric's name and a dot: where its interval's ends and its number of samples stand in a score."""


@dataclass(frozen=True)
class Interval:
    """The numbers that fit: those from `low` to `high`, or, not `inside`, all others."""

    low: float
    high: float
    inside: bool = True


@dataclass(frozen=True)
class Comparison:
    """Whether one figure fits. `interval` says the same of all numbers; None where it is no matter of numbers."""

    name: str
    test: Callable[[Any], bool | None]
    interval: Interval | None = None


@dataclass(frozen=True)
class Joined:
    """Whether all parts fit, any of them, or the only one does not."""

    word: Literal["and", "or", "not"]
    parts: "tuple[Comparison | Joined, ...]"


Asked = Comparison | Joined


def fits(asked: Asked, row: Mapping[str, Any]) -> bool | None:
    """Whether a run fits, by its row as a mapping; None where that cannot be said."""
    if isinstance(asked, Comparison):
        return asked.test(figure(row, asked.name))
    found = [fits(part, row) for part in asked.parts]
    if asked.word == "not":
        return None if found[0] is None else not found[0]
    decides = asked.word == "or"
    return decides if decides in found else None if None in found else not decides


def comparisons(asked: Asked) -> Iterator[Comparison]:
    """All comparisons in what is asked."""
    if isinstance(asked, Comparison):
        yield asked
    else:
        for part in asked.parts:
            yield from comparisons(part)


def figure(row: Mapping[str, Any], name: str) -> Any:
    """A figure of a run's row, or None where the run has none of that name."""
    found = metric_of(row["scores"], name)
    if found is not None:
        metric, place = found
        return row["scores"][metric][place]
    settings = row["settings"]
    return settings[name] if name in settings else row.get(name)


def metric_of(scores: Mapping[str, Any], name: str) -> tuple[str, int] | None:
    """Which of a run's metrics a figure means, and which part of its score; by its bare name where only one has that."""
    metric, _, part = name.rpartition(".")
    for wanted, place in ((name, 0), (metric, PARTS.get(part) if metric else None)):
        if place is not None:
            known = [wanted] if wanted in scores else [one for one in scores if one.partition(":")[0] == wanted]
            if len(known) == 1:
                return known[0], place
    return None
