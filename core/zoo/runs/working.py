"""A worker of a run, in another process or on another machine: it plans the same run as the coordinator, and computes shards.

The coordinator alone holds the run's lock and puts shards into their places: none is ever that of a worker nobody waits for.
"""

import os
import pickle
import socket
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from zoo.engines import Done, Part, Place, Task
from zoo.errors import OptionError, RunError, reason_of
from zoo.home import zoo_home
from zoo.runs.key import same
from zoo.runs.plan import Plan
from zoo.runs.request import How, Request

WORKER = "zoo.runs.working:begin"


@dataclass(frozen=True)
class Told:
    """What a worker is told of a run."""

    request: Request
    how: How
    key: str
    manifest: dict[str, Any]
    batch_size: int
    home: str
    token: str
    """Name of a file in the run's folder, which only who has the same disk can see."""


def told_of(plan: Plan, how: How, batch_size: int, token: str) -> bytes:
    """What workers are told, pickled. Raises OptionError where a model or data of the caller's own cannot be sent."""
    asked = plan.asked
    assert asked is not None
    for model in (plan.model, *plan.aux.values()):
        if model.own and not model.identity:
            raise OptionError(
                f"{how.engine} would compute with {model.info.name} in other processes, and none can tell whether it is the same",
                "give it a `key`, which stands for what it reads beside its code and tensors",
            )
    how = how.model_copy(update={"progress": None})
    told = Told(asked, how, plan.key, plan.manifest, batch_size, str(zoo_home()), token)
    try:
        return pickle.dumps(told)
    except Exception as error:
        raise _unsendable(how.engine, error) from error


def begin(pickled: bytes, place: Place) -> Any:
    """Make ready for the shards of a run. Raises RunError where it is another one here."""
    from zoo.plugins.registry import one_look_up
    from zoo.remarks import hearing
    from zoo.runs.computing import Computer
    from zoo.runs.loading import Reading, loading_threads
    from zoo.runs.plan import plan_run

    try:
        told: Told = pickle.loads(pickled)  # of the process that started this one
    except Exception as error:
        raise _unsendable("an engine of other processes", error) from error
    os.environ["ZOO_HOME"] = told.home
    with one_look_up() as entries, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the coordinator has planned the same, and said so
        plan = plan_run(entries, told.request)
    if not same(plan.manifest, told.manifest):
        raise RunError(f"{_here()} plans another run: {_differing(plan.manifest, told.manifest)} differ", "run it again")
    plan = replace(plan, key=told.key, manifest=told.manifest)
    if not (plan.folder / told.token).is_file():
        hint = "set ZOO_HOME to a folder that all machines have"
        raise RunError(f"{_here()} does not see {plan.folder}, where the run's shards are put", hint)
    device = device_at(told.how.device, place)
    threads = loading_threads(plan.dataset, told.how.workers, place.threads)
    heard: dict[str, None] = {}
    with hearing(heard):
        samples = Reading(plan.dataset, plan.task)
        computer = Computer(plan, told.how, device, samples, told.batch_size, threads, place.processes)

    def work(tasks: Iterable[Task]) -> Iterator[Part | Done]:
        with hearing(heard):
            yield from computer(tasks)

    return work


def device_at(name: str, place: Place) -> Any:
    """The device of a name as a worker has it, with its threads: of several GPUs the one of its number."""
    import torch

    from zoo.devices import pick_device

    device = pick_device(name)
    if device.type == "cpu":
        torch.set_num_threads(place.threads)
    elif device.type == "cuda" and device.index is None and torch.cuda.device_count() > 1:
        device = torch.device("cuda", place.number % torch.cuda.device_count())
        torch.cuda.set_device(device)
    return device


def _here() -> str:
    return f"a worker on {socket.gethostname()}"


def _differing(manifest: dict[str, Any], other: dict[str, Any]) -> str:
    """The parts of two manifests that differ."""
    names = [name for name in sorted({*manifest, *other} - {"once"}) if manifest.get(name) != other.get(name)]
    return ", ".join(names)


def _unsendable(engine: str, error: Exception) -> OptionError:
    return OptionError(
        f"{engine} cannot take your own model or data to other processes: {reason_of(error)}",
        "define it in a module that can be imported, not in a script or notebook",
    )
