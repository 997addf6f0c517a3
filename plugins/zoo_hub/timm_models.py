"""`timm/NAME` and `timm/FOLDER`: any image model of timm, as a classifier and, by the features ahead of that, an embedder."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor

from zoo.errors import ModelError, UnknownNameError
from zoo.imaging import Normalise
from zoo.opening import timm_input
from zoo.specs import ModelSpec, TaskName, Weights
from zoo_hub.imagenet import timm_classes
from zoo_hub.source import Names, Source, find_source
from zoo_hub.wrapping import Wrapped

TARGETS: dict[TaskName, str] = {
    "classify": "zoo_hub.timm_models:TimmClassifier",
    "embed": "zoo_hub.timm_models:TimmEmbedder",
}
_LIBRARY: Any = timm  # what of it is not typed, or not declared public


class TimmModel(Wrapped):
    """A model of timm with the normalisation that its weights want; `create` is what `timm.create_model` takes.

    `classes` is the number of outputs, None that of the weights that timm names.
    """

    def __init__(
        self, create: Mapping[str, Any], mean: tuple[float, ...], std: tuple[float, ...], classes: int | None = None
    ) -> None:
        super().__init__()
        self.create = {**create, **({} if classes is None else {"num_classes": classes})}
        self.body = timm.create_model(**self.create, pretrained=False)
        self.normalise = Normalise(mean, std)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """By timm, which knows the key names of the weights' first authors; strictly all the same."""
        own = self.body.state_dict()
        if own.keys() == state_dict.keys() and all(own[key].shape == state_dict[key].shape for key in own):
            return self.body.load_state_dict(state_dict, strict=strict, assign=assign)
        cfg = {**self.create.get("pretrained_cfg", {}), "state_dict": dict(state_dict), "source": "", "custom_load": False}
        cfg |= {"num_classes": self.body.num_classes, "label_offset": 0}  # else timm leaves the head at random
        given = "pretrained_cfg" if "pretrained_cfg" in self.create else "pretrained_cfg_overlay"
        with torch.random.fork_rng(devices=[]):  # the new network is drawn at random before it is filled
            self.body = timm.create_model(**{**self.create, given: cfg}, pretrained=True).eval()
        self.body.pretrained_cfg.pop("state_dict", None)
        return torch.nn.modules.module._IncompatibleKeys([], [])


class TimmClassifier(TimmModel):
    """Logits [b, classes] of images [b, c, h, w] in [0, 1]."""

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.body(self.normalise(images))
        return logits


class TimmEmbedder(TimmModel):
    """Features [b, d] of images [b, c, h, w] in [0, 1]: pooled, ahead of the classifier."""

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.body.forward_features(self.normalise(images))
        vectors: Tensor = self.body.forward_head(features, pre_logits=True)
        return vectors.flatten(1)


def resolve(name: str, rest: str) -> ModelSpec:
    """The spec of `timm/NAME` or `timm/FOLDER`. Raises UnknownNameError with the nearest names."""
    if Path(rest).expanduser().is_dir():
        return saved(name, find_source(rest))
    return named(name, rest)


def named(name: str, rest: str) -> ModelSpec:
    """The spec of a model by timm's own name, with the preprocessing and the classes that timm declares."""
    architecture, _, tag = rest.partition(".")
    if not timm.is_model(architecture):
        near = [f"timm/{other}" for other in get_close_matches(rest, timm.list_models() + timm.list_pretrained(), 3)]
        hint = f"did you mean {' or '.join(near)}?" if near else "zoo list models --plugin timm"
        raise UnknownNameError(f"timm {timm.__version__} has no model {rest!r}", hint, near)
    try:
        declared = _declared(rest)
    except RuntimeError as error:
        tags = [full for full in timm.list_pretrained() if full.startswith(f"{architecture}.")]
        raise UnknownNameError(f"timm's {architecture} has no weights {tag!r}", f"it has: {', '.join(tags)}", tags) from error
    weights = _published(rest, declared)
    return _spec(name, rest, declared, {"model_name": rest}, weights)


