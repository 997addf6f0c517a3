"""What an engine is: it maps tasks, each of which stands for itself, and tells what came of them in whatever order."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from zoo.errors import RunError


class Task(NamedTuple):
    """One of the tasks of a job, by its number; `note` is what whoever works on it must know beside that."""

    number: int
    note: Any = None


class Place(NamedTuple):
    """Where a worker stands: the how-manieth it is of how many, and how many CPU threads it may take."""

    number: int
    processes: int
    threads: int


class Ready(NamedTuple):
    """The first worker is ready, after which tasks are worked on."""

    place: Place


class Part(NamedTuple):
    """How much of a task is done so far; 0 where its worker has died, and another begins it anew."""

    task: int
    done: int


class Done(NamedTuple):
    """A task is done, and `made` is what came of it."""

    task: int
    made: Any


Event = Ready | Part | Done
Work = Callable[[Iterable[Task]], Iterator[Part | Done]]
"""Works on tasks one after another; it may ask for the next one before it is done with the last."""


@dataclass(frozen=True)
class Job:
    """What workers are made ready for: by `begin` in this process, and elsewhere by what `target` names, called with `told`.

    `told` is pickled; the target (`"pkg.module:attr"`) gets it and the worker's Place.
    """

    begin: Callable[[], Work]
    target: str
    told: Callable[[], bytes]


class Engine(Protocol):
    """Maps the tasks of a job."""

    text: str
    """As it is written: `here`, `local:2`, `ray:auto`."""

    def map(self, job: Job, tasks: Iterator[Task], total: int) -> Iterator[Event]:
        """What happens while the `total` tasks are worked on, each of which is done once; they are asked for one by one.

        Raises what a worker raised, TaskDiedError where a task ends its worker again and again, RunError where no worker starts.
        Whoever closes the iterator early ends the workers.
        """

    def close(self) -> None:
        """End the workers."""


class TaskDiedError(RunError):
    """Whoever worked on a task died of it, `times` times."""

    def __init__(self, task: int, times: int, how: str) -> None:
        super().__init__(f"a worker {how}, {times} times over task {task}")
        self.task, self.times, self.how = task, times, how

    def __reduce__(self) -> Any:
        return TaskDiedError, (self.task, self.times, self.how)


def outcomes(engine: Engine, job: Job, notes: Mapping[int, Any]) -> Generator[Event | TaskDiedError, None, None]:
    """What comes of tasks, given by number and note, that have nothing to do with each other.

    One that ends its workers again and again is told of by that error, and the others go on. Whoever closes it early ends the
    workers.
    """
    left = dict(notes)
    while left:
        tasks = [Task(number, note) for number, note in left.items()]
        try:
            with closing(engine.map(job, iter(tasks), len(tasks))) as events:  # type: ignore[type-var]
                for event in events:
                    if isinstance(event, Done):
                        del left[event.task]
                    yield event
        except TaskDiedError as error:
            del left[error.task]
            yield error
