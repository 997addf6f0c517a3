"""What is measured: a classifier, by name or the caller's own, on samples that a seed draws from a dataset."""

import copy
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import zoo
from zoo.data import Dataset, Sample, SampleSequence
from zoo.errors import DataError, OptionError
from zoo.opening import Choice, named_model, open_dataset
from zoo.runs import predicted
from zoo.seeds import sample_seed
from zoo.tasks import Batch, DataInfo, ModelInfo, Task, task_class


class Chosen(SampleSequence):
    """Some samples of a dataset, in an order of their own, which no `costs` change."""

    def __init__(self, dataset: Dataset, positions: Sequence[int]) -> None:
        self._dataset, self._positions = dataset, positions
        self.ids: Sequence[str] = [dataset.ids[position] for position in positions]
        self.targets = [dataset.targets[position] for position in positions]
        self.classes = dataset.classes
        self.fingerprint = dataset.fingerprint

    def __getitem__(self, index: int, /) -> Sample:
        return self._dataset[self._positions[index]]


def by_lot(dataset: Dataset, seed: int, count: int | None = None, start: int = 0) -> Chosen:
    """`count` samples (None: all) in the order of their lots, which the seed and their ids give them, after `start` others.

    So which samples are drawn, and which stand side by side, hangs on no order of the dataset. Raises OptionError for none.
    """
    if count is not None and count < 1:
        raise OptionError(f"{count} samples leave nothing to measure", "ask for 1 or more")
    lots = [sample_seed(seed, f"lot of {id_}") for id_ in dataset.ids]
    order = sorted(range(len(lots)), key=lots.__getitem__)
    return Chosen(dataset, order[start : None if count is None else start + count])


@dataclass(frozen=True)
class Subject:
    """A classifier, loaded and in `eval` mode, and the samples that it is measured on."""

    network: Any
    info: ModelInfo
    data: DataInfo
    dataset: Dataset

    def split(self, name: str) -> Dataset:
        """The samples of another split of the same dataset."""
        return self.dataset if name == self.data.split else open_dataset(zoo.registry().dataset(self.data.name), name)

    def batches(self, dataset: Dataset, batch_size: int = 256) -> Iterator[Batch]:
        """The samples as the network takes them, in order, each after it was asked: what it says has passed the core's checks."""
        task = task_class("classify")(self.info, self.data)
        return (batch for batch, _ in predicted(task, self.network, dataset, batch_size=batch_size))

    def as_victim(self, norm: str) -> Task:
        """The task `attack` with the network as its victim, under an unbounded threat in a norm."""
        task = task_class("attack")(ModelInfo("the attack", None, None), self.data, {"norm": norm}, {"victim": self.info})
        task.bind({"victim": self.network})
        return task


def opened(model: Any, on: str, weights: str | os.PathLike[str] | None = None) -> Subject:
    """A model by name, perhaps with weights from a file, or a module of the caller's own, on a benchmark or dataset.

    The outputs of the caller's own module, of which a copy is taken, are the classes of the dataset, in order, unless
    `zoo.load` returned it. Raises what opening names raises, and OptionError or DataError where nothing is classified there.
    """
    entries = zoo.registry()
    benchmark = entries.benchmark(on, tasks=["classify"])
    if benchmark.task != "classify":
        raise OptionError(f"{benchmark.name} is a benchmark of task {benchmark.task}", "name one of classify, or a dataset")
    spec = entries.dataset(benchmark.dataset)
    dataset = open_dataset(spec, benchmark.split)
    if not dataset.classes:
        raise DataError(f"{spec.name} has no classes, so nothing on it can be classified", "name a dataset that has classes")
    data = DataInfo(spec.name, benchmark.split, spec.modality, tuple(dataset.classes))
    if isinstance(model, str):
        found, tag = entries.tagged_model(model)
        choice = Choice(tag, spec.name, None if weights is None else Path(weights))
        named = named_model(found, "classify", choice).spelled(data.classes or ())
        return Subject(named.load(), named.info, data, dataset)
    network = copy.deepcopy(model)
    if isinstance(network, torch.nn.Module):
        network.eval()
    known = getattr(model, "zoo_info", None)
    return Subject(network, known or ModelInfo(f"local/{type(model).__name__}", None, "dataset"), data, dataset)
