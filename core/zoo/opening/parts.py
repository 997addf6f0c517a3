"""Models that are made of models: their parts opened, and what of these goes for the whole."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from zoo.errors import ModelError, OptionError, WeightsError
from zoo.identity.watching import unwatched
from zoo.opening.weights_choice import Choice
from zoo.plugins.composed import entry_of_name, is_composed, refuse_missing, refuse_unknown, written
from zoo.specs import ImageInput, ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.opening.models import Model


def open_parts(spec: ModelSpec, choice: Choice, given: Mapping[str, Any]) -> "dict[str, Model]":
    """The parts of a model, by role: those that its name says, or which are `given`: a name, a module, or a Model that is open.

    Tags are picked by the dataset, as the whole's. Raises OptionError where a part is missing, unknown, of another task, or made
    of what it is a part of; ModelError where it takes something else than the whole.
    """
    refuse_unknown(spec.name, spec.parts, given)
    asked = {**spec.made_of, **given}
    refuse_missing(spec.name, spec.parts, asked)
    if spec.parts and choice.file is not None:
        raise WeightsError(
            f"{spec.name} is made of parts, so a file of weights does not say of which",
            "load the part with it: zoo.load(NAME, PART=zoo.load(PART, weights=FILE))",
        )
    _refuse_circle(spec)
    opened = {role: _opened(spec, role, asked[role], choice) for role in spec.parts}
    for role, part in opened.items():
        if part.info.modality not in (None, spec.modality):
            raise ModelError(f"the {role} of {spec.name} takes {part.info.modality}: {part.info.name}; the whole {spec.modality}")
    return opened


def composed_name(spec: ModelSpec, parts: "Mapping[str, Model]") -> str:
    """The name in full, with the tags of the parts. What a plugin has put together itself keeps its own name."""
    if not parts or not (is_composed(spec.name) or set(spec.parts) - set(spec.made_of)):
        return spec.name
    return written(entry_of_name(spec.name), {role: part.info.name for role, part in parts.items()})


def carried_input(part: "Model | None") -> ImageInput | None:
    """How images are prepared for a part, and so for the whole. The part normalises them itself."""
    wanted = part.info.input if part is not None else None
    return wanted and wanted.model_copy(update={"mean": None, "std": None})


def refuse_overlap(spec: ModelSpec, options: Mapping[str, Any]) -> None:
    """Raise ModelError where a spec calls a part and an option alike."""
    if both := sorted(set(spec.parts) & set(options)):
        raise ModelError(f"{spec.name} calls a part and an option {both[0]!r}", "its spec is wrong: rename one of them")


def facts_of_parts(parts: "Mapping[str, Model]") -> dict[str, Any]:
    """What a key must know of them."""
    return {
        label: {
            "identity": part.identity,
            "input": part.info.input.model_dump(mode="json") if part.info.input else None,
            "classes": part.info.classes,
            "distribution": part.distribution,
        }
        for label, part in parts.items()
    }


class OwnTensors:
    """The tensors of a composed model that are none of its parts', as something that weights are loaded into."""

    def __init__(self, model: Any, parts: Iterable[Any]) -> None:
        self.model = model
        self.theirs = {tensor.data_ptr() for part in parts for tensor in _state(part).values()}

    def state_dict(self) -> "Mapping[str, Tensor]":
        """By the names that they have in the whole."""
        own = ((name, tensor) for name, tensor in _state(self.model).items() if tensor.numel())
        return OrderedDict((name, tensor) for name, tensor in own if tensor.data_ptr() not in self.theirs)

    def load_state_dict(self, state: "Mapping[str, Tensor]", strict: bool = True) -> None:
        """Raises RuntimeError where a name is missing or unexpected."""
        if self.state_dict().keys() != state.keys():
            raise RuntimeError("names differ")
        self.model.load_state_dict({**_state(self.model), **state}, strict=strict)


def _opened(spec: ModelSpec, role: str, part: Any, choice: Choice) -> "Model":
    from zoo.opening.models import Model, named_model
    from zoo.opening.own import own_model
    from zoo.plugins.registry import refuse_task

    task = spec.parts[role]
    if isinstance(part, Model):
        return part
    if isinstance(part, str):
        found, tag = _looked_up(part)
        refuse_task(spec, role, found)
        opened = named_model(found, task, Choice(tag, choice.dataset, data_dir=choice.data_dir))
        if task == "classify" and opened.info.classes is None and opened.weights_sha256 is None:
            raise WeightsError(
                f"{found.name}, the {role} of {spec.name}, ships without weights, and so does not say what its outputs are",
                f"load it with some: zoo.load({spec.name!r}, {role}=zoo.load({found.name!r}, weights=FILE))",
            )
        return opened
    if (known := getattr(part, "zoo_loaded", {}).get("task", task)) != task:
        raise OptionError(f"the {role} of {spec.name} was loaded to {known}, and must do {task}", f'load it with task="{task}"')
    if not isinstance(part, type) and _holds_itself(part):
        raise OptionError(f"parts in a circle: the {role} of {spec.name} holds itself", "give another module")
    return own_model(part, task=task, modality=spec.modality)


@unwatched()  # the index is no part of what a model reads
def _looked_up(name: str) -> tuple[ModelSpec, str | None]:
    from zoo.plugins.registry import registry

    return registry().tagged_model(name)


@unwatched()
def _refuse_circle(spec: ModelSpec) -> None:
    from zoo.plugins.registry import registry

    registry().refuse_circle(spec)


def _holds_itself(module: Any, above: tuple[Any, ...] = ()) -> bool:
    """Whether a module is among its own modules, at any depth."""
    if any(module is outer for outer in above):
        return True
    inner = module.children() if hasattr(module, "children") else ()
    return any(_holds_itself(child, (*above, module)) for child in inner)


def _state(model: Any) -> "Mapping[str, Tensor]":
    state: Mapping[str, Tensor] = model.state_dict() if hasattr(model, "state_dict") else {}
    return state
