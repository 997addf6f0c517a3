"""The samples of a report: what is told of each, packed for the page's script, and which of them are shown."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.errors import reason_of
from zoo.reports.blocks import visible
from zoo.reports.drawn import Drawn
from zoo.reports.kinds.view import Array, View
from zoo.runs.progress import Progress
from zoo.tasks.base import Rows

BYTES = 24_000_000
"""Of all pictures, as they are written, at the most."""


def chosen(views: Sequence[View], most: int) -> list[int]:
    """Which samples are shown, at most so many: those on which runs differ, the worst, the least sure, and others.

    Those on which runs differ are at most a third; of what is wrong the surest comes first, and it takes no more than two thirds
    together with them, so that there is something right to be seen of every class.
    """
    n = len(views[0].ids)
    lottery = np.random.default_rng(0).permutation(n)
    picked: dict[int, None] = dict.fromkeys(_differing(views)[: most // 3])
    for view in views:
        room = most * 2 // 3 - len(picked)
        picked.update(dict.fromkeys([place for place in _worst(view) if place not in picked][: max(0, room)]))
    unsure = [np.argsort(view.sure, kind="stable") for view in views if view.sure is not None]
    for order in unsure:
        picked.update(dict.fromkeys(order[: max(0, (most - len(picked)) // 3)].tolist()))
    for place in lottery.tolist():
        if len(picked) >= most:
            break
        picked[place] = None
    return list(picked)


def packed(views: Sequence[View], names: Sequence[str], most: int) -> dict[str, Any]:
    """All that the page's script reads."""
    first = views[0]
    places = chosen(views, most)
    shown, left = _seen(views, places)
    runs = [
        {
            "name": visible(name),
            "guess": _whole(view.guess),
            "sure": None if view.sure is None else _whole((view.sure * 10_000).round()),
            "right": None if view.right is None else [None if np.isnan(one) else int(one) for one in view.right.tolist()],
            "score": None if view.score is None else [_short(one) for one in view.score.tolist()],
        }
        for name, view in zip(names, views, strict=True)
    ]
    return {
        "ids": [visible(name) for name in first.ids],
        "labels": [visible(name) for name in first.labels],
        "truth": _whole(first.truth),
        "holds": first.holds,
        "runs": runs,
        "measure": visible(first.measure),
        "higher": first.higher,
        "words": first.words,
        "caption": first.caption,
        "seen": shown,
        "left": left,
    }


def _seen(views: Sequence[View], places: Sequence[int]) -> tuple[dict[int, Any], int]:
    """What is seen of the samples at these places, and how many of them are left out since pictures would take too much."""
    wanted = {views[0].ids[place]: place for place in places}
    drawn = Drawn(views[0])
    own: list[dict[int, Any]] = [{} for _ in views]
    for view, told in zip(views, own, strict=True):
        for rows in view.run.picked(wanted):
            told[wanted[rows.ids[0]]] = _told(view, rows, drawn)
            view.run.tell(Progress(f"drawing {view.run.name}", len(told), len(places)))
    drawn.keep()
    shared = {place: drawn.get(name) for name, place in wanted.items()}
    kept: dict[int, Any] = {}
    used = 0
    for place in places:
        parts = [told[place] for told in own]
        used += sum(len(seen.get("p", "")) for seen in (shared[place], *(part["s"] for part in parts)) if seen)
        if used > BYTES:
            break
        kept[place] = {"s": shared[place], "o": parts}
    return kept, len(places) - len(kept)


def _told(view: View, rows: Rows, drawn: Drawn) -> dict[str, Any]:
    """What is seen and told of one run's prediction of a sample, which is drawn where it was not before."""
    name, mine, facts = rows.ids[0], None, view.facts(rows)
    if type(view).own is not View.own or drawn.get(name) is None:
        sample = view.run.sample(name)
        try:
            if sample is not None and name not in drawn:
                drawn.add(name, None)
                both = view.shared(sample)
                drawn.add(name, None if both is None else both.packed())
            mine = view.own(sample, rows)
        except Exception as error:  # a figure that cannot be drawn costs itself alone
            facts.append(f"cannot be drawn: {reason_of(error)}")
        if sample is None and view.run.data is not None:
            facts.append("the sample cannot be read")
    return {"s": None if mine is None else mine.packed(), "f": [visible(fact) for fact in facts]}


def _differing(views: Sequence[View]) -> list[int]:
    """Where runs differ: in who is right, else by how much their scores are apart, the largest first."""
    if len(views) < 2:
        return []
    right = [view.right for view in views]
    if all(one is not None for one in right):
        stacked = np.stack(right)  # type: ignore[arg-type]
        apart = np.nanmax(stacked, axis=0, initial=0) - np.nanmin(stacked, axis=0, initial=1)
        return np.flatnonzero(apart > 0).tolist()
    scores = [view.score for view in views]
    if any(one is None for one in scores):
        return []
    apart = np.nan_to_num(np.ptp(np.stack(scores), axis=0))  # type: ignore[arg-type]
    return [int(place) for place in np.argsort(-apart, kind="stable") if apart[place] > 0]


def _worst(view: View) -> list[int]:
    """What is wrong, the surest first; or the worst scores first."""
    if view.right is not None:
        wrong = np.flatnonzero(view.right == 0)
        order = wrong if view.sure is None else wrong[np.argsort(-view.sure[wrong], kind="stable")]
        return [int(place) for place in order]
    if view.score is None:
        return []
    sign = 1 if view.higher else -1
    known = np.flatnonzero(~np.isnan(view.score))
    return [int(place) for place in known[np.argsort(sign * view.score[known], kind="stable")]]


def _whole(values: Array | None) -> list[int] | None:
    return None if values is None else [int(one) for one in values.tolist()]


def _short(value: float) -> float | None:
    """Five figures; None of what JSON cannot write."""
    return float(f"{value:.5g}") if np.isfinite(value) else None
