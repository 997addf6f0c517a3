"""segment: the picture, what was predicted of it and what was annotated, side by side; and pixels confused."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from markupsafe import Markup

from zoo.data.dataset import Sample
from zoo.metrics.segment import confusion
from zoo.reports.blocks import Cell, Section, Table
from zoo.reports.kinds.classify import confusion_blocks
from zoo.reports.kinds.view import Array, View
from zoo.reports.seen import Seen, seen_picture
from zoo.reports.stored import StoredRun
from zoo.tasks.base import Rows
from zoo.tasks.segment import palette

if TYPE_CHECKING:
    from PIL.Image import Image

WIDE = 720
"""Pixels of three pictures in a row."""


class SegmentView(View):
    """A segmenter's or an edge detector's run."""

    reads_targets: ClassVar[bool] = True
    caption = "From left to right: the picture, what was predicted, and what was annotated."

    def __init__(self, run: StoredRun) -> None:
        self._matrix: Array | None = None
        self._held: list[list[int]] = []
        super().__init__(run)

    def take(self, rows: Rows) -> None:
        if self.run.data is None or "labels" not in rows.columns:
            return
        for row, predicted in enumerate(rows.columns["labels"]):
            own = confusion(np.asarray(rows.target(row)), predicted, len(rows.classes), rows.ids[row])
            self._matrix = own if self._matrix is None else self._matrix + own
            self._held.append(np.flatnonzero(own.sum(axis=1)).tolist())

    def done(self) -> None:
        if self._held:
            self.labels, self.holds = self.run.classes, self._held

    def sections(self) -> list[Section]:
        if self._matrix is None:
            return []
        labels = (*self.run.classes, "another class, which the dataset lacks")
        matrix = self._matrix if self._matrix[:, -1].any() else self._matrix[:, :-1]
        colours = [(name, _swatch(label)) for label, name in enumerate(labels[: matrix.shape[1]])]
        rows: list[tuple[Cell, ...]] = list(colours)
        pixels = confusion_blocks(matrix, labels[: matrix.shape[1]], "pixels")
        return [
            Section("Confusion", pixels),
            Section("Colours", [Table("Colours of the classes, which lie over the picture", ("class", "colour"), rows)]),
        ]

    def shared(self, sample: Sample) -> Seen | None:
        return None

    def own(self, sample: Sample | None, rows: Rows) -> Seen | None:
        if sample is None:
            return None
        from zoo.imaging.images import prepare_image
        from zoo.tasks.drawing import to_picture

        kind = next(iter(rows.columns))
        predicted = self.run.task.draw(sample, rows.columns)
        target = np.asarray(sample.target)
        truth = np.empty(1, dtype=object)
        truth[0] = target if kind == "labels" else (255 * target.mean(axis=0)).round().astype(np.uint8)
        annotated = self.run.task.draw(sample, {kind: truth})
        if predicted is None or annotated is None:
            return None
        parts = [to_picture(prepare_image(sample.input, None)).resize(predicted.size), predicted, annotated]
        what = "classes" if kind == "labels" else "edges"
        return seen_picture(beside(parts), f"{sample.id}: the picture, predicted {what}, and annotated {what}", WIDE)


def beside(pictures: "list[Image]", gap: int = 4) -> "Image":
    """Pictures in a row, a little apart."""
    from PIL import Image

    width, height = sum(one.width for one in pictures) + gap * (len(pictures) - 1), max(one.height for one in pictures)
    row, left = Image.new("RGB", (width, height), (127, 127, 127)), 0
    for one in pictures:
        row.paste(one, (left, 0))
        left += one.width + gap
    return row


def _swatch(label: int) -> Markup:
    """The colour of a class."""
    colour = "#{:02x}{:02x}{:02x}".format(*palette()[label].tolist())
    box = '<svg width="40" height="16" role="img" aria-label="{0}"><rect width="40" height="16" fill="{0}"/></svg>'
    return Markup(box).format(colour)
