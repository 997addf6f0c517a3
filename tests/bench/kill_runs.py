"""Random SIGKILLs of coordinators and workers during real runs: what is lost, altered or doubled.

    python tests/bench/kill_runs.py --engine local:2 --kills 100 --seed 0

Every run is of 16 shards. After each kill of the coordinator the same command is given again, as its user would; what a run
leaves in the end is held against the same run in one process that nobody killed. With `--engine ray` a cluster of two nodes is
started here, and its workers are killed. With `--shards` predictions are kept by a server of this machine that speaks S3.
"""

import argparse
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

NETS = """
import os, time
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(3, 4, generator=generator))

    def forward(self, inputs):
        time.sleep(float(os.environ.get("KILL_DELAY", 0)))
        return inputs @ self.weight.T
"""
RUN = """
import sys, torch, kill_nets, zoo
inputs = torch.randn(8192, 4, generator=torch.Generator().manual_seed(1))
labels = (inputs[:, :3].argmax(1)).tolist()
settings = dict(engine=sys.argv[1], classes="dataset", key="kills", batch_size=128)
record = zoo.evaluate(kill_nets.Net(), (inputs, labels), **settings)
print(record.run_id, flush=True)
"""
HARM = ("records lost", "scores altered", "shards lost", "shards altered", "shards doubled", "left half written")


class Runs:
    """Runs in a home of their own, and what is known of an unharmed one."""

    def __init__(self, folder: Path, engine: str, seed: int, delay: float) -> None:
        self.folder, self.engine, self.random = folder, engine, random.Random(seed)
        self.home = folder / "home"
        self.table: Counter[str] = Counter()
        (folder / "nets").mkdir()
        (folder / "nets" / "kill_nets.py").write_text(NETS)
        path = os.pathsep.join(filter(None, (str(folder / "nets"), os.environ.get("PYTHONPATH", ""))))
        self.environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "KILL_DELAY": str(delay)}
        whole = self.start("here", folder / "whole", KILL_DELAY="0")
        assert whole.wait() == 0, "the run that nobody kills fails"
        self.reference = self.record(folder / "whole")
        self.shards = self.read(folder / "whole")

    def start(self, engine: str, home: Path, **more: str) -> "subprocess.Popen[str]":
        environment = {**self.environment, "ZOO_HOME": str(home), "ZOO_STORE": f"sqlite:///{home}/zoo.db", **more}
        return subprocess.Popen([sys.executable, "-c", RUN, engine], env=environment, stdout=subprocess.PIPE, text=True)

    def storm(self, kills: int, coordinator: float = 0.3) -> Counter[str]:
        """Kill so often, the coordinator by this chance, and let every run come to its end."""
        while self.killed < kills:
            self.one(kills, coordinator)
        return self.table

    @property
    def killed(self) -> int:
        return self.table["coordinator"] + self.table["worker"]

    @property
    def harm(self) -> dict[str, int]:
        """What is lost, altered or doubled."""
        return {name: self.table[name] for name in HARM}

    def one(self, kills: int, coordinator: float) -> None:
        """One run from the first command to the record."""
        shutil.rmtree(self.home, ignore_errors=True)
        process = self.start(self.engine, self.home)
        starts = 1
        while True:
            self.wait(process, kills)
            if process.poll() is not None:
                if process.returncode == 0:
                    break
                self.table["ended by an error"] += process.returncode != -signal.SIGKILL
            else:
                victim = self.victim(process.pid, coordinator)
                if victim is None:
                    continue
                with_coordinator = victim == process.pid
                os.kill(victim, signal.SIGKILL)
                self.table["coordinator" if with_coordinator else "worker"] += 1
                if not with_coordinator:
                    continue
                process.wait()
            process = self.start(self.engine, self.home)
            starts += 1
            assert starts < 50, "a run does not come to its end"
        self.table["runs"] += 1
        self.table["commands given again"] += starts - 1
        self.check((process.stdout.read() if process.stdout else "").split()[-1])  # Ray may have said something, too

    def wait(self, process: "subprocess.Popen[str]", kills: int) -> None:
        """Until the next kill is due, or the run has ended: most come when there is a new shard, some at any time."""
        before, early = self.made(), self.random.random() < 0.2
        due = time.monotonic() + self.random.expovariate(1)
        while process.poll() is None:
            time.sleep(0.01)
            if self.killed < kills and time.monotonic() > due and (early or self.made() > before):
                return

    def made(self) -> int:
        """How many shards are in their places."""
        return len(list(self.home.glob("runs/*/shards/[0-9]*.parquet")))

    def victim(self, coordinator: int, chance: float) -> int | None:
        workers = list(self.workers(coordinator))
        if self.random.random() < chance:
            return coordinator
        return self.random.choice(workers) if workers else None

    def workers(self, coordinator: int) -> Iterator[int]:
        """Processes of workers: those that the coordinator has started."""
        yield from (pid for pid, parent, _ in processes() if parent == coordinator)

    def check(self, told: str) -> None:
        """Hold what a run has left against the unharmed one."""
        record, shards = self.record(self.home), self.read(self.home)
        self.table["records lost"] += record["run_id"] != told
        self.table["scores altered"] += record["results"] != self.reference["results"] or record["key"] != self.reference["key"]
        paths = [artifact["path"] for artifact in record["artifacts"]]
        self.table["shards doubled"] += len(paths) - len(set(paths))
        self.table["shards lost"] += len(set(self.shards) - set(shards)) + len(self.shards) - len(set(paths))
        self.table["shards altered"] += sum(
            not shards[name].equals(table) for name, table in self.shards.items() if name in shards
        )
        self.table["left half written"] += len(list(self.home.rglob("*.tmp")))

    def record(self, home: Path) -> dict[str, Any]:
        """The newest record of a home."""
        script = "import zoo; print(zoo.Store().records(limit=1)[0].model_dump_json())"
        environment = {**self.environment, "ZOO_HOME": str(home), "ZOO_STORE": f"sqlite:///{home}/zoo.db"}
        found = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        return dict(json.loads(found.stdout))

    def read(self, home: Path) -> dict[str, Any]:
        """The shards of a home, without what says how and when they were made."""
        return {path.name: pq.read_table(path).replace_schema_metadata() for path in home.glob("runs/*/shards/*.parquet")}


