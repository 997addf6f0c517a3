"""Dealing: which worker gets which task, and what becomes of the tasks of one that dies; for every engine that has workers."""

import warnings
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from zoo.engines.base import Done, Event, Job, Part, Ready, Task, TaskDiedError
from zoo.errors import RunError
from zoo.processes import known_warning, raised

MOST = 3
"""Deaths of workers that one task may cost; and deaths in a row of those that have not begun."""


class Failed(NamedTuple):
    """A worker raised something: no other would do better."""

    pickled: bytes | None
    text: str
    """The traceback."""


class Died(NamedTuple):
    """A worker is gone: `was killed by SIGKILL`."""

    how: str


class Warned(NamedTuple):
    """A worker warned of something."""

    text: str
    category: type[Warning]


Message = Ready | Part | Done | Failed | Died | Warned


class Member(Protocol):
    """A worker, as whoever deals sees it."""

    def hand(self, task: Task) -> None:
        """Give it a task, behind those that it has."""


class Crew(Protocol):
    """How an engine starts workers, hears of them and ends them."""

    def start(self, number: int, job: Job) -> Member:
        """A worker that makes itself ready for the job."""

    def hear(self) -> Iterable[tuple[Member, Message]]:
        """What workers say next; waits until there is something."""

    def end(self, member: Member) -> None:
        """End a worker, if it has not ended."""


class Dealer:
    """Deals the tasks of one job to `size` workers.

    A worker that is ready has a task, and as long as there are enough of them the next one, too, so that it can prepare it. A
    task whose worker died is dealt alone: if its worker dies again, it was that task.
    """

    def __init__(self, crew: Crew, size: int, job: Job, tasks: Iterator[Task], total: int) -> None:
        self.crew, self.job = crew, job
        self.size = min(size, total)
        self.tasks, self.fresh = tasks, total
        self.again: deque[Task] = deque()
        self.deaths: Counter[int] = Counter()
        self.still_born = 0
        self.held: dict[int, list[Task]] = {}
        """Tasks of each worker that is ready, by its place."""
        self.members: dict[int, Member] = {}
        self.begun = False
        self.heard: set[str] = set()

    def __iter__(self) -> Iterator[Event]:
        try:
            for number in range(self.size):
                self.members[number] = self.crew.start(number, self.job)
            while self.fresh or self.again or any(self.held.values()):
                for member, message in self.crew.hear():
                    found = [number for number, one in self.members.items() if one is member]
                    if found:
                        yield from self._taken(found[0], message)
                    elif isinstance(message, Died):  # one that this job has no need of
                        self.crew.end(member)
        except BaseException:  # GeneratorExit too: what is half done is nobody's
            for member in self.members.values():
                self.crew.end(member)
            raise
        for number, member in self.members.items():
            if number not in self.held:  # it is still on its way
                self.crew.end(member)

    def _taken(self, number: int, message: Message) -> Iterator[Event]:
        if isinstance(message, Failed):
            raise raised("a worker", message.pickled, message.text)
        if isinstance(message, Died):
            yield from self._buried(number, message.how)
        elif isinstance(message, Warned):
            if message.text not in self.heard:
                self.heard.add(message.text)
                warnings.warn(message.text, known_warning(message.category), stacklevel=2)
        elif isinstance(message, Ready):
            self.held[number], self.still_born = [], 0
            if not self.begun:
                self.begun = True
                yield message
            self._deal(number)
        else:
            if isinstance(message, Done):
                self.held[number] = [task for task in self.held[number] if task.number != message.task]
                self._deal(number)
            yield message

    def _deal(self, number: int) -> None:
        held = self.held[number]
        while (task := self._next(held)) is not None:
            held.append(task)
            self.members[number].hand(task)

    def _next(self, held: Sequence[Task]) -> Task | None:
        """The next task for a worker that has some, if it should have another one now."""
        if not held and self.again:
            return self.again.popleft()
        alone = any(self.deaths[task.number] for task in held)
        if not self.fresh or (held and (alone or len(held) > 1 or self.fresh < self.size)):
            return None
        self.fresh -= 1
        return next(self.tasks)

    def _buried(self, number: int, how: str) -> Iterator[Event]:
        """A worker has died: its tasks go to others, and another takes its place."""
        self.crew.end(self.members.pop(number))
        tasks = self.held.pop(number, None)
        if tasks is None:
            self.still_born += 1
            if self.still_born >= MOST:
                raise RunError(f"no worker begins: the last one {how}", "see above what it said; if memory ran out, take fewer")
        for task in tasks or ():
            self.deaths[task.number] += 1
            if self.deaths[task.number] >= MOST:
                raise TaskDiedError(task.number, MOST, how)
            self.again.append(task)
            yield Part(task.number, 0)
        self.members[number] = self.crew.start(number, self.job)
        for other in list(self.held):  # one that had nothing to do may have now
            if not self.held[other]:
                self._deal(other)
