"""What a model does when it is built and run: on few samples, on the CPU, with the network closed."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from zoo.errors import ModelError, PredictionError, ZooError, reason_of
from zoo.identity.code import code_of
from zoo.identity.watching import Watch
from zoo.opening.composing import named_model, open_parts
from zoo.opening.models import build_model, declared_files, info_of
from zoo.opening.weights import find_files
from zoo.opening.weights_choice import Choice
from zoo.plugins.registry import Registry
from zoo.requirements import check_requirements
from zoo.runs.predicting import predictions
from zoo.specs import ModelSpec, TaskName, Weights
from zoo.tasks.base import ModelInfo, Rows, Task
from zoo.tasks.by_name import declared_task, is_core, task_class
from zoo.testing.findings import Finding
from zoo.testing.guards import Guard
from zoo.testing.parts import LacksPartError, synthetic_parts
from zoo.testing.samples import Trial, bound_task, trials
from zoo.testing.tasks import check_stores

AFTER = (
    *("predicts", "outputs", "finite", "deterministic", "batch-invariant", "eval-clean", "self-contained"),
    *("offline", "no-pickle"),
)
"""Checks of a model that is built."""
FIXES = {
    "finite": "look for a division by zero, a logarithm of zero, or a scale that overflows",
    "deterministic": "draw from a generator of the batch's own seeds, not from the global one; is it in eval mode?",
    "batch-invariant": "let nothing be computed over the batch: no batch statistics, no padding that is not masked",
    "eval-clean": "keep no state between calls, and detach what you keep",
    "offline": "declare what is downloaded as Weights or DataFile of the spec: the core fetches and hashes it",
    "self-contained": "ship what it reads in its package, or name it in the spec's `files`; of a remote model say `reuse=False`",
    "no-pickle": "ship weights as safetensors, and data as JSON, NumPy without pickle, or text",
}
ROUNDING = 1e-3
"""Relative difference that float32 arithmetic in another order may leave. One prediction repeated leaves none."""


@dataclass
class Recorded:
    """A model that notes of what shape it is what it returns, and whether finite; otherwise as the model that it wraps."""

    model: Any
    finite: bool = True
    shape: tuple[int, ...] = ()
    """Of the tensor that it returned last."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        returned = self.model(*arguments, **settings)
        self.finite = self.finite and _is_finite(returned)
        self.shape = tuple(getattr(returned, "shape", ()))
        return returned

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


@dataclass
class Built:
    """A model that was built, and on which weights."""

    model: Any
    info: ModelInfo
    weights: Weights | None
    note: str = ""
    files: frozenset[str] = frozenset()
    """What its key knows."""


@dataclass
class Attempt:
    """How predicting one trial went: the rows by sample, or the error."""

    trial: Trial
    task: Task | None = None
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: Exception | None = None
    finite: bool = True
    shape: tuple[int, ...] = ()


def check_model(spec: ModelSpec, entries: Registry) -> Iterator[Finding]:
    """Findings on every task of a model."""
    yield from _check_extras(spec)
    try:
        check_requirements(spec, ModelError)
    except ModelError as error:
        yield Finding("builds", "skipped", spec.name, error.message, error.hint)
        return
    if spec.remote:
        why = "it asks a service, and the network is closed here"
        yield Finding("builds", "skipped", spec.name, why, "test it in the plugin's own tests, against a server on the loopback")
        return
    import torch  # noqa: F401 - it asks the linker for libraries as it is imported, which is no affair of the model

    for task in spec.tasks:
        entry = spec.name if len(spec.tasks) == 1 else f"{spec.name} ({task})"
        watch = Watch(draws=False)  # whether it draws is seen by comparing
        with Guard.watching() as guard:
            try:
                with watch:
                    built = _build(spec, task)
            except LacksPartError as error:
                yield Finding("builds", "skipped", entry, error.message, error.hint)
                continue
            except Exception as error:
                hint = error.hint if isinstance(error, ZooError) else f"zoo show {spec.name}"
                yield Finding("builds", "failed", entry, f"{type(error).__name__}: {reason_of(error)}", hint)
                yield from _world(entry, guard)
                continue
            yield Finding("builds", "ok", entry, built.note)
            watch.known.update(built.files)
            yield from _behaviour(entry, spec, task, built, entries, watch)
            yield from _world(entry, guard)


