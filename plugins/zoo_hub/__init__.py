"""Plugin `hub`: models of timm, torchvision, transformers and diffusers by name."""

from pathlib import Path

from zoo import hookimpl
from zoo.errors import UnknownNameError
from zoo.lazy import load_target
from zoo.specs import ModelSpec, Optimizer, RecipeSpec, Spec
from zoo_hub import efficientnet_specs, language_specs, sentence_specs

PARTS = (sentence_specs, efficientnet_specs, language_specs)
RESOLVERS = {
    "diffusers": "zoo_hub.diffusers_models:resolve",
    "hf": "zoo_hub.transformers_models:resolve",
    "timm": "zoo_hub.timm_models:resolve",
    "torchvision": "zoo_hub.torchvision_models:resolve",
}
"""Namespace to the function (name, rest) -> ModelSpec."""
LISTS = {"timm": "zoo_hub.timm_models:listed", "torchvision": "zoo_hub.torchvision_models:listed"}
"""Namespaces named as their library, whose names can all be listed, and what lists them."""

RECIPES = [
    RecipeSpec(
        name="finetune",
        summary="A classifier of timm, torchvision or transformers, by name, on images or texts of your own, under a new head",
        trainer="zoo_hub.finetune_trainer:train",
        epochs=5,
        batch_size=32,
        optimizer=Optimizer(name="adamw", lr=2e-4, weight_decay=0.05),
        schedule="onecycle",
        clip_norm=1.0,
        metric="nll",  # a tenth of one's own data is often too few to choose by accuracy
        options={"pretrained": True},
    )
]


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return RECIPES


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return [spec for part in PARTS for spec in part.MODELS]


@hookimpl
def zoo_namespaces() -> list[str]:
    return list(RESOLVERS)


@hookimpl
def zoo_names(namespace: str) -> tuple[str, list[Spec]] | None:
    return (namespace, list(load_target(LISTS[namespace])())) if namespace in LISTS else None


@hookimpl
def zoo_resolve(kind: str, name: str) -> Spec | None:
    """The spec of a model by name, `timm/NAME`, or of a dataset, `hf:PATH`."""
    if kind == "dataset" and name.startswith("hf:") and name != "hf:":
        data: Spec = load_target("zoo_hub.tables:data_spec")(name, name.removeprefix("hf:"))
        return data
    namespace, slash, rest = name.partition("/")
    path, at, _ = rest.partition("@")
    if kind != "model" or (at and (namespace in LISTS or Path(path).expanduser().is_dir())):
        return None  # what follows @ is a tag, but for a repository a revision
    if ":" in namespace or not rest:
        meant = name.replace(":", "/", 1) if not slash or ":" in namespace else f"{name}NAME"
        raise UnknownNameError(f"there is no model named {name!r}", f"did you mean {meant}?", [meant])
    spec: Spec = load_target(RESOLVERS[namespace])(name, rest)
    return spec
