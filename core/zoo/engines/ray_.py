"""The engine `ray`: a worker for each core, or each GPU, of a Ray cluster, which is there or is started on this machine.

Its machines have the same plugins installed and one disk, on which `ZOO_HOME` and the data lie.
"""

import logging
import os
import pickle
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.cores import cores, threads_each
from zoo.engines.base import Event, Job, Place, Ready, Task, Work
from zoo.engines.dealing import Dealer, Died, Failed, Member, Message, Warned
from zoo.errors import OptionError, PluginError, reason_of
from zoo.home import passed_on
from zoo.lazy import load_target
from zoo.processes import known_warning, written


class Ray:
    """Actors of a cluster, each of which holds what its job loads; they end with the job."""

    def __init__(self, address: str) -> None:
        self.text = f"ray:{address}" if address else "ray"
        self._address = address
        self._actors: list[Actor] = []
        self._count = 0

    def map(self, job: Job, tasks: Iterator[Task], total: int) -> Iterator[Event]:
        self._connect()
        yield from Dealer(self, self._count, job, tasks, total)
        self.close()

    def start(self, number: int, job: Job) -> "Actor":
        """An actor that makes itself ready for the job, wherever the cluster has room."""
        told = job.told()
        place = Place(number, self._count, self._threads)
        remote = self._ray.remote(num_cpus=self._threads, num_gpus=1 if self._gpus else 0, max_restarts=0)(Worker).remote()
        actor = Actor(remote)
        actor.asked.append(remote.begin.remote(pickle.dumps(_surroundings()), job.target, told, place))
        self._actors.append(actor)
        return actor

    def hear(self) -> Iterable[tuple[Member, Message]]:
        """What actors say next: each answers what it is asked in order."""
        by_first = {actor.asked[0]: actor for actor in self._actors if actor.asked}
        answered, _ = self._ray.wait(list(by_first), num_returns=1)
        for reference in answered:
            actor = by_first[reference]
            actor.asked.pop(0)
            try:
                messages = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                messages = [Died(f"is gone: {reason_of(error)}")]
            for message in messages:
                yield actor, message

    def end(self, member: Member) -> None:
        """End an actor, if it has not ended."""
        assert isinstance(member, Actor)
        self._actors.remove(member)
        self._ray.kill(member.remote)

    def close(self) -> None:
        """End all of them. The cluster stays; one that was started for this ends with this process."""
        while self._actors:
            self.end(self._actors[-1])

    def _connect(self) -> None:
        """Join the cluster of the address, of `RAY_ADDRESS`, or that of this machine, or start one. Raises OptionError."""
        try:
            import ray
        except ImportError as error:
            raise PluginError("`engine=ray` needs Ray, which is not installed", "pip install 'deepzoo[ray]'") from error
        self._ray: Any = ray
        if not ray.is_initialized():
            address = self._address or os.environ.get("RAY_ADDRESS", "")
            try:
                _knock(address)
                self._ray.init(self._address or None, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
            except (OSError, RuntimeError, ValueError) as error:
                raise OptionError(
                    f"there is no Ray cluster at {address or 'hand'}: {reason_of(error)}", "see `ray status`"
                ) from error
        there = self._ray.cluster_resources()
        self._threads = threads_each(cores())
        self._gpus = int(there.get("GPU", 0))
        self._count = self._gpus or max(1, int(there.get("CPU", 1)) // self._threads)


def _knock(address: str) -> None:
    """Raise OSError where nobody answers at `HOST:PORT` or `ray://HOST:PORT`: Ray itself would ask again for many minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        with socket.create_connection((host.strip("[]"), int(port)), timeout=10):
            pass


@dataclass
class Actor:
    """A worker of the cluster, as this process sees it."""

    remote: Any
    asked: list[Any] = field(default_factory=list)
    """What it has not answered yet, in order."""

    def hand(self, task: Task) -> None:
        """Give it a task, behind those that it has."""
        self.asked.append(self.remote.work.remote(task))


class Worker:
    """A worker of the cluster, in its own process."""

    def __init__(self) -> None:
        self.working: Work | None = None

    def begin(self, surroundings: bytes, target: str, told: bytes, place: Place) -> list[Message]:
        """Make ready for a job, as if this were the machine of the coordinator."""
        try:
            _arrive(**pickle.loads(surroundings))
            self.working = load_target(target)(told, place)
        except BaseException as error:
            return [Failed(*written(error))]
        return [Ready(place)]

    def work(self, task: Task) -> list[Message]:
        """What comes of a task."""
        import warnings

        assert self.working is not None
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("default")
                *_, far, done = self.working([task])
        except BaseException as error:
            return [Failed(*written(error))]
        return [*(Warned(str(one.message), known_warning(one.category)) for one in told), far, done]


def _surroundings() -> dict[str, Any]:
    """Where this process looks for what is asked: names that are written relative to it mean the same elsewhere."""
    ours = {name: value for name, value in {**os.environ, **passed_on()}.items() if name.startswith("ZOO_")}
    return {"folder": str(Path.cwd()), "path": list(sys.path), "environment": ours}


def _arrive(folder: str, path: list[str], environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    if Path(folder).is_dir():
        os.chdir(folder)
    sys.path += [place for place in path if place not in sys.path]
