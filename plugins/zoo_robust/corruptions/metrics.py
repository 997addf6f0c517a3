"""Metrics of `corrupted:DATASET`, folded from which variant of which image is classified rightly.

An image counts where all variants that occur are scored. Intervals of what averages over variants are over images, since the
variants of one image are right or wrong together.
"""

import hashlib
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from zoo.charts import Curve, line_chart
from zoo.errors import OptionError
from zoo.metrics import (
    NO_SAMPLES,
    Metric,
    Score,
    State,
    clustered_mean,
    predicted_classes,
    scored,
    skewed_mean,
    wilson,
)
from zoo.runs import RunRecord, Store
from zoo.tasks import Rows
from zoo_robust.corruptions.severities import CLEAN, SEVERITIES

if TYPE_CHECKING:
    from PIL.Image import Image

Array = np.ndarray[Any, Any]

VARIANTS = [(CLEAN, 0), *((name, severity) for name in SEVERITIES for severity in range(1, 6))]
_CODES = {f"{name}-{severity}": code for code, (name, severity) in enumerate(VARIANTS)}
COLUMNS = ["corruption", "severity", "accuracy", "ci_low", "ci_high", "n"]
NOT_CORRUPTED = Score(None, 0, interval="none: no sample is a corrupted one: run it on corrupted:DATASET")


class Table(NamedTuple):
    """Which variants of which images are classified rightly: bool [images, variants], `codes` are places in VARIANTS."""

    hits: Array
    codes: list[int]
    note: str

    @property
    def corruptions(self) -> list[str]:
        """The corruptions that occur, in order."""
        return list(dict.fromkeys(VARIANTS[code][0] for code in self.codes if code))

    def of(self, corruption: str) -> Array:
        """The columns of one corruption, its severities rising, bool [images, severities]."""
        return np.asarray(self.hits[:, [VARIANTS[code][0] == corruption for code in self.codes]])

    @property
    def wrong(self) -> Array:
        """Share of each image's corrupted variants that are classified wrongly, the mean over corruptions: float64 [images]."""
        return np.asarray(np.mean([1 - self.of(name).mean(axis=1) for name in self.corruptions], axis=0))


class _OfVariants(Metric):
    """Gathers of each sample its image, its variant and whether it is right."""

    gathers = True

    def update(self, rows: Rows) -> State:
        parts = [id_.rpartition("@") for id_ in rows.ids]
        right = predicted_classes(rows.columns["logits"], rows.columns["target"]) == rows.columns["target"]
        images = [int.from_bytes(hashlib.blake2b(image.encode(), digest_size=8).digest(), "little") for image, _, _ in parts]
        return {
            "image": np.array(images, dtype=np.uint64),
            "variant": np.array([_CODES.get(variant, -1) for _, _, variant in parts], dtype=np.int16),
            "right": np.asarray(right, dtype=bool),
        }

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        if not len(state["right"]):
            return NO_SAMPLES
        return NOT_CORRUPTED if (state["variant"] < 0).any() else self.score(_table(state))

    def score(self, table: Table) -> Score:
        """The score of the images that are there in all variants."""
        raise NotImplementedError


class CleanError(_OfVariants):
    """Share of the images that are classified wrongly as they are. Interval: Wilson. Ties count as wrong."""

    def score(self, table: Table) -> Score:
        n, wrong = len(table.hits), int((~table.of(CLEAN)).sum())
        return scored(wrong / n, n, wilson(wrong, n), table.note) if n and 0 in table.codes else NO_SAMPLES


class CorruptionError(_OfVariants):
    """Mean over corruptions of the mean over severities of the error: not normalised by any other model's errors.

    n counts images. Interval: jackknife over images. Source: Hendrycks & Dietterich 2019, arXiv:1903.12261, section 4, without
    the division by AlexNet's errors, which are those of other corruptions on ImageNet; `mce` divides by those of a model of
    your choice.
    """

    def score(self, table: Table) -> Score:
        n = len(table.hits)
        if not n or not table.corruptions:
            return NO_SAMPLES
        wrong = table.wrong
        return scored(wrong.mean(), n, clustered_mean(wrong, np.arange(n), "images"), table.note)


