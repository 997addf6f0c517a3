"""Samples to try a model on: synthetic ones of its task and modality, or, where they are here, its own dataset's.

A model does not always say what size of image it takes, or under which protocol, so there are several candidates; the
first that it can predict is the one.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from zoo.data.dataset import Sample
from zoo.data.spans import cut_spans
from zoo.errors import ZooError
from zoo.imaging.images import prepare_image
from zoo.opening.datasets import open_dataset
from zoo.plugins.registry import Registry
from zoo.specs import CERTIFY, DatasetSpec, ImageInput, Modality, ModelSpec, TaskName, Weights
from zoo.tasks.base import DataInfo, ModelInfo, Task
from zoo.tasks.by_name import is_core, served_by, task_class
from zoo.tasks.declared import MODALITIES

COUNT = 6
SIZES = (32, 8, 28, 64, 224)
"""Heights and widths in pixels that are tried for a model that declares none."""
WIDTHS = (64, 16, 784)
TEXTS = (
    "The film was better than I had hoped.",
    "ok",
    "WINNER!! You have won a prize, call 09061701461 now to claim it. Valid 12 hours only.",
    "Zürich, naïve café: 雪が降る ☃",
    "Will you be here at noon, or shall I start without you? " * 6,
    "x" * 40,
)

PROSE = (
    "It was late when the last train left, and nobody on the platform spoke. A clock above the stairs had stopped at ten. "
    "She counted the lamps, twelve of them, and then the tiles between two lamps. Rain came down on the roof, and went on."
)


@dataclass(frozen=True)
class Trial:
    """What a model is tried on: samples, their dataset's facts, and the protocol; other models by role in `aux`."""

    what: str
    samples: tuple[Sample, ...]
    data: DataInfo
    protocol: dict[str, Any] = field(default_factory=dict)
    aux: dict[str, tuple[ModelInfo, Any]] = field(default_factory=dict)

    # What a dataset has, so that it is predicted as one.
    fingerprint = ""

    @property
    def ids(self) -> list[str]:
        return [sample.id for sample in self.samples]

    @property
    def targets(self) -> list[Any]:
        return [sample.target for sample in self.samples]

    @property
    def classes(self) -> tuple[str, ...] | None:
        return self.data.classes

    def __getitem__(self, index: int, /) -> Sample:
        return self.samples[index]

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)


def trials(spec: ModelSpec, task: TaskName, weights: Weights | None, info: ModelInfo, entries: Registry) -> Iterator[Trial]:
    """What to try the model on, the likeliest first. None at all where no samples of its task and modality are known."""
    classes = info.classes if isinstance(info.classes, tuple) else tuple(f"class {i}" for i in range(10))
    data = DataInfo("synthetic", "test", spec.modality, classes)
    if not (is_core(task) and spec.modality in MODALITIES):
        yield from _declared(task, data, entries)
        return
    if weights is not None and weights.recipe is not None and task in ("classify", "embed"):
        yield from _own(weights.recipe, data, entries)
    if spec.modality == "image" and task == "generate" and spec.classes:
        asked = (Sample(f"class-{i}", spec.classes[i % len(spec.classes)], None) for i in range(COUNT))
        yield Trial("classes to draw", tuple(asked), data)
    if spec.modality == "image":
        for protocol in _protocols(task, spec.kind, entries):
            for size in [(8, 8)] if task == "attack" else _sizes(info.input):
                for channels in [info.input.channels] if info.input and info.input.channels else [3, 1]:
                    yield _images(task, data, protocol, size, channels)
    elif spec.modality == "text" and task == "attack":
        for protocol in _protocols(task, spec.kind, entries, "text"):
            yield _attacked_texts(data, protocol)
    elif spec.modality == "text" and task in ("classify", "embed"):
        samples = tuple(Sample(f"text-{i}", text, i % len(classes)) for i, text in enumerate(TEXTS))
        yield Trial("six texts", samples, data)
    elif spec.modality == "text" and task == "generate":
        spans = list(cut_spans(PROSE, 40, 80))[:COUNT]
        yield Trial("spans of a text", tuple(Sample(f"span-{i}", span, None) for i, span in enumerate(spans)), data)
    elif spec.modality == "vector" and task in ("classify", "embed"):
        import torch

        for width in WIDTHS:
            vectors = torch.randn(COUNT, width, generator=torch.Generator().manual_seed(0))
            yield Trial(
                f"vectors of {width}", tuple(Sample(f"vector-{i}", v, i % len(classes)) for i, v in enumerate(vectors)), data
            )


