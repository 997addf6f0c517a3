"""A third party's plugin that is installed for a test, and what tests of runs look at."""

import importlib
import os
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from tests.core.runs.postgres import Server, binaries


def install(folder: Path, plugin_id: str, module: str, source: str) -> None:
    """Lay a distribution with one plugin into a folder, as pip would."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(source, encoding="utf-8")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[zoo]\n{plugin_id} = {module}\n")


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """All tests of this folder run tiny models."""


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    install(folder, "toy", "zoo_toy", Path(__file__).with_name("toy_plugin.py").read_text(encoding="utf-8"))
    return folder


@pytest.fixture
def toy(toy_folder, monkeypatch):
    """The module of the toy plugin, installed; its `calls` are those of its model."""
    monkeypatch.syspath_prepend(toy_folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "zoo_toy", raising=False)  # another folder's tests have a plugin of this name
    module = importlib.import_module("zoo_toy")
    monkeypatch.setattr("torch.nn.Linear.forward", module.counted(importlib.import_module("torch").nn.Linear.forward))
    return module


@pytest.fixture
def toy_environment(toy_folder, zoo_home):
    """The environment of a subprocess that has the toy plugin and this test's ZOO_HOME."""
    return {**os.environ, "PYTHONPATH": str(toy_folder), "OMP_NUM_THREADS": "1", "ZOO_HOME": str(zoo_home)}


@pytest.fixture
def plugin(lasting, monkeypatch):
    """Install a plugin of the given source, which no test changes: plugin("watcher", source)."""

    def installed(plugin_id: str, source: str) -> None:
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        module = f"zoo_{plugin_id}"
        monkeypatch.delitem(sys.modules, module, raising=False)
        lasting(module, textwrap.dedent(source), id=plugin_id)

    return installed


@pytest.fixture
def shard_files(zoo_home):
    """The paths of all shards below ZOO_HOME, in order."""
    return lambda: sorted(zoo_home.rglob("*.parquet"))


@pytest.fixture
def predictions(zoo_home):
    """Ids and logits [n, C] of a record's run, as its shards hold them."""
    import numpy as np
    import pyarrow.parquet as pq

    def read(record):
        tables = [pq.read_table(path) for path in sorted((zoo_home / "runs" / record.key / "shards").glob("*.parquet"))]
        ids = [name for table in tables for name in table["id"].to_pylist()]
        return ids, np.array([row for table in tables for row in table["logits"].to_pylist()])

    return read


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL server of these tests' own."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'deepzoo[postgres]'")
    if binaries() is None:
        pytest.skip("needs the programs of a PostgreSQL server: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="zoo-postgres-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder))
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, tmp_path, monkeypatch):
    """`ZOO_STORE`, an empty database of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'team.db'}"
    else:
        url = request.getfixturevalue("postgres_server").emptied()
    monkeypatch.setenv("ZOO_STORE", url)
    return url
