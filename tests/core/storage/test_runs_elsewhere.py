"""Runs whose predictions are kept at an address: the same scores, found again from anywhere, never half read."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

import zoo
from zoo.browsing import duckdb_query, shard_files, shard_places
from zoo.errors import RunError, StoreError
from zoo.runs import stored_predictions
from zoo.runs.key import DOUBT
from zoo.storage import address

DATA = """
import torch
import zoo

def data():
    inputs = torch.randn(2600, 4, generator=torch.Generator().manual_seed(0))
    return inputs, (inputs.sum(1) > 0).long()

def net():
    made = torch.nn.Linear(4, 2)
    with torch.no_grad():
        for one in made.parameters():
            one.copy_(torch.randn(one.shape, generator=torch.Generator().manual_seed(1)))
    return made
"""
SHARDS = 6
exec(DATA)


def run(shards=None, **options):
    return zoo.evaluate(net(), data(), classes="dataset", key="linear", progress=False, shards=shards, **options)  # noqa: F821


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The same run in a home of its own, with shards below that."""
    return run("", home=tmp_path_factory.mktemp("local-home"))


@pytest.mark.parametrize("place", [pytest.param("memory", marks=pytest.mark.slow), "file", "s3"])
def test_a_run_elsewhere_is_the_same_run(place, request, local, zoo_home, tmp_path, monkeypatch):
    below = f"file://{tmp_path}/shards" if place == "file" else request.getfixturevalue(place)
    first = run(below)
    assert (first.key, first.results) == (local.key, local.results)
    assert first.shards_at == below and (first.shards.computed, first.shards.total) == (SHARDS, SHARDS)
    assert not list(zoo_home.rglob("*.parquet")) and not list(zoo_home.rglob("*.tmp"))
    assert sum(origin.shards for origin in first.origins) == SHARDS
    assert stored_predictions(first).equals(stored_predictions(run("")))

    again = run(below)
    assert again.shards.reused == SHARDS and again.results == first.results and again.artifacts == first.artifacts
    assert (again.guard, again.complexity) == (first.guard, first.complexity) and first.guard is not None

    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "another-machine"))
    there = run(below)
    assert there.shards.reused == SHARDS and there.results == first.results
    assert (there.guard, there.complexity) == (first.guard, first.complexity)


def test_the_record_alone_leads_to_the_predictions(memory, local):
    record = run(memory)
    assert list(shard_places(record)) == [f"{memory}/{record.key}/{one.path}" for one in record.artifacts]
    assert all(shard_places(record).values())
    assert [row["logits"] for row in stored_predictions(zoo.Store().record(record.run_id)).to_pylist()]
    assert run().shards_at == memory  # and so does a run that says nothing
    with pytest.raises(StoreError, match=memory):
        shard_files(record)


@pytest.mark.slow
def test_runs_elsewhere_are_compared_and_reported(memory, zoo_home, tmp_path):
    one, other = (zoo.evaluate(name, "digits", shards=memory, progress=False) for name in ("intro/logistic", "intro/mlp"))
    assert zoo.compare(one, other) and not list(zoo_home.rglob("*.parquet"))
    assert zoo.report([one.run_id], tmp_path / "report.html").stat().st_size > 1000


def test_the_variable_says_where_and_an_empty_address_says_here(memory, monkeypatch, zoo_home):
    monkeypatch.setenv("ZOO_SHARDS", memory)
    assert run().shards_at == memory
    assert run("").shards_at == "" and len(list(zoo_home.rglob("*.parquet"))) == SHARDS


