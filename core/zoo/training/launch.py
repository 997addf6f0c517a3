"""Several processes of one training: started, listened to, and ended together, whatever becomes of one of them.

This process only looks on, so that it can say which one died, and of what. The others meet by a file, so no port can be in use,
and end when this process does.
"""

import os
import pickle
import signal
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait

from zoo.errors import RunError, ZooError
from zoo.home import passed_on
from zoo.identity.watching import Watch
from zoo.processes import Child, raised
from zoo.remarks import listening
from zoo.specs import RecipeSpec
from zoo.training.job import TrainingJob, TrainResult
from zoo.training.plan import Asked

GRACE = 1.0
"""Seconds in which a failure may show that it follows from another process's death."""


@dataclass(frozen=True)
class Part:
    """What a process of a training is told."""

    recipe: RecipeSpec
    asked: Asked
    key: str
    rank: int
    meeting: str
    """Path of the file by which the processes find each other."""
    threads: int


@dataclass(frozen=True)
class Member(Child):
    """A process, as this one sees it."""

    rank: int


def threads_of(processes: int) -> int:
    """CPU threads of each process."""
    import torch

    return max(1, torch.get_num_threads() // processes)


def launch(recipe: RecipeSpec, asked: Asked, job: TrainingJob, watch: Watch) -> TrainResult:
    """Train in `job.processes` processes; remarks, doubts and progress of the first are taken for this one's.

    Raises what any of them raised, and RunError where one died; the others are then ended.
    """
    members: list[Member] = []
    meeting = job.folder / f".meeting.{os.urandom(6).hex()}.tmp"  # what dies with this process is cleared away with its lock
    try:
        for rank in range(job.processes):
            part = Part(recipe, replace(asked, progress=None), job.key, rank, str(meeting), threads_of(job.processes))
            members.append(_started(part))
        return _result(members, job, watch)
    finally:
        for member in members:
            member.end()
        meeting.unlink(missing_ok=True)


def _started(part: Part) -> Member:
    """A process that has been told its part."""
    member = Member.started("zoo.training.worker", _environment(), rank=part.rank)
    member.tell(pickle.dumps(part))
    return member


def _environment() -> dict[str, str]:
    """This process's, with what keeps the others on this machine: without a network no name of it may be known."""
    import socket

    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), None)
    ours = {"TORCH_CPP_LOG_LEVEL": "ERROR"}  # when one dies, the others' complaints are no news
    if loopback is not None:
        ours |= {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}
    return {**ours, **os.environ, **passed_on()}


def _result(members: Sequence[Member], job: TrainingJob, watch: Watch) -> TrainResult:
    """What the first process returns, as soon as it does."""
    listened = {member.heard: member for member in members}
    failed: list[BaseException] = []
    while listened:
        ready = wait(list(listened), timeout=GRACE if failed else None)
        if not ready:
            break
        for heard in ready:
            assert isinstance(heard, Connection)
            member = listened[heard]
            try:
                kind, *content = member.hear()
            except (EOFError, OSError):
                del listened[heard]
                failed.append(_death(member, job))
                continue
            if kind == "done":
                result, remarks, doubt = content
                _take_over(remarks, doubt, watch)
                return result  # type: ignore[no-any-return]
            if kind == "failed":
                failed.append(raised(f"process {member.rank} of the training", *content))
            elif kind == "progress" and job.progress is not None:
                job.progress(*content)
            elif kind == "warning":
                warnings.warn(content[0], content[1], stacklevel=2)
    raise _cause(failed)


def _take_over(remarks: Sequence[str], doubt: str, watch: Watch) -> None:
    heard = listening()
    if heard is not None:
        heard.update(dict.fromkeys(remarks))
    if doubt:
        watch.doubts[doubt] = None


class ProcessDiedError(RunError):
    """A process of a training ended without a word."""


def _death(member: Member, job: TrainingJob) -> ProcessDiedError:
    how = member.how_it_ended()
    kept = (
        "the same command goes on after the last finished epoch, with any number of `processes`"
        if (job.folder / "checkpoint.pt").is_file()
        else "no epoch was finished, so the same command begins anew"
    )
    killed = member.process.returncode == -signal.SIGKILL
    memory = "; if memory ran out, take fewer, smaller batches, or training/zero-3" if killed else ""
    return ProcessDiedError(f"process {member.rank} of {job.processes} of the training of {job.recipe.name} {how}", kept + memory)


def _cause(failed: Sequence[BaseException]) -> BaseException:
    """Of several failures the one from which the others follow: a death, else what is no bug, else the first."""
    return next((one for kind in (ProcessDiedError, ZooError) for one in failed if isinstance(one, kind)), failed[0])