class Elsewhere(Runs):
    """The same with shards in a bucket, of a server that this process runs."""

    def __init__(self, folder: Path, engine: str, seed: int, delay: float) -> None:
        import logging

        import s3fs
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        server.start()
        os.environ["AWS_ENDPOINT_URL"] = "http://{}:{}".format(*server.get_host_and_port())
        os.environ |= {"AWS_ACCESS_KEY_ID": "kills", "AWS_SECRET_ACCESS_KEY": "kills", "AWS_DEFAULT_REGION": "us-east-1"}
        self.files = s3fs.S3FileSystem(use_listings_cache=False)
        self.files.mkdir("kills")
        super().__init__(folder, engine, seed, delay)
        self.environment["ZOO_SHARDS"] = "s3://kills/runs"

    def one(self, kills: int, coordinator: float) -> None:
        if self.files.exists("kills/runs"):
            self.files.rm("kills/runs", recursive=True)
        super().one(kills, coordinator)
        objects = len([path for path in self.files.find("kills/runs") if path.endswith(".parquet")])
        self.table["objects that no marker names"] += objects - self.made()

    def made(self) -> int:
        return len(self.files.glob("kills/runs/*/shards/[0-9]*.json"))

    def read(self, home: Path) -> dict[str, Any]:
        if home != self.home:
            return super().read(home)
        found = {}
        for path in self.files.glob("kills/runs/*/shards/[0-9]*.json"):
            marker = json.loads(self.files.cat_file(path))
            content = self.files.cat_file(path.partition("/shards/")[0] + "/" + marker["file"])
            if hashlib.sha256(content).hexdigest() == marker["sha256"]:
                name = Path(path).with_suffix(".parquet").name
                found[name] = pq.read_table(io.BytesIO(content)).replace_schema_metadata()
        return found


class RayRuns(Runs):
    """The same on a cluster of this machine; its workers are children of its nodes."""

    def workers(self, coordinator: int) -> Iterator[int]:
        yield from (pid for pid, _, name in processes() if name.startswith("ray::Worker") and owned(pid, os.getpid()))


def processes() -> Iterator[tuple[int, int, str]]:
    """Number, parent and command line of every process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat, name = (entry / "stat").read_text(), (entry / "cmdline").read_text()
            except OSError:
                continue
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z":
                yield int(entry.name), int(parent), name.replace("\0", " ")


def owned(pid: int, owner: int) -> bool:
    """Whether a process descends from another."""
    parents = {number: parent for number, parent, _ in processes()}
    while pid > 1 and pid != owner:
        pid = parents.get(pid, 0)
    return pid == owner


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="local:2", help="local:N, or ray")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.1, help="seconds that a batch of 128 takes; a run has 64")
    parser.add_argument("--shards", action="store_true", help="keep predictions in a bucket, not below ZOO_HOME")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    cluster = None
    try:
        kind, engine = Elsewhere if asked.shards else Runs, asked.engine
        if asked.engine == "ray":
            from ray.cluster_utils import Cluster

            os.environ |= {"PYTHONPATH": str(folder / "nets"), "OMP_NUM_THREADS": "1", "KILL_DELAY": str(asked.delay)}
            cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 * 2**20})
            cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
            kind, engine = RayRuns, f"ray:{cluster.address}"
        runs = kind(folder, engine, asked.seed, asked.delay)
        table = runs.storm(asked.kills)
        for name in ("coordinator", "worker", "runs", "commands given again", "ended by an error"):
            print(f"{name:24} {table[name]}")
        for name, count in runs.harm.items():
            print(f"{name:24} {count}")
        if asked.shards:
            print(f"objects that no marker names {table['objects that no marker names']}")
    finally:
        if cluster is not None:
            cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
