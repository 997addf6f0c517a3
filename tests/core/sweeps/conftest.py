"""What tests of sweeps run: networks of a file, and a plugin whose entries do not all fit."""

from collections.abc import Callable

import pytest

PLUGIN = """
import torch

from zoo import hookimpl
from zoo.specs import BenchmarkSpec, ModelSpec, SuiteRun, SuiteSpec


class Even(torch.nn.Module):
    def forward(self, x):
        return torch.zeros(len(x), 10)


class Raising(torch.nn.Module):
    def forward(self, x):
        raise RuntimeError("no batch for me")


def model(name, target, classes=tuple("0123456789"), **more):
    return ModelSpec(
        name=name, summary="S.", tasks={"classify": f"zoo_sweeping:{target}"}, modality="image", classes=classes, **more
    )


@hookimpl
def zoo_models():
    return [model("even", "Even"), model("raising", "Raising"), model("animals", "Even", ("cat", "dog"))]


@hookimpl
def zoo_benchmarks():
    return [
        BenchmarkSpec(
            name="easy", summary="S.", task="classify", modality="image", dataset="data/digits", metrics=("accuracy",),
            pass_mark="accuracy > 0.5",
        )
    ]


@hookimpl
def zoo_suites():
    runs = (
        SuiteRun(benchmark="data/digits"),
        SuiteRun(benchmark="data/digits", model="robust/fgsm", role="victim", protocol={"eps": 0.1}, limit=20),
    )
    return [
        SuiteSpec(name="both", summary="S.", runs=runs),
        SuiteSpec(name="of-its-own", summary="S.", runs=runs[:1], models=("even",)),
    ]
"""


@pytest.fixture
def entries(lasting: Callable[..., None]) -> None:
    """The plugin `sweeping`, installed."""
    lasting("zoo-sweeping", PLUGIN, id="sweeping")
