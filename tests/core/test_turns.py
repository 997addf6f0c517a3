"""What a process has once is one thread's at a time, and afterwards as it was."""

import logging
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from zoo.errors import RunError
from zoo.home import passed_on, using, zoo_home
from zoo.lazy import quietly
from zoo.locking import locked
from zoo.profiling.measuring import threads_of
from zoo.runs.database import store_url
from zoo.seeds import seed_everything, seeded
from zoo.training.differentiated import in_float64
from zoo.turns import Generators, comparable, states, turn


def drawn():
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def in_threads(work, count=8, times=10):
    """The work of each number, by so many threads, whose errors are raised."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count * times)))


def test_generators_of_a_run_go_on_where_they_stopped_whatever_others_draw():
    def three(other):
        own = Generators(7)
        found = []
        for _ in range(3):
            with own.turn():
                found.append(drawn())
            other()
        return found

    before = comparable(states())
    alone = three(lambda: None)
    assert comparable(states()) == before
    assert three(lambda: (drawn(), seed_everything(1, "x"))) == alone
    assert len(set(alone)) == 3 and three(drawn)[0] == alone[0]


def test_threads_that_seed_and_draw_at_once_each_get_their_own():
    def work(number):
        with seeded(number % 4, "parameters"):
            first = drawn()
            time.sleep(0.001)
            return number % 4, (first, drawn())

    before = comparable(states())
    found = in_threads(work)
    assert len(dict(found)) == 4 and len(set(found)) == 4
    assert comparable(states()) == before


def test_flags_are_as_they_were_when_blocks_of_threads_overlap():
    def work(number):
        with threads_of(1 + number % 3) as count:
            assert torch.get_num_threads() == count
        with in_float64():
            assert torch.ones(1).dtype == torch.float64
        with quietly():
            assert logging.root.manager.disable >= logging.WARNING
            time.sleep(0.001)

    before = torch.get_num_threads(), torch.get_default_dtype(), logging.root.manager.disable
    in_threads(work)
    assert (torch.get_num_threads(), torch.get_default_dtype(), logging.root.manager.disable) == before


def test_a_turn_is_one_threads_and_may_be_taken_again_inside():
    inside = []

    def work(number):
        with turn(), turn():
            inside.append(number)
            time.sleep(0.0005)
            assert inside == [number]
            inside.remove(number)

    in_threads(work, times=3)


def test_a_folder_is_one_threads_at_a_time_and_then_the_next_ones(tmp_path):
    inside = []

    def work(number):
        with locked(tmp_path / "run", "running x", "wait"):
            inside.append(number)
            time.sleep(0.0005)
            assert inside == [number]
            inside.remove(number)

    in_threads(work, times=3)


def test_a_thread_that_has_a_folder_does_not_wait_for_itself(tmp_path):
    held = locked(tmp_path, "running x", "wait")
    with held, pytest.raises(RunError, match="this thread is running x"), locked(tmp_path, "running x", "wait"):
        pass


def test_what_a_folder_raises_frees_it(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path, "running x", "wait"):
        raise ZeroDivisionError
    with locked(tmp_path, "running x", "wait", 0):
        pass


def test_a_home_is_that_of_its_own_thread_and_block(tmp_path):
    outside = zoo_home()
    seen = {}

    def work(number):
        with using(tmp_path / str(number)):
            time.sleep(0.001)
            seen[number] = zoo_home(), store_url()

    in_threads(work, times=2)
    assert seen == {n: (tmp_path / str(n), f"sqlite:///{tmp_path / str(n) / 'zoo.db'}") for n in range(16)}
    assert zoo_home() == outside


def test_a_home_without_a_store_has_its_own_and_a_store_may_be_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_STORE", "sqlite:////elsewhere/team.db")
    with using(tmp_path):
        assert store_url() == f"sqlite:///{tmp_path / 'zoo.db'}"
        with using(store=tmp_path / "own.db"):
            assert (zoo_home(), store_url()) == (tmp_path, f"sqlite:///{tmp_path / 'own.db'}")
            assert passed_on() == {"ZOO_HOME": str(tmp_path), "ZOO_STORE": f"sqlite:///{tmp_path / 'own.db'}"}
    assert store_url() == "sqlite:////elsewhere/team.db" and passed_on() == {}


def test_a_bar_is_shown_by_one_thread_at_a_time(monkeypatch):
    from zoo import bars

    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.delenv("ZOO_PROGRESS", raising=False)
    found = []
    with bars.progress_bar() as first:
        thread = threading.Thread(target=lambda: found.append(_shown(bars)))
        thread.start()
        thread.join()
    assert first is not None and found == [None]


def _shown(bars):
    with bars.progress_bar() as show:
        return show
