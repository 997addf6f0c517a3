"""What the specs of all shipped weights have in common."""

from typing import Any

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


def rounded(recipe: str, sha256: str, config: dict[str, Any] | None = None) -> Weights:
    """The same rounded to float16, half the size; scores are those of the file that ships."""
    whole = shipped(recipe, sha256)
    return whole.model_copy(update={"source": f"{whole.source}, rounded to float16", "config": config or {}})