def _declared(task: TaskName, data: DataInfo, entries: Registry) -> Iterator[Trial]:
    """Of a plugin's task or modality: the examples that the task gives, then the first samples of each dataset that is here."""
    with suppress(Exception):  # which the check of the task itself tells
        if given := tuple(task_class(task).examples(data)):
            yield from (
                Trial(f"examples of task {task}", given, data, protocol) for protocol in _declared_protocols(task, data, entries)
            )
    for dataset in entries.datasets(modality=data.modality):
        if served_by(task, dataset.tasks):
            for trial in _first_of(dataset, data):
                yield from (replace(trial, protocol=protocol) for protocol in _declared_protocols(task, data, entries))


def _declared_protocols(task: TaskName, data: DataInfo, entries: Registry) -> list[dict[str, Any]]:
    """That of nobody, and those of the benchmarks that need no other models."""
    found: list[dict[str, Any]] = [{}]
    for benchmark in entries.benchmarks(task=task, modality=data.modality):
        if not benchmark.aux and benchmark.protocol not in found:
            found.append(dict(benchmark.protocol))
    return found


def _own(recipe: str, data: DataInfo, entries: Registry) -> Iterator[Trial]:
    """The first samples of the dataset on which the weights were trained, where it is here."""
    try:
        dataset = entries.dataset(entries.recipe(recipe).dataset)
    except ZooError:
        return
    yield from _first_of(dataset, data)


def _first_of(dataset: DatasetSpec, data: DataInfo) -> Iterator[Trial]:
    """The first samples of a dataset, where it is here."""
    try:
        opened = open_dataset(dataset, "test" if "test" in dataset.splits else list(dataset.splits)[-1])
        samples = tuple(opened[i] for i in range(min(COUNT, len(opened.ids))))
    except (ZooError, OSError):
        return
    same = tuple(opened.classes or ()) == data.classes
    yield Trial(f"samples of {dataset.name}", samples, data if same else DataInfo(*vars(data).values()))


def _protocols(task: TaskName, kind: str | None, entries: Registry, modality: Modality = "image") -> list[dict[str, Any]]:
    """Those of the benchmarks of a task, each once; a model need only suit one. Who certifies is tried on that `kind` alone."""
    found: list[dict[str, Any]] = [{"kind": "labels"}, {"kind": "edges"}] if task == "segment" else []
    found += [{"kind": kind}] if kind and task == "attack" else []
    for benchmark in entries.benchmarks(task=task, modality=modality) if task in ("attack", "generate") else ():
        if (benchmark.protocol.get("kind") == CERTIFY) != (kind == CERTIFY):
            continue
        if benchmark.protocol not in found and (task == "attack" or not benchmark.aux):
            found.append(dict(benchmark.protocol))
    return found or [{}]


def _sizes(declared: ImageInput | None) -> list[tuple[int, int]]:
    return [declared.size] if declared and declared.size else [(size, size) for size in SIZES]


