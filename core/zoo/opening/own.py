"""The user's own module or function, as something that a run can key and load."""

import copy
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.errors import ModelError, OptionError, ZooError
from zoo.identity.own import own_code, same
from zoo.opening.class_names import given_classes
from zoo.opening.composing import named_model
from zoo.opening.declared import normalised, pixels
from zoo.opening.foreign import as_model, classes_of, is_foreign, takes_numpy
from zoo.opening.models import Model, in_eval
from zoo.opening.weights_choice import Choice
from zoo.remarks import remark
from zoo.specs import CERTIFY, ImageInput, Modality
from zoo.tasks.base import ModelInfo


def own_model(
    module: Any,
    *,
    classes: Sequence[str] | str | os.PathLike[str] | None = None,
    input: ImageInput | None = None,
    key: str | None = None,
    name: str | None = None,
    task: str = "classify",
    modality: Modality | None = None,
) -> Model:
    """The user's own module or callable. It is copied, so that a run leaves device, mode and layout of the original alone.

    What `zoo.load` returned keeps its name as long as it is what loading that name gives. Anything else is told by its `key`
    together with what it holds: without one nothing of the run is used again, nor where it says `remote = True`. An estimator
    of scikit-learn, a session of ONNX Runtime, and whatever says `inputs = "numpy"`, are given arrays on the CPU. Images are
    prepared, and normalised, as `input` says, and what that leaves open as the module itself declares, which those of timm do.
    """
    if isinstance(module, type) or not (callable(module) or kind_of(module) or is_foreign(module)):
        raise OptionError(
            f"{module!r} is no model", "pass a name, or an instance that can be called with a batch, such as an nn.Module"
        )
    known: ModelInfo | None = getattr(module, "zoo_info", None)
    wanted, notes = pixels(module, input, known, task, modality)
    if origin := _unchanged(module, key, name):
        if origin.parts and input is not None and input.mean is not None:
            raise OptionError(
                f"input normalises the whole of {origin.info.name}, whose parts normalise what they see themselves",
                "give it a part that does: zoo.imaging.Normalised(net, mean, std)",
            )
        outputs = origin.info.classes if classes is None else given_classes(classes)
        info = replace(origin.info, input=wanted, classes=outputs)
        return replace(origin, info=info, load=lambda: normalised(origin.load(), wanted), notes=(*origin.notes, *notes))
    label = f"local/{name or type(module).__name__}"
    outputs = given_classes(classes) if classes is not None else known.classes if known else classes_of(module)
    remote = getattr(module, "remote", False) is True
    arrays = takes_numpy(module)
    modality_of = known.modality if known else None
    info = ModelInfo(label, modality_of, outputs, wanted, device="cpu" if arrays else None, arrays=arrays, remote=remote)
    identity: dict[str, Any] = {}
    source, doubt = None, f"nobody can know what {label} reads from outside: `key` stands for that, and lets them be used again"
    if remote:
        doubt = f"{label} is a service, and what it answers may change"
    elif key:
        untold: list[str] = []
        state, code = own_code(module, untold)
        identity, source, doubt = {"key": key, **state, "code": code.identity}, code.sha256, code.doubt
        if untold:
            named = ", ".join(untold[:3]) + (", …" if len(untold) > 3 else "")
            notes = (*notes, f"`key` alone stands for what cannot be told of {label}: {named}")
    load_copy = lambda: normalised(_copied(module, label), wanted)  # noqa: E731
    return Model(info, identity, load_copy, source_sha256=source, doubt=doubt, own=True, notes=notes)


def kind_of(module: Any) -> str | None:
    """The kind of benchmark that is for a module alone: one that has `certify` and cannot be called certifies."""
    return CERTIFY if callable(getattr(module, CERTIFY, None)) and not callable(module) else None


def _unchanged(module: Any, key: str | None, name: str | None) -> Model | None:
    """The model by name that `zoo.load` returned as this module, where loading it now gives the same.

    `key` and `name` are those of its parts that are the user's own.
    """
    asked = getattr(module, "zoo_loaded", None)
    if not asked:
        return None
    from zoo.plugins.registry import registry

    try:
        spec, tag = registry().tagged_model(asked["name"])
        file = Path(asked["weights"]) if asked["weights"] else None
        told = {name: asked[name] for name in ("allow_pickle", "classes")}
        choice = Choice(tag, file=file, key=asked["weights_key"], **told)
        parts = {
            role: part
            if isinstance(part, str)
            else own_model(part, key=key, name=name, task=spec.parts[role], modality=spec.modality)
            for role, part in asked["parts"].items()
        }
        model = named_model(spec, asked["task"], choice, asked["options"], parts)
        fresh = model.load()
    except ZooError:  # its weights are gone, its plugin is
        return None
    return replace(model, load=lambda: fresh) if same(fresh, module) else None


def _copied(module: Any, name: str) -> Any:
    """A copy as what a run calls. What is no module of torch, and cannot be copied, is taken itself: a run changes none."""
    import torch

    try:
        copied = copy.deepcopy(module)
    except Exception as error:
        if isinstance(module, torch.nn.Module):
            raise ModelError(
                f"{name} cannot be copied: {error}", "a run works on a copy; drop what copy.deepcopy refuses, such as open files"
            ) from error
        remark(f"{name} cannot be copied, so the run called the object itself")
        return as_model(module)
    return as_model(copied if takes_numpy(copied) else in_eval(copied))
