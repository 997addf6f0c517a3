"""A thousand workers, by simulation: what the coordinator pays a shard is measured here, and the rest follows. A script.

    python tests/bench/simulate_workers.py --shards 400

Measured: the coordinator's seconds a shard while workers compute (a message through a pipe, the shard moved to its place, the
next one handed out) and afterwards (the shard read and scored), and what writing one takes a worker. Simulated: N workers that
take T seconds a shard, of which the coordinator serves one at a time.
"""

import argparse
import heapq
import os
import pickle
import tempfile
import time
from collections.abc import Iterable, Iterator
from multiprocessing import Pipe
from typing import Any

SAMPLES = 512
"""Of a shard of `classify`."""


class Replay:
    """Workers whose shards are made already, and are told of through a pipe: the coordinator's part is timed alone."""

    text = "replay"

    def __init__(self, events: dict[int, list[Any]]) -> None:
        self.events = events
        self.theirs, self.ours = Pipe()
        self.waiting: list[tuple[Any, int]] = []

    def map(self, job: Any, tasks: Iterator[Any], total: int) -> Iterator[Any]:
        from zoo.engines.dealing import Dealer

        yield from Dealer(self, 8, job, tasks, total)

    def start(self, number: int, job: Any) -> Any:
        from zoo.engines import Place, Ready

        member = Member(self)
        member.saying.append(Ready(Place(number, 8, 1)))
        self.waiting.append((member, 1))
        return member

    def hear(self) -> Iterable[tuple[Any, Any]]:
        member, _ = self.waiting.pop(0)
        message = member.saying.pop(0)
        self.theirs.send_bytes(pickle.dumps(message))
        yield member, pickle.loads(self.ours.recv_bytes())

    def end(self, member: Any) -> None:
        pass

    def close(self) -> None:
        pass


class Member:
    """One of them."""

    def __init__(self, crew: Replay) -> None:
        self.crew, self.saying = crew, list[Any]()

    def hand(self, task: Any) -> None:
        pickle.loads(pickle.dumps(("task", task)))
        for event in self.crew.events[task.number]:
            self.saying.append(event)
            self.crew.waiting.append((self, 1))


def measured(shards: int, classes: int) -> dict[str, float]:
    """Seconds a shard: of the coordinator while workers compute, of scoring, of writing; and bytes."""
    import torch

    from zoo.engines import Done, Job, Task
    from zoo.home import zoo_home
    from zoo.plugins.registry import one_look_up
    from zoo.runs import resuming
    from zoo.runs.computing import Computer, Wanted
    from zoo.runs.folding import fold
    from zoo.runs.loading import Reading, Threads
    from zoo.runs.plan import plan_run
    from zoo.runs.record import Shards
    from zoo.runs.request import How, Request

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(shards * SAMPLES, 16, generator=generator)
    labels = (torch.arange(len(inputs)) % classes).tolist()
    net = torch.nn.Linear(16, classes).eval()
    asked = {
        name: field.get_default(call_default_factory=True) for name, field in Request.model_fields.items() if name != "model"
    }
    request = Request.of({**asked, "model": net, "benchmark": (inputs, labels), "classes": "dataset"})
    how = How()
    with one_look_up() as entries:
        plan = plan_run(entries, request)
        computer = Computer(plan, how, torch.device("cpu"), Reading(plan.dataset, plan.task), SAMPLES, Threads(0, 0))
        tasks = [Task(shard.index, Wanted()) for shard in plan.shards()]
        events: dict[int, list[Any]] = {task.number: [] for task in tasks}
        for event in computer(tasks):
            events[event.task].append(event)
        done = resuming.Computed(Shards(total=shards, computed=shards, reused=0))
        mapping = resuming._Mapping(plan, how, plan.shards(), done)
        began = time.process_time()
        mapping.run(Replay(events), Job(lambda: None, "", lambda: b""))
        mapped = time.process_time() - began
        began = time.process_time()
        fold(plan, {})
        folded = time.process_time() - began
    made = next(event.made for event in events[0] if isinstance(event, Done))
    sizes = [path.stat().st_size for path in plan.folder.glob("shards/*.parquet")]
    content = os.urandom(sum(sizes) // len(sizes))
    began = time.perf_counter()
    for number in range(50):
        with open(zoo_home() / f"probe-{number}", "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    written = (time.perf_counter() - began) / 50
    assert made.file is not None and len(sizes) == shards
    return {"mapping": mapped / shards, "scoring": folded / shards, "writing": written, "bytes": sum(sizes) / shards}


def simulated(workers: int, shards: int, seconds: float, cost: dict[str, float]) -> float:
    """Seconds from the first shard handed out to the scores, of workers that take so long a shard."""
    free = [(0.0, number) for number in range(workers)]  # when a worker may ask for its next shard
    heapq.heapify(free)
    coordinator, last = 0.0, 0.0
    for _ in range(shards):
        asked, number = heapq.heappop(free)
        coordinator = max(coordinator, asked) + cost["mapping"]  # one after another: the answer, and the next shard
        finished = coordinator + seconds + cost["writing"]
        last = max(last, finished)
        heapq.heappush(free, (finished, number))
    return last + shards * cost["scoring"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shards", type=int, default=400, help="measured")
    parser.add_argument("--of", type=int, default=20_000, help="simulated")
    asked = parser.parse_args()
    for classes in (10, 1000):
        with tempfile.TemporaryDirectory() as home:
            os.environ["ZOO_HOME"] = home
            cost = measured(asked.shards if classes == 10 else asked.shards // 4, classes)
        print(
            f"{classes} classes, {SAMPLES} samples a shard, {cost['bytes'] / 1024:.0f} KiB: coordinator "
            f"{cost['mapping'] * 1e3:.2f} ms while they compute, {cost['scoring'] * 1e3:.2f} ms to score; "
            f"written by a worker in {cost['writing'] * 1e3:.1f} ms"
        )
        print(f"at most {1 / cost['mapping']:.0f} shards/s, {SAMPLES / cost['mapping']:,.0f} samples/s, are taken from workers")
        for seconds in (0.5, 5.0, 50.0):
            row = []
            for workers in (1, 10, 100, 1000):
                alone = asked.of * (seconds + cost["writing"] + cost["mapping"] + cost["scoring"])
                row.append(f"{workers}: {alone / simulated(workers, asked.of, seconds, cost) / workers:.3f}")
            print(f"  {seconds:4} s a shard, efficiency of {', '.join(row)}")


if __name__ == "__main__":
    main()