def _images(task: TaskName, data: DataInfo, protocol: dict[str, Any], size: tuple[int, int], channels: int) -> Trial:
    """Smooth pictures with an edge in each, so that neither a blank nor noise decides."""
    import torch

    rng = np.random.default_rng(0)
    height, width = size
    y, x = np.mgrid[:height, :width] / max(size)
    pictures = []
    for i in range(2 if task == "attack" else COUNT):  # an attack may ask its victim thousands of times
        waves = [np.sin(2 * np.pi * ((1 + i) * x * rng.random() + 3 * y * rng.random() + rng.random())) for _ in range(channels)]
        picture = 0.5 + 0.25 * np.stack(waves) + 0.2 * (x + y > 0.3 + 0.1 * i)
        pictures.append(torch.from_numpy(np.clip(picture + 0.02 * rng.standard_normal(picture.shape), 0, 1)).float())
    aux = {"victim": _victim(data, size, channels, protocol)} if task == "attack" else {}
    samples = tuple(Sample(f"image-{i}", image, _target(task, protocol, data, image, i, aux)) for i, image in enumerate(pictures))
    said = ", ".join(f"{key} {value}" for key, value in protocol.items())
    return Trial(f"images {channels}x{height}x{width}{f' ({said})' if said else ''}", samples, data, protocol, aux)


def _target(task: TaskName, protocol: dict[str, Any], data: DataInfo, image: Any, i: int, aux: dict[str, Any]) -> Any:
    import torch

    height, width = image.shape[1:]
    if task == "segment":
        labels = np.full((height, width), i % len(data.classes or "?"), dtype=np.uint8)
        return labels if protocol.get("kind") == "labels" else np.zeros((1, height, width), dtype=bool)
    if task == "detect":
        from zoo.tasks.detect import Boxes

        box = torch.tensor([[1.0, 1.0, width / 2, height / 2]])
        return Boxes(box, torch.zeros(1, dtype=torch.int64))
    if task == "generate":
        return image
    if task == "attack":  # the class that the victim says, since only what it gets right is attacked
        with torch.no_grad():
            return int(aux["victim"][1](prepare_image(image, None)[None]).argmax())
    return i % len(data.classes or "?")


def _attacked_texts(data: DataInfo, protocol: dict[str, Any]) -> Trial:
    """The texts, each with the class that a small classifier of their characters gives it."""
    import torch

    weight = torch.randn(64, len(data.classes or ()), generator=torch.Generator().manual_seed(0))

    def classifier(texts: Sequence[str]) -> torch.Tensor:
        return torch.stack([sum((weight[ord(c) % 64] for c in text), torch.zeros(len(weight[0]))) for text in texts])

    labels = classifier(TEXTS[:3]).argmax(1).tolist()
    samples = tuple(Sample(f"text-{i}", text, label) for i, (text, label) in enumerate(zip(TEXTS[:3], labels, strict=True)))
    said = ", ".join(f"{key} {value}" for key, value in protocol.items())
    aux = {"victim": (ModelInfo("synthetic/victim", "text", data.classes), classifier)}
    return Trial(f"three texts{f' ({said})' if said else ''}", samples, data, protocol, aux)


def _victim(data: DataInfo, size: tuple[int, int], channels: int, protocol: dict[str, Any]) -> tuple[ModelInfo, Any]:
    """A small classifier with fixed weights, the same at every call: smooth, and where it is certified, of ReLU."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(channels, 8, 3, padding=1),
            nn.ReLU() if protocol.get("kind") == CERTIFY else nn.Softplus(),
            nn.AvgPool2d((size[0] // 4, size[1] // 4)),
            nn.Flatten(),
            nn.Linear(128, len(data.classes or ())),
        ).eval()
    return ModelInfo("synthetic/victim", "image", data.classes), net


def bound_task(task: type[Task], info: ModelInfo, trial: Trial) -> Task:
    """The task of a trial, with its other models. Raises ZooError where model and trial do not fit."""
    suited = task.suited(trial.data.modality, trial.protocol, tuple(trial.aux))
    bound = suited(info, trial.data, trial.protocol, {role: known for role, (known, _) in trial.aux.items()})
    bound.bind({role: model for role, (_, model) in trial.aux.items()})
    return bound
