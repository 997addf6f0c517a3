"""Dealing: each task is done once, whoever dies; and a task that is deadly is found."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.engines import Done, Job, Part, Place, Ready, Task, TaskDiedError
from zoo.engines.dealing import MOST, Dealer, Died, Failed
from zoo.errors import ModelError, RunError
from zoo.processes import written

JOB = Job(begin=lambda: None, target="", told=lambda: b"")


class Toy:
    """A worker that does its tasks in order, and dies of those that are deadly."""

    def __init__(self, number):
        self.number, self.tasks, self.begun, self.gone = number, [], False, False

    def hand(self, task):
        self.tasks.append(task)


class Crew:
    """Workers in name only; which of them says something next is drawn."""

    def __init__(self, seed=0, deadly=(), still_born=0, dies=0.0, raises=()):
        self.random, self.deadly, self.still_born, self.dies, self.raises = random.Random(seed), deadly, still_born, dies, raises
        self.all, self.most = [], 0

    def start(self, number, job):
        worker = Toy(number)
        self.all.append(worker)
        return worker

    def hear(self):
        some = [worker for worker in self.all if not worker.gone and (worker.tasks or not worker.begun)]
        worker = self.random.choice(some)
        self.most = max(self.most, len(worker.tasks))
        yield worker, self.said(worker)

    def said(self, worker):
        if not worker.begun:
            if self.still_born:
                self.still_born -= 1
                return Died("ended with exit code 1")
            worker.begun = True
            return Ready(Place(worker.number, 1, 1))
        number = worker.tasks[0].number
        if number in self.raises:
            return Failed(*written(ModelError("it raises")))
        if number in self.deadly or self.random.random() < self.dies:
            return Died("was killed by SIGKILL")
        if self.random.random() < 0.5:
            return Part(number, 1)
        worker.tasks.pop(0)
        return Done(number, f"made of {number}")

    def end(self, worker):
        worker.gone = True


def dealt(crew, size, total):
    return list(Dealer(crew, size, JOB, iter([Task(number) for number in range(total)]), total))


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 40))
def test_every_task_is_done_once(seed, size, total):
    crew = Crew(seed)
    events = dealt(crew, size, total)
    assert sorted(event.task for event in events if isinstance(event, Done)) == list(range(total))
    assert sum(isinstance(event, Ready) for event in events) == 1 and isinstance(events[0], Ready)
    assert len(crew.all) <= min(size, total) and crew.most <= 2


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 40))
def test_every_task_is_done_once_though_workers_die(seed, size, total):
    try:
        events = dealt(Crew(seed, dies=0.05), size, total)
    except TaskDiedError as error:
        assert error.times == MOST  # by chance always over the same one
        return
    done = [event.task for event in events if isinstance(event, Done)]
    assert sorted(done) == list(range(total))
    under_way = {}
    for event in events:
        if isinstance(event, Part):
            under_way[event.task] = event.done
        elif isinstance(event, Done):
            under_way.pop(event.task, None)
    assert not any(under_way.values())  # what a dead worker had done of a task counts for nothing


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 11))
def test_a_deadly_task_is_found_and_no_other_blamed(seed, size, deadly):
    crew = Crew(seed, deadly={deadly})
    with pytest.raises(TaskDiedError) as caught:
        dealt(crew, size, 12)
    assert caught.value.task == deadly and caught.value.how == "was killed by SIGKILL"
    assert all(worker.gone for worker in crew.all)


def test_what_a_worker_raises_ends_all():
    crew = Crew(raises={3})
    with pytest.raises(ModelError, match="it raises"):
        dealt(crew, 2, 12)
    assert all(worker.gone for worker in crew.all)


def test_workers_that_never_begin_end_the_job():
    with pytest.raises(RunError, match="no worker begins: the last one ended with exit code 1"):
        dealt(Crew(still_born=MOST), 2, 12)
    assert dealt(Crew(still_born=MOST - 1), 1, 2)


def test_whoever_leaves_early_ends_the_workers():
    crew = Crew()
    events = iter(Dealer(crew, 2, JOB, iter([Task(0), Task(1)]), 2))
    next(events)
    events.close()
    assert all(worker.gone for worker in crew.all)
