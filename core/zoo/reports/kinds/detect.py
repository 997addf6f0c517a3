"""detect: boxes drawn on the pictures, and the average precision of each class."""

import numpy as np

from zoo.charts import unit_chart
from zoo.data.dataset import Sample
from zoo.metrics.base import State
from zoo.metrics.coco import gathered, unpacked
from zoo.metrics.coco_matching import IGNORED, RIGHT, match
from zoo.metrics.detect import CocoAP
from zoo.reports.blocks import Block, Cell, Figure, Section, Table, interval, number
from zoo.reports.kinds.classify import CURVES, thinned
from zoo.reports.kinds.view import Array, View
from zoo.reports.seen import Seen, seen_picture
from zoo.reports.stored import StoredRun
from zoo.tasks.base import Rows

SIDE = 480
SURE = 0.5


class DetectView(View):
    """A detector's run."""

    caption = "Annotated boxes are white; found ones have their class's colour, its name and their score, from 0.2 on."

    def __init__(self, run: StoredRun) -> None:
        self._states: list[State] = []
        self._held: list[list[int]] = []
        super().__init__(run)

    def take(self, rows: Rows) -> None:
        self._states.append(rows.once(gathered))
        self._held += [np.unique(objects[:, 4]).astype(int).tolist() for objects in rows.columns["objects"]]

    def done(self) -> None:
        self.labels, self.holds = self.run.classes, self._held

    def sections(self) -> list[Section]:
        return [Section("Classes", [self._classes()]), Section("Curves", self._curves())]

    def shared(self, sample: Sample) -> Seen | None:
        return None

    def own(self, sample: Sample | None, rows: Rows) -> Seen | None:
        if sample is None:
            return None
        picture = self.run.task.draw(sample, rows.columns)
        said = f"{sample.id}: annotated boxes in white, found ones in colour with class and score"
        return None if picture is None else seen_picture(picture, said, SIDE)

    def facts(self, rows: Rows) -> list[str]:
        boxes, objects = rows.columns["boxes"][0], rows.columns["objects"][0]
        annotated = _counted([self.run.classes[int(label)] for label in objects[:, 4]])
        best = sorted(
            ((score, self.run.classes[int(label)]) for *_, score, label in boxes.tolist() if score >= SURE), reverse=True
        )
        found = _counted([name for _, name in best])
        return [f"annotated: {annotated or 'nothing'}", f"found with a score of {SURE} or more: {found or 'nothing'}"]

    def _classes(self) -> Table:
        """Each class that has objects or detections, by COCO's average precision, as if there were no other."""
        state = CocoAP().merge_all(self._states)
        boxes, objects = state["boxes"], state["objects"]
        rows: list[list[Cell]] = []
        for label, name in enumerate(self.run.classes):
            annotated, found = int((objects[:, 4] == label).sum()), int((boxes[:, 5] == label).sum())
            if not annotated and not found:
                continue
            score = CocoAP().compute(_of_class(state, label), self.run.classes)
            bounds = (score.value, score.ci_low, score.ci_high)
            why = score.interval.removeprefix("none: ").replace(" of 1 classes", "")
            rows.append([name, f"{annotated:,}", f"{found:,}", number(*bounds), interval(*bounds) or why])
        header = ("class", "objects", "detections", "average precision", "95 % interval")
        return Table("Average precision of each class, IoU 0.50 to 0.95", header, rows, numbers=True)

    def _curves(self) -> list[Block]:
        """Precision against recall as detections are taken by their score, of the classes with most objects."""
        found, objects = unpacked(CocoAP().merge_all(self._states))
        matches, annotated = match(found, objects), objects.label[objects.counted()[0]]
        counts = np.bincount(annotated, minlength=len(self.run.classes))
        chosen = [int(one) for one in np.argsort(-counts, kind="stable")[:CURVES] if counts[one]]
        if not chosen:
            return ["There are no objects, so there is no curve."]
        drawn = []
        for one in chosen:
            own = (matches.label == one) & (matches.outcome[0, 0] != IGNORED)
            right = matches.outcome[0, 0, own][np.argsort(-matches.score[own], kind="stable")] == RIGHT
            hits = np.cumsum(right)
            drawn.append(list(zip((hits / counts[one]).tolist(), (hits / np.arange(1, len(hits) + 1)).tolist(), strict=True)))
        names = [self.run.classes[one] for one in chosen]
        some = f", those {len(chosen)} with most objects" if (counts > 0).sum() > len(chosen) else ""
        chart = unit_chart([thinned(curve) for curve in drawn], "precision and recall, IoU 0.5", "recall", "precision")
        says = f"Precision against recall at an overlap of 0.5, of {', '.join(names)}."
        return [f"Of each class, as its detections are taken by their score{some}.", Figure(chart, says, names)]


def _of_class(state: State, label: int) -> State:
    """The gathered boxes and objects of one class, in all images."""

    def part(rows: Array, counts: Array, column: int) -> tuple[Array, Array]:
        own = rows[:, column] == label
        image = np.repeat(np.arange(len(counts)), counts)
        return rows[own], np.bincount(image[own], minlength=len(counts))

    boxes, box_counts = part(state["boxes"], state["box_counts"], 5)
    objects, object_counts = part(state["objects"], state["object_counts"], 4)
    return {**state, "boxes": boxes, "box_counts": box_counts, "objects": objects, "object_counts": object_counts}


def _counted(names: list[str]) -> str:
    """`2 person, 1 dog`."""
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))
