"""How long commands take with 100,000 records, each in a process of its own.

    python tests/bench/store_100k.py [--records N] [--store postgresql://...] [--home FOLDER]

Records are one real run of digits with other names of models, settings, times and figures: 50 benchmarks, half of the runs on
one, 40 models with 5 settings each, each with predictions of its own. A FOLDER is kept, and not filled again.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text as text_

warnings.simplefilter("ignore")
PARSER = argparse.ArgumentParser()
PARSER.add_argument("--records", type=int, default=100_000)
PARSER.add_argument("--store", help="default: a SQLite file in the home")
PARSER.add_argument("--home", type=Path)
ASKED = PARSER.parse_args()
COUNT = ASKED.records
HOME = ASKED.home or Path(tempfile.mkdtemp(prefix="zoo-100k-"))
os.environ["ZOO_HOME"] = str(HOME)
os.environ.pop("ZOO_STORE", None)

import zoo  # noqa: E402
from zoo.runs.alike import Entry, entry_of, sha256_of  # noqa: E402
from zoo.runs.rows import row_of  # noqa: E402
from zoo.runs.schema import CHUNK, ROWS, insert  # noqa: E402
from zoo.runs.store import Store  # noqa: E402


def fill(base: zoo.RunRecord) -> None:
    """Records as runs would have left them, rows and all. Only what differs of one kind of run is written anew."""
    from zoo.plugins.registry import registry

    engine, entries = Store()._engine, registry()
    assert engine is not None
    kinds: dict[tuple[Any, ...], tuple[Entry, str, dict[str, Any]]] = {}
    started = time.process_time()
    for start in range(0, COUNT, CHUNK):
        put, rows = [], []
        for number in range(start, min(COUNT, start + CHUNK)):
            kind = (f"local/net{number % 40}", number // 40 % 5, base.benchmark if number % 2 else f"own/bench{number // 2 % 49}")
            if kind not in kinds:
                record = of_kind(base, *kind)
                document = record.model_dump_json()
                kinds[kind] = entry_of(document), document, row_of(record, entries).stored()
                shutil.copytree(HOME / "runs" / base.key, HOME / "runs" / record.key)
            entry, document, row = kinds[kind]
            value = round(0.5 + (number * 7919 % 4999) / 10_000, 6)
            told = {
                "RUN": f"{number:016x}",
                "CREATED": created(number),
                "0.123456": f"{value:.6f}",
            }
            for word, text in told.items():
                document = document.replace(word, text)
            own = {"run_id": told["RUN"], "created": told["CREATED"], "record": document, "sha256": sha256_of(document)}
            scores = [{**one, "run_id": told["RUN"]} for one in entry.results]
            put.append(Entry({**entry.columns, **own}, [{**scores[0], "value": value}, *scores[1:]]))
            shown = {"run_id": told["RUN"], "created": told["CREATED"], "value": value}
            rows.append({**row, **shown, "scores": row["scores"].replace("0.123456", told["0.123456"])})
        with engine.begin() as connection:
            insert(connection, put)
            connection.execute(ROWS.insert(), rows)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text_("VACUUM ANALYZE"))  # which the server does by itself some time later
    print(f"filled with {COUNT:,} records in {time.process_time() - started:.0f} s of CPU", flush=True)


def of_kind(base: zoo.RunRecord, model: str, depth: int, benchmark: str) -> zoo.RunRecord:
    told = base.model.model_copy(update={"name": model, "options": {"depth": depth}})
    results = tuple(one.model_copy(update={"value": 0.123456}) if one.metric == "accuracy" else one for one in base.results)
    key = sha256_of(f"{model} {depth} {benchmark}")[:32]
    update = {"run_id": "RUN", "key": key, "created": "CREATED", "model": told, "benchmark": benchmark, "results": results}
    return base.model_copy(update=update)


def created(number: int) -> str:
    return f"2025-{number % 12 + 1:02d}-{number % 28 + 1:02d}T{number % 24:02d}:{number % 60:02d}:00.{number % 1000:03d}+00:00"


def timed(words: Sequence[str]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU, of a process of its own. What a server does is in the former alone."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    clock, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert not done.returncode, f"{' '.join(words)}: {done.stderr}"
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(run: str, other: str) -> list[list[str]]:
    """Commands of which the last page is that of the oldest records."""
    page = ["results", "--limit", "20"]
    asked = [
        page,
        [*page, "--offset", str(COUNT - 20)],
        [*page, "--model", "local/net7", "--benchmark", "digits"],
        [*page, "--task", "classify", "--offset", str(COUNT // 2)],
        [*page, "--where", "accuracy > 0.99"],
        [*page, "--where", "accuracy > 0.5 and nll < 1", "--offset", str(COUNT // 2)],
        [*page, "--where", "depth = 3 or not device ~ cpu"],
        [*page, "--where", "accuracy.low > 0.5 and samples = 360 and name = none"],
        ["results", run],
        ["compare", run, other],
        ["leaderboard", "digits"],
        ["report", run, other, "-o", str(HOME / "page.html")],
    ]
    return [["-m", "zoo_cli", *words] for words in asked]


def main() -> None:
    base = zoo.evaluate("intro/logistic", "digits", progress=False)
    if ASKED.store:
        os.environ["ZOO_STORE"] = ASKED.store
    if Store().count() < COUNT:
        fill(base)
    run = COUNT // 2 + 1  # of the benchmark that has most
    called = commands(f"{run:016x}", f"{run + 2:016x}")
    timed(called[0])  # which makes the index of plugins
    print("  first    clock      CPU (s): of the first time, and medians of three more")
    # What a comparison of digits has to import whatever the store does.
    for words in (["-c", "pass"], ["-c", "import sqlalchemy"], ["-c", "import torch, sklearn.datasets"], *called):
        first, _ = timed(words)
        found = [timed(words) for _ in range(3)]
        clock, used = (sorted(column)[1] for column in zip(*found, strict=True))
        print(f"{first:7.2f}  {clock:7.2f}  {used:7.2f}  {' '.join(words).replace('-m zoo_cli', 'zoo')}", flush=True)
    print(json.dumps({"records": Store(writing=False).count(), "store": Store(writing=False).url}))
    if not ASKED.home:
        shutil.rmtree(HOME)


if __name__ == "__main__":
    main()
