"""The predictions of a finished run, read back as its metrics see them."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from zoo.data.dataset import Dataset
from zoo.errors import RunError
from zoo.identity.code import code_of
from zoo.metrics.base import Metric, Score, State
from zoo.opening.datasets import Folder, open_dataset
from zoo.opening.known import known_or_opened
from zoo.plugins.blame import in_plugin
from zoo.plugins.registry import Registry
from zoo.runs.folding import check_score
from zoo.runs.record import ModelInfoRecord, RunRecord
from zoo.runs.sampling import groups_of
from zoo.runs.stored import stored_shards
from zoo.specs import ImageInput, MetricSpec
from zoo.tasks.base import DataInfo, ModelInfo, Rows, Task
from zoo.tasks.by_name import task_class

Array = np.ndarray[Any, Any]


class Data(NamedTuple):
    """The samples that runs were scored on, and where each stands in the dataset, by its id."""

    dataset: Dataset
    info: DataInfo
    places: dict[str, int]
    groups: "Sequence[Any] | None"
    """Samples of equal ones stand or fall together; None: every sample for itself."""
    identity: str
    """Stands for the samples and all that they depend on; empty where that is not known."""


class Read(NamedTuple):
    """A run by one metric: its score, what is kept of each sample (None: nothing), and the value of each, where it is a mean."""

    score: Score
    state: State | None
    values: Array | None


def open_data(entries: Registry, record: RunRecord, data_dir: Folder = None) -> Data:
    """The dataset of a run. Raises RunError where it is no longer what the run was scored on."""
    spec = entries.dataset(record.dataset.name)
    origin = entries.dataset(spec.base) if spec.base else spec
    opener = code_of((spec.target, origin.target), requires=(*spec.requires, *origin.requires))
    reopen = partial(open_dataset, spec, record.dataset.split, data_dir)
    dataset = known_or_opened(spec, record.dataset.split, data_dir, opener, reopen)
    if dataset.fingerprint != record.dataset.fingerprint:
        raise RunError(
            f"{spec.name} is not what run {record.run_id} was scored on: its files, or how they are read, have changed since",
            "run it again",
        )
    info = DataInfo(spec.name, record.dataset.split, spec.modality, tuple(dataset.classes) if dataset.classes else None)
    places = {name: place for place, name in enumerate(dataset.ids)}
    said = json.dumps([spec.name, info.split, dataset.fingerprint, opener.identity])
    return Data(dataset, info, places, groups_of(dataset), "" if opener.doubt else said)


def read_run(record: RunRecord, data: Data, metrics: Sequence[tuple[str, Metric, MetricSpec]]) -> tuple[list[str], list[Read]]:
    """Ids of a run's samples in order, and what each metric, as written, built and described, says of them."""
    ids: list[str] = []
    states: list[list[State]] = [[] for _ in metrics]
    kept: list[list[State | None]] = [[] for _ in metrics]
    for rows in _rows(record, data):
        ids += rows.ids
        for (text, metric, spec), seen, own in zip(metrics, states, kept, strict=True):
            with in_plugin(spec.name, f"metric {text}"):
                seen.append(metric.update(rows))
                own.append(seen[-1] if metric.keeps_state else metric.per_sample(rows))
    read = []
    for (text, metric, spec), seen, own in zip(metrics, states, kept, strict=True):
        with in_plugin(spec.name, f"metric {text}"):
            score = metric.compute(metric.merge_all(seen), data.info.classes or ())
            check_score(text, spec, score)
            state = _joined(metric, own)
            read.append(Read(score, state, None if state is None or score.value is None else metric.values(state)))
    return ids, read


def _joined(metric: Metric, states: Sequence[State | None]) -> State | None:
    """What is kept of all samples; None where a shard has nothing."""
    there = [state for state in states if state is not None]
    return metric.join(there) if len(there) == len(states) else None


def _rows(record: RunRecord, data: Data) -> Iterator[Rows]:
    task = stored_task(record, data.info)
    for table in stored_shards(record):
        ids = table["id"].to_pylist()
        if ids:
            yield Rows(ids, task.decode(table), data.info.classes or (), [data.places[name] for name in ids], data.dataset)


def stored_task(record: RunRecord, info: DataInfo) -> Task:
    """The task as it stands to the stored predictions of a run, which it reads without the model."""
    protocol = {name: value for name, value in record.protocol.items() if name not in ("version", "aux")}
    others = {role: _model(other, info) for role, other in record.aux.items() if role != "surrogate"}
    task = task_class(record.task).suited(info.modality, protocol, tuple(record.aux))
    if task.version != record.protocol.get("version"):
        raise RunError(
            f"run {record.run_id} was stored by another version of task {record.task}, which this one cannot read", "run it again"
        )
    return task(_model(record.model, info), info, protocol, others)


def _model(model: ModelInfoRecord, info: DataInfo) -> ModelInfo:
    """What is known of a model, whose outputs are the dataset's classes and as many others as competed."""
    others = tuple(f"another class {number}" for number in range(model.competing))
    classes = (*(info.classes or ()), *others) if info.classes else None
    input_ = ImageInput.model_validate(model.preprocessing) if model.preprocessing else None
    return ModelInfo(model.name, None, classes or None, input_)
