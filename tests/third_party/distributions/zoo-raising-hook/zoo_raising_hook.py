"""A hook of it raises."""

from zoo import hookimpl
from zoo.specs import ModelSpec


@hookimpl
def zoo_models() -> list[ModelSpec]:
    raise LookupError("no models today")
