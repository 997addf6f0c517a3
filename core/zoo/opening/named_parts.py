"""Models inside a model that its options name."""

from typing import TYPE_CHECKING, Any

from zoo.options import NamedModel

if TYPE_CHECKING:
    from pydantic import BaseModel


def named_in(settings: "BaseModel | None") -> dict[str, NamedModel]:
    """The models that options name, by the option, and where it names several by their place: `attacks.0`."""
    found: dict[str, NamedModel] = {}
    for field in type(settings).model_fields if settings is not None else ():
        value = getattr(settings, field)
        several = value if isinstance(value, (tuple, list)) else None
        labelled = {field: value} if several is None else {f"{field}.{i}": item for i, item in enumerate(several)}
        found |= {label: item for label, item in labelled.items() if isinstance(item, NamedModel)}
    return found


def handed_over(settings: "BaseModel | None") -> dict[str, Any]:
    """The options that name models, their models loaded."""
    values: dict[str, Any] = {}
    for label, named in named_in(settings).items():
        field, several, _ = label.partition(".")
        values[field] = (*values.get(field, ()), named.loaded()) if several else named.loaded()
    return values
