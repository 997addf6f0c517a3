"""Random SIGKILLs of coordinators and workers during real runs: what is lost, altered or doubled.

    python tests/bench/kill_runs.py --engine local:2 --kills 100 --seed 0

Every run is of 16 shards. After each kill of the coordinator the same command is given again, as its user would; what a run
leaves in the end is held against the same run in one process that nobody killed. With `--engine ray` a cluster of two nodes is
started here, and its workers are killed. With `--database` all records go to one PostgreSQL server, which is killed as well: one
of its processes, or the first of them, most often when a run has all its shards and writes its record. With
`--shards` predictions are kept by a server of this machine that speaks S3.
"""

import argparse
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq

import zoo
from zoo.runs.checking import check_store

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.core.runs.postgres import Server

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
print("run is", record.run_id, flush=True)
"""
VICTIMS = ("coordinator", "worker", "database's process", "database")
SLOW_WRITES = """
CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(random()); RETURN NEW; END $$;
CREATE TRIGGER slow_writes BEFORE INSERT ON results FOR EACH STATEMENT EXECUTE FUNCTION slowly()
"""
"""A record whose results are not there yet takes up to a second, so that a kill meets it half written."""
HARM = ("records lost", "scores altered", "shards lost", "shards altered", "shards doubled", "left half written")


class Runs:
    """Runs in a home of their own, and what is known of an unharmed one."""

    def __init__(self, folder: Path, engine: str, seed: int, delay: float) -> None:
        self.folder, self.engine, self.random = folder, engine, random.Random(seed)
        self.home = folder / "home"
        self.table: Counter[str] = Counter()
        self.told: list[str] = []
        """What commands have told: the ids of their runs."""
        (folder / "nets").mkdir()
        (folder / "nets" / "kill_nets.py").write_text(NETS)
        path = os.pathsep.join(filter(None, (str(folder / "nets"), os.environ.get("PYTHONPATH", ""))))
        self.environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "KILL_DELAY": str(delay)}
        whole = self.start("here", folder / "whole", KILL_DELAY="0")
        assert whole.wait() == 0, "the run that nobody kills fails"
        self.reference = self.record(folder / "whole")
        self.shards = self.read(folder / "whole")

    def start(self, engine: str, home: Path, **more: str) -> "subprocess.Popen[str]":
        environment = {**self.environment, "ZOO_HOME": str(home), "ZOO_STORE": self.store(home), **more}
        return subprocess.Popen([sys.executable, "-c", RUN, engine], env=environment, stdout=subprocess.PIPE, text=True)

    def store(self, home: Path) -> str:
        """The store of the runs in a home."""
        return f"sqlite:///{home}/zoo.db"

    def storm(self, kills: int, coordinator: float = 0.3) -> Counter[str]:
        """Kill so often, the coordinator by this chance, and let every run come to its end."""
        while self.killed < kills:
            self.one(kills, coordinator)
        return self.table

    @property
    def killed(self) -> int:
        return sum(self.table[victim] for victim in VICTIMS)

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
                self.kill(victim, "coordinator" if with_coordinator else "worker")
                if not with_coordinator:
                    continue
                process.wait()
            process = self.start(self.engine, self.home)
            starts += 1
            assert starts < 50, "a run does not come to its end"
        self.table["runs"] += 1
        self.table["commands given again"] += starts - 1
        said = process.stdout.read() if process.stdout else ""
        self.check(re.findall(r"run is ([0-9a-f]{16})", said)[-1])  # Ray may have said something, too

    def kill(self, victim: int, what: str) -> None:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(victim, signal.SIGKILL)
            self.table[what] += 1

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
        """Processes of workers: those that the coordinator has started; of Ray those of its nodes, which this process has."""
        if self.engine.startswith("ray"):
            yield from (pid for pid, _, name in processes() if name.startswith("ray::Worker") and owned(pid, os.getpid()))
        else:
            yield from (pid for pid, parent, _ in processes() if parent == coordinator)

    def last_check(self) -> None:
        """What else is to be seen when all runs have ended."""

    def check(self, told: str) -> None:
        """Hold what a run has left against the unharmed one."""
        record, shards = self.record(self.home), self.read(self.home)
        self.told.append(told)
        if record["run_id"] != told:
            self.table["records lost"] += 1
            print(f"record lost: {told}; the newest is {record['run_id']}", flush=True)
        self.table["scores altered"] += record["results"] != self.reference["results"] or record["key"] != self.reference["key"]
        paths = [artifact["path"] for artifact in record["artifacts"]]
        self.table["shards doubled"] += len(paths) - len(set(paths))
        self.table["shards lost"] += len(set(self.shards) - set(shards)) + len(self.shards) - len(set(paths))
        self.table["shards altered"] += sum(
            not shards[name].equals(table) for name, table in self.shards.items() if name in shards
        )
        left = [str(path.relative_to(self.home)) for path in self.home.rglob("*.tmp")]
        self.table["left half written"] += len(left)
        print(*(f"left half written: {path}" for path in left), sep="\n", end="", flush=True)

    def record(self, home: Path) -> dict[str, Any]:
        """The newest record of a home."""
        script = "import zoo; print(zoo.Store().records(limit=1)[0].model_dump_json())"
        environment = {**self.environment, "ZOO_HOME": str(home), "ZOO_STORE": self.store(home)}
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


class DatabaseRuns(Runs):
    """The same with all records on one server, which is killed too, and is back some seconds later."""

    def __init__(self, server: Server, *settings: Any) -> None:
        self.server, self.starting = server, threading.Timer(0, self.start_server)
        self.at_database = False
        super().__init__(*settings)
        with psycopg.connect(server.url) as connection:
            connection.execute(SLOW_WRITES)

    def store(self, home: Path) -> str:
        return self.server.url

    def wait(self, process: "subprocess.Popen[str]", kills: int) -> None:
        """As ever; or for the database: most often until all shards are there, and then some time more."""
        self.at_database = self.random.random() < 0.5 and self.killed < kills
        if not self.at_database:
            super().wait(process, kills)
            return
        late = self.random.random() < 0.8
        due = time.monotonic() + self.random.expovariate(1)
        while process.poll() is None and (self.made() < len(self.shards) if late else time.monotonic() < due):
            time.sleep(0.01)
        due = time.monotonic() + self.random.uniform(0, 1.5)
        while process.poll() is None and time.monotonic() < due:
            time.sleep(0.01)

    def victim(self, coordinator: int, chance: float) -> int | None:
        """A process of the run's, or none where the database was meant, which is killed here."""
        if not self.at_database:
            return super().victim(coordinator, chance)
        if self.starting.is_alive():
            return None
        first = int((self.server.data / "postmaster.pid").read_text().split()[0])
        if self.random.random() < 0.6:
            serving = self.serving(first)
            if serving is not None:
                self.kill(serving, "database's process")
        else:
            self.kill(first, "database")
            self.starting = threading.Timer(self.random.uniform(0, 8), self.start_server)
            self.starting.start()
        return None

    def serving(self, first: int) -> int | None:
        """A process that serves a run at this moment, or within two seconds; most do for a few milliseconds."""
        due = time.monotonic() + 2
        while time.monotonic() < due:
            found = [pid for pid, parent, name in processes() if parent == first and " zoo zoo " in name]
            if found:
                return found[-1]
        return None

    def check(self, told: str) -> None:
        self.up()
        super().check(told)

    def start_server(self) -> None:
        """Start it; its last processes may still be ending."""
        for _ in range(100):
            with suppress(AssertionError):
                return self.server.start()
            time.sleep(0.3)
        raise AssertionError("the server does not start again")

    def up(self) -> None:
        """Wait until the server is there."""
        if self.starting.is_alive():
            self.starting.join()

    def last_check(self) -> None:
        """All records of all runs at once, by all their hashes."""
        found = check_store(home=self.home, store=self.server.url)
        kept = {record.run_id for record in zoo.Store(self.server.url, writing=False).records()}
        self.table["records lost"] += len(set(self.told) - kept)
        self.table["scores altered"] += len(found.altered)
        self.table["records"] = found.records
        self.table["records that wait"] = found.waiting


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
    parser.add_argument("--database", action="store_true", help="one PostgreSQL server takes the records, and is killed, too")
    parser.add_argument("--delay", type=float, default=0.1, help="seconds that a batch of 128 takes; a run has 64")
    parser.add_argument("--shards", action="store_true", help="keep predictions in a bucket, not below ZOO_HOME")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)  # a server is of another user
    cluster = runs = None
    try:
        kind, engine = Elsewhere if asked.shards else Runs, asked.engine
        if asked.engine == "ray":
            from ray.cluster_utils import Cluster

            os.environ |= {"PYTHONPATH": str(folder / "nets"), "OMP_NUM_THREADS": "1", "KILL_DELAY": str(asked.delay)}
            cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": 80 * 2**20})
            cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
            engine = f"ray:{cluster.address}"
        made = folder / "server"
        made.mkdir()
        settings = (folder, engine, asked.seed, asked.delay)
        runs = DatabaseRuns(Server(made), *settings) if asked.database else kind(*settings)
        with suppress(KeyboardInterrupt):  # and SIGTERM: what was seen till then is told
            runs.storm(asked.kills)
        if isinstance(runs, DatabaseRuns):
            runs.up()
        runs.last_check()
        for name in (*VICTIMS, "runs", "commands given again", "ended by an error", "records", "records that wait"):
            print(f"{name:24} {runs.table[name]}")
        for name, count in runs.harm.items():
            print(f"{name:24} {count}")
        if asked.shards:
            print(f"objects that no marker names {runs.table['objects that no marker names']}")
    finally:
        if isinstance(runs, DatabaseRuns):
            runs.server.stop()
        if cluster is not None:
            cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