def _behaviour(entry: str, spec: ModelSpec, task: TaskName, built: Built, entries: Registry, watch: Watch) -> Iterator[Finding]:
    before = _state(built.model)
    attempt = first_that_works(spec, task, built, entries)
    if attempt is None or attempt.task is None:
        why = (
            f"no synthetic samples for task {task} of {spec.modality}"
            if attempt is None
            else reason_of(attempt.error or ModelError(""))
        )
        known = f"{why}; test it in the plugin's own tests"
        yield Finding("predicts", "skipped", entry, known)
        return
    yield from _verdict(entry, attempt)
    if attempt.error is not None:
        return
    if not is_core(task):
        yield check_stores(entry, attempt.task, attempt.rows)
    everything = range(len(attempt.trial.samples))
    with watch:
        again = _predict(attempt.task, built.model, attempt.trial, [everything], seed=1)
    # Of the task's own measure rounding is no difference, nor is a box that a tie let go: of the same batch each number counts.
    steady = _compared("deterministic", entry, attempt, again, partial(Task.apart, attempt.task), 0.0)
    yield steady
    alone = _predict(attempt.task, built.model, attempt.trial, [[i] for i in reversed(everything)], seed=0)
    if steady.state == "ok":
        yield _compared("batch-invariant", entry, attempt, alone, attempt.task.apart, ROUNDING)
    yield _clean(entry, built.model, before)
    doubt = watch.doubt() if spec.reuse else ""
    yield Finding("self-contained", "warned" if doubt else "ok", entry, doubt, FIXES["self-contained"] if doubt else "")


def _build(spec: ModelSpec, task: TaskName) -> Built:
    """With the first weights that are here; with random ones where none are, since the checks do not mind."""
    parts = synthetic_parts(spec)
    for tag, weights in spec.weights.items():
        try:
            find_files(weights)
        except ZooError:
            continue
        named = named_model(spec, task, Choice(tag), parts=parts)
        return Built(named.load(), named.info, weights, f"with the weights {tag!r}", named.files)
    if not spec.weights:
        try:
            named = named_model(spec, task, Choice(), parts=parts)
            return Built(named.load(), named.info, None, files=named.files)
        except ZooError as error:
            if "random" not in error.message:
                raise
    import torch

    tag, first = next(iter(spec.weights.items()), ("", None))
    torch.manual_seed(0)
    held = {role: part.load() for role, part in open_parts(spec, Choice(), parts).items()}
    model = build_model(spec, task, {**(first.config if first else {}), **held})
    model = model.eval() if hasattr(model, "eval") else model
    classes = (first.classes if first else None) or spec.classes
    info = info_of(spec, ModelInfo(spec.name, spec.modality, classes, (first.input if first else None) or spec.input))
    files = code_of((spec.tasks[task], spec.options), files=declared_files(spec)).files
    return Built(model, info, first, f"with random weights: {f'{tag!r} are' if tag else 'its own are'} not here", files)


def first_that_works(spec: ModelSpec, task: TaskName, built: Built, entries: Registry) -> Attempt | None:
    """The first trial that is predicted; else one whose outputs are wrong, else the first of those that raised."""
    failed: list[Attempt] = []
    for trial in trials(spec, task, built.weights, built.info, entries):
        attempt = _try(task, built, trial)
        if attempt.error is None:
            return attempt
        failed.append(attempt)
    fitting = [attempt for attempt in failed if attempt.task is not None]
    return next(
        (attempt for attempt in fitting if isinstance(attempt.error, PredictionError)), next(iter(fitting or failed), None)
    )


def _try(task: TaskName, built: Built, trial: Trial) -> Attempt:
    """Predict a trial. A model that does not name its classes is taken to have as many as it then returns."""
    unnamed = built.info.classes is None and declared_task(task).classes and trial.protocol.get("kind") != "edges"
    attempt = _bound(task, replace(built.info, classes=trial.data.classes) if unnamed else built.info, built.model, trial)
    if unnamed and isinstance(attempt.error, PredictionError) and len(attempt.shape) > 1:
        classes = tuple(f"class {i}" for i in range(attempt.shape[1]))
        few = (one._replace(target=one.target % len(classes)) if isinstance(one.target, int) else one for one in trial.samples)
        trial = replace(trial, data=replace(trial.data, classes=classes), samples=tuple(few))
        attempt = _bound(task, replace(built.info, classes=classes), built.model, trial)
    return attempt


def _bound(task: TaskName, info: ModelInfo, model: Any, trial: Trial) -> Attempt:
    try:
        bound = bound_task(task_class(task), info, trial)
    except (ZooError, ValueError) as error:  # such as a protocol's setting that this kind of the task does not have
        return Attempt(trial, error=error)
    return _predict(bound, model, trial, [range(len(trial.samples))], seed=0)


def _predict(task: Task, model: Any, trial: Trial, batches: Sequence[Sequence[int]], seed: int) -> Attempt:
    """Rows of every sample, predicted in these batches. `seed` is of the global generators, on which nothing may depend."""
    recorded = Recorded(model)
    attempt = Attempt(trial, task)
    try:
        _seed_globals(seed)
        for positions in batches:
            for rows in predictions(task, recorded, trial, positions, batch_size=len(positions)):
                for row, id_ in enumerate(rows.ids):
                    attempt.rows[id_] = {name: column[row : row + 1] for name, column in rows.columns.items()}
    except Exception as error:
        attempt.error = error
    attempt.finite, attempt.shape = recorded.finite, recorded.shape
    return attempt


