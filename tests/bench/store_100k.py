"""How long the store takes with 100,000 records: `python tests/bench/store_100k.py [RECORDS] [URL]` (default: a SQLite file).

Records are one real run of digits with other names of models, settings, times and figures: 50 benchmarks, half of the runs on
one, 40 models with 5 settings each. Library calls are timed in a warm process (the better of two), commands in one of their own.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text as text_

warnings.simplefilter("ignore")
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
HOME = Path(tempfile.mkdtemp(prefix="zoo-100k-"))
os.environ["ZOO_HOME"] = str(HOME)
os.environ.pop("ZOO_STORE", None)

import zoo  # noqa: E402
from zoo.runs.alike import Entry, entry_of, sha256_of  # noqa: E402
from zoo.runs.rows import FORMAT, row_of  # noqa: E402
from zoo.runs.schema import CHUNK, ROWS, insert  # noqa: E402
from zoo.runs.store import Store  # noqa: E402


def fill(base: zoo.RunRecord) -> str:
    """Records as runs would have left them, rows and all; the id of one. Only what differs of one kind of run is written anew."""
    from zoo.plugins.registry import registry

    engine, entries = Store()._engine, registry()
    assert engine is not None
    kinds: dict[tuple[Any, ...], tuple[Entry, str, str]] = {}
    started = time.process_time()
    for start in range(0, COUNT, CHUNK):
        put, rows = [], []
        for number in range(start, min(COUNT, start + CHUNK)):
            kind = (f"local/net{number % 40}", number // 40 % 5, base.benchmark if number % 2 else f"own/bench{number // 2 % 49}")
            if kind not in kinds:
                record = of_kind(base, *kind)
                document = record.model_dump_json()
                kinds[kind] = entry_of(document), document, json.dumps(row_of(record, entries).stored())
            entry, document, row = kinds[kind]
            told = {
                "RUN": f"{number:016x}",
                "CREATED": created(number),
                "0.123456": f"{0.5 + (number * 7919 % 4999) / 10_000:.6f}",
            }
            for word, text in told.items():
                document, row = document.replace(word, text), row.replace(word, text)
            own = {"run_id": told["RUN"], "created": told["CREATED"], "record": document, "sha256": sha256_of(document)}
            scores = [{**one, "run_id": told["RUN"]} for one in entry.results]
            put.append(Entry({**entry.columns, **own}, [{**scores[0], "value": float(told["0.123456"])}, *scores[1:]]))
            rows.append({"run_id": told["RUN"], "format": FORMAT, "row": row})
        with engine.begin() as connection:
            insert(connection, put)
            connection.execute(ROWS.insert(), rows)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text_("VACUUM ANALYZE"))  # which the server does by itself some time later
    print(f"filled with {COUNT:,} records in {time.process_time() - started:.0f} s of CPU", flush=True)
    return f"{COUNT // 2 + 1:016x}"


def of_kind(base: zoo.RunRecord, model: str, depth: int, benchmark: str) -> zoo.RunRecord:
    told = base.model.model_copy(update={"name": model, "options": {"depth": depth}})
    results = tuple(one.model_copy(update={"value": 0.123456}) if one.metric == "accuracy" else one for one in base.results)
    update = {"run_id": "RUN", "created": "CREATED", "model": told, "benchmark": benchmark, "results": results}
    return base.model_copy(update=update)


def created(number: int) -> str:
    return f"2025-{number % 12 + 1:02d}-{number % 28 + 1:02d}T{number % 24:02d}:{number % 60:02d}:00.{number % 1000:03d}+00:00"


def cpu() -> float:
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU, those of commands that it starts included."""
    started, used = time.perf_counter(), cpu()
    call()
    return time.perf_counter() - started, cpu() - used


def command(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "zoo_cli", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"zoo {' '.join(words)}: exit {done.returncode}: {done.stderr.strip().splitlines()[-2:]}")


def main() -> None:
    base = zoo.evaluate("intro/logistic", "digits", progress=False)
    if len(sys.argv) > 2:
        os.environ["ZOO_STORE"] = sys.argv[2]
    run = fill(base)
    other = f"{int(run, 16) + 2:016x}"
    board = Store(writing=False).newest
    calls: dict[str, Callable[[], object]] = {
        "zoo.results(limit=20)": lambda: zoo.results(limit=20),
        "zoo.results(limit=20, offset=half)": lambda: zoo.results(limit=20, offset=COUNT // 2),
        "zoo.results(model=, benchmark=, limit=20)": lambda: zoo.results(model="local/net7", benchmark="digits", limit=20),
        "zoo.results(where=, limit=20)": lambda: zoo.results(where="accuracy > 0.99", limit=20),
        "Store.newest, as leaderboard, compare and report ask": lambda: board("data/digits", metric="accuracy", plain=True),
        "zoo.compare of two runs": lambda: zoo.compare(run, other),
        "zoo.leaderboard('digits')": lambda: zoo.leaderboard("digits"),
        "zoo.report of two runs": lambda: zoo.report([run, other], HOME / "page.html"),
        "zoo results --limit 20": lambda: command("results", "--limit", "20"),
        "zoo leaderboard digits": lambda: command("leaderboard", "digits"),
    }
    print("  clock      CPU (s)")
    for name, call in calls.items():
        clock, used = min((timed(call) for _ in range(1 if name.startswith("zoo ") else 2)), key=lambda one: one[1])
        print(f"{clock:7.2f}  {used:7.2f}  {name}", flush=True)
    print(json.dumps({"records": COUNT, "store": Store(writing=False).url}))
    shutil.rmtree(HOME)


if __name__ == "__main__":
    main()
