"""classify: confusion, calibration, each class, and curves of one class against the others."""

from collections.abc import Sequence

import numpy as np

from zoo.charts import Chart, unit_chart
from zoo.metrics.classify import F1, Confusion, Precision, Recall, columns, predicted_classes
from zoo.metrics.intervals import wilson
from zoo.metrics.probabilities import Ece, are_probabilities, shares, shifted_exp_sum
from zoo.reports.blocks import Block, Cell, Figure, Section, Shaded, Table, interval, number
from zoo.reports.kinds.view import Array, View
from zoo.reports.stored import StoredRun
from zoo.tasks.base import Rows

SHOWN = 40
"""Classes of a confusion matrix that is shown whole."""
CURVES, OF_CLASSES = 8, 20
"""Classes whose curves are drawn, and of how many at the most: of more, nobody could tell which these are."""
POINTS = 200
PAIRS = 12
BINS = 15


class ClassifyView(View):
    """A classifier's run."""

    def __init__(self, run: StoredRun) -> None:
        self._true: list[Array] = []
        self._said: list[Array] = []
        self._sure: list[dict[str, Array]] = []
        self._matrix: Array | None = None
        self._chances: list[tuple[Array, Array]] = []
        super().__init__(run)

    def take(self, rows: Rows) -> None:
        logits, target = columns(rows)
        matrix = Confusion().update(rows)["matrix"]
        self._matrix = matrix if self._matrix is None else self._matrix + matrix
        self._true.append(target)
        self._said.append(np.minimum(predicted_classes(logits, target), len(rows.classes)))
        self._sure.append(Ece(bins=BINS).update(rows))
        if len(rows.classes) <= OF_CLASSES:
            shifted, total = shifted_exp_sum(logits)
            soft = np.exp(shifted) / total[:, None]
            self._chances.append((soft[:, : len(rows.classes)], shares(logits)[:, : len(rows.classes)]))

    def done(self) -> None:
        self.truth, self.guess = np.concatenate(self._true), np.concatenate(self._said)
        self.right = (self.truth == self.guess).astype(np.float64)
        state = {name: np.concatenate([part[name] for part in self._sure]) for name in self._sure[0]}
        self._stated = are_probabilities(state["stated"])
        self.sure = state["stated" if self._stated else "confidence"].astype(np.float64)
        others = ("another class, which the dataset lacks",) if self.matrix.shape[1] > len(self.run.classes) else ()
        self.labels = (*self.run.classes, *others)

    @property
    def matrix(self) -> Array:
        """Samples of each true class (row) predicted as each class (column), the last perhaps others."""
        assert self._matrix is not None
        return self._matrix

    def sections(self) -> list[Section]:
        return [
            Section("Confusion", confusion_blocks(self.matrix, self.labels)),
            Section("Calibration", self._calibration()),
            Section("Classes", [class_table(self.matrix, self.run.classes)]),
            Section("Curves", self._curves()),
        ]

    def facts(self, rows: Rows) -> list[str]:
        logits = rows.columns["logits"].astype(np.float64)
        shifted, total = shifted_exp_sum(logits)
        chances = shares(logits)[0] if self._stated else (np.exp(shifted) / total[:, None])[0]
        best = np.argsort(-chances, kind="stable")[:3]
        names = [self.labels[min(place, len(self.labels) - 1)] for place in best.tolist()]
        return [", ".join(f"{name} {100 * chance:.1f} %" for name, chance in zip(names, chances[best].tolist(), strict=True))]

    def _calibration(self) -> list[Block]:
        assert self.sure is not None and self.right is not None
        edges = (np.arange(BINS + 1) / BINS).astype(np.float32)
        place = (np.searchsorted(edges, self.sure.astype(np.float32), side="right") - 1).clip(max=BINS - 1)
        points, bars, rows = [], [], []
        for bin_ in np.unique(place).tolist():
            inside = place == bin_
            n, hits, sure = int(inside.sum()), int(self.right[inside].sum()), float(self.sure[inside].mean())
            low, high, _ = wilson(hits, n)
            assert low is not None and high is not None
            points.append((sure, hits / n))
            bars.append((sure, low, high))
            ends = f"{bin_ / BINS:.3f} to {(bin_ + 1) / BINS:.3f}"
            rows.append((ends, f"{n:,}", f"{sure:.4f}", number(hits / n, low, high), interval(hits / n, low, high)))
        chart = unit_chart([points], "reliability", "confidence", "accuracy", bars=bars, diagonal=True)
        says = (
            f"Reliability diagram: accuracy against confidence in {len(rows)} bins that have samples; numbers are in the table."
        )
        header = ("confidence", "samples", "mean confidence", "accuracy", "95 % interval")
        return [
            f"Of samples of like confidence, the share that is right, in {BINS} bins, with Wilson's 95 % interval. A calibrated "
            "model lies on the diagonal.",
            Figure(chart, says),
            Table("Confidence and accuracy", header, rows, numbers=True, folded=True),
        ]

    def _curves(self) -> list[Block]:
        if not self._chances:
            return [f"Curves of one class against all others are drawn of at most {OF_CLASSES} classes."]
        assert self.truth is not None
        soft, stated = (np.concatenate(parts) for parts in zip(*self._chances, strict=True))
        chances = stated if self._stated else soft
        chosen = self._drawn()
        if not chosen:
            return ["No class has samples for it and against it, so there is no curve."]
        names = [self.run.classes[one] for one in chosen]
        counts = [hits_and_alarms(self.truth == one, chances[:, one]) for one in chosen]
        some = (
            f", those {len(chosen)} of {len(self.run.classes)} with the lowest recall" if len(self.run.classes) > CURVES else ""
        )
        charts = (
            (_roc(counts), "ROC: true positives against false positives"),
            (_precision_recall(counts), "precision against recall"),
        )
        what = f"Each class against all others, by its probability{some}." if len(chosen) > 1 else f"{names[0]} against the rest."
        return [what, *(Figure(chart, f"{says}, of {', '.join(names)}.", names) for chart, says in charts)]

    def _drawn(self) -> list[int]:
        """Classes whose curves are drawn: of two the one that the first metric is about, or the second; of many the worst."""
        classes, actual = self.run.classes, self.matrix.sum(axis=1)
        both = [one for one in range(len(classes)) if 0 < actual[one] < actual.sum()]
        if len(classes) == 2:
            positive = getattr(self.run.primary[1], "positive", None) if self.run.primary else None
            return [classes.index(positive) if positive in classes else 1] if both else []
        recall = np.diagonal(self.matrix) / np.maximum(actual, 1)
        return sorted(sorted(both, key=lambda one: (recall[one], one))[:CURVES])


