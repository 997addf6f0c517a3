"""The engine `local:N`: N processes of this machine, each with its share of the cores, and a GPU each where there are some."""

import os
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from zoo.cores import threads_each
from zoo.engines.base import Event, Job, Place, Task
from zoo.engines.dealing import Dealer, Died, Member, Message
from zoo.home import passed_on
from zoo.processes import Child


@dataclass(frozen=True)
class Worker(Child):
    """A process of this engine."""

    def hand(self, task: Task) -> None:
        """Give it a task, behind those that it has."""
        self.tell(pickle.dumps(("task", task)))


class Local:
    """Processes that stay from one job to the next, and end with this one."""

    def __init__(self, count: int) -> None:
        self.text = f"local:{count}"
        self.count = count
        self._workers: list[Worker] = []
        self._idle: list[Worker] = []

    def map(self, job: Job, tasks: Iterator[Task], total: int) -> Iterator[Event]:
        self._idle = list(self._workers)
        yield from Dealer(self, self.count, job, tasks, total)

    def start(self, number: int, job: Job) -> Worker:
        """A worker that makes itself ready for the job: one that is there, or a new one."""
        told = job.told()
        place = Place(number, self.count, threads_each(self.count))
        if self._idle:
            worker = self._idle.pop()
        else:
            worker = Worker.started("zoo.engines.process", _environment(place.threads))
            self._workers.append(worker)
        worker.tell(pickle.dumps(("job", job.target, told, place)))
        return worker

    def hear(self) -> Iterable[tuple[Member, Message]]:
        """What workers say next."""
        by_pipe = {worker.heard: worker for worker in self._workers}
        for pipe in wait(list(by_pipe)):
            assert isinstance(pipe, Connection)
            worker = by_pipe[pipe]
            try:
                message = worker.hear()
            except (EOFError, OSError):
                message = Died(worker.how_it_ended())
            yield worker, message

    def end(self, member: Member) -> None:
        """End a worker, if it has not ended."""
        assert isinstance(member, Worker)
        self._workers.remove(member)
        self._idle = [worker for worker in self._idle if worker is not member]
        member.end()

    def close(self) -> None:
        """End all of them."""
        while self._workers:
            self.end(self._workers[-1])


def _environment(threads: int) -> dict[str, str]:
    return {**os.environ, **passed_on(), "OMP_NUM_THREADS": str(threads)}
