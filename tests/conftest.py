"""Fixtures of all tests: state in a temporary folder, real data where this machine has it."""

import os
import random
import sys
from operator import attrgetter
from pathlib import Path

import pytest
from hypothesis import settings

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
    monkeypatch.delenv("ZOO_REGISTRY", raising=False)
    return home


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """The same random weights and inputs for a test, whichever tests its worker ran before."""
    random.seed(0)
    for module, seed in (("numpy", "random.seed"), ("torch", "manual_seed")):
        if module in sys.modules:
            attrgetter(seed)(sys.modules[module])(0)


@pytest.fixture
def real_data() -> Path:
    """The folder of real datasets and published weights; the test is skipped where there is none."""
    folder = os.environ.get("ZOO_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs real data: set ZOO_DATA_DIR")
    return Path(folder)
