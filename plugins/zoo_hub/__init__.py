"""Plugin `hub`: models of timm, torchvision, transformers and diffusers by name.

RESOLVERS has, for each namespace, the functions (name, rest) -> ModelSpec | None that are asked in turn, one a task.
"""

from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec, Spec
from zoo.targets import load_target
from zoo_hub import sentence_specs

PARTS = (sentence_specs,)
RESOLVERS: dict[str, tuple[str, ...]] = {
    "hf": (
        "zoo_hub.detection:resolve_transformers",
        "zoo_hub.segmentation:resolve_transformers",
        "zoo_hub.sentence:resolve",
    ),
    "timm": ("zoo_hub.embedding:resolve",),
    "torchvision": ("zoo_hub.detection:resolve_torchvision", "zoo_hub.segmentation:resolve_torchvision"),
}


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [spec for part in PARTS for spec in part.MODELS]


@hookimpl
def zoo_namespaces() -> list[str]:
    return list(RESOLVERS)


@hookimpl
def zoo_resolve(kind: str, name: str) -> Spec | None:
    """The spec of a model by name, `timm/NAME`, from the first that knows it."""
    namespace, _, rest = name.partition("/")
    if kind != "model" or not rest:
        return None
    found = (load_target(target)(name, rest) for target in RESOLVERS.get(namespace, ()))
    return next((spec for spec in found if spec is not None), None)
