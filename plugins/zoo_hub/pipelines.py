"""Pipelines of diffusers as `save_pretrained` writes them: which parts they have, and how these are built without weights."""

from collections.abc import Mapping
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from torch import nn

from zoo.errors import ModelError
from zoo.lazy import quietly
from zoo_hub.folder import quiet
from zoo_hub.source import BY_HAND, WEIGHTS, Source, read_json

DIFFUSERS_WEIGHTS = "diffusion_pytorch_model.safetensors"
DRAWN_FROM = {"self", "prompt", "class_labels"}
"""What a call may need and be given here."""
RUN = "run are pipelines that draw images from nothing, from classes or from prompts"


def networks_of(source: Source, index: Mapping[str, Any]) -> dict[str, str]:
    """The names of a pipeline's networks, and of the file of each."""
    with quietly():
        import diffusers
    from transformers import PreTrainedModel

    parts, known = _parts(index), index.get("_class_name")
    strangers = [name for name, (library, _) in parts.items() if not _is_known(library)]
    if strangers or not isinstance(known, str):
        raise ModelError(
            f"{source.rest} asks for code that comes with it ({', '.join(strangers) or '_class_name'}), which is never run",
            BY_HAND,
        )
    classes = {name: _class(library, kind) for name, (library, kind) in parts.items() if _has(library, kind)}
    lacking = [kind for name, (_, kind) in parts.items() if name not in classes]
    if not _has("diffusers", known) or lacking:
        what = f"{source.rest} is a {', '.join([known, *lacking])}, which diffusers {diffusers.__version__} has not"
        raise ModelError(what, "take a pipeline that it has")
    takes = signature(_class("diffusers", known).__call__).parameters.values()
    wanted = [one.name for one in takes if one.default is Parameter.empty and one.kind is Parameter.POSITIONAL_OR_KEYWORD]
    others = set(wanted) - DRAWN_FROM
    files = {
        name: WEIGHTS if issubclass(kind, PreTrainedModel) else DIFFUSERS_WEIGHTS
        for name, kind in classes.items()
        if issubclass(kind, nn.Module)
    }
    if others or not files or "scheduler" not in parts:
        lacks = f"needs {', '.join(sorted(others))}" if others else "has no scheduler" if files else "has no network"
        raise ModelError(f"{source.rest} is a {known} that {lacks}", RUN)
    return files


def build_pipeline(folder: Path) -> Any:
    """The pipeline that `model_index.json` describes, with networks that have no weights yet. Raises ModelError."""
    index = read_json(folder / "model_index.json")
    settings = {name: value for name, value in index.items() if not name.startswith("_") and not isinstance(value, list)}
    try:
        with quiet():
            parts = {name: _part(folder / name, *found) for name, found in _parts(index).items()}
            absent = {name: None for name, value in index.items() if isinstance(value, list) and name not in parts}
            return _class("diffusers", index["_class_name"])(**parts, **absent, **settings)
    except (ValueError, TypeError, KeyError, AttributeError, ImportError, OSError) as error:
        raise ModelError(
            f"diffusers cannot build the pipeline in {folder}: {' '.join(str(error).split())[:200]}",
            "see that it is whole, and of a kind that this version of diffusers knows",
        ) from error


def _part(folder: Path, library: str, name: str) -> Any:
    """A part of a pipeline, from what describes it alone: a network, a scheduler, a tokenizer or an image processor."""
    with quietly():
        from diffusers.configuration_utils import ConfigMixin
    from transformers import ImageProcessingMixin, PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin

    found = _class(library, name)
    if issubclass(found, ConfigMixin):
        return found.from_config(found.load_config(folder, local_files_only=True))
    if issubclass(found, PreTrainedModel):
        return found(found.config_class.from_pretrained(folder, local_files_only=True)).float()
    if issubclass(found, (PreTrainedTokenizerBase, ImageProcessingMixin, ProcessorMixin)):
        return found.from_pretrained(folder, local_files_only=True)
    raise ValueError(f"{name} is no network, scheduler, tokenizer or image processor")


def _parts(index: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Library and class of each part of a pipeline that is there; some pipelines can do without some of theirs."""
    found = {name: value for name, value in index.items() if name[0] != "_" and name.isidentifier() and isinstance(value, list)}
    return {name: (str(value[0]), str(value[1])) for name, value in found.items() if len(value) == 2 and all(value)}


def _is_known(library: str) -> bool:
    from diffusers import pipelines

    return library in ("diffusers", "transformers") or hasattr(pipelines, library)


def _has(library: str, name: str) -> bool:
    try:
        return isinstance(_class(library, name), type)
    except (AttributeError, ImportError, ValueError):
        return False


def _class(library: str, name: str) -> Any:
    """A class by name of diffusers, of transformers, or of one of diffusers' own pipelines."""
    import diffusers
    import transformers

    if library in ("diffusers", "transformers"):
        return getattr(diffusers if library == "diffusers" else transformers, name)
    return getattr(getattr(diffusers.pipelines, library), name)
