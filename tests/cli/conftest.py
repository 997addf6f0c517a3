"""Fixtures of the command line's tests: running it here or in a process of its own, and a plugin with a known model."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ENTRIES = """
from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec, CommandSpec, ModelSpec, Weights

WEIGHTS = Weights(
    uri="file:{path}", sha256="{sha256}", licence="CC0-1.0", source="centroids", classes=tuple("0123456789"),
)

@hookimpl
def zoo_models():
    common = dict(modality="image", weights={{"digits": WEIGHTS}})
    return [
        ModelSpec(name="centroid", summary="Nearest centroid", tasks={{"classify": "zoo_toy_net:Centroid"}}, **common),
        ModelSpec(name="raising", summary="Raises on a batch", tasks={{"classify": "zoo_toy_net:Raising"}}, **common),
        ModelSpec(name="stalling", summary="Stops on the way", tasks={{"classify": "zoo_toy_net:Stalling"}}, **common),
    ]

def benchmark(name, mark):
    return BenchmarkSpec(
        name=name, summary="Digits with a pass mark", task="classify", modality="image", dataset="data/digits", split="train",
        metrics=("accuracy", "confusion", "nll"), pass_mark=mark,
    )

@hookimpl
def zoo_benchmarks():
    marks = {{"easy": "accuracy > 0.5", "hard": "accuracy > 0.9999", "sure": "nll <= 9", "surer": "nll < 0", "odd": "nll > 1"}}
    return [benchmark(name, mark) for name, mark in marks.items()]

@hookimpl
def zoo_commands():
    return [CommandSpec(name="greet", summary="Greet somebody.", target="zoo_toy_command:greet")]
"""

NETWORKS = '''
import sys
import time
import torch

class Centroid(torch.nn.Module):
    """Logits that grow as the squared distance from a class's mean image falls."""
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(64, 10)
    def forward(self, x):
        return self.linear(x.flatten(1))

class Raising(Centroid):
    def forward(self, x):
        raise RuntimeError("no batch for me")

class Stalling(Centroid):
    """Once it has seen as many samples as `python -X stalls_after=N` says, it waits for ever."""
    seen = 0
    def forward(self, x):
        while self.seen >= float(sys._xoptions.get("stalls_after", "inf")):
            time.sleep(0.05)
        self.seen += len(x)
        return super().forward(x)
'''

COMMAND = '''
from zoo import ZooError

def greet(name: str, times: int = 1):
    """Greet NAME."""
    if times > 9:
        raise ZooError("too often", "greet less")
    for _ in range(times):
        print(f"hello {name}")
'''


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


@pytest.fixture
def zoo(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The command line, run in this process."""
    from zoo_cli.app import zoo as group
    from zoo_cli.errors import guarded

    def call(*arguments: str) -> Done:
        capsys.readouterr()
        code = guarded(group, arguments)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return call


@pytest.fixture
def zoo_process() -> Callable[..., Done]:
    """The command line, in a process of its own."""

    def call(*arguments: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "zoo_cli", *arguments],
            capture_output=True,
            text=True,
            env=os.environ,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def toy_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the plugin `toy` is installed: a nearest-centroid classifier of digits, and one that raises."""
    import torch

    import zoo
    from zoo.opening.weights import save_state

    site = tmp_path_factory.mktemp("site")
    digits = zoo.dataset("digits", "train")
    images = torch.stack([digits[i].input for i in range(len(digits.ids))]).flatten(1).float() / 255
    labels = torch.tensor(digits.targets)
    means = torch.stack([images[labels == label].mean(0) for label in range(10)])
    weights = site / "centroids.safetensors"
    save_state(weights, {"linear.weight": 2 * means, "linear.bias": -(means**2).sum(1)}, {})
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    (site / "zoo_toy_entries.py").write_text(ENTRIES.format(path=weights, sha256=sha256))
    (site / "zoo_toy_net.py").write_text(NETWORKS)
    (site / "zoo_toy_command.py").write_text(COMMAND)
    info = site / "zoo_toy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\ntoy = zoo_toy_entries\n")
    return site


@pytest.fixture
def toy(toy_site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plugin `toy`, installed for this test, here and in processes that it starts."""
    monkeypatch.syspath_prepend(str(toy_site))
    monkeypatch.setenv("PYTHONPATH", str(toy_site))
    return toy_site