def test_the_line_for_duckdb_names_each_object(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    record = run(str(tmp_path / "it's"))
    stray = next((tmp_path / "it's").rglob("00000-*.parquet"))
    stray.with_name("00000-0000000000000000.parquet").write_bytes(stray.read_bytes())  # of a writer that was killed
    assert len(duckdb.sql(duckdb_query(record)).fetchall()) == 2600


@pytest.mark.parametrize(
    "how", ["cut short", "marker", *(pytest.param(how, marks=pytest.mark.slow) for how in ("gone", "another"))]
)
def test_an_altered_shard_is_computed_again_and_never_read(how, memory, local):
    record, files = run(memory), fsspec.filesystem("memory")
    place, other = (f"/bucket/predictions/{record.key}/{record.artifacts[i].path}" for i in (1, 2))
    if how == "gone":
        files.rm_file(place)
    elif how == "marker":
        files.pipe_file(place.rpartition("/")[0] + "/00001.json", b'{"file": "shards/00002')
    else:
        files.pipe_file(place, files.cat_file(place)[:-9] if how == "cut short" else files.cat_file(other))
    if how != "marker":
        with pytest.raises(RunError, match=r"memory://.*\nrun it again"):
            stored_predictions(record)
    again = run(memory)
    assert (again.shards.computed, again.shards.reused) == (1, SHARDS - 1)
    assert again.results == local.results
    assert stored_predictions(again).num_rows == 2600


def test_a_consistent_shard_of_another_content_is_refused_by_the_record(memory):
    from zoo.storage.objects import Objects

    record = run(memory)
    objects = Objects(f"{memory}/{record.key}")
    objects.write(record.artifacts[1].path, objects.read(record.artifacts[2].path))
    with pytest.raises(RunError, match="not what run"):
        stored_predictions(record)


def test_a_check_of_the_store_hashes_what_lies_at_an_address(memory, monkeypatch):
    from zoo.runs.checking import check_store
    from zoo.storage.objects import Objects

    record = run(memory)
    whole = check_store()
    assert (whole.records, whole.files, whole.altered, whole.unread) == (1, SHARDS, (), ())
    objects = Objects(f"{memory}/{record.key}")
    objects.write(record.artifacts[1].path, objects.read(record.artifacts[2].path))
    (altered,) = check_store().altered
    assert altered == f"{memory}/{record.key}/{record.artifacts[1].path}: not what any run was scored on"
    monkeypatch.setattr(Objects, "read", away)
    unread = check_store()
    assert (unread.files, unread.altered) == (0, ())
    assert unread.unread == (f"{SHARDS} files at {memory}: it does not answer\ntry again",)


def away(self, name, sha256=None):
    raise StoreError("it does not answer", "try again")


def test_fresh_computes_all_and_leaves_one_content_a_shard(memory):
    before = run(memory)
    fresh = run(memory, fresh=True, batch_size=7)
    assert fresh.shards.computed == SHARDS and fresh.results == before.results
    names = [path for path in fsspec.filesystem("memory").find("/bucket") if path.endswith(".parquet")]
    assert len(names) == SHARDS


def test_a_doubt_is_known_wherever_the_shards_are(memory, tmp_path, monkeypatch):
    record = run(memory)
    fsspec.filesystem("memory").pipe_file(f"/bucket/predictions/{record.key}/{DOUBT}", b"it reads the weather")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "another-machine"))
    with pytest.warns(UserWarning, match="the weather"):
        there = run(memory)
    assert there.shards.computed == SHARDS and there.doubt == "it reads the weather"


def test_an_address_of_no_use_is_met_before_anything_is_computed(s3, monkeypatch):
    monkeypatch.setattr("zoo.runs.computing.Computer.__init__", lambda *_, **__: pytest.fail("it computes"))
    with pytest.raises(StoreError, match="bucket does not exist\ndoes the bucket"):
        run("s3://no-such-bucket/x")


def test_secrets_of_an_address_are_in_no_record(faulty, monkeypatch):
    record = run("faulty://me:geheim@bucket/x")
    assert record.shards_at == "faulty://me:***@bucket/x"
    assert "geheim" not in record.model_dump_json() and not any("geheim" in place for place in [duckdb_query(record)])
    with pytest.raises(StoreError, match="ZOO_SHARDS") as caught:
        stored_predictions(record)
    assert "geheim" not in str(caught.value)
    monkeypatch.setenv("ZOO_SHARDS", "faulty://me:geheim@bucket/x")
    assert stored_predictions(record).num_rows == 2600


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_whatever_a_store_does_the_scores_are_the_same(seed, faulty, local):
    faulty.begin(seed, 0.5)
    for _ in range(20):  # what was written and then lost is computed again
        try:
            record = run("faulty://bucket/x")
            break
        except (RunError, StoreError) as error:
            assert error.hint
    faulty.chance = 0.0
    assert record.results == local.results and sum(faulty.met[kind] for kind in faulty.kinds) > 3
    assert stored_predictions(record).num_rows == 2600
    assert run("faulty://bucket/x").results == local.results


def test_a_store_that_is_away_for_a_while_costs_that_while(faulty, local, monkeypatch):
    monkeypatch.setattr(address, "FIRST", 0.05)
    back = threading.Timer(1.0, lambda: faulty.begin_again(0, 0.0))

    def vanish(step):
        if step.stage == "predicting" and not back.ident:
            faulty.begin_again(0, 1.0, ("refused",))
            back.start()

    record = zoo.evaluate(net(), data(), classes="dataset", key="linear", progress=vanish, shards="faulty://bucket/x")  # noqa: F821
    back.join()
    assert record.results == local.results and record.shards.computed == SHARDS


