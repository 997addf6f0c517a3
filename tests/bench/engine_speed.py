"""Two processes against one, each on one thread: medians of alternating runs of a ResNet-101 on images of 64 x 64. A script.

    python tests/bench/engine_speed.py --images 6144 --rounds 5

Of `local:1` and `local:N` it prints what a whole command takes, samples a second once a worker is ready, and CPU seconds of the
coordinator and of each worker. On a busy machine the wall clock says little; the CPU seconds say how long it would take on free
cores: those of the coordinator and those of the worker that has most. They are of processes that ran side by side, and so know of
caches and memory that these share.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

NETS = """
from torchvision.models import resnet101


def net():
    import torch

    torch.manual_seed(0)
    return resnet101(num_classes=10).eval()
"""
RUN = """
import sys, torch, zoo, speed_nets
count = int(sys.argv[2])
images = torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
labels = [place % 10 for place in range(count)]
settings = dict(classes="dataset", key="speed", fresh=True, progress=False)
record = zoo.evaluate(speed_nets.net(), (images, labels), engine=sys.argv[1], **settings)
print(record.cost.samples_per_second, [(one.metric, one.value) for one in record.results if one.detail is None])
"""


class Timed(NamedTuple):
    """What a command took."""

    seconds: float
    coordinator: float
    """CPU seconds."""
    workers: list[float]
    rate: float
    scores: str

    @property
    def free(self) -> float:
        """Seconds on free cores."""
        return self.coordinator + max(self.workers)


def timed(engine: str, images: int, environment: dict[str, str]) -> Timed:
    """One run from the command to its end."""
    began = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-c", RUN, engine, str(images)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    used: dict[int, float] = {}
    while process.poll() is None:
        used |= {pid: cpu for pid, parent, cpu in processes() if process.pid in (pid, parent)}
        time.sleep(0.05)
    assert process.returncode == 0 and process.stdout is not None, "the run failed"
    seconds = time.perf_counter() - began
    rate, _, scores = process.stdout.read().partition(" ")
    coordinator = used.pop(process.pid)
    count = int(engine.rpartition(":")[2])
    return Timed(seconds, coordinator, sorted(used.values(), reverse=True)[:count], float(rate), scores)


def processes() -> list[tuple[int, int, float]]:
    """Number, parent and CPU seconds of every process."""
    found, tick = [], os.sysconf("SC_CLK_TCK")
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found.append((int(path.parent.name), int(fields[1]), (int(fields[11]) + int(fields[12])) / tick))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=6144)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    engines = ("local:1", f"local:{asked.processes}")
    found: dict[str, list[Timed]] = {engine: [] for engine in engines}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "speed_nets.py").write_text(NETS)
        path = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH", ""))))
        environment = {**os.environ, "ZOO_HOME": f"{folder}/home", "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        for number in range(asked.rounds):
            for engine in engines:
                run = timed(engine, asked.images, environment)
                found[engine].append(run)
                cpu = ", ".join(f"{seconds:.1f}" for seconds in (run.coordinator, *run.workers))
                told = f"{run.seconds:.1f} s, CPU {cpu} s, {run.rate:.0f} samples/s, load {os.getloadavg()[0]:.1f}"
                print(f"{number} {engine}: {told}", flush=True)
    one, several = (found[engine] for engine in engines)

    def ratio(first: list[float], second: list[float]) -> str:
        before, after = statistics.median(first), statistics.median(second)
        return f"{before:.1f} and {after:.1f}, {before / after:.2f} times"

    print(f"scores equal to the last digit: {len({run.scores for run in one + several}) == 1}")
    print(f"seconds of the command: {ratio([run.seconds for run in one], [run.seconds for run in several])}")
    print(f"seconds a sample, x 1,000: {ratio([1e3 / run.rate for run in one], [1e3 / run.rate for run in several])}")
    print(f"seconds on free cores: {ratio([run.free for run in one], [run.free for run in several])}")


if __name__ == "__main__":
    main()
