"""Cells of a sweep by an engine: those whose samples make one shard, which can be shared out to nobody, each whole to a worker.

A worker runs a cell as this process would, and writes its record to the same store.
"""

import os
import pickle
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from zoo.engines import Done, Engine, Job, Part, Place, Task, TaskDiedError
from zoo.errors import RunError
from zoo.home import zoo_home
from zoo.plugins.registry import Registry
from zoo.runs.record import RunRecord
from zoo.runs.working import device_at
from zoo.sweeps.cells import Cell, benchmark_of
from zoo.sweeps.result import Failure, result_of
from zoo.tasks.by_name import task_of

WORKER = "zoo.sweeps.mapping:begin"


@dataclass(frozen=True)
class Asked:
    """A cell with the keywords of `zoo.evaluate`."""

    cell: Cell
    keywords: Mapping[str, Any]


def is_one_shard(entries: Registry, asked: Asked) -> bool:
    """Whether a cell of names has no more samples than a shard, as far as its dataset declares how many these are."""
    if asked.cell.own:
        return False
    benchmark = benchmark_of(entries, asked.cell, asked.keywords["task"])
    samples = entries.dataset(benchmark.dataset).splits.get(benchmark.split)
    most = [count for count in (samples, asked.keywords["limit"]) if count is not None]
    return bool(most) and min(most) <= task_of(benchmark).shard_size


@dataclass(frozen=True)
class Told:
    """What a worker is told: whose home it is, a file there that only who has the same disk can see, and the device."""

    home: str
    token: str
    device: str


def map_cells(
    engine: Engine, asked: Mapping[int, Asked], begun: Callable[[int], object]
) -> Iterator[tuple[int, RunRecord | Failure]]:
    """The place of a cell and what came of it, as they are done. One whose workers die again and again costs itself."""
    left = dict(asked)
    token = zoo_home() / f".{uuid4().hex}.sweep"
    token.parent.mkdir(parents=True, exist_ok=True)
    token.touch()
    device = next(iter(asked.values())).keywords.get("device") or "auto"
    told = pickle.dumps(Told(str(zoo_home()), token.name, device))
    job = Job(lambda: begin(told, Place(0, 1, 0)), WORKER, lambda: told)
    try:
        while left:
            tasks = [Task(place, one) for place, one in left.items()]
            try:
                yield from _mapped(engine, job, tasks, left, begun)
            except TaskDiedError as error:
                why = f"whoever runs it dies; {error.times} workers, the last of which {error.how}"
                yield error.task, Failure(left.pop(error.task).cell, "RunError", why, "if memory ran out, take fewer workers")
    finally:
        token.unlink(missing_ok=True)


def _mapped(
    engine: Engine, job: Job, tasks: Sequence[Task], left: dict[int, Asked], begun: Callable[[int], object]
) -> Iterator[tuple[int, RunRecord | Failure]]:
    with closing(engine.map(job, iter(tasks), len(tasks))) as events:  # type: ignore[type-var]
        for event in events:
            if isinstance(event, Part):
                begun(event.task)
            elif isinstance(event, Done):
                del left[event.task]
                yield event.task, event.made


def begin(pickled: bytes, place: Place) -> Any:
    """Make ready to run cells. Raises RunError on a machine that has another disk, where nobody would find the records."""
    told: Told = pickle.loads(pickled)  # of the process that started this one
    os.environ["ZOO_HOME"] = told.home
    if not Path(told.home, told.token).is_file():
        hint = "set ZOO_HOME to a folder that all machines have"
        raise RunError(f"a worker on {socket.gethostname()} does not see {told.home}, where records and shards are put", hint)
    device_at(told.device, place)

    def work(tasks: Iterable[Task]) -> Iterator[Part | Done]:
        for task in tasks:
            asked: Asked = task.note
            yield Part(task.number, 0)
            keywords = {**asked.keywords, "engine": "here", "progress": False}
            yield Done(task.number, result_of(asked.cell, keywords))

    return work
