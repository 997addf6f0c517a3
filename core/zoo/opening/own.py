"""The user's own module or function, as something that a run can key and load."""

import copy
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.errors import ModelError, OptionError, ZooError
from zoo.identity.own import UntoldError, own_code, same
from zoo.opening.class_names import given_classes
from zoo.opening.composing import named_model
from zoo.opening.declared import normalised, pixels
from zoo.opening.models import Model, in_eval
from zoo.opening.weights_choice import Choice
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
    together with what it holds: without one, or where that cannot be told, nothing of the run is used again. Images are
    prepared, and normalised, as `input` says, and what that leaves open as the module itself declares, which those of timm do.
    """
    if isinstance(module, type) or not (callable(module) or kind_of(module)):
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
    outputs = given_classes(classes) if classes is not None else known.classes if known else None
    info = ModelInfo(label, known.modality if known else None, outputs, wanted)
    identity: dict[str, Any] = {}
    source, doubt = None, f"nobody can know what {label} reads from outside: `key` stands for that, and lets them be used again"
    if key:
        try:
            state, code = own_code(module)
            identity, source, doubt = {"key": key, **state, "code": code.identity}, code.sha256, code.doubt
        except UntoldError as error:
            doubt = f"{label} holds {error}, whose content cannot be told"
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
    try:
        return in_eval(copy.deepcopy(module))
    except Exception as error:
        raise ModelError(
            f"{name} cannot be copied: {error}", "a run works on a copy; drop what copy.deepcopy refuses, such as open files"
        ) from error
