"""A spec of it has a task that there is not."""

from zoo import hookimpl
from zoo.specs import ModelSpec


@hookimpl
def zoo_models():
    return [ModelSpec(name="net", summary="Flies.", tasks={"fly": "nowhere:Net"}, modality="image")]