def predicted_rows(task: str, entries: Registry) -> Rows | None:
    """What the first model of a plugin's task that predicts says of the samples of its trial; None where none does."""
    for spec in entries.models(task=task):
        try:
            check_requirements(spec, ModelError)
            built = _build(spec, task)
        except Exception:  # which its own plugin's check tells
            continue
        found = first_that_works(spec, task, built, entries)
        if found is not None and found.error is None and found.rows:
            rows = list(found.rows.values())
            columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
            return Rows(list(found.rows), columns, found.trial.classes or (), range(len(rows)), found.trial)
    return None


def _verdict(entry: str, attempt: Attempt) -> Iterator[Finding]:
    """Whether it predicted, and whether what it returned is what its task demands."""
    error, on = attempt.error, attempt.trial.what
    if not attempt.finite:
        yield Finding("finite", "failed", entry, f"returned NaN or infinity for {on}", FIXES["finite"])
        return
    if isinstance(error, PredictionError):
        yield Finding("outputs", "failed", entry, error.message, error.hint)
    elif error is not None:
        hint = error.hint if isinstance(error, ZooError) else ""
        yield Finding("predicts", "failed", entry, f"of {on}: {reason_of(error)}", hint)
    else:
        yield Finding("predicts", "ok", entry, on)
        yield from (Finding(check, "ok", entry) for check in ("outputs", "finite"))


def _compared(
    check: str, entry: str, first: Attempt, second: Attempt, apart: Callable[[Any, Any], float], tolerance: float
) -> Finding:
    if second.error is not None:
        return Finding(check, "failed", entry, f"the second time it raised: {reason_of(second.error)}", FIXES[check])
    found = max((apart(rows, second.rows[id_]) for id_, rows in first.rows.items()), default=0.0)
    if found <= tolerance:
        return Finding(check, "ok", entry)
    return Finding(check, "failed", entry, f"predictions of one sample differ by {found:.2g} of their range", FIXES[check])


def _clean(entry: str, model: Any, before: dict[str, Any]) -> Finding:
    after = _state(model)
    changed = [name for name in before if name not in after or not np.array_equal(before[name], after[name])]
    problem = ""
    if any(getattr(module, "training", False) for module in _modules(model)):
        problem = "a part of it is in training mode"
    elif changed:
        problem = f"predicting changed its {', '.join(changed[:3])}"
    elif graded := [name for name, tensor in _parameters(model) if tensor.grad is not None]:
        problem = f"predicting left gradients in {', '.join(graded[:3])}"
    return Finding("eval-clean", "failed" if problem else "ok", entry, problem, FIXES["eval-clean"] if problem else "")


def _world(entry: str, guard: Guard) -> Iterator[Finding]:
    seen = {"offline": ("the network was asked for: ", guard.network), "no-pickle": ("unpickled: ", guard.unpickled)}
    for check, (said, found) in seen.items():
        message = said + ", ".join(dict.fromkeys(found)) if found else ""
        yield Finding(check, "failed" if found else "ok", entry, message, FIXES[check] if found else "")


def _check_extras(spec: ModelSpec) -> Iterator[Finding]:
    """Whether the model, were what it requires absent, would say how to get it."""
    from importlib import metadata
    from unittest import mock

    if not spec.requires:
        return
    try:
        with mock.patch.object(metadata, "version", side_effect=metadata.PackageNotFoundError):
            named_model(spec, next(iter(spec.tasks)), Choice())
        yield Finding("missing-extras", "failed", spec.name, f"it was made without {spec.requires[0]}", "ask in `requires`")
    except ZooError as error:
        well = error.hint.startswith("pip install")
        yield Finding("missing-extras", "ok" if well else "failed", spec.name, "" if well else error.message)


def _is_finite(value: Any) -> bool:
    """Whether all floating-point tensors in it are finite; those that it does not know how to look into count as that."""
    import torch

    if isinstance(value, torch.Tensor):
        return not value.is_floating_point() or bool(torch.isfinite(value).all())
    if is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if isinstance(value, dict):
        value = list(value.values())
    return all(map(_is_finite, value)) if isinstance(value, (list, tuple)) else True


def _modules(model: Any) -> list[Any]:
    return list(model.modules()) if hasattr(model, "modules") else []


def _parameters(model: Any) -> list[tuple[str, Any]]:
    return list(model.named_parameters()) if hasattr(model, "named_parameters") else []


def _state(model: Any) -> dict[str, Any]:
    """Copies of its parameters and buffers, those that are not saved too."""
    buffers = list(model.named_buffers()) if hasattr(model, "named_buffers") else []
    return {name: tensor.detach().float().cpu().numpy().copy() for name, tensor in [*_parameters(model), *buffers]}


def _seed_globals(seed: int) -> None:
    import torch

    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
