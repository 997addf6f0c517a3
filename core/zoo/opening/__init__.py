"""From a name, a path or an object of the user's own to a checked dataset or a model with its weights."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = [
    "ArrayNetwork",
    "Choice",
    "Model",
    "build_model",
    "named_model",
    "open_dataset",
    "read_metadata",
    "read_state",
    "read_weights",
    "save_state",
    "timm_input",
    "weights_sha256",
]

if TYPE_CHECKING:
    from zoo.opening.arrays import ArrayNetwork
    from zoo.opening.composing import named_model
    from zoo.opening.datasets import open_dataset
    from zoo.opening.declared import timm_input
    from zoo.opening.models import Model, build_model
    from zoo.opening.weights import read_metadata, read_state, read_weights, save_state, weights_sha256
    from zoo.opening.weights_choice import Choice
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.opening.arrays": ["ArrayNetwork"],
            "zoo.opening.composing": ["named_model"],
            "zoo.opening.datasets": ["open_dataset"],
            "zoo.opening.declared": ["timm_input"],
            "zoo.opening.models": ["Model", "build_model"],
            "zoo.opening.weights_choice": ["Choice"],
            "zoo.opening.weights": ["read_metadata", "read_state", "read_weights", "save_state", "weights_sha256"],
        },
    )
