"""Fixtures of all tests: state in a temporary folder, real data where this machine has it."""

import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from zoo.runs.record import RunRecord

if "PYTEST_XDIST_WORKER" in os.environ:  # a worker a core: threads of torch would only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("any machine", deadline=None)  # a slow one is no failure
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real-data", action="store_true", help="Run only tests that take the data of ZOO_DATA_DIR.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--real-data"):
        others = [item for item in items if "real_data" not in getattr(item, "fixturenames", ())]
        items[:] = [item for item in items if item not in set(others)]
        config.hook.pytest_deselected(items=others)


@pytest.fixture(autouse=True)
def zoo_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ZOO_HOME of the test's own."""
    home = tmp_path / "zoo-home"
    monkeypatch.setenv("ZOO_HOME", str(home))
    monkeypatch.delenv("ZOO_STORE", raising=False)
    monkeypatch.delenv("ZOO_SHARDS", raising=False)
    monkeypatch.delenv("ZOO_REGISTRY", raising=False)
    return home


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """The same random weights and inputs for a test, whichever tests its worker ran before."""
    random.seed(0)
    for module, seed in (("numpy", "random.seed"), ("torch", "manual_seed")):
        if module in sys.modules:
            attrgetter(seed)(sys.modules[module])(0)


@pytest.fixture(scope="session")
def run_once(tmp_path_factory: pytest.TempPathFactory) -> "tuple[RunRecord, Path]":
    """A real run of 20 digits, and the ZOO_HOME that it was made in: for tests of what becomes of runs."""
    import zoo

    home = tmp_path_factory.mktemp("run-once")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        patch.delenv("ZOO_STORE", raising=False)
        return zoo.evaluate("intro/logistic", "digits", limit=20), home


@pytest.fixture
def one_run(run_once: "tuple[RunRecord, Path]", zoo_home: Path) -> "RunRecord":
    """The same in the test's own home: its record and its shards."""
    from zoo.runs.store import Store

    record, home = run_once
    shutil.copytree(home / "runs" / record.key, zoo_home / "runs" / record.key)
    Store().add(record)
    return record


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT interrupts, as it does wherever somebody can press Ctrl-C; of a job in the background it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def real_data() -> Path:
    """The folder of real datasets and published weights; the test is skipped where there is none."""
    folder = os.environ.get("ZOO_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs real data: set ZOO_DATA_DIR")
    return Path(folder)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread of torch: on a busy machine threads of small models wait for each other longer than they work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