class Mce(_OfVariants):
    """Mean corruption error relative to a baseline: the mean over corruptions c of Σ_s E(s, c) / Σ_s E_baseline(s, c).

    1 is as bad as the baseline; papers print it in per cent. The baseline is a run of another model on the same samples, and its
    errors are taken as exact. n counts images. Interval: of a mean with a long tail, over images.
    Source: Hendrycks & Dietterich 2019, arXiv:1903.12261, section 4, where the baseline is AlexNet.
    """

    baseline: Annotated[str, Field(min_length=1, description="Id of the baseline's run, as `zoo results` shows it.")]

    def update(self, rows: Rows) -> State:
        found = getattr(rows.dataset, "fingerprint", "") if len(rows) else ""
        return {**super().update(rows), "data": np.array([found] * bool(found), dtype="S64")}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        record = self._record()
        if other := set(state["data"].tolist()) - {record.dataset.fingerprint.encode()}:
            raise OptionError(f"run {self.baseline} is on other data ({len(other)} differ)", f"it is on {record.dataset.name}")
        return super().compute(state, classes)

    def score(self, table: Table) -> Score:
        rows, n = self._rows(self._record()), len(table.hits)
        errors = {name: 1 - value for name, severity, value, *_ in rows if severity == "mean"}
        counted = {(name, severity): count for name, severity, *_, count in rows}
        if any(counted.get(VARIANTS[code]) != n for code in table.codes):
            raise OptionError(f"run {self.baseline} has other samples than this one", "run both with the same `limit`")
        if never := [name for name in table.corruptions if not errors[name]]:
            return Score(None, n, interval=f"none: the baseline makes no error under {', '.join(never)}", note=table.note)
        relative = np.mean([(1 - table.of(name).mean(axis=1)) / errors[name] for name in table.corruptions], axis=0)
        value = float(relative.mean())
        return scored(value, n, skewed_mean(relative, int((relative > value).sum())), table.note)

    def _record(self) -> RunRecord:
        return Store(writing=False).record(self.baseline)

    def _rows(self, record: RunRecord) -> list[list[Any]]:
        """The table of `corruption-accuracy` in a record."""
        found = next((result.detail for result in record.results if result.metric.endswith("corruption-accuracy")), None)
        if found is None:
            raise OptionError(f"run {self.baseline} was not on corrupted images", f"it is on {record.benchmark}")
        rows: list[list[Any]] = found["rows"]
        return rows


class CorruptionAccuracy(_OfVariants):
    """Accuracy under each corruption at each severity, and over its severities: a table, drawn as curves.

    Intervals: Wilson of each severity, over images of the mean over severities.
    """

    def score(self, table: Table) -> Score:
        n = len(table.hits)
        if not n:
            return NO_SAMPLES
        rows: list[list[Any]] = []
        for name in dict.fromkeys(VARIANTS[code][0] for code in table.codes):
            severities = [VARIANTS[code][1] for code in table.codes if VARIANTS[code][0] == name]
            of = table.of(name)
            rows += [
                [name, severity, right / n, *wilson(right, n)[:2], n]
                for severity, right in zip(severities, map(int, of.sum(axis=0)), strict=True)
            ]
            if name != CLEAN:
                means = of.mean(axis=1)
                rows.append([name, "mean", float(means.mean()), *clustered_mean(means, np.arange(n), "images")[:2], n])
        return Score(None, n, interval="none: a table of intervals", detail={"columns": COLUMNS, "rows": rows}, note=table.note)

    def draw(self, detail: Any) -> "Image":
        """A curve a corruption over the severities, from the clean images on, with intervals."""
        clean: tuple[float | None, ...] = (None, None, None)
        curves: dict[str, list[tuple[float | None, ...]]] = {}
        for name, severity, value, low, high, _ in detail["rows"]:
            if name == CLEAN:
                clean = (value, low, high)
            elif severity != "mean":
                places = curves.setdefault(name, [clean, *[(None, None, None)] * 5])
                places[severity] = (value, low, high)
        lines = {name: Curve(*map(list, zip(*places, strict=True))) for name, places in curves.items()}
        return line_chart(lines, "Accuracy under common corruptions", "severity; 0 is the clean image", "accuracy").image()


def _table(state: State) -> Table:
    """Hits by image and variant, of the images that have all variants that occur; images in order of their first sample."""
    codes = np.unique(state["variant"])
    _, first, image = np.unique(state["image"], return_index=True, return_inverse=True)
    hits = np.full((len(first), len(codes)), -1, dtype=np.int8)
    hits[image, np.searchsorted(codes, state["variant"])] = state["right"]
    hits = hits[np.argsort(first)]
    whole = np.asarray((hits >= 0).all(axis=1))
    lacking = int((~whole).sum())
    note = f"{lacking:,} of {len(whole):,} images lack a variant, and do not count" if lacking else ""
    return Table(hits[whole] > 0, codes.tolist(), note)
