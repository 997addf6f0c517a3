"""One process of several of a training: it is told its part by its standard input, and answers by its standard output.

When the input ends, so does the process: whoever started it is gone. What code prints goes to the standard error.
"""

import os
import pickle
import threading
import warnings
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from zoo.processes import Teller, known_warning, pipes, written

if TYPE_CHECKING:
    from zoo.training.job import TrainResult
    from zoo.training.launch import Part

LONG = 7
"""Days that a process waits for another: a death is found otherwise, and validation may take as long as it likes."""


def main() -> None:
    """Train as told; after an error wait to be ended, so that no other process stumbles over the silence first."""
    told, says = pipes()
    part: Part = pickle.loads(told.recv_bytes())  # of the process that started this one
    ending = threading.Thread(target=_end_with, args=(told,), daemon=True)
    ending.start()
    tell = Telling(says, part.rank)
    try:
        answer = ("done", *_trained(part, tell))
    except BaseException as error:
        tell(("failed", *written(error)))
    else:
        if part.rank == 0:
            tell(answer)
    ending.join()


class Telling(Teller):
    """Sends messages; progress and warnings of the first process only, as all are alike."""

    def __init__(self, says: Connection, rank: int) -> None:
        super().__init__(says)
        self.rank = rank

    def progress(self, step: Any) -> None:
        self(("progress", step))

    def warning(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if self.rank == 0:
            self(("warning", str(message), known_warning(category)))


def _end_with(told: Connection) -> None:
    try:
        told.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _trained(part: "Part", tell: Telling) -> "tuple[TrainResult, list[str], str]":
    """The result of this process, with the remarks and the doubt of the first."""
    from dataclasses import replace
    from datetime import timedelta

    import torch
    from torch import distributed

    from zoo.errors import RunError
    from zoo.plugins.registry import registry
    from zoo.remarks import hearing
    from zoo.training.plan import plan_training
    from zoo.training.run import trained, watch_over

    torch.set_num_threads(part.threads)
    with warnings.catch_warnings():  # the process that started this one has planned the same, and said so
        warnings.simplefilter("ignore")
        job = plan_training(registry(), part.recipe, part.asked)
    if job.key != part.key:
        raise RunError("data, plugins or libraries were changed while a training began", "train again")
    device = f"cuda:{part.rank}" if job.device == "cuda" else job.device
    job = replace(job, rank=part.rank, device=device, progress=tell.progress if part.rank == 0 else None)
    if device != "cpu":
        torch.cuda.set_device(part.rank)
    distributed.init_process_group(
        "nccl" if device != "cpu" else "gloo",
        init_method=f"file://{part.meeting}",
        rank=part.rank,
        world_size=job.processes,
        timeout=timedelta(days=LONG),
    )
    job.techniques.check(device, job.recipe)  # and so bound: what a trainer opens is watched
    watch = watch_over(job)
    warnings.showwarning = tell.warning
    with hearing(None) as remarks:
        result = trained(job, watch)
    job.check_taken()
    return result, list(remarks), watch.doubt()
