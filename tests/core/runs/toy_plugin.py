"""A third party's plugin, as the tests of runs install it: small datasets of every modality, and modules to run on them."""

import hashlib
import os
import time

import numpy as np
import torch
from torch import nn

from zoo.data import ArrayDataset, Sample, SampleSequence
from zoo.hookspecs import hookimpl
from zoo.metrics import Metric, Score
from zoo.specs import BenchmarkSpec, DatasetSpec, MetricSpec

CLASSES = ("ant", "bee", "cat")


@hookimpl
def zoo_datasets():
    return [_dataset("vectors", 2000), _dataset("many", 8192), _dataset("texts", 600, "text"), _dataset("photos", 40, "image")]


def _dataset(name, size, modality="vector"):
    return DatasetSpec(
        name=name,
        summary=f"Toy {name}.",
        modality=modality,
        target=f"zoo_toy:open_{name}",
        splits={"test": size},
        classes=CLASSES,
        licence="CC0-1.0",
        citation="made up",
    )


@hookimpl
def zoo_metrics():
    return [
        MetricSpec(
            name="spread",
            summary="A metric of all rows.",
            task="classify",
            target="zoo_toy:Spread",
            direction="none",
            range=(None, None),
            reference="none",
        )
    ]


@hookimpl
def zoo_benchmarks():
    return [
        BenchmarkSpec(
            name="marked",
            summary="The photos, with a pass mark.",
            task="classify",
            modality="image",
            dataset="toy/photos",
            metrics=("accuracy",),
            pass_mark="accuracy > 0.01",
        )
    ]


class Spread(Metric):
    """The order of the rows, which a corpus metric may depend on: a checksum of gathered ids."""

    gathers = True

    def update(self, rows):
        return {"id": numbers(rows.ids)}

    def compute(self, state, classes):
        return Score(weighed(state["id"]), len(state["id"]))


def numbers(ids):
    return np.array([int(hashlib.sha256(i.encode()).hexdigest()[:8], 16) for i in ids], dtype=np.float64)


def weighed(found):
    return float((found * np.arange(1, len(found) + 1)).sum())


def checksum(ids):
    """What `spread` says of rows in this order."""
    return weighed(numbers(ids))


def open_vectors(files, split, size=2000):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(size, 4, generator=generator)
    if shift := os.environ.get("TOY_SHIFT"):
        inputs[-1] += float(shift)
    return ArrayDataset(inputs, (inputs.sum(1) > 0).long().tolist(), [f"v{i:04}" for i in range(size)], CLASSES)


def open_many(files, split):
    return open_vectors(files, split, 8192)


def open_texts(files, split):
    lengths = [(37 * i) % 101 + 1 for i in range(600)]
    return ArrayDataset(["x" * n for n in lengths], [n % 3 for n in lengths], [f"t{i:03}" for i in range(600)], CLASSES)


def open_photos(files, split):
    return Photos()


class Photos(SampleSequence):
    """40 images [3, 8, 8]; those that TOY_CORRUPT names cannot be read."""

    ids = tuple(f"photo-{i:02}.png" for i in range(40))
    targets = tuple(i % 3 for i in range(40))
    classes = CLASSES
    fingerprint = "photos"

    def __getitem__(self, index):
        if self.ids[index] in os.environ.get("TOY_CORRUPT", "").split(","):
            raise OSError("truncated file")
        image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(index))
        return Sample(self.ids[index], image, self.targets[index])


class Linear(nn.Module):
    """Logits [b, 3] of vectors, images or texts."""

    def __init__(self, features=4, seed=0):
        super().__init__()
        self.linear = nn.Linear(features, 3)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def forward(self, inputs):
        if isinstance(inputs, list):
            inputs = torch.tensor([[len(text) / 100, 1.0, 0.0, 0.0] for text in inputs])
        return self.linear(inputs.flatten(1))


calls = 0


def counted(forward):
    """torch's `Linear.forward` that counts its calls in `calls` and sleeps TOY_DELAY seconds a call.

    The toy's own module cannot do so itself: what it reads or changes is part of its key.
    """

    def run(self, inputs):
        global calls
        calls += 1
        time.sleep(float(os.environ.get("TOY_DELAY", 0)))
        return forward(self, inputs)

    return run
