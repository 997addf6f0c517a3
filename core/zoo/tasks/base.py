"""What the runner knows of a task: how a sample is prepared, a batch predicted, and a prediction stored and read back."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel

from zoo.data.dataset import Block, Dataset, Sample
from zoo.specs import ImageInput, Modality, TaskName
from zoo.tasks.comparing import apart
from zoo.wording import in_a_line

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from PIL.Image import Image

T = TypeVar("T")


@dataclass(frozen=True)
class DataInfo:
    """What a task knows of the dataset before it sees a sample."""

    name: str
    split: str
    modality: Modality
    classes: tuple[str, ...] | None


@dataclass(frozen=True)
class ModelInfo:
    """What a task knows of the model before it is loaded.

    `classes` are its class names in the order of its outputs; "dataset" says that they are the dataset's, in order.
    `class_ids` are other names of the same.
    """

    name: str
    modality: Modality | None
    classes: tuple[str, ...] | str | None
    input: ImageInput | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    class_ids: tuple[str, ...] | None = None
    device: str | None = None
    """Where it runs, whatever a run asks for."""
    arrays: bool = False
    """Whether it takes NumPy arrays, and so computes on the CPU."""
    remote: bool = False
    """Whether it asks a service for its predictions."""

    @property
    def foreign(self) -> bool:
        """Whether it computes outside of torch, as far as it says."""
        return self.remote or self.arrays


@dataclass(frozen=True)
class Batch:
    """Prepared samples, ready for the model. `seeds` come from (run seed, sample id), never from a position.

    `inputs` is a tensor, a list of one item a sample, or a dict of such columns, so that a batch can be cut in two.
    """

    ids: Sequence[str]
    inputs: Any
    targets: Sequence[Any]
    seeds: Sequence[int]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Rows:
    """Stored predictions read back, as a metric sees them.

    `columns` are arrays of equal first dimension, named by the task; `classes` name the labels; `dataset` reads inputs
    and large targets again by position, `positions` says where each row stands in it.
    """

    ids: Sequence[str]
    columns: "dict[str, np.ndarray[Any, Any]]"
    classes: tuple[str, ...]
    positions: Sequence[int] = ()
    dataset: Dataset | None = None
    _computed: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.ids)

    def once(self, compute: "Callable[[Rows], T]") -> T:
        """What a function says of these rows, computed for the first metric that asks and kept for the others."""
        if compute not in self._computed:
            self._computed[compute] = compute(self)
        return self._computed[compute]  # type: ignore[no-any-return]

    def target(self, row: int) -> Any:
        """The target of a row, read again from the dataset: what is too large to be stored, such as a mask or an image.

        A dataset may have `target(index)`, which spares it decoding the input.
        """
        if self.dataset is None:
            raise ValueError("these rows come without their dataset")
        position = self.positions[row]
        read = getattr(self.dataset, "target", None)
        return read(position) if read is not None else self.dataset[position].target


class Task(ABC):
    """One task, bound to one model, one dataset and one protocol."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised whenever stored predictions change their meaning; part of a run's key."""
    shard_size: ClassVar[int] = 512
    """Samples of a shard: few enough that a crash loses seconds, many enough that files are cheap."""
    stacks: ClassVar[bool] = False
    """Whether inputs of one shape go to the model as one tensor, and only others as a list."""
    needs_grad: ClassVar[bool] = False
    """Whether predicting takes gradients of the model."""
    settings: ClassVar[type[BaseModel] | None] = None
    """pydantic class of what a protocol may say, which a caller may override; None: nothing may be overridden."""
    roles: ClassVar[Mapping[str, TaskName]] = {}
    """Other models that it cannot do without: role to the task that each must have."""
    optional_roles: ClassVar[Mapping[str, TaskName]] = {}
    """Other models that a caller may name."""
    also_takes: ClassVar[tuple[Modality, ...]] = ()
    """What its models may take instead of what the data are: it makes the one of the other."""

    def __init__(
        self,
        model: ModelInfo,
        data: DataInfo,
        protocol: Mapping[str, Any] | None = None,
        aux: Mapping[str, ModelInfo] | None = None,
    ) -> None:
        self.model = model
        self.data = data
        self.protocol = dict(protocol or {})
        self.aux = dict(aux or {})
        self.aux_models: Mapping[str, Any] = {}
        self.how: Any = self.settings.model_validate(self.protocol) if self.settings else None
        """The protocol, as the task's `settings` read it."""
        self.setup()

    def setup(self) -> None:  # noqa: B027 - most tasks have nothing to make ready
        """Make ready what follows from model, data and protocol. Raises ModelError or OptionError where they do not fit."""

    def shard_of(self, samples: int) -> int:
        """Samples of a shard of a run on so many."""
        return self.shard_size

    def bind(self, aux_models: Mapping[str, Any]) -> None:
        """Take the other models that the protocol needs, by role, loaded and on the device. Called before the first batch."""
        self.aux_models = aux_models

    @classmethod
    def suited(cls, modality: Modality, protocol: Mapping[str, Any], aux: Collection[str]) -> "type[Task]":
        """The class that runs a benchmark of such a protocol and such roles of other models; a task of one kind is its own."""
        return cls

    @classmethod
    @abstractmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        """Metrics of a dataset for which no benchmark is declared; the first is primary."""

    @classmethod
    def examples(cls, data: DataInfo) -> Sequence[Sample]:
        """A few samples of the data's modality and classes, the same at every call, on which checks and profiles try models.

        None by default: then samples of a dataset that serves the task are taken, where one is here.
        """
        return ()

    @abstractmethod
    def prepare(self, sample: Sample) -> Sample:
        """Make one sample ready, on a loading thread: convert, resize, crop. Raises where it is corrupt."""

    @abstractmethod
    def collate(self, samples: Sequence[Sample]) -> Any:
        """Inputs of a batch, on the CPU."""

    def together(self, block: Block) -> Any:
        """Inputs of a batch of samples that lie in one piece, as `prepare` and `collate` make them of each, to the last bit.

        None where they are made one by one, as always where a subclass has a `prepare` or `collate` of its own. Raises anything
        where a sample is corrupt: which one, the others tell.
        """
        return None

    @abstractmethod
    def predict(self, model: Any, batch: Batch) -> Any:
        """What the model says of a batch, verified. Raises PredictionError naming the samples of a violation."""

    @property
    @abstractmethod
    def schema(self) -> "pa.Schema":
        """Columns of a shard, beside `id`: predictions, and targets that are small."""

    @abstractmethod
    def encode(self, predictions: Any, batch: Batch) -> "dict[str, pa.Array]":
        """Predictions and small targets of a batch as Arrow columns of `schema`."""

    @abstractmethod
    def decode(self, table: "pa.Table") -> "dict[str, np.ndarray[Any, Any]]":
        """Columns of a shard as the arrays that metrics fold. A table without rows gives arrays of length 0."""

    def ask_again(self, model: Any, batch: Batch) -> Any:
        """What the guard asks for a second time; a task that is too dear to be asked again whole asks for a part of it."""
        return self.predict(model, batch)

    def encode_again(self, predictions: Any, batch: Batch) -> "dict[str, pa.Array]":
        """Those columns of `schema` that follow from it."""
        return self.encode(predictions, batch)

    def apart(self, first: "Mapping[str, np.ndarray[Any, Any]]", second: "Mapping[str, np.ndarray[Any, Any]]") -> float:
        """How far two decoded predictions of the same samples are apart: 0 equal, 1 as different as can be."""
        return max((apart(first[name], second[name]) for name in first), default=0.0)

    def told(self, columns: "Mapping[str, np.ndarray[Any, Any]]") -> list[str]:
        """What a report tells of one prediction, a line each: by default what the decoded columns of its row hold."""
        return [f"{name}: {in_a_line(column[0])}" for name, column in columns.items() if len(column)]

    def draw(self, sample: Sample, columns: "Mapping[str, np.ndarray[Any, Any]]") -> "Image | None":
        """A picture of one prediction for `save_figures`: the sample, and the decoded columns of its row alone."""
        return None
