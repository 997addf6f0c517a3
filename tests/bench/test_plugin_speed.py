"""What many plugins cost: `zoo list --json` with 50 of 10 models each, beside a trivial Typer command, whole processes.

Ratios, never asserted: `pytest tests/bench/test_plugin_speed.py --benchmark-only -n 0 -s`.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

PLUGINS, MODELS, PAIRS = 50, 10, 15
SOURCE = """
from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec

@hookimpl
def zoo_models():
    return [
        ModelSpec(
            name=f"net{i}", summary="One of many", modality="image", tasks={"classify": "nets:Net"}, classes=tuple("0123456789"),
        )
        for i in range(MODELS)
    ]
"""
TRIVIAL = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str = "you"):
    print("hello", name)
app()
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """50 plugins on the search path, installed a while ago."""
    site = tmp_path / "site"
    for i in range(PLUGINS):
        info = site / f"zoo_many{i}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"zoo_many{i}.py").write_text(SOURCE.replace("MODELS", str(MODELS)))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: zoo-many{i}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[zoo]\nmany{i} = zoo_many{i}\n")
    (tmp_path / "trivial.py").write_text(TRIVIAL)
    before = time.time() - 60
    for path in [site, *site.rglob("*")]:
        os.utime(path, (before, before))
    return {**os.environ, "PYTHONPATH": str(site)}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Of the whole process, as user and system time together: what else the machine does changes it little."""
    began = os.times()
    subprocess.run([sys.executable, *command], env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ended = os.times()
    return ended.children_user + ended.children_system - began.children_user - began.children_system


def test_listing_many_plugins_beside_a_trivial_command(benchmark, environment, tmp_path, zoo_home):
    listing, trivial = ["-m", "zoo_cli", "list", "--json"], [str(tmp_path / "trivial.py")]
    colds = [rebuild(listing, environment, zoo_home) for _ in range(5)]
    shown = subprocess.run([sys.executable, *listing], env=environment, capture_output=True, text=True, check=True).stdout
    assert len(json.loads(shown)) >= PLUGINS * MODELS
    pairs = [(seconds(listing, environment), seconds(trivial, environment)) for _ in range(PAIRS)]
    ratio = statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs)
    benchmark.extra_info |= {"ratio": ratio, "cold_seconds": statistics.median(colds)}
    print(f"\nwarm zoo list --json: {ratio:.2f} times a trivial Typer command; cold: {statistics.median(colds):.2f} s")
    benchmark.pedantic(seconds, args=(listing, environment), rounds=3)


def rebuild(listing: list[str], environment: dict[str, str], home: Path) -> float:
    for path in (home / "cache" / "index").glob("*.json"):
        path.unlink()
    return seconds(listing, environment)
