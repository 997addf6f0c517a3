"""The key of a run: a hash of all that determines its predictions; and the doubts that forbid to use them again."""

import hashlib
import json
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from zoo.data.dataset import Dataset
from zoo.home import writing, zoo_home
from zoo.identity.code import PREDICTING, Code, code_of, core_sha256
from zoo.identity.watching import Watch
from zoo.opening.models import Model
from zoo.runs.precision import Precision
from zoo.runs.request import Request
from zoo.specs import BenchmarkSpec
from zoo.tasks.base import Task
from zoo.tasks.by_name import declared_task, is_core, plugin_of_task

DOUBT = "doubt.txt"
"""Beside the shards of a run whose model was seen to read or draw what its key does not know."""


def manifest_of(
    request: Request,
    benchmark: BenchmarkSpec,
    model: Model,
    aux: Mapping[str, Model],
    dataset: Dataset,
    task: Task,
    precision: Precision,
    shard_size: int,
    runner: Code | None = None,
) -> dict[str, Any]:
    """All that determines the predictions. The metrics are not among it: they fold stored predictions.

    `runner` is the code of a task that a plugin declares; that of the core's tasks is the core's.
    """
    declared = {} if runner is None else {**_runner(task), "code": runner.identity}
    return {
        "model": _facts(model),
        "aux": {role: _facts(other) for role, other in aux.items()},
        "dataset": {
            "fingerprint": dataset.fingerprint,
            "classes": task.data.classes,
            "split": benchmark.split,
        },
        "task": {
            "name": task.name,
            "version": task.version,
            "shard_size": shard_size,
            "protocol": task.protocol,
            **declared,
        },
        "core": core_sha256(*PREDICTING),
        "seed": request.seed,
        "precision": precision.facts,
    }


def settled(manifest: dict[str, Any], doubts: Iterable[str]) -> tuple[str, str]:
    """Key of a manifest, and the doubt, if there is one: such a run says so, and gets a key that no other run has."""
    key = _digest(manifest)
    doubt = "; ".join(dict.fromkeys(filter(None, doubts))) or seen(zoo_home() / "runs" / key)
    if doubt:
        manifest["once"] = uuid4().hex
        say(doubt)
        return _digest(manifest), doubt
    return key, ""


def runner_of(task: Task) -> Code | None:
    """The code of a task that a plugin declares, at any distance; None of one of the core's."""
    return None if is_core(task.name) else code_of((declared_task(task.name).target, _target(task)))


def _runner(task: Task) -> dict[str, str]:
    return {"class": _target(task), "distribution": plugin_of_task(task.name)["distribution"]}


def _target(task: Task) -> str:
    return f"{type(task).__module__}:{type(task).__qualname__}"


def watch_over(models: Iterable[Model], also: frozenset[str] = frozenset()) -> Watch | None:
    """What looks on while these models are built and predict; None where one is the user's own, whose key stands for that.

    `also` are other files that the key knows.
    """
    known: list[Model] = list(models)
    if any(model.own for model in known):
        return None
    files = also.union(*(model.files for model in known))
    return Watch(files, draws=False)  # the run's own generators tell of draws


def doubted(folder: Path, found: str, before: str, what: str = "run") -> str:
    """The doubt that a watch has found of a run, or a training, so far, marked in its folder when it is first seen."""
    if not found or before:
        return before
    with writing(folder / DOUBT) as temporary:
        temporary.write_text(found, encoding="utf-8")
    say(found, what)
    return found


def seen(folder: Path) -> str:
    """The doubt that is marked in a folder; empty where there is none."""
    try:
        return (folder / DOUBT).read_text(encoding="utf-8")
    except OSError:
        return ""


def say(doubt: str, what: str = "run") -> None:
    """Tell the user."""
    warnings.warn(f"nothing of this {what} is used again: {doubt}", stacklevel=2)


def same(manifest: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two manifests are of one run, be it in doubt or not."""
    return _digest({**manifest, "once": ""}) == _digest({**other, "once": ""})


def _digest(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:32]


def _facts(model: Model) -> dict[str, Any]:
    preprocessing = model.info.input.model_dump(mode="json") if model.info.input else None
    return {
        "identity": model.identity,
        "input": preprocessing,
        "classes": model.info.classes,
        "class_ids": model.info.class_ids,
    }