def test_two_machines_that_run_the_same_at_once_end_alike(memory, local, tmp_path):
    together = threading.Barrier(2)

    def one(name):
        together.wait()
        return run(memory, home=tmp_path / name)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(one, ("one", "two"))
    assert first.results == second.results == local.results
    assert run(memory, home=tmp_path / "three").shards.reused == SHARDS


VICTIM = f"""
{DATA}
import time, sys
from fsspec.implementations.local import LocalFileSystem
whole = LocalFileSystem.pipe_file

def slowly(self, path, value, **_):
    if not path.endswith(".parquet"):
        return whole(self, path, value)
    self.makedirs(self._parent(path), exist_ok=True)
    with open(path, "wb") as file:
        for start in range(0, len(value), 1000):
            file.write(value[start : start + 1000])
            file.flush()
            time.sleep(0.02)

LocalFileSystem.pipe_file = slowly
print("ready", flush=True)
zoo.evaluate(net(), data(), classes="dataset", key="linear", progress=False, shards=sys.argv[1])
"""


@pytest.mark.slow
def test_kills_in_the_middle_of_uploads_leave_nothing_half(local, zoo_home, tmp_path):
    below, halves = tmp_path / "shards", 0
    for _ in range(3):
        victim = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(VICTIM), str(below)],
            env={**os.environ, "ZOO_HOME": str(zoo_home), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert victim.stdout.readline() == "ready\n"
        before = set(below.rglob("*.parquet"))
        deadline = time.monotonic() + 60
        while set(below.rglob("*.parquet")) == before and victim.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        named = {json.loads(path.read_text())["file"] for path in below.rglob("0*.json")}
        halves += any(f"shards/{path.name}" not in named for path in below.rglob("*.parquet"))
    assert halves  # there was something to mistake for whole
    record = run(str(below))
    assert record.results == local.results
    assert stored_predictions(record).num_rows == 2600
    assert not list(Path(zoo_home).rglob("*.tmp"))


def test_cleaning_leaves_shards_elsewhere_unless_it_is_told(memory):
    record, files = run(memory), fsspec.filesystem("memory")
    (removal,) = zoo.clean(older_than="0d").removals
    assert removal.piece.shards_at == memory
    zoo.clean(older_than="0d", yes=True)
    assert stored_predictions(record).num_rows == 2600
    assert run(memory).shards.reused == SHARDS  # of which the folder is there no more, and then again

    run(memory, fresh=True)
    zoo.clean(older_than="0d", shards=True, yes=True)
    assert not files.find("/bucket")
    with pytest.raises(RunError, match="there is no such object"):
        stored_predictions(record)
    assert run(memory).shards.computed == SHARDS


def test_a_cleaning_that_is_refused_leaves_the_folder(memory, monkeypatch):
    record, files = run(memory), fsspec.filesystem("memory")
    monkeypatch.setattr(type(files), "rm_file", lambda *_: (_ for _ in ()).throw(PermissionError("Access Denied")))
    with pytest.raises(StoreError, match=r"cannot remove memory://.*Access Denied"):
        zoo.clean(older_than="0d", shards=True, yes=True)
    assert stored_predictions(record).num_rows == 2600 and zoo.clean(older_than="0d").removals


NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 2)
        with torch.no_grad():
            for one in self.parameters():
                one.copy_(torch.randn(one.shape, generator=torch.Generator().manual_seed(1)))

    def forward(self, inputs):
        return self.linear(inputs)
"""


@pytest.mark.slow
def test_workers_of_an_engine_compute_what_lies_elsewhere(s3, zoo_home, tmp_path):
    (tmp_path / "net.py").write_text(NET)
    rows = "".join(f"{i % 13},{i % 7},{i % 3},{'odd' if i % 2 else 'even'}\n" for i in range(2600))
    fsspec.filesystem("s3").pipe_file("bucket/table.csv", f"a,b,c,label\n{rows}".encode())
    asked = {"classes": "dataset", "key": "net", "progress": False}
    here = zoo.evaluate(f"{tmp_path}/net.py:Net", f"csv:{s3}/table.csv", shards="", **asked)
    there = zoo.evaluate(f"{tmp_path}/net.py:Net", f"csv:{s3}/table.csv", shards=f"{s3}/x", engine="local:2", **asked)
    assert there.results == here.results and there.execution.processes == 2
    assert (there.shards.computed, there.shards.total) == (SHARDS, SHARDS)
    assert stored_predictions(there).equals(stored_predictions(here))
    assert len(list(zoo_home.rglob("*.parquet"))) == SHARDS and not list(zoo_home.rglob("*.tmp"))  # those of the first
