"""Grading many attempts: by threads of this process, or by an engine, whose workers grade in their machines' sandboxes."""

import atexit
import os
import pickle
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo.engines import Done, Job, Part, Place, Task, TaskDiedError, one_engine, outcomes
from zoo.errors import RunError
from zoo_homework.grades.grading import Graded, Grader, GradingOptions, homework_key, scratch_of
from zoo_homework.homework import Folder, Homework, open_homework
from zoo_homework.intake.attempts import Attempt
from zoo_homework.specs import HomeworkSpec
from zoo_homework.statuses import Status

WORKER = "zoo_homework.grades.mapping:begin"
OnProgress = Callable[[int, int], None]


def grade_all(
    attempts: Sequence[Attempt], homework: Homework, kept: Path, options: GradingOptions, progress: OnProgress | None = None
) -> list[Graded]:
    """Every attempt, in the order given. `kept` is the folder of what is finished."""
    done: dict[int, Graded] = {}
    with scratch_of(attempts, homework) as scratch:
        if options.engine == "here":
            each = _by_threads(attempts, Grader(homework, kept, options, scratch))
        else:
            each = _by_engine(attempts, homework, kept, options, scratch)
        for position, graded in each:
            done[position] = graded
            if progress is not None:
                progress(len(done), len(attempts))
    return [done[position] for position in range(len(attempts))]


def _by_threads(attempts: Sequence[Attempt], grader: Grader) -> Iterator[tuple[int, Graded]]:
    """The place of an attempt and what came of it, as they are done: each waits for a process of its own."""
    with ThreadPoolExecutor(grader.options.jobs or os.cpu_count() or 1) as pool:
        futures = {pool.submit(grader.grade, attempt): position for position, attempt in enumerate(attempts)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except (KeyboardInterrupt, GeneratorExit):
            pool.shutdown(cancel_futures=True)  # what has begun ends at its limits, what has not is left for next time
            raise


@dataclass(frozen=True)
class Told:
    """What a worker is told: the homework as it opens it itself, what to compare it by, and where things lie."""

    spec: HomeworkSpec
    test_set: str | None
    data_dir: Folder
    key: str
    kept: Path
    scratch: Path
    options: GradingOptions
    kinds: Sequence[Attempt]
    """An attempt of each kind, which says what inputs a machine needs that does not see `scratch`."""


def _by_engine(
    attempts: Sequence[Attempt], homework: Homework, kept: Path, options: GradingOptions, scratch: Path
) -> Iterator[tuple[int, Graded]]:
    """The place of an attempt and what came of it, as they are done. One whose workers die again and again costs itself."""
    kept.mkdir(parents=True, exist_ok=True)
    kinds = list({attempt.kind: attempt for attempt in attempts}.values())
    asked = homework.spec, homework.test_set, homework.data_dir
    told = Told(*asked, homework_key(homework), kept.absolute(), scratch, options, kinds)
    with one_engine(options.engine) as engine:
        job = Job(lambda: begin(pickle.dumps(told), Place(0, 1, 0)), WORKER, lambda: pickle.dumps(told))
        with closing(outcomes(engine, job, dict(enumerate(attempts)))) as events:
            for event in events:
                if isinstance(event, Done):
                    yield event.task, event.made
                elif isinstance(event, TaskDiedError):
                    why = f"the grader {event.how}, {event.times} times"
                    yield event.task, Graded(attempts[event.task], Status.INTERNAL, why)


def begin(pickled: bytes, place: Place) -> Any:
    """Make ready to grade. Raises RunError where the homework is another one here, or what is finished is not to be seen."""
    told: Told = pickle.loads(pickled)  # of the process that started this one
    opened = open_homework(told.spec.name, test_set=told.test_set, data_dir=told.data_dir)
    homework = replace(opened, spec=told.spec)  # as who grades may have changed its limits
    if homework_key(homework) != told.key:
        raise RunError(f"{_here()} has another {told.spec.name}", "give it the same plugins, versions and test set")
    if not told.kept.is_dir():
        raise RunError(f"{_here()} does not see {told.kept}", "set ZOO_HOME to a folder that all machines have")
    scratch = told.scratch
    if not scratch.is_dir():  # this is another machine
        own = ExitStack()
        atexit.register(own.close)
        scratch = own.enter_context(scratch_of(told.kinds, homework))
    grader = Grader(homework, told.kept, told.options, scratch)

    def work(tasks: Iterable[Task]) -> Iterator[Part | Done]:
        for task in tasks:
            yield Part(task.number, 1)
            yield Done(task.number, _graded(grader, task.note))

    return work


def _graded(grader: Grader, attempt: Attempt) -> Graded:
    if attempt.problem is None and attempt.path is not None and not os.path.lexists(attempt.path):
        return Graded(attempt, Status.INTERNAL, f"{_here()} does not see the submission")
    return grader.grade(attempt)


def _here() -> str:
    return f"a grader on {socket.gethostname()}"
