"""Models inside a model: those that its options name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from zoo.errors import ModelError, OptionError
from zoo.lazy import load_target
from zoo.opening.weights_choice import Choice
from zoo.options import NamedModel, parse_named
from zoo.specs import ModelSpec, TaskName

if TYPE_CHECKING:
    from pydantic import BaseModel

    from zoo.opening.models import Model

_opening: ContextVar[tuple[str, ...]] = ContextVar("opening", default=())
"""Names of the models that are being opened, each because of the one before."""


def open_part(text: str, task: TaskName) -> "Model":
    """What `name:option=value` names, for a task. Raises ZooError where there is no such model, or an option does not fit."""
    from zoo.opening.models import named_model
    from zoo.plugins.registry import registry

    name, options, values = parse_named(text, f"model for {task}", "robust/pgd:steps=40", bare=True)
    spec, tag = registry().tagged_model(name)
    with _inside(spec.name, text):
        return named_model(spec, task, Choice(tag), {**_first(spec, values, options), **options})


def named_in(settings: "BaseModel | None") -> dict[str, NamedModel]:
    """The models that options name, by the option, and where it names several by their place: `attacks.0`."""
    found: dict[str, NamedModel] = {}
    for field in type(settings).model_fields if settings is not None else ():
        value = getattr(settings, field)
        several = value if isinstance(value, (tuple, list)) else None
        labelled = {field: value} if several is None else {f"{field}.{i}": item for i, item in enumerate(several)}
        found |= {label: item for label, item in labelled.items() if isinstance(item, NamedModel)}
    return found


def open_parts(spec: ModelSpec, settings: "BaseModel | None") -> "dict[str, Model]":
    """What the options of an entry name. Raises ZooError as `open_part` does, and where one takes other inputs than the entry."""
    parts = {label: named.opened() for label, named in named_in(settings).items()}
    for part in parts.values():
        if part.info.modality not in (None, spec.modality):
            raise ModelError(
                f"{part.info.name} takes {part.info.modality}, and {spec.name}, which is to use it, {spec.modality}",
                f"name one that takes {spec.modality}: zoo list models --modality {spec.modality}",
            )
    return parts


def handed_over(settings: "BaseModel | None") -> dict[str, Any]:
    """The options that name models, their models loaded."""
    values: dict[str, Any] = {}
    for label in named_in(settings):
        field, several, _ = label.partition(".")
        value = getattr(settings, field)
        values[field] = tuple(item.loaded() for item in value) if several else value.loaded()
    return values


def facts_of_parts(parts: "Mapping[str, Model]") -> dict[str, Any]:
    """What a key must know of them."""
    return {
        label: {
            "identity": part.identity,
            "input": part.info.input.model_dump(mode="json") if part.info.input else None,
            "classes": part.info.classes,
            "distribution": part.distribution,
        }
        for label, part in parts.items()
    }


def _first(spec: ModelSpec, values: tuple[str, ...], options: Mapping[str, str]) -> dict[str, str]:
    """Values without names as those of the first options."""
    fields = list(load_target(spec.options).model_fields) if spec.options else []
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
