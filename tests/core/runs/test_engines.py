"""Engines: a run that is shared out to processes is the run of one, whoever of them dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import zoo
from zoo.engines import local, one_engine
from zoo.errors import OptionError, RunError, StoreError

NETS = """
import os, resource, signal, time
from pathlib import Path

import torch
from torch import nn


class Net(nn.Module):
    '''Logits [b, 3] of vectors [b, 4], after `ENGINE_DELAY` seconds; what ends it is said by the environment.'''

    def __init__(self, seed=0):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def forward(self, inputs):
        time.sleep(float(os.environ.get("ENGINE_DELAY", 0)))
        marked = bool((inputs > 90).any())
        if os.environ.get("ENGINE_EVIL") == "kills" and marked:
            os.kill(os.getpid(), signal.SIGKILL)
        if os.environ.get("ENGINE_EVIL") == "raises" and marked:
            raise ValueError("it is marked")
        if os.environ.get("ENGINE_EVIL") == "fills":
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))  # less than a shard
        once = os.environ.get("ENGINE_ONCE")
        if once and marked and not Path(once).exists():
            Path(once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.linear(inputs)
"""


@pytest.fixture
def nets(tmp_path, monkeypatch):
    """A module of the user's own, on the search path."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "engine_nets.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path / "nets")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "engine_nets", raising=False)
    import engine_nets

    return engine_nets


def run(nets, engine, count=4096, marked=None, **options):
    """A run of arrays: eight shards of 512."""
    import torch

    inputs = torch.randn(count, 4, generator=torch.Generator().manual_seed(1))
    if marked is not None:
        inputs[marked] = 99
    labels = (inputs[:, 0] > 0).long().tolist()
    settings = {"classes": "dataset", "key": "engines", "batch_size": 128, **options}
    labels[:3] = [0, 1, 2]
    return zoo.evaluate(nets.Net(), (inputs, labels), engine=engine, **settings)


def test_a_run_of_two_processes_is_that_of_one(nets, zoo_home, monkeypatch):
    seen = []
    shared = run(nets, "local:2", progress=seen.append)
    assert (shared.execution.engine, shared.execution.processes) == ("local:2", 2)
    assert shared.execution.threads == 1 and shared.execution.batch_size == 128
    assert shared.guard is not None and shared.guard.difference <= shared.guard.tolerance
    assert [one.shards for one in shared.origins] == [8] and shared.origins[0].execution == shared.execution
    assert seen[-1].done == seen[-1].total == 4096
    assert not list(zoo_home.rglob("*.tmp"))

    again = run(nets, "here")
    assert again.key == shared.key and again.shards.reused == 8  # and so again.results of the same predictions
    monkeypatch.setenv("ZOO_HOME", str(zoo_home.with_name("other-home")))
    alone = run(nets, "here")
    monkeypatch.setenv("ZOO_HOME", str(zoo_home))
    assert alone.execution.engine == "here" and alone.execution.processes == 1
    assert alone.key == shared.key and alone.results == shared.results == again.results
    files = {path.name: path for path in (zoo_home.with_name("other-home") / "runs" / alone.key / "shards").iterdir()}
    assert len(files) == 8
    for name, path in files.items():
        assert pq.read_table(path).equals(pq.read_table(zoo_home / "runs" / shared.key / "shards" / name))


def test_what_cannot_be_known_elsewhere_is_refused(nets, monkeypatch):
    monkeypatch.setattr(local.Worker, "started", lambda *_: pytest.fail("a process was started"))
    with pytest.raises(OptionError, match="none can tell whether it is the same") as caught:
        run(nets, "local:2", key=None)
    assert "`key`" in caught.value.hint

    class Here(nets.Net):
        pass

    monkeypatch.setattr(nets, "Net", Here)
    with pytest.raises(OptionError, match="cannot take your own model or data to other processes"):
        run(nets, "local:2")
    with pytest.raises(OptionError, match="no engine 'dusk'"):
        run(nets, "dusk")


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_shard_which_another_takes(nets, tmp_path, monkeypatch):
    alone = run(nets, "here", marked=700, fresh=True)
    monkeypatch.setenv("ENGINE_ONCE", str(tmp_path / "once"))
    shared = run(nets, "local:1", marked=700, fresh=True)
    assert (tmp_path / "once").exists()
    assert shared.key == alone.key and shared.results == alone.results and shared.shards.computed == 8


@pytest.mark.slow
def test_a_deadly_shard_ends_the_run_naming_its_samples(nets, monkeypatch, shard_files):
    monkeypatch.setenv("ENGINE_EVIL", "kills")
    with pytest.raises(RunError, match=r"shard 1, samples 512 to 1023: whoever computes it dies; 3 workers.*SIGKILL") as caught:
        run(nets, "local:1", count=2048, marked=700)
    assert "look at these samples" in caught.value.hint
    names = [path.name for path in shard_files()]  # the next one was prepared in the same worker, and is not blamed
    assert "00000.parquet" in names and "00001.parquet" not in names


READER = """
import os

from zoo.hookspecs import hookimpl
from zoo.remarks import remark
from zoo.specs import ModelSpec


@hookimpl
def zoo_models():
    return [ModelSpec(name="net", summary="Reads.", tasks={"classify": "zoo_reader:net"}, modality="vector")]


def net():
    import torch

    remark("a reader is loaded")

    class Net(torch.nn.Module):
        classes = ("ant", "bee", "cat")

        def forward(self, inputs):
            return inputs[:, :3] + float(os.environ.get("READER_SHIFT", 0))

    return Net()
"""


@pytest.mark.slow
def test_what_a_worker_sees_of_a_model_is_in_the_record(toy, plugin):
    plugin("reader", READER)
    with pytest.warns(UserWarning, match="reads the environment variable READER_SHIFT") as warned:
        record = zoo.evaluate("reader/net", "toy/vectors", classes="dataset", engine="local:1")
    assert "READER_SHIFT" in record.doubt and "a reader is loaded" in record.remarks
    assert sum("READER_SHIFT" in str(one.message) for one in warned) == 1
    again = zoo.evaluate("reader/net", "toy/vectors", classes="dataset")
    assert again.shards.reused == 0 and again.results == record.results


@pytest.mark.slow
def test_workers_stay_from_run_to_run(monkeypatch):
    count, begin = [], local.Worker.started
    monkeypatch.setattr(local.Worker, "started", lambda *told: count.append(told) or begin(*told))
    with one_engine("local:2"):
        for model in ("intro/logistic", "intro/mlp"):
            assert zoo.evaluate(model, "digits", limit=200, engine="local:2").execution.engine == "local:2"
        assert len(count) == 1  # of one shard each
        done = zoo.sweep(["intro/logistic", "intro/mlp", "cnn/lenet5"], ["digits"], limit=100, engine="local:2")
        assert len(done.records) == 3 and len(count) == 2
    assert [record.execution.engine for record in done.records] == ["here"] * 3


def test_a_clock_that_is_set_back_loses_nothing(nets, monkeypatch):
    from datetime import UTC, datetime

    from zoo.runs import recording

    first = run(nets, "here", count=1024)

    class Before(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime(2001, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(recording, "datetime", Before)
    second = run(nets, "here", count=1024)
    assert second.shards.reused == 2 and second.created < first.created
    assert {record.run_id for record in zoo.Store().records()} == {first.run_id, second.run_id}


KILLED = """
import sys, torch, engine_nets, zoo
inputs = torch.randn(4096, 4, generator=torch.Generator().manual_seed(1))
labels = (inputs[:, 0] > 0).long().tolist()
labels[:3] = [0, 1, 2]
zoo.evaluate(engine_nets.Net(), (inputs, labels), engine=sys.argv[1], classes="dataset", key="engines", batch_size=128)
"""


def workers_of(pid):
    """Processes that a process has started."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(line) for line in found.split()]


def gone(pid):
    """Whether a process has ended, be it that nobody has asked how."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(what, seconds=90):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def started(nets, engine, delay):
    environment = {**os.environ, "PYTHONPATH": str(Path(nets.__file__).parent), "ENGINE_DELAY": str(delay)}
    return subprocess.Popen([sys.executable, "-c", KILLED, engine], env=environment, stderr=subprocess.PIPE)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")
@pytest.mark.parametrize(("how", "count"), [(signal.SIGKILL, 2), (signal.SIGINT, 1)])
def test_workers_end_with_the_coordinator_and_the_next_one_goes_on(nets, zoo_home, shard_files, ctrl_c, how, count):
    process = started(nets, f"local:{count}", delay=0.6)
    wait_until(lambda: len(shard_files()) >= 2)
    workers = workers_of(process.pid)
    assert len(workers) == count
    with pytest.raises(RunError, match="another process is running local/Net"):
        run(nets, "local:2")
    process.send_signal(how)
    process.wait(timeout=60)
    wait_until(lambda: all(gone(pid) for pid in workers), 10)
    kept = {path.name: path.read_bytes() for path in shard_files()}
    assert 2 <= len(kept) < 8
    finished = run(nets, "here")
    assert finished.shards.reused == len(kept) and finished.shards.computed == 8 - len(kept)
    assert {path.name: path.read_bytes() for path in shard_files() if path.name in kept} == kept
    assert not list(zoo_home.rglob("*.tmp"))
    assert finished.results == run(nets, "here", fresh=True).results


@pytest.mark.slow
def test_a_disk_that_a_worker_finds_full_ends_the_run_and_keeps_what_is_there(nets, zoo_home, shard_files, monkeypatch):
    monkeypatch.setenv("ENGINE_EVIL", "fills")
    with pytest.raises(StoreError, match="File too large") as caught:
        run(nets, "local:1")
    assert "free some space" in caught.value.hint
    assert not shard_files() and not list(zoo_home.rglob("*.tmp"))
    assert not zoo.Store().records()
    monkeypatch.delenv("ENGINE_EVIL")
    assert run(nets, "here").shards.computed == 8


@pytest.mark.slow
def test_no_kill_of_whomever_loses_or_alters_anything(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "bench")
    from kill_runs import Runs

    runs = Runs(tmp_path, "local:2", seed=3, delay=0.05)
    runs.storm(kills=4)
    assert runs.killed == 4 and runs.table["runs"] >= 1
    assert not any(runs.harm.values()), runs.harm


def test_a_worker_that_plans_another_run_or_has_another_disk_says_so(nets, zoo_home, monkeypatch):
    import pickle
    from dataclasses import replace

    from zoo.engines import Place, Task
    from zoo.runs import working
    from zoo.runs.computing import Wanted
    from zoo.runs.plan import plan_run
    from zoo.runs.request import How, Request

    request = Request(model=nets.Net(), benchmark=(nets.torch.eye(4), [0, 1, 2, 0]), classes="dataset", key="engines")
    plan = plan_run(zoo.registry(), request)
    plan.folder.mkdir(parents=True)
    (plan.folder / ".here.tmp").touch()
    told = pickle.loads(working.told_of(plan, How(engine="local:2"), 2, ".here.tmp"))
    monkeypatch.setenv("ZOO_HOME", str(zoo_home))  # which a worker sets, and this process is to forget
    place = Place(0, 2, 1)
    with pytest.raises(RunError, match="plans another run: seed differ"):
        working.begin(pickle.dumps(replace(told, request=request.model_copy(update={"seed": 1}))), place)
    with pytest.raises(RunError, match=r"does not see .*, where the run's shards are put") as caught:
        working.begin(pickle.dumps(replace(told, token=".elsewhere.tmp")), place)
    assert "ZOO_HOME" in caught.value.hint
    part, *_, done = working.begin(pickle.dumps(told), place)([Task(0, Wanted(guard=True))])
    assert (part.done, done.task, done.made.samples) == (2, 0, 4) and done.made.guard is not None
    assert done.made.execution.processes == 2 and not (plan.folder / "shards" / "00000.parquet").exists()
