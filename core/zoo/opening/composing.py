"""Models with models inside: opened together, at any depth."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from zoo.errors import ModelError, OptionError, WeightsError
from zoo.identity.watching import unwatched
from zoo.opening.models import Model, bound_model, options_class, settings_of
from zoo.opening.named_parts import named_in
from zoo.opening.weights_choice import Choice
from zoo.options import parse_named
from zoo.plugins.blame import in_plugin
from zoo.plugins.composed import refuse_missing, refuse_unknown
from zoo.requirements import check_requirements
from zoo.specs import ModelSpec, TaskName

if TYPE_CHECKING:
    from pydantic import BaseModel

_opening: ContextVar[tuple[str, ...]] = ContextVar("opening", default=())
"""Names of the models that are being opened, each because of the one before."""


def named_model(
    spec: ModelSpec,
    task: str,
    choice: Choice,
    options: Mapping[str, Any] | None = None,
    parts: Mapping[str, str | Model] | None = None,
) -> Model:
    """The model of a spec with the chosen weights. `parts` are others than its name says, by role: names, or open models."""
    if task not in spec.tasks:
        raise ModelError(f"{spec.name} does not {task}", f"its tasks are: {', '.join(spec.tasks)}")
    with in_plugin(spec.name):
        check_requirements(spec, ModelError)
    held = open_parts(spec, choice, parts or {})
    settings = settings_of(spec, options or {})
    named_inside = open_named(spec, settings)
    with in_plugin(spec.name):
        return bound_model(spec, task, choice, settings, held, named_inside)


def open_parts(spec: ModelSpec, choice: Choice, given: Mapping[str, str | Model]) -> dict[str, Model]:
    """The parts of a model, by role: those that its name says, or which are `given`: a name, or a model that is open.

    Tags are picked by the dataset, as the whole's. Raises OptionError where a part is missing, unknown, of another task, or made
    of what it is a part of; ModelError where it takes something else than the whole.
    """
    refuse_unknown(spec.name, spec.parts, given)
    asked = {**spec.made_of, **given}
    refuse_missing(spec.name, spec.parts, asked)
    if spec.parts and choice.file is not None:
        raise WeightsError(
            f"{spec.name} is made of parts, so a file of weights does not say of which",
            "load the part with it: zoo.load(NAME, PART=zoo.load(PART, weights=FILE))",
        )
    _refuse_circle(spec)
    opened = {role: _opened(spec, role, asked[role], choice) for role in spec.parts}
    for role, part in opened.items():
        if part.info.modality not in (None, spec.modality):
            raise ModelError(f"the {role} of {spec.name} takes {part.info.modality}: {part.info.name}; the whole {spec.modality}")
    return opened


def open_part(text: str, task: TaskName) -> Model:
    """What `name:option=value` names, for a task. Raises ZooError where there is no such model, or an option does not fit."""
    name, options, values = parse_named(text, f"model for {task}", "robust/pgd:steps=40", bare=True)
    spec, tag = _looked_up(name)
    with _inside(spec.name, text):
        return named_model(spec, task, Choice(tag), {**_first(spec, values, options), **options})


def open_named(spec: ModelSpec, settings: "BaseModel | None") -> dict[str, Model]:
    """What the options of an entry name. Raises ZooError as `open_part` does, and where one takes other inputs than the entry."""
    parts = {label: named.opened() for label, named in named_in(settings).items()}
    for part in parts.values():
        if part.info.modality not in (None, spec.modality):
            raise ModelError(
                f"{part.info.name} takes {part.info.modality}, and {spec.name}, which is to use it, {spec.modality}",
                f"name one that takes {spec.modality}: zoo list models --modality {spec.modality}",
            )
    return parts


def _opened(spec: ModelSpec, role: str, part: str | Model, choice: Choice) -> Model:
    from zoo.plugins.registry import refuse_task

    task = spec.parts[role]
    if isinstance(part, Model):
        return part
    found, tag = _looked_up(part)
    refuse_task(spec, role, found)
    opened = named_model(found, task, Choice(tag, choice.dataset, data_dir=choice.data_dir))
    if task == "classify" and opened.info.classes is None and opened.weights_sha256 is None:
        raise WeightsError(
            f"{found.name}, the {role} of {spec.name}, ships without weights, and so does not say what its outputs are",
            f"load it with some: zoo.load({spec.name!r}, {role}=zoo.load({found.name!r}, weights=FILE))",
        )
    return opened


@unwatched()  # the index is no part of what a model reads
def _looked_up(name: str) -> tuple[ModelSpec, str | None]:
    from zoo.plugins.registry import registry

    return registry().tagged_model(name)


@unwatched()
def _refuse_circle(spec: ModelSpec) -> None:
    from zoo.plugins.registry import registry

    registry().refuse_circle(spec)


def _first(spec: ModelSpec, values: tuple[str, ...], options: Mapping[str, str]) -> dict[str, str]:
    """Values without names as those of the first options."""
    declared = options_class(spec)
    fields = list(declared.model_fields) if declared is not None else []
    first = dict(zip(fields, values, strict=False))
    if len(values) > len(fields) or first.keys() & options.keys():
        known = f"its options are: {', '.join(fields) or 'none'}"
        raise OptionError(f"{', '.join(values)}: too many values for {spec.name}, or one that is given twice", known)
    return first


@contextmanager
def _inside(name: str, text: str) -> Iterator[None]:
    """Refuse what is a part of itself."""
    above = _opening.get()
    if f"{name} {text}" in above:
        raise ModelError(f"{name} is a part of itself: {text}", "name other parts")
    token = _opening.set((*above, f"{name} {text}"))
    try:
        yield
    finally:
        _opening.reset(token)
