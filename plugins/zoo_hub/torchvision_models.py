"""`torchvision/NAME`: classifiers, detectors and segmenters of torchvision."""

from collections.abc import Iterator

from zoo.errors import UnknownNameError
from zoo.specs import ModelSpec
from zoo_hub import classification, detection, segmentation

RESOLVERS = (classification.resolve_torchvision, detection.resolve_torchvision, segmentation.resolve_torchvision)


def resolve(name: str, rest: str) -> ModelSpec:
    """The spec of a name, from the first task that takes it. Raises UnknownNameError with the nearest names."""
    found = _found(name, rest)
    if found is not None:
        return found
    from difflib import get_close_matches

    import torchvision
    from torchvision import models

    known = models.list_models()
    if rest in known:
        raise UnknownNameError(f"no task here takes torchvision's {rest}", "zoo list models --plugin torchvision")
    near = [f"torchvision/{other}" for other in get_close_matches(rest, known, 3)]
    hint = f"did you mean {' or '.join(near)}?" if near else "zoo list models --plugin torchvision"
    raise UnknownNameError(f"torchvision {torchvision.__version__} has no model {rest!r}", hint, near)


def listed() -> Iterator[ModelSpec]:
    """The specs of all names that a task takes, without their classes, for brevity."""
    from torchvision import models

    for rest in models.list_models():
        if (spec := _found(f"torchvision/{rest}", rest)) is not None:
            weights = {tag: one.model_copy(update={"classes": None, "class_ids": None}) for tag, one in spec.weights.items()}
            yield spec.model_copy(update={"weights": weights})


def _found(name: str, rest: str) -> ModelSpec | None:
    return next((spec for resolve in RESOLVERS if (spec := resolve(name, rest)) is not None), None)
