"""Alike: which runs are of the same samples under the same protocol, and what of a record the store can look for.

The store keeps this in columns beside the record's document, so that of a hundred thousand runs it reads the few that are meant.
"""

import hashlib
import json
from typing import Any, NamedTuple

from zoo.runs.record import RunRecord

FINGERPRINT = "fingerprint of the data"
LONGEST = 160
"""Characters of a name in an index: two of them, of four bytes each, must fit into a third of a page of PostgreSQL."""


def is_plain(run: RunRecord) -> bool:
    """Whether a run is on the whole split, by the benchmark's own protocol."""
    return not run.altered and run.dataset.limit is None and not run.dataset.skipped


def facts_of(run: RunRecord) -> dict[str, Any]:
    """What must be the same of two runs for their scores to be compared, by what it is called."""
    data = run.dataset
    protocol = {f"protocol.{name}": value for name, value in run.protocol.items() if name != "aux" and value is not None}
    return {
        "task": run.task,
        "benchmark": run.benchmark,
        "dataset": data.name,
        "split": data.split,
        "samples": "all" if data.limit is None else f"{data.limit:,} ({data.sampled or 'the first'})",
        FINGERPRINT: data.fingerprint[:12],
        "samples left out as corrupt": sorted(data.skipped),
        **protocol,
        "other models": sorted(run.aux),
    }


class Entry(NamedTuple):
    """A record as the store's tables have it: a row of `records`, and its rows of `results`."""

    columns: dict[str, Any]
    results: list[dict[str, Any]]


def entry_of(document: str) -> Entry:
    """A record's document as it is stored, with its hash, what is looked for of it, and its scores. Raises ValidationError.

    `alike` is the same of runs that may be compared, `variant` of those of one model with the same options, other models and
    precision; `fresh` says that the run computed all its predictions itself.
    """
    run = RunRecord.model_validate_json(document)
    others = sorted((role, other.label) for role, other in run.aux.items())
    columns = {
        "run_id": run.run_id,
        "key": run.key,
        "created": run.created,
        "model": indexed(run.model.name),
        "benchmark": indexed(run.benchmark),
        "record": document,
        "sha256": sha256_of(document),
        "plain": is_plain(run),
        "fresh": not run.shards.reused,
        "alike": _digest(facts_of(run)),
        "variant": _digest([run.model.label, run.model.options, others, run.execution.precision]),
    }
    results = [
        {
            "run_id": run.run_id,
            "metric": indexed(one.metric),
            "value": one.value,
            "low": one.ci_low,
            "high": one.ci_high,
            "n": one.n,
        }
        for one in run.results
    ]
    return Entry(columns, results)


def indexed(name: str) -> str:
    """A name as an index has it: one that is too long for some databases is cut, and told from others by its hash."""
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}#{sha256_of(name)}"


def sha256_of(document: str) -> str:
    """The SHA-256 of a document as UTF-8."""
    return hashlib.sha256(document.encode()).hexdigest()


def _digest(facts: Any) -> str:
    return sha256_of(json.dumps(facts, sort_keys=True))[:32]
