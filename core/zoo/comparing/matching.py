"""Which runs are meant, and whether they may be compared: the same samples, under the same protocol."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from zoo.errors import OptionError, RunError, UnknownNameError
from zoo.plugins.names import split_tag
from zoo.plugins.registry import Registry
from zoo.runs.alike import FINGERPRINT, facts_of
from zoo.runs.alike import is_plain as is_plain
from zoo.runs.glance import may_be_run
from zoo.runs.record import ModelInfoRecord, RunRecord
from zoo.runs.rows import changed_options as changed_options
from zoo.runs.store import Store

RUN_ID = re.compile(r"[0-9a-f]{4,16}")
SHOWN = 80
"""Characters of a value in a message."""


def find_runs(entries: Registry, asked: Sequence[str | RunRecord], benchmark: str | None) -> list[RunRecord]:
    """The runs that are meant: records as they are, ids of runs, or the newest plain run of a model by name.

    Raises UnknownNameError where there is no such run, OptionError where a model is named and no benchmark.
    """
    store = Store(writing=False)
    found = [_by_id(store, one) for one in asked]
    where = benchmark or next((run.benchmark for run in found if run is not None), None)
    runs = []
    for one, run in zip(asked, found, strict=True):
        if run is None:
            assert isinstance(one, str)
            if where is None:
                if RUN_ID.fullmatch(one):
                    raise UnknownNameError(f"there is no run {one}", "zoo results shows those that there are")
                entries.tagged_model(one)  # raises for a name that nobody has, with those that are near
                raise OptionError(
                    f"{one} has runs on several benchmarks, or none: say `on` which it is to be compared",
                    f"zoo compare {' '.join(str(name) for name in asked)} --on BENCHMARK",
                )
            run = newest_run(entries, store, one, where)
        runs.append(run)
    if (twice := _twice(run.run_id for run in runs)) is not None:
        raise OptionError(f"run {twice} is named twice", "name runs that differ: zoo results")
    return runs


def newest_run(entries: Registry, store: Store, model: str, benchmark: str) -> RunRecord:
    """The newest run of a model by name on a whole benchmark, with default settings. Raises UnknownNameError."""
    spec, tag = entries.tagged_model(model)
    where = entries.benchmark(benchmark, tasks=list(spec.tasks), kind=spec.kind)
    name = f"{spec.name}@{tag}" if tag else spec.name
    plain = [run for run, _ in store.newest(where.name, model=name, plain=True) if has_defaults(entries, run)]
    tags = {split_tag(run.model.name)[1]: run for run in reversed(plain)}
    own = where.dataset.rpartition("/")[2]
    if not plain:
        raise UnknownNameError(
            f"there is no run of {name} on all of {where.name} with default settings", f"zoo run {model} --on {benchmark}"
        )
    if tag is None and len(tags) > 1 and own not in tags:
        raise OptionError(
            f"{spec.name} has runs with several weights on {where.name}", f"name one of: {', '.join(map(str, tags))}"
        )
    return tags[own] if tag is None and own in tags else plain[0]


def has_defaults(entries: Registry, run: RunRecord) -> bool:
    """Whether a run is of a model as it is by default: its own weights, options and precision."""
    own = run.model.label == run.model.name and run.execution.precision == "fp32"
    return own and not changed_options(entries, run)


def check_alike(runs: Sequence[RunRecord]) -> None:
    """Raise RunError, saying what differs, where two runs are not of the same samples under the same protocol."""
    first = runs[0]
    for other in runs[1:]:
        if differing := differences(first, other):
            raise RunError(
                f"runs {first.run_id} and {other.run_id} cannot be compared, for they differ in {'; '.join(differing)}",
                "compare runs of one benchmark, on the same samples, by the same protocol",
            )
    roles = varying(runs)
    if len(roles) > 1:
        raise RunError(
            f"these runs differ in more than one model: {', '.join(roles)}",
            "compare runs in which one of them differs, so that the difference is its own",
        )


def differences(first: RunRecord, second: RunRecord) -> list[str]:
    """In which samples or which protocol two runs differ: `protocol.eps: 0.1 and 0.3`."""
    one, other = facts_of(first), facts_of(second)
    if any(one[name] != other[name] for name in ("dataset", "split")):
        one.pop(FINGERPRINT), other.pop(FINGERPRINT)
    differing = [what for what in {**one, **other} if one.get(what) != other.get(what)]
    return [f"{what}: {_shown(one.get(what))} and {_shown(other.get(what))}" for what in differing]


def check_ids(runs: Sequence[RunRecord], ids: Sequence[Sequence[str]]) -> None:
    """Raise RunError where two runs have not the very same samples."""
    for run, own in zip(runs[1:], ids[1:], strict=True):
        if list(own) != list(ids[0]):
            both = set(own) & set(ids[0])
            raise RunError(
                f"runs {runs[0].run_id} and {run.run_id} share {len(both):,} samples of {len(ids[0]):,} and {len(own):,}",
                "compare runs on the same samples: run both with the same `limit`",
            )


def varying(runs: Sequence[RunRecord]) -> list[str]:
    """In which of their models runs differ: `model`, or a role, such as `victim`; more than one is no fair comparison."""
    roles = [role for role in runs[0].aux if len({_identity(run.aux[role]) for run in runs}) > 1]
    return [*(["model"] if len({_identity(run.model) for run in runs}) > 1 else []), *roles]


def aside(runs: Sequence[RunRecord]) -> Iterable[str]:
    """What else differs beside the models, and may have a part in the difference."""
    for what, found in (
        ("precision", [run.execution.precision for run in runs]),
        ("seed", [run.execution.seed for run in runs]),
        ("version of deepzoo", [run.environment.deepzoo for run in runs]),
    ):
        if len(set(found)) > 1:
            yield f"the runs differ in {what}, too: {', '.join(map(str, found))}"


def names(runs: Sequence[RunRecord]) -> list[str]:
    """What each run is called here: its model, or the other model that differs, and what else tells it from the others."""
    roles = varying(runs)
    role = roles[0] if roles and "model" not in roles else None
    models = [run.aux[role] if role else run.model for run in runs]
    called = [model.label for model in models]
    for extra in (
        [_changed(models, model) for model in models],
        [run.execution.precision for run in runs],
        [f"seed {run.execution.seed}" for run in runs],
        [run.run_id[:8] for run in runs],
    ):
        if len(set(called)) == len(called):
            break
        if len(set(extra)) > 1:
            called = [
                f"{name} {more}".rstrip() if called.count(name) > 1 else name for name, more in zip(called, extra, strict=True)
            ]
    return called


def _by_id(store: Store, asked: str | RunRecord) -> RunRecord | None:
    """The run of an id, or a record itself; None where it is a model's name."""
    if isinstance(asked, RunRecord):
        return asked
    if may_be_run(asked):
        try:
            return store.record(asked)
        except UnknownNameError as error:
            if type(error) is not UnknownNameError:
                raise
    return None


def _identity(model: ModelInfoRecord) -> tuple[Any, ...]:
    """What tells a model from another."""
    parts = tuple((role, _identity(part)) for role, part in sorted(model.parts.items()))
    return (
        model.label,
        model.weights_sha256,
        model.source_sha256,
        repr(sorted(model.options.items())),
        repr(model.preprocessing),
        parts,
    )


def _changed(models: Sequence[ModelInfoRecord], model: ModelInfoRecord) -> str:
    """The options in which models of one name differ: `steps=40`."""
    options = [other.options for other in models if other.label == model.label]
    apart = [key for key in model.options if len({repr(other.get(key)) for other in options}) > 1]
    return ",".join(f"{key}={model.options[key]}" for key in apart)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _twice(items: Iterable[str]) -> str | None:
    seen: set[str] = set()
    return next((item for item in items if item in seen or seen.add(item)), None)  # type: ignore[func-returns-value]
