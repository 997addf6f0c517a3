"""Threads of a service that evaluate at once: what it counts is errors and wrong values, and memory at start, middle and end.

    python tests/bench/eight_threads.py --threads 8 --calls 400

Every call is one of a mixture: a finished run, a run that all threads begin at once, other models, modules of the caller's own
under a key, modules that draw, other homes. What each must give is computed before, one call after the other. Exits with 1 where
a call fails or gives another value, or a flag of the process is left changed.
"""

import argparse
import gc
import json
import os
import random
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Values = list[tuple[str, float | None]]


@dataclass
class Outcome:
    """What came of all calls."""

    calls: int = 0
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    rss_mib: list[float] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Flags of the process that are not as they were."""
    seconds: float = 0.0


def networks() -> Any:
    """Modules of a caller's own: one that draws by the seeds it is given, one that seeds torch itself, one that drops out."""
    import torch
    from torch import nn

    class Seeded(nn.Module):
        random = True

        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(64, 10)

        def forward(self, images: torch.Tensor, seeds: list[int]) -> torch.Tensor:
            noise = [torch.randn(10, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
            return self.line(images.flatten(1)) + torch.stack(noise)

    class Reseeding(Seeded):
        def forward(self, images: torch.Tensor, seeds: list[int]) -> torch.Tensor:
            rows = []
            for image, seed in zip(images, seeds, strict=True):
                torch.manual_seed(seed)
                time.sleep(0)  # lets another thread in, if anything does
                rows.append(self.line(image.flatten()) + torch.randn(10))
            return torch.stack(rows)

    class Dropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(64, 10)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.line(nn.functional.dropout(images.flatten(1), training=True))

    torch.manual_seed(0)
    plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    return {"seeded": Seeded(), "reseeding": Reseeding(), "dropping": Dropping(), "plain": plain}


def mixture(homes: list[Path]) -> dict[str, Callable[[int], Any]]:
    """What a call may be, given the number of the round."""
    import zoo

    nets = networks()

    def own(name: str, **more: Any) -> Callable[[int], Any]:
        return lambda turn: zoo.evaluate(
            nets[name], "digits", classes="dataset", key=f"{name} 1", name=name, limit=40, seed=turn % 3, **more
        )

    at = {} if not homes else {"home": homes[0]}
    other = {} if not homes else {"home": homes[1]}
    return {
        "finished": lambda turn: zoo.evaluate("intro/mlp", "digits", limit=60, **at),
        "begun by all": lambda turn: zoo.evaluate("intro/logistic", "digits", limit=30 + turn, **at),
        "another model": lambda turn: zoo.evaluate("cnn/lenet5@digits", "digits", limit=20 + turn % 5, **at),
        "fresh": lambda turn: zoo.evaluate("intro/mlp", "digits", limit=25, fresh=True, **at),
        "another home": lambda turn: zoo.evaluate("intro/logistic", "digits", limit=30 + turn % 7, **other),
        "own plain": own("plain", **at),
        "own seeded": own("seeded", **at),
        "own reseeding": own("reseeding", **other),
        "own dropping": own("dropping", **at),
    }


def values(record: Any) -> Values:
    return [(result.metric, result.value) for result in record.results]


def expected(calls: dict[str, Callable[[int], Any]], rounds: int) -> dict[tuple[str, int], Values]:
    """What each call of each round gives where nothing else runs."""
    return {(kind, turn): values(call(turn)) for kind, call in calls.items() for turn in range(rounds)}


def differs(one: Values, other: Values) -> bool:
    """Whether scores differ beyond the rounding of another number of threads of arithmetic."""
    return len(one) != len(other) or any(
        a != c or (b is None) != (d is None) or (b is not None and d is not None and abs(b - d) > 1e-6 * max(1.0, abs(b)))
        for (a, b), (c, d) in zip(one, other, strict=True)
    )


def flags() -> dict[str, Any]:
    """What a process has once, and a run must leave as it was."""
    import logging

    import torch

    return {
        "threads": torch.get_num_threads(),
        "dtype": str(torch.get_default_dtype()),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn": (torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "matmul": torch.get_float32_matmul_precision(),
        "fp32": torch.backends.cudnn.conv.fp32_precision,
        "filters": list(warnings.filters),
        "logging": logging.root.manager.disable,
        "stdout": id(sys.stdout),
        "directory": os.getcwd(),
        "environment": dict(os.environ),
        "path": list(sys.path),
        "torch": torch.get_rng_state().numpy().tobytes(),
        "random": random.getstate(),
    }


def rss() -> float:
    """Resident memory of this process, in MiB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measured(threads: int, calls: int, homes: list[Path], known: list[Path], kinds: Sequence[str] = ()) -> Outcome:
    """Run so many calls of these kinds, or of all, in `threads` at once.

    `known` are homes in which what they must give is computed before.
    """
    kinds = list(kinds or mixture(homes))
    each = calls // threads
    must = expected({kind: mixture(known)[kind] for kind in kinds}, -(-each // len(kinds)))
    todo, outcome, lock = {kind: mixture(homes)[kind] for kind in kinds}, Outcome(), threading.Lock()
    for call in todo.values():
        call(0)
    before, began = flags(), time.perf_counter()
    outcome.rss_mib.append(rss())
    gate = threading.Barrier(threads)

    def work(number: int) -> None:
        for count in range(each):
            turn, place = divmod(count, len(kinds))
            kind = kinds[place]  # all threads are at the same one at the same time, so that they meet
            with suppress(threading.BrokenBarrierError):
                gate.wait(timeout=30)
            try:
                found, error = values(todo[kind](turn)), ""
            except Exception as raised:
                found, error = [], f"{kind}: {type(raised).__name__}: {raised}"
            with lock:
                outcome.calls += 1
                outcome.kinds[kind] += 1
                if error:
                    outcome.errors.append(error)
                elif differs(found, must[kind, turn]):
                    outcome.wrong.append(f"{kind} {turn}: {found} instead of {must[kind, turn]}")
                if outcome.calls in (calls // 4, calls // 2, 3 * calls // 4):
                    outcome.rss_mib.append(rss())

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    outcome.seconds = time.perf_counter() - began
    outcome.rss_mib.append(rss())
    after = flags()
    outcome.left = [name for name in before if before[name] != after[name]]
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--without-homes", action="store_true", help="For a version that takes no home as an argument.")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        homes, known = ([Path(folder) / f"{what}-{name}" for name in "ab"] for what in ("home", "known"))
        if asked.without_homes:
            homes, known = [], []
        os.environ["ZOO_HOME"] = str(Path(folder) / "home")
        outcome = measured(asked.threads, asked.calls, homes, known)
    told = {
        "calls": outcome.calls,
        "kinds": dict(outcome.kinds),
        "errors": len(outcome.errors),
        "wrong": len(outcome.wrong),
        "flags left changed": outcome.left,
        "rss_mib": [round(size, 1) for size in outcome.rss_mib],
        "seconds": round(outcome.seconds, 1),
        "first": (outcome.errors + outcome.wrong)[:5],
    }
    print(json.dumps(told, indent=1))
    return 1 if outcome.errors or outcome.wrong or outcome.left else 0


if __name__ == "__main__":
    sys.exit(main())
