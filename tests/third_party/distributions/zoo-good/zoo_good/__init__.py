"""A good plugin: a model that runs, and an observer of runs."""

from zoo import hookimpl
from zoo.specs import ImageInput, ModelSpec


@hookimpl
def zoo_models():
    return [
        ModelSpec(
            name="density",
            summary="Digits by their mean brightness",
            tasks={"classify": "zoo_good.net:Density"},
            modality="image",
            input=ImageInput(channels=1, size=(8, 8)),
            classes=tuple("0123456789"),
        ),
        ModelSpec(
            name="wanting",
            summary="The same, which needs a library that is nowhere",
            tasks={"classify": "zoo_good.net:Density"},
            modality="image",
            input=ImageInput(channels=1, size=(8, 8)),
            classes=tuple("0123456789"),
            requires=("distribution-that-is-nowhere>=2",),
        ),
    ]


@hookimpl
def zoo_run_finished(record):
    print(f"seen {record.run_id}", file=__import__("sys").stderr)
