"""What a dataset is: samples of one split in a fixed order, each with a stable id."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from zoo.rich_repr import PICTURES, fields, pictures, table, titled
from zoo.wording import counted

if TYPE_CHECKING:
    from torch import Tensor

TEXT = 200
"""Characters of a text, and classes, that are shown in a notebook."""


class Sample(NamedTuple):
    """One sample.

    `input` by modality: image, a tensor [c, h, w] that is uint8 in 0..255 or float32 in [0, 1], c = 1 (grey) or 3 (RGB);
    text, a `str`; vector, a float32 tensor [d]; a modality of a plugin, what that declares. `target` by task; for `classify` an
    int in [0, number of classes).
    """

    id: str
    input: Any
    target: Any


class Block(NamedTuple):
    """Samples in one piece: `inputs` is a tensor [b, ...] or a list of b, the rest as each `Sample` has it."""

    ids: Sequence[str]
    inputs: Any
    targets: Sequence[Any]

    def __len__(self) -> int:
        return len(self.ids)


@runtime_checkable
class Dataset(Protocol):
    """The samples of one split.

    Optional attributes: `costs`, a number per sample that is known without decoding and grows with its length (batches of
    text are sorted by it); `groups`, a hashable per sample, where samples of one group must stay in one split; `base` and
    `copies`, where the dataset is another one's samples, each `copies` times in a row, changed every time: a limit is then on
    those of `base`, and takes all that is made of them; `modality` and `tasks`, of one of the caller's own whose samples do not
    tell them, such as those of a plugin's task; `block(positions)`, a `Block` of what lies in memory: the same samples as
    one by one.
    """

    @property
    def ids(self) -> Sequence[str]:
        """Unique, stable ids, one a sample, in the order of the samples."""

    @property
    def targets(self) -> Sequence[Any]:
        """Targets in the order of the samples, known without decoding inputs."""

    @property
    def classes(self) -> Sequence[str] | None:
        """Class names in the order of the labels, where the dataset has classes."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that determines the samples; part of a run's key."""

    def __getitem__(self, index: int, /) -> Sample:
        """The sample at a position. Raises any exception where it is corrupt."""

    def __len__(self) -> int:
        """Number of samples."""

    def __iter__(self) -> Iterator[Sample]:
        """The samples in order. `SampleSequence` gives this and the length."""


def block_of(dataset: Dataset, positions: Sequence[int]) -> Block | None:
    """Samples of a dataset in one piece; None of one that has them one by one."""
    if not in_one_way(dataset, "block", "__getitem__"):
        return None
    found: Block | None = dataset.block(positions)  # type: ignore[attr-defined]
    return found


def in_one_way(thing: object, whole: str, *singly: str) -> bool:
    """Whether a method stands for others of them: it is there, and no class below the one that has it has others of its own."""
    order = type(thing).__mro__

    def place(name: str) -> int:
        return next((at for at, one in enumerate(order) if name in vars(one)), len(order))

    return place(whole) <= min(map(place, singly)) < len(order)


class SampleSequence:
    """Length and iteration, for a dataset that says its `ids` and gives the sample at a position."""

    ids: Sequence[str]

    def __getitem__(self, index: int, /) -> Sample:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        classes = getattr(self, "classes", None)
        of = f" of {len(classes):,} classes" if classes else ""
        return f"<{type(self).__name__}: {counted(len(self.ids), 'sample')}{of}>"

    def _repr_html_(self) -> str:
        classes = getattr(self, "classes", None)
        some = [sample for index in range(min(PICTURES, len(self.ids))) if (sample := _sample(self, index)) is not None]
        shown = pictures(some)
        rows = [(sample.id, sample.target, str(sample.input)[:TEXT]) for sample in some if isinstance(sample.input, str)]
        return titled(
            repr(self).strip("<>"),
            fields([("classes", ", ".join(map(str, classes[:TEXT])) if classes else "")]),
            table(("id", "target", "text"), rows) if rows else shown or fields([("first ids", ", ".join(self.ids[:PICTURES]))]),
        )


def _sample(dataset: SampleSequence, index: int) -> Sample | None:
    """A sample, or None where it cannot be read: one that is corrupt hides no other."""
    with suppress(Exception):
        return dataset[index]
    return None


class ArrayDataset(SampleSequence):
    """A dataset that lies in memory: a tensor [n, ...] or a list of n strings, with n integer labels."""

    def __init__(
        self,
        inputs: "Tensor | Sequence[str]",
        targets: Sequence[int],
        ids: Sequence[str],
        classes: Sequence[str],
        groups: Sequence[Any] | None = None,
    ) -> None:
        if not len(inputs) == len(targets) == len(ids):
            raise ValueError(f"{len(inputs)} inputs, {len(targets)} targets and {len(ids)} ids: must be equally many")
        self.inputs = inputs
        self.targets = list(map(int, targets))
        self.ids = list(ids)
        self.classes = tuple(classes)
        self.groups = groups
        self.fingerprint = self._fingerprint()
        if self._is_text:
            self.costs = [len(text) for text in inputs]

    @property
    def _is_text(self) -> bool:
        return not hasattr(self.inputs, "numpy")

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr((self.ids, self.targets, self.classes)).encode())
        if self._is_text:
            digest.update(repr(list(self.inputs)).encode())
        else:
            array = self.inputs.contiguous().numpy()  # type: ignore[union-attr]
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(array.data)
        return digest.hexdigest()

    def __getitem__(self, index: int, /) -> Sample:
        return Sample(self.ids[index], self.inputs[index], self.targets[index])

    def block(self, positions: Sequence[int]) -> Block:
        """The samples at some positions."""
        if isinstance(positions, range) and positions.step == 1:
            part = slice(positions.start, positions.stop)
            return Block(self.ids[part], self.inputs[part], self.targets[part])
        rows: Any = self.inputs
        inputs = [rows[i] for i in positions] if self._is_text else rows[list(positions)]
        return Block([self.ids[i] for i in positions], inputs, [self.targets[i] for i in positions])
