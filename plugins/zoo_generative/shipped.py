"""What the specs of all shipped weights have in common."""

from zoo.specs import Weights


def shipped(recipe: str, sha256: str) -> Weights:
    """The weights that a recipe of this plugin makes."""
    return Weights(
        uri=f"pkg:zoo_generative/weights/{recipe}.safetensors",
        sha256=sha256,
        licence="Apache-2.0",
        source=f"recipe generative/{recipe}, seed 0",
        recipe=f"generative/{recipe}",
    )
