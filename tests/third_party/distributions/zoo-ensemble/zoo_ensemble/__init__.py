"""A model that is made of two others, whoever's they are."""

from zoo import hookimpl
from zoo.specs import ModelSpec


@hookimpl
def zoo_models():
    return [
        ModelSpec(
            name="mean",
            summary="What two classifiers say, weighed",
            tasks={"classify": "zoo_ensemble.mean:Mean"},
            modality="image",
            parts={"first": "classify", "second": "classify"},
            options="zoo_ensemble.mean:Options",
        )
    ]
