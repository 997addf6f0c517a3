"""Small cells of a sweep go to the workers of an engine, each whole: they are the same runs, whatever becomes of a worker."""

import pickle
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

import zoo
from zoo.cores import cores, sharing
from zoo.engines import Job, Place, Task, one_engine
from zoo.engines.local import Local
from zoo.errors import RunError
from zoo.home import using, zoo_home
from zoo.runs.loading import Threads, loading_threads
from zoo.runs.store import Store
from zoo.sweeps.mapping import WORKER, Told, begin

PLUGIN = """
import os
import signal

import torch

from zoo import hookimpl
from zoo.specs import ModelSpec


class Pixel(torch.nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, 20:30]


class Raising(torch.nn.Module):
    def forward(self, x):
        raise RuntimeError("no batch for me")


class Deadly(torch.nn.Module):
    def forward(self, x):
        os.kill(os.getpid(), signal.SIGKILL)


@hookimpl
def zoo_models():
    classes = tuple("0123456789")
    return [
        ModelSpec(name=name.lower(), summary="S.", tasks={"classify": f"zoo_mapping:{name}"}, modality="image", classes=classes)
        for name in ("Pixel", "Raising", "Deadly")
    ]
"""
MODELS = ["intro/mlp", "mapping/pixel", "cnn/lenet5"]


@pytest.fixture
def mapping(lasting: Callable[..., None]) -> None:
    lasting("zoo-mapping", PLUGIN, id="mapping")


@pytest.fixture
def mapped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tasks went to engines of processes, each time."""
    seen: list[int] = []
    as_ever = Local.map

    def counted(self, job, tasks, total):
        seen.append(total)
        return as_ever(self, job, tasks, total)

    monkeypatch.setattr(Local, "map", counted)
    return seen


@pytest.mark.usefixtures("mapping")
def test_cells_of_one_shard_are_the_runs_of_one_process(mapped: list[int], tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int]] = []
    by_workers = zoo.sweep(
        [*MODELS, "raising"], "digits", engine="local:2", progress=lambda step: told.append((step.cell.row, step.done))
    )
    assert mapped == [4]
    assert [cell.row for cell, _ in by_workers.results] == ["intro/mlp", "mapping/pixel", "cnn/lenet5", "mapping/raising"]
    (failure,) = by_workers.failures
    assert failure.kind == "ModelError" and "no batch for me" in failure.message
    assert {row for row, _ in told} == {cell.row for cell, _ in by_workers.results}
    assert {record.run_id for record in Store().records()} == {record.run_id for record in by_workers.records}
    again = zoo.sweep(MODELS, "digits")
    assert all(record.shards.computed == 0 for record in again.records)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "other"))
    here = zoo.sweep(MODELS, "digits")
    assert [record.results for record in here.records] == [record.results for record in by_workers.records]
    assert [record.key for record in here.records] == [record.key for record in by_workers.records]
    assert not list(zoo_home().glob(".*.tmp"))


@pytest.mark.usefixtures("mapping")
def test_a_cell_that_kills_its_workers_costs_itself() -> None:
    done = zoo.sweep(["deadly", *MODELS], "digits", engine="local:2")
    (failure,) = done.failures
    assert failure.cell.row == "mapping/deadly" and failure.kind == "RunError"
    assert "3 workers, the last of which was killed by SIGKILL" in failure.message
    assert len(done.records) == 3


def test_cells_of_several_shards_are_shared_out_by_shards(mapped: list[int], real_data) -> None:
    done = zoo.sweep(["cnn/lenet5", "intro/mlp"], ["mnist", "digits"], engine="local:2")
    assert mapped == [2, 20, 20], "cells of digits whole, those of MNIST by shards"
    assert len(done.records) == 4 and not done.failures


def test_models_of_parts_and_with_tags_are_known_by_their_names(mapped: list[int]) -> None:
    done = zoo.sweep(
        ["robust/smoothed(cnn/lenet5@digits)", "intro/mlp@digits", "intro/mlp"], ["digits"], engine="local:2", limit=8
    )
    assert mapped == [3] and len(done.records) == 3 and not done.failures


def test_one_small_cell_is_no_matter_for_others(mapped: list[int]) -> None:
    done = zoo.sweep(["intro/mlp"], ["digits"], engine="local:2")
    assert mapped == [1] and done.records[0].execution.engine == "local:2"


def test_cells_that_are_the_same_run_wait_for_each_other() -> None:
    for number in range(3):
        done = zoo.sweep(["intro/mlp@digits", "intro/mlp"], ["digits"], engine="local:2", limit=50 + number)
        assert not done.failures
        first, second = done.records
        assert first.key == second.key and first.results == second.results


class Net(torch.nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, 20:30]


def test_networks_of_ones_own_as_other_models_are_no_small_cells(mapped: list[int]) -> None:
    settings = {"aux": {"victim": Net()}, "classes": "dataset", "limit": 8}
    done = zoo.sweep(["robust/fgsm", "robust/pgd"], ["digits"], engine="local:2", **settings)
    assert len(done.failures) == 2 and all("give it a `key`" in one.hint for one in done.failures)
    assert mapped == [1, 1], "each by its shards, and not both as small cells"


def test_home_and_store_are_those_of_the_block(tmp_path) -> None:
    with one_engine("local:2"):
        zoo.sweep(MODELS[:1] + MODELS[2:], "digits", engine="local:2")
        with using(tmp_path / "other"):
            zoo.sweep(MODELS[:1] + MODELS[2:], "digits", engine="local:2")
            assert Store().count() == 2
    assert Store().count() == 2


def test_what_no_worker_can_do_is_a_failure_of_each_cell() -> None:
    done = zoo.sweep(["intro/mlp", "cnn/lenet5"], "digits", engine="local:2", device="cuda:99")
    assert [failure.kind for failure in done.failures] == ["OptionError"] * 2


def test_a_worker_takes_its_share_of_the_cores() -> None:
    with sharing(1):
        assert cores() == 1
        assert loading_threads(SimpleNamespace(), None) == Threads(1, 1)


def test_what_a_worker_cannot_read_is_an_error_and_nobody_waits_for_ever() -> None:
    job = Job(lambda: None, "zoo.sweeps.mapping:begin", lambda: b"no pickle")
    engine = Local(1)
    try:
        with pytest.raises(pickle.UnpicklingError):
            list(engine.map(job, iter([Task(0)]), 1))
    finally:
        engine.close()


class Unreadable:
    """Cannot be unpickled."""

    def __reduce__(self):
        return int, ("no number",)


def test_a_task_that_a_worker_cannot_read_is_an_error_and_nobody_waits_for_ever(tmp_path) -> None:
    (tmp_path / "token").touch()
    told = pickle.dumps(Told(str(tmp_path), "", "token", "cpu"))
    engine = Local(1)
    try:
        with pytest.raises(ValueError, match="no number"):
            list(engine.map(Job(lambda: None, WORKER, lambda: told), iter([Task(0, Unreadable())]), 1))
    finally:
        engine.close()


def test_a_worker_that_does_not_see_the_disk_writes_nothing(tmp_path) -> None:
    with pytest.raises(RunError, match="does not see"):
        begin(pickle.dumps(Told(str(tmp_path / "elsewhere"), "", "token", "cpu")), Place(0, 1, 1))
    assert not (tmp_path / "elsewhere").exists()
