"""Threads that load: as many as the model is found to wait for, and the same batches whatever their number."""

import time
from types import SimpleNamespace

import pytest
import torch
from tests.core.runs.test_together import data, task

from zoo.devices import carrier
from zoo.runs.loading import Loaded, Reading, Threads, load_batches, loading_threads


class Slow:
    """Samples that take a while to load."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.dataset = SimpleNamespace(ids=[str(i) for i in range(60)])

    def loaded(self, positions, seed):
        time.sleep(self.seconds)
        return Loaded(positions, None)


def test_threads_are_added_while_the_model_waits_and_no_more_than_there_are_cores():
    threads = Threads(1, 3)
    positions = [list(loaded.positions) for loaded in load_batches(Slow(0.01), [range(60)], 2, 0, threads)]
    assert threads.now == 3
    assert positions == [[i, i + 1] for i in range(0, 60, 2)]


def test_no_thread_is_added_where_the_model_is_what_takes_long(monkeypatch):
    monkeypatch.setattr("zoo.runs.loading.WAITING", 0.5)  # a busy machine may be slow to start a thread
    threads = Threads(1, 3)
    for _ in load_batches(Slow(0.0), [range(60)], 4, 0, threads):
        time.sleep(0.02)
    assert threads.now == 1


def test_a_wait_counts_by_its_share_of_the_time():
    threads = Threads(1, 2)
    threads.waited(0.04, 1.0)
    assert threads.now == 1
    for _ in range(3):
        threads.waited(0.06, 1.0)
    assert threads.now == 2


@pytest.mark.parametrize("asked", [0, 1, 5])
def test_as_many_threads_as_are_asked_for(asked):
    assert loading_threads(SimpleNamespace(), asked) == Threads(asked, asked)


def test_one_thread_loads_what_lies_in_memory_and_up_to_all_cores_what_does_not():
    assert loading_threads(data(), None, 8) == Threads(1, 1)
    assert loading_threads(SimpleNamespace(), None, 8) == Threads(1, 8)


def test_batches_are_carried_where_they_are_computed_before_they_are_asked_for():
    carried: list[int] = []

    def carry(tensor: torch.Tensor) -> torch.Tensor:
        carried.append(len(tensor))
        return tensor + 1

    source = Reading(data(), task())
    plain = [loaded.batch.inputs for loaded in load_batches(source, [range(8)], 2, 0, Threads(1, 1))]
    for place, loaded in enumerate(load_batches(source, [range(8)], 2, 0, Threads(1, 1), carry)):
        time.sleep(0.05)
        assert len(carried) == min(place + 1, 3), "the next one alone is there, and not all that are loaded"
        assert torch.equal(loaded.batch.inputs, plain[place] + (1 if place else 0))


def test_nothing_is_carried_to_a_cpu():
    assert carrier(torch.device("cpu")) is None
