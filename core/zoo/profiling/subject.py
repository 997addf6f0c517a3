"""What is profiled: a model, and samples that it takes, of a benchmark's dataset or made up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.data.dataset import Dataset
from zoo.errors import ModelError, OptionError, WeightsError, reason_of
from zoo.opening.composing import named_model
from zoo.opening.models import Model, build_model, checked_options, in_eval
from zoo.opening.own import own_model
from zoo.opening.written import is_written
from zoo.plugins.registry import Registry
from zoo.remarks import hearing
from zoo.runs.plan import plan_run
from zoo.runs.precision import Precision, opened_precision
from zoo.runs.request import Request
from zoo.runs.written import opened
from zoo.seeds import seeded
from zoo.specs import Modality, ModelSpec, TaskName
from zoo.tasks.base import ModelInfo, Task
from zoo.tasks.by_name import declared_task
from zoo.testing.models import Attempt, Built, first_that_works

SAMPLES = 8
"""Samples of a benchmark that are asked for in turn."""


@dataclass(frozen=True)
class Subject:
    """A model that is loaded, and a task that is bound to it and to samples that it takes."""

    name: str
    task: Task
    model: Any
    dataset: Dataset
    positions: Sequence[int]
    samples: str
    precision: Precision
    benchmark: str | None = None
    aux: Mapping[str, Model] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def subject_of(entries: Registry, request: Request) -> Subject:
    """Open what is asked for. Raises ZooError where there is no such model, or nothing is known that it takes."""
    with hearing(None) as remarks:
        found = _benchmarked(entries, request) if request.benchmark is not None else _alone(entries, request)
    return replace(found, notes=(*found.notes, *remarks))


def _benchmarked(entries: Registry, request: Request) -> Subject:
    """As a run would have it, with the first samples that it would take."""
    own = not isinstance(request.model, str) or is_written(request.model)
    key = "profile" if own else None  # nothing is kept, so nobody need be told that nothing is used again
    plan = plan_run(entries, request.model_copy(update={"limit": SAMPLES, "key": key}))
    return Subject(
        plan.model.info.name,
        plan.task,
        plan.model.load(),
        plan.dataset,
        plan.positions,
        f"{plan.samples} samples of {plan.task.data.name}/{plan.benchmark.split}",
        plan.precision,
        plan.benchmark.name,
        plan.aux,
        plan.model.notes,
    )


def _alone(entries: Registry, request: Request) -> Subject:
    """With synthetic samples, or those of the dataset on which the weights were trained, where that is here."""
    found = opened_precision(entries, request.precision)
    precision = Precision(request.precision, None) if found is None else Precision(found.spec.name, None, found.built)
    spec, task, built, notes = _opened(entries, request)
    if task == "attack":
        raise ModelError(f"what {built.info.name} costs is up to its victim", "profile it on a benchmark: `on=robust/mnist-linf`")
    attempt = _first_attempt(entries, spec, task, built)
    assert attempt.task is not None
    places, what = range(len(attempt.trial.samples)), attempt.trial.what
    return Subject(built.info.name, attempt.task, built.model, attempt.trial, places, what, precision, notes=notes)


def _first_attempt(entries: Registry, spec: ModelSpec, task: TaskName, built: Built) -> Attempt:
    """How the first samples were predicted that the model takes: of its modality, or of any where that is not known."""
    declared = declared_task(task).modalities or ("image", "vector", "text")
    known: tuple[Modality, ...] = (built.info.modality,) if built.info.modality else declared
    failed: list[Attempt] = []
    for modality in known:
        attempt = first_that_works(spec.model_copy(update={"modality": modality}), task, built, entries)
        if attempt is not None and attempt.error is None and attempt.task is not None:
            return attempt
        failed += [attempt] if attempt is not None else []
    reasons = [reason_of(attempt.error) for attempt in failed if attempt.error is not None]
    raise ModelError(
        f"{built.info.name} takes none of the samples that can be made up: {next(iter(reasons), f'none are known of {task}')}",
        "profile it on samples of a benchmark or dataset that fits: `on`",
    )


def _opened(entries: Registry, request: Request) -> tuple[ModelSpec, TaskName, Built, tuple[str, ...]]:
    """The model, what is known of it, its task, and what is to be said of it."""
    if not isinstance(request.model, str) or is_written(request.model):
        return _own(request)
    spec, tag = entries.tagged_model(request.model)
    task: TaskName = request.task or next(iter(spec.tasks))
    notes: list[str] = []
    if tag is None and request.weights is None and len(spec.weights) > 1:
        tag = next(iter(spec.weights))
        notes.append(f"of its weights the first were taken: {', '.join(spec.weights)}")
    weights = spec.weights.get(tag) if tag is not None else next(iter(spec.weights.values()), None)
    try:
        model = named_model(spec, task, request.choice(tag), request.options)
        return spec, task, Built(model.load(), model.info, weights), (*notes, *model.notes)
    except WeightsError as error:
        if error.altered or spec.parts or request.weights is not None or (tag is not None and tag not in spec.weights):
            raise
    options = checked_options(spec, request.options or {})
    with seeded(0, spec.name):
        network = in_eval(build_model(spec, task, {**(weights.config if weights else {}), **options}))
    classes = (weights.classes if weights else None) or spec.classes
    info = ModelInfo(spec.name, spec.modality, classes, (weights.input if weights else None) or spec.input, options)
    notes.append("with random parameters, on which no count depends: no weights of it are here")
    return spec, task, Built(network, info, weights), tuple(notes)


def _own(request: Request) -> tuple[ModelSpec, TaskName, Built, tuple[str, ...]]:
    """A network of the user's own, of which only its task is known; what it takes is found by trying."""
    module, name, classes = request.model, request.name, request.classes
    notes: tuple[str, ...] = ()
    if is_written(module):
        written = opened(module, request, None)
        module, name, notes = written.module, name or written.name, written.notes
        classes = classes if classes is not None or written.file is None else written.file.classes
    elif request.weights is not None:
        raise OptionError("weights are for models by name; load your own model's weights yourself")
    task: TaskName = request.task or "classify"
    model = own_model(module, classes=None if classes == "dataset" else classes, input=request.input, name=name, task=task)
    spec = ModelSpec(name="own", summary="The user's own.", tasks={task: "own:own"}, modality=model.info.modality or "image")
    return spec, task, Built(model.load(), model.info, None), (*notes, *model.notes)
