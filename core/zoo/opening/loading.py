"""`zoo.load`: the model of a name, ready to be called."""

import copy
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from zoo.errors import ModelError, OptionError
from zoo.opening.composing import named_model
from zoo.opening.models import Model
from zoo.opening.own import own_model
from zoo.opening.weights_choice import Choice, own_file
from zoo.plugins.composed import refuse_unknown
from zoo.specs import ModelSpec

if TYPE_CHECKING:
    from zoo.tasks import Attacker, Classifier, Detector, Embedder, Segmenter

File = str | os.PathLike[str] | None
Names = Sequence[str] | str | os.PathLike[str] | None
Options = Mapping[str, Any] | None


# fmt: off
@overload
def load(
    name: str, *, task: Literal["classify"] = "classify", weights: File = None, weights_key: str | None = None,
    classes: Names = None, allow_pickle: bool = False, options: Options = None, **parts: Any,
) -> "Classifier": ...
@overload
def load(
    name: str, *, task: Literal["detect"], weights: File = None, weights_key: str | None = None,
    classes: Names = None, allow_pickle: bool = False, options: Options = None, **parts: Any,
) -> "Detector": ...
@overload
def load(
    name: str, *, task: Literal["segment"], weights: File = None, weights_key: str | None = None,
    classes: Names = None, allow_pickle: bool = False, options: Options = None, **parts: Any,
) -> "Segmenter": ...
@overload
def load(
    name: str, *, task: Literal["embed"], weights: File = None, weights_key: str | None = None,
    classes: Names = None, allow_pickle: bool = False, options: Options = None, **parts: Any,
) -> "Embedder": ...
@overload
def load(
    name: str, *, task: Literal["attack"], weights: File = None, weights_key: str | None = None,
    classes: Names = None, allow_pickle: bool = False, options: Options = None, **parts: Any,
) -> "Attacker": ...
@overload
def load(
    name: str, *, task: str, weights: File = None, weights_key: str | None = None,
    classes: Names = None, allow_pickle: bool = False, options: Options = None, **parts: Any,
) -> Any: ...
# fmt: on
def load(
    name: str,
    *,
    task: str = "classify",
    weights: File = None,
    weights_key: str | None = None,
    classes: Names = None,
    allow_pickle: bool = False,
    options: Options = None,
    **parts: Any,
) -> Any:
    """The model of a name (`cnn/lenet5@mnist`), with its weights, in `eval` mode, on the CPU.

    `weights` is a file of your own, `weights_key` says which of several sets in it, `classes` names its outputs in order;
    `options` are the model's own. Of a model that is made of others `parts` gives those that its name does not, by role, each a
    name or a module of your own, which is copied: `zoo.load("robust/smoothed", base=net)`.
    Raises UnknownNameError, OptionError, WeightsError or ModelError.
    """
    from zoo.plugins.registry import registry

    spec, tag = registry().tagged_model(name)
    file = own_file(weights)
    choice = Choice(tag, file=file, allow_pickle=allow_pickle, key=weights_key, classes=classes)
    held = {role: part if isinstance(part, str) else _copied(part, role) for role, part in parts.items()}
    opened = {role: part if isinstance(part, str) else _own_part(spec, role, part) for role, part in held.items()}
    model = named_model(spec, task, choice, options, opened)
    loaded = model.load()
    asked = {
        "name": name,
        "task": task,
        "weights": weights,
        "weights_key": weights_key,
        "classes": classes,
        "allow_pickle": allow_pickle,
        "options": options,
        "parts": held,
    }
    for told, value in (("zoo_info", model.info), ("zoo_loaded", asked)):
        object.__setattr__(loaded, told, value)  # an attack is its own options, which are frozen
    return loaded


def _copied(part: Any, role: str) -> Any:
    """A part as it is now: what its owner does to it later is no affair of the whole."""
    try:
        return copy.deepcopy(part)
    except Exception as error:
        raise ModelError(
            f"the {role} cannot be copied: {error}", "drop what copy.deepcopy refuses, such as open files"
        ) from error


def _own_part(spec: ModelSpec, role: str, part: Any) -> Model:
    """A module of the user's own as a part."""
    refuse_unknown(spec.name, spec.parts, (role,))
    task = spec.parts[role]
    if (known := getattr(part, "zoo_loaded", {}).get("task", task)) != task:
        raise OptionError(f"the {role} of {spec.name} was loaded to {known}, and must do {task}", f'load it with task="{task}"')
    if not isinstance(part, type) and _holds_itself(part):
        raise OptionError(f"parts in a circle: the {role} of {spec.name} holds itself", "give another module")
    return own_model(part, task=task, modality=spec.modality)


def _holds_itself(module: Any, above: tuple[Any, ...] = ()) -> bool:
    """Whether a module is among its own modules, at any depth."""
    if any(module is outer for outer in above):
        return True
    inner = module.children() if hasattr(module, "children") else ()
    return any(_holds_itself(child, (*above, module)) for child in inner)
