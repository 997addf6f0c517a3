"""Its models have the bare names of bundled ones."""

from zoo import hookimpl
from zoo.specs import ImageInput, ModelSpec


@hookimpl
def zoo_models():
    return [
        ModelSpec(
            name="lenet5",
            summary="Digits by their mean brightness",
            tasks={"classify": "zoo_colliding_name.net:Density"},
            modality="image",
            input=ImageInput(channels=1, size=(8, 8)),
            classes=tuple("0123456789"),
        )
    ]