def saved(name: str, source: Source) -> ModelSpec:
    """The spec of what timm's `save_for_hf` or `push_to_hf_hub` has written. Raises ModelError where it is something else."""
    config = source.json("config.json")
    if "architecture" not in config:
        raise ModelError(f"{source.folder / 'config.json'} names no architecture of timm", f"perhaps it is hf/{source.rest}")
    if not timm.is_model(config["architecture"]):
        what = f"{source.rest} is a {config['architecture']}, which timm {timm.__version__} has not"
        raise ModelError(what, "take one that it has: zoo list models --plugin timm")
    cfg, architecture, arguments = _LIBRARY.models._hub.load_model_config_from_path(source.folder)
    declared = {**vars(timm.models.PretrainedCfg()), **cfg}
    create = {"model_name": architecture, **arguments, "pretrained_cfg": {**cfg, "file": None, "source": ""}}
    names, ids = _classes(cfg)
    weights = source.weights(classes=names, class_ids=ids)
    return _spec(name, f"{source.rest}, {architecture}", declared, create, weights)


def listed() -> Iterator[ModelSpec]:
    """The specs of all names of weights that timm has and we can prepare images for; without their classes, for brevity."""
    for rest in timm.list_pretrained():
        try:
            spec = named(f"timm/{rest}", rest)
        except ModelError:
            continue
        weights = {tag: one.model_copy(update={"classes": None, "class_ids": None}) for tag, one in spec.weights.items()}
        yield spec.model_copy(update={"weights": weights})


def _spec(name: str, what: str, declared: Mapping[str, Any], create: dict[str, Any], weights: dict[str, Weights]) -> ModelSpec:
    """A spec. Where nobody knows the classes, the last layer is a projection or a stranger's, and features come first."""
    data: dict[str, Any] = _LIBRARY.data.resolve_data_config(pretrained_cfg=dict(declared))
    channels, height, width = data["input_size"]
    named = any(one.classes for one in weights.values())
    tasks: list[TaskName] = ["classify", "embed"] if named else ["embed", "classify"] if declared["num_classes"] else ["embed"]
    return ModelSpec(
        name=name,
        summary=f"{what} of timm, {channels} channels of {height}x{width}",
        requires=("timm>=1.0",),
        tasks={task: TARGETS[task] for task in tasks},
        modality="image",
        config={"create": create, "mean": list(data["mean"]), "std": list(data["std"])},
        input=timm_input(what, data),
        weights=weights,
        paper=str(declared.get("paper_name") or ""),
    )


def _published(name: str, declared: Mapping[str, Any]) -> dict[str, Weights]:
    """The weights that timm names, which the hub or their author serve; none where it names none. No hash is published."""
    repository, _, revision = str(declared.get("hf_hub_id") or "").partition("@")
    file = declared.get("hf_hub_filename") or "model.safetensors"
    uri = f"hf://{repository}@{revision or 'main'}/{file}" if repository else declared.get("url")
    if not uri:
        return {}
    licence = str(declared.get("license") or "As its model card says.")
    names, ids = _classes(declared)
    return {"pretrained": Weights(uri=uri, sha256=None, licence=licence, source=f"timm {name}", classes=names, class_ids=ids)}


def _classes(declared: Mapping[str, Any]) -> tuple[Names, Names]:
    """Names and ids of the classes: those declared, else those of the part of ImageNet with so many."""
    names, count = declared.get("label_names"), declared["num_classes"]
    if isinstance(names, Mapping):
        names = [names.get(str(i)) for i in range(len(names))]
    if names and len(names) == count and all(names):
        return tuple(map(str, names)), None
    return timm_classes(count) or (None, None)


@cache
def _declared(name: str) -> dict[str, Any]:
    cfg = timm.get_pretrained_cfg(name)
    if cfg is None:
        raise RuntimeError(f"timm declares nothing of {name}")
    return dict(vars(cfg))
