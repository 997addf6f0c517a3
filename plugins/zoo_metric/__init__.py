"""Topic 7: metric learning. Embeddings learnt by contrastive, triplet and angular losses, beside the raw pixels."""

from zoo.hookspecs import hookimpl
from zoo.specs import ImageInput, ModelSpec

SMALL = ImageInput(channels=1, size=(28, 28))

MODELS = [
    ModelSpec(
        name="pixels",
        summary="Raw pixels, grey, 28x28: the baseline that every learnt embedding has to beat",
        tasks={"embed": "zoo_metric.networks:Pixels"},
        modality="image",
        input=SMALL,
    ),
]


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return MODELS
