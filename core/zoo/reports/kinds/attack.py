"""attack: the clean input, the change enlarged, and the adversarial input; or the radius that is certified."""

from difflib import SequenceMatcher
from typing import Any

import numpy as np

from zoo.data.dataset import Sample
from zoo.metrics.classify import predicted_classes
from zoo.metrics.probabilities import are_probabilities, shares, shifted_exp_sum
from zoo.metrics.robustness import RobustAccuracy
from zoo.reports.blocks import Section
from zoo.reports.kinds.classify import confusion_blocks
from zoo.reports.kinds.view import Array, View
from zoo.reports.seen import Seen, seen_picture
from zoo.reports.stored import StoredRun
from zoo.tasks.base import Rows

WIDE = 720
CHANGES = 5
"""Changes of a text that are told."""


class AttackView(View):
    """A victim that is attacked: what it says in the end."""

    words = ("falls", "holds")

    def __init__(self, run: StoredRun) -> None:
        self._held: list[Array] = []
        self._true: list[Array] = []
        self._said: list[Array] = []
        self._sure: list[Array] = []
        self._stated: list[Array] = []
        super().__init__(run)

    def take(self, rows: Rows) -> None:
        target, outputs = rows.columns["target"], rows.columns["adversarial"]
        self._true.append(target)
        self._said.append(np.minimum(predicted_classes(outputs, target), len(rows.classes)))
        self._sure.append(1 / shifted_exp_sum(outputs)[1])
        self._stated.append(shares(outputs).max(axis=1))
        self._held.append(RobustAccuracy().per_sample(rows)["value"])

    def done(self) -> None:
        self.truth, self.guess = np.concatenate(self._true), np.concatenate(self._said)
        if self._sure:
            stated = np.concatenate(self._stated)
            self.sure = stated if are_probabilities(stated) else np.concatenate(self._sure)
            self.right = np.concatenate(self._held)
        if self._draws:
            self.caption = "From left to right: the clean picture, the change at full contrast, and the adversarial picture."
        others = (f"another class, which {self.run.info.name} lacks",)
        self.labels = (*self.run.classes, *(others if (self.guess == len(self.run.classes)).any() else ()))

    def sections(self) -> list[Section]:
        assert self.truth is not None and self.guess is not None
        width, height = len(self.labels), len(self.run.classes)
        cells = np.bincount(self.truth * width + self.guess, minlength=height * width).reshape(height, width)
        return [Section("Confusion", [self._of_what(), *confusion_blocks(cells, self.labels)])]

    def shared(self, sample: Sample) -> Seen | None:
        return None if self._draws else super().shared(sample)

    def own(self, sample: Sample | None, rows: Rows) -> Seen | None:
        if "input" not in rows.columns:
            return None
        made = rows.columns["input"][0]
        if isinstance(made, str):
            return Seen(text=made)
        if sample is None:
            return None
        picture = self.run.task.draw(sample, rows.columns)
        return None if picture is None else seen_picture(picture, f"{sample.id}: clean, the change enlarged, adversarial", WIDE)

    def facts(self, rows: Rows) -> list[str]:
        one = {name: column[0] for name, column in rows.columns.items()}
        clean = int(predicted_classes(rows.columns["clean"], rows.columns["target"])[0])
        told = [f"clean it says {self._name(clean)}", f"norm of the change {one['norm']:.4g}"]
        told[1] += f", after {one['forwards']:,} forward and {one['gradients']:,} backward passes"
        if one.get("felled_by"):
            told.append(f"felled by {one['felled_by']}")
        if "input" not in one:
            told.append("the adversarial input is not stored: `protocol.save_inputs=true` keeps it")
        elif isinstance(one["input"], str):
            found = self.run.sample(rows.ids[0])
            told += [] if found is None else [f"changed: {_changes(found.input, one['input'])}"]
        return told

    @property
    def _draws(self) -> bool:
        """Whether the adversarial pictures are there."""
        return (
            self.run.data is not None and self.run.info.modality == "image" and getattr(self.run.task.how, "save_inputs", False)
        )

    def _of_what(self) -> str:
        return "What the victim says under attack; a sample that it gets wrong when clean stays wrong."

    def _name(self, label: int) -> str:
        return self.run.classes[label] if label < len(self.run.classes) else "another class"


class CertifyView(AttackView):
    """A victim of which something is proved: its class, and how far it holds."""

    words = ("not certified", "certified")

    def take(self, rows: Rows) -> None:
        self._true.append(rows.columns["target"])
        said = rows.columns["predicted"]
        self._said.append(np.where(said < 0, len(rows.classes) + 1, np.minimum(said, len(rows.classes))))

    def done(self) -> None:
        super().done()
        self.labels = (*self.run.classes, "another class, which the dataset lacks", "abstains")

    def facts(self, rows: Rows) -> list[str]:
        radius, limit = float(rows.columns["radius"][0]), float(rows.columns["limit"][0])
        far = f" (looked for up to {limit:g})" if np.isfinite(limit) else ""
        return [f"certified radius {radius:.4g}{far}; eps is {float(rows.columns['eps'][0]):g}"]

    def own(self, sample: Sample | None, rows: Rows) -> Seen | None:
        return None

    def _of_what(self) -> str:
        return "What is said of the clean input, whether or not a radius is proved."


def _changes(clean: Any, made: str) -> str:
    """`"free" → "fr3e"`, word by word."""
    before, after = str(clean).split(), made.split()
    matched = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    told = [f"“{' '.join(before[a:b])}” → “{' '.join(after[c:d])}”" for kind, a, b, c, d in matched if kind != "equal"]
    return "; ".join(told[:CHANGES]) + (f"; {len(told) - CHANGES} more" if len(told) > CHANGES else "") or "nothing"
