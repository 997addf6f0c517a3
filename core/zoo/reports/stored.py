"""A finished run as a report reads it: its record, its predictions shard by shard, and its samples where these are here."""

from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.comparing.reading import Data, open_data, stored_task
from zoo.data.dataset import Sample
from zoo.errors import RunError, ZooError, reason_of
from zoo.metrics.base import Metric
from zoo.metrics.build import build_metric
from zoo.opening.datasets import Folder
from zoo.plugins.registry import Registry
from zoo.runs.progress import Progress, ProgressCallback
from zoo.runs.record import RunRecord
from zoo.runs.stored import stored_shards
from zoo.specs import MetricSpec, Modality
from zoo.tasks.base import DataInfo, Rows, Task
from zoo.tasks.segment import IGNORE

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, Any]


class StoredRun:
    """One run. `name` is what it is called here, `data` its samples, and `absent` says why they are not here."""

    def __init__(self, entries: Registry, record: RunRecord, name: str, data_dir: Folder, tell: ProgressCallback) -> None:
        self.record, self.name, self.entries, self.tell = record, name, entries, tell
        self.data: Data | None = None
        self.absent = ""
        try:
            self.data = open_data(entries, record, data_dir)
        except ZooError as error:
            self.absent = reason_of(error)

    @cached_property
    def info(self) -> DataInfo:
        """What is known of the dataset: by its files, else by the record and the shards."""
        if self.data is not None:
            return self.data.info
        return DataInfo(self.record.dataset.name, self.record.dataset.split, self._modality(), self._classes())

    @cached_property
    def task(self) -> Task:
        """The task as it stands to the stored predictions."""
        return stored_task(self.record, self.info)

    @cached_property
    def primary(self) -> tuple[str, Metric, MetricSpec] | None:
        """The benchmark's first metric; None where there no longer is one of its name."""
        text = self.record.primary.metric
        try:
            spec = self.entries.metric(text)
            return text, build_metric(text, spec), spec
        except ZooError:
            return None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the dataset's classes."""
        return self.info.classes or ()

    def rows(self) -> Iterator[Rows]:
        """All predictions, a shard at a time. Raises RunError where a shard is not what was scored, or some are not there."""
        count, expected = 0, self.record.dataset.samples
        for table in stored_shards(self.record):
            if table.num_rows:
                yield self._rows(table)
            count += table.num_rows
            self.tell(Progress(f"reading {self.name}", count, expected))
        if count != expected:
            raise RunError(
                f"run {self.record.run_id} has predictions of {count:,} samples, and its record says {expected:,}", "run it again"
            )

    def picked(self, ids: Collection[str]) -> Iterator[Rows]:
        """The predictions of these samples, each alone."""
        for table in stored_shards(self.record):
            for row, name in enumerate(table["id"].to_pylist()):
                if name in ids:
                    yield self._rows(table.slice(row, 1))

    def sample(self, name: str) -> Sample | None:
        """A sample as it is in the dataset; None where that is not here, or it cannot be read."""
        if self.data is None or name not in self.data.places:
            return None
        try:
            return self.data.dataset[self.data.places[name]]
        except Exception:  # whatever a corrupt sample raises: the page shows none
            return None

    def _rows(self, table: "pa.Table") -> Rows:
        ids = table["id"].to_pylist()
        columns = self.task.decode(table)
        if self.data is None:
            return Rows(ids, columns, self.classes)
        return Rows(ids, columns, self.classes, [self.data.places[name] for name in ids], self.data.dataset)

    def _modality(self) -> Modality:
        """As the dataset's entry says, else by the protocol."""
        try:
            return self.entries.dataset(self.record.dataset.name).modality
        except ZooError:
            pass
        protocol = self.record.protocol
        if protocol.get("norm") in ("edits", "words") or any("nll" in table.column_names for table in islice(self._tables(), 1)):
            return "text"
        return "vector" if {"low", "high"} & protocol.keys() else "image"

    def _classes(self) -> tuple[str, ...] | None:
        """By the record, where a score is of each class; else by the dataset's entry, else numbered."""
        for result in self.record.results:
            if isinstance(result.detail, dict) and result.detail.get("classes"):
                return tuple(map(str, result.detail["classes"]))
        if self.record.task not in COUNTED:
            return None
        count = max((COUNTED[self.record.task](table) for table in self._tables() if table.num_rows), default=0)
        count -= max(model.competing for model in (self.record.model, *self.record.aux.values()))
        try:
            named = tuple(self.entries.dataset(self.record.dataset.name).classes or ())
        except ZooError:
            named = ()
        return named if len(named) >= count else tuple(f"class {label}" for label in range(count))

    def _tables(self) -> "Iterator[pa.Table]":
        return stored_shards(self.record)


def _labels(table: "pa.Table") -> int:
    """One more than the largest label of a box."""
    import pyarrow.compute as pc

    largest = (pc.max(pc.struct_field(pc.list_flatten(table[name]), "label")).as_py() for name in ("boxes", "objects"))
    return 1 + max((label for label in largest if label is not None), default=0)


COUNTED: "dict[str, Callable[[pa.Table], int]]" = {
    "classify": lambda table: len(table["logits"][0]),
    "attack": lambda table: len(table["clean"][0]),
    "detect": _labels,
    "segment": lambda table: IGNORE,
}
"""How many classes there are at the least, by a shard of a task."""
