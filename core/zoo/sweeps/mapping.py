"""Cells of a sweep by an engine: those whose samples make one shard, which can be shared out to nobody, each whole to a worker.

A worker runs a cell as this process would, and writes its record to the same store.
"""

import pickle
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from zoo.cores import sharing
from zoo.engines import Done, Engine, Job, Part, Place, Task, TaskDiedError, outcomes
from zoo.errors import RunError, ZooError
from zoo.home import scratch, using, zoo_home
from zoo.opening.written import is_written
from zoo.plugins.registry import Registry
from zoo.runs.database import store_url
from zoo.runs.record import RunRecord
from zoo.runs.working import device_at
from zoo.sweeps.cells import Cell, benchmark_of
from zoo.sweeps.result import Failure, result_of
from zoo.tasks.by_name import task_of

WORKER = "zoo.sweeps.mapping:begin"


@dataclass(frozen=True)
class CellRun:
    """A cell with the keywords of `zoo.evaluate`."""

    cell: Cell
    keywords: Mapping[str, Any]


Results = Iterator[tuple[int, RunRecord | Failure]]
"""The place of a cell and what came of it."""


def is_one_shard(entries: Registry, run: CellRun) -> bool:
    """Whether a cell of names has no more samples than a shard, as far as its dataset declares how many these are."""
    if run.cell.own or not all(isinstance(one, str) and not is_written(one) for one in run.keywords["aux"].values()):
        return False
    benchmark = benchmark_of(entries, run.cell, run.keywords["task"])
    samples = entries.dataset(benchmark.dataset).splits.get(benchmark.split)
    most = [count for count in (samples, run.keywords["limit"]) if count is not None]
    return bool(most) and min(most) <= task_of(benchmark).shard_size


@dataclass(frozen=True)
class Told:
    """What a worker is told: whose home and store it is, a file there that only who has the same disk can see, and the device."""

    home: str
    store: str
    token: str
    device: str


def map_cells(engine: Engine, runs: Mapping[int, CellRun], begun: Callable[[int], object]) -> Results:
    """What came of cells, as they are done; `begun` is told of each that begins.

    One over which workers die again and again costs itself; what no worker can do costs all that are left.
    """
    left = dict(runs)  # what is not told of yet
    device = next(iter(runs.values())).keywords.get("device") or "auto"
    try:
        with scratch(zoo_home() / uuid4().hex) as token:
            told = pickle.dumps(Told(str(zoo_home()), store_url(), token.name, device))
        try:
            with closing(outcomes(engine, Job(_nowhere, WORKER, lambda: told), runs)) as events:
                for event in events:
                    if isinstance(event, Part):
                        begun(event.task)
                    elif isinstance(event, Done):
                        del left[event.task]
                        yield event.task, event.made
                    elif isinstance(event, TaskDiedError):
                        yield event.task, _died(left.pop(event.task).cell, event)
        finally:
            token.unlink(missing_ok=True)
    except ZooError as error:
        for place, run in left.items():
            yield place, Failure(run.cell, type(error).__name__, error.message, error.hint)


def _died(cell: Cell, error: TaskDiedError) -> Failure:
    why = f"whoever runs it dies; {error.times} workers, the last of which {error.how}"
    return Failure(cell, "RunError", why, "if memory ran out, take fewer workers")


def _nowhere() -> Any:
    raise RunError("cells are mapped by engines of other processes", "run them one after another")


def begin(pickled: bytes, place: Place) -> Any:
    """Make ready to run cells. Raises RunError on a machine that has another disk, where nobody would find the records."""
    told: Told = pickle.loads(pickled)  # of the process that started this one
    if not Path(told.home, told.token).is_file():
        hint = "set ZOO_HOME to a folder that all machines have"
        raise RunError(f"a worker on {socket.gethostname()} does not see {told.home}, where records and shards are put", hint)
    device_at(told.device, place)

    def work(tasks: Iterable[Task]) -> Iterator[Part | Done]:
        for task in tasks:
            yield Part(task.number, 0)
            with using(told.home, told.store), sharing(place.threads):
                made = _made(task.note)
            yield Done(task.number, made)

    return work


def _made(run: CellRun) -> RunRecord | Failure:
    """What comes of a cell here. Of two that are the same run one waits for the other, as if they were asked for in turn."""
    wait = run.keywords.get("wait")
    return result_of(run.cell, {**run.keywords, "engine": "here", "progress": False, "wait": True if wait is None else wait})
