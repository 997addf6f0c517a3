"""A finished run as a report reads it: its record, its predictions shard by shard, and its samples where these are here."""

from collections.abc import Collection, Iterator
from functools import cached_property
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

    @cached_property
    def _first(self) -> "pa.Table":
        return next(iter(stored_shards(self.record)))

    def _modality(self) -> Modality:
        try:
            return self.entries.dataset(self.record.dataset.name).modality
        except ZooError:
            pass
        if any(model.preprocessing for model in (self.record.model, *self.record.aux.values())):
            return "image"
        text = "nll" in self._first.column_names or str(self._first.schema.field(0).type) == "string"
        return "text" if text and self.record.task != "classify" else "vector"

    def _classes(self) -> tuple[str, ...] | None:
        """By the dataset's entry, by a score for each class, or numbered as many as there are logits."""
        try:
            if classes := self.entries.dataset(self.record.dataset.name).classes:
                return tuple(classes)
        except ZooError:
            pass
        for result in self.record.results:
            if isinstance(result.detail, dict) and result.detail.get("classes"):
                return tuple(map(str, result.detail["classes"]))
        for column in ("logits", "clean"):
            if column in self._first.column_names and self._first.num_rows:
                models = [self.record.model, *self.record.aux.values()]
                count = len(self._first[column][0]) - max(model.competing for model in models)
                return tuple(f"class {label}" for label in range(count))
        return None