def confusion_blocks(matrix: Array, labels: Sequence[str], units: str = "samples") -> list[Block]:
    """The matrix as a table where it is small enough, and the confusions that happen most."""
    blocks: list[Block] = []
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    if len(matrix) <= SHOWN:
        rows: list[Sequence[Cell]] = []
        for name, counts, total in zip(labels, matrix.tolist(), matrix.sum(axis=1).tolist(), strict=False):
            rows.append([name, *(Shaded(f"{count:,}" if count else "·", _depth(count, total)) for count in counts)])
        blocks.append(
            Table(f"{units.capitalize()} by true class (row) and predicted class (column)", ("", *labels), rows, numbers=True)
        )
    else:
        blocks.append(f"The matrix of {len(matrix):,} classes is too large to be shown; these are its largest confusions.")
    order = np.argsort(-off, axis=None, kind="stable")[:PAIRS]
    places = [divmod(int(place), off.shape[1]) for place in order]
    pairs = [
        (labels[a], labels[b], f"{off[a, b]:,}", f"{100 * off[a, b] / matrix[a].sum():.1f} %") for a, b in places if off[a, b]
    ]
    if pairs:
        header = ("true class", "predicted as", units, "share of the class")
        blocks.append(Table("Most frequent confusions", header, pairs, folded=len(matrix) <= SHOWN))
    return blocks


def class_table(matrix: Array, classes: Sequence[str]) -> Table:
    """Precision, recall and F1 of each class with their intervals (Wilson's), from the confusion matrix."""
    actual, said = matrix.sum(axis=1), matrix.sum(axis=0)
    rows: list[Sequence[Cell]] = []
    for one, name in enumerate(classes):
        tp, predicted, true = int(matrix[one, one]), int(said[one]), int(actual[one])
        cells: list[Cell] = [name, f"{true:,}", f"{predicted:,}"]
        for kind, trials in ((Precision, predicted), (Recall, true), (F1, (predicted + true) / 2)):
            low, high, why = kind(positive=name).of_one(tp, predicted, true)
            value = tp / trials if trials else None
            cells += [number(value, low, high), interval(value, low, high) or why.removeprefix("none: ")]
        rows.append(cells)
    bounds = "95 % interval"
    header = ("class", "samples", "predicted", "precision", bounds, "recall", bounds, "F1", bounds)
    return Table("Precision, recall and F1 of each class", header, rows, numbers=True, folded=len(classes) > SHOWN)


def _depth(count: int, total: int) -> int:
    """The darker the larger a share of its row, few being seen, too."""
    return 0 if not count else max(1, round(9 * (count / total) ** 0.5))


def hits_and_alarms(true: Array, chance: Array) -> tuple[Array, Array]:
    """True and false positives, int64 [m + 1] each, when the k most likely samples are called positive, k from 0 on.

    Samples of equal chance are called so together, so that m is the number of different chances. Parity: sklearn `roc_curve`
    (drop_intermediate=False) and `precision_recall_curve`, which take as long to import as all of a report takes.
    """
    order = np.argsort(-chance, kind="stable")
    last = np.append(np.flatnonzero(np.diff(chance[order])), len(order) - 1)
    hits = np.cumsum(true[order])[last]
    return np.append(0, hits), np.append(0, last + 1 - hits)


def _roc(counts: Sequence[tuple[Array, Array]]) -> Chart:
    drawn = [_points(alarms / alarms[-1], hits / hits[-1]) for hits, alarms in counts]
    return unit_chart(drawn, "ROC", "false positive rate", "true positive rate", diagonal=True)


def _precision_recall(counts: Sequence[tuple[Array, Array]]) -> Chart:
    drawn = [_points(hits[1:] / hits[-1], hits[1:] / (hits + alarms)[1:]) for hits, alarms in counts]
    return unit_chart(drawn, "precision and recall", "recall", "precision")


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A curve by at most so many of its points, about evenly far along it, its ends among them."""
    if len(points) <= POINTS:
        return list(points)
    steps = np.abs(np.diff(np.array(points), axis=0)).sum(axis=1)
    along = np.append(0.0, np.cumsum(steps))
    kept = np.unique(np.searchsorted(along, np.linspace(0, along[-1], POINTS)).clip(max=len(along) - 1))
    return [points[place] for place in kept.tolist()]


def _points(across: Array, up: Array) -> list[tuple[float, float]]:
    return thinned(list(zip(across.tolist(), up.tolist(), strict=True)))
