"""A file of weights of the user's own for a model by name: which set in it fits, its number of outputs, its class names."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from zoo.errors import WeightsError, ZooError
from zoo.opening.weights import checked, read_metadata
from zoo.opening.weights_file import read_checkpoint
from zoo.opening.weights_fit import FLOATING, Fit, choose, dtype, kind, see_through, wrapped
from zoo.specs import Preprocessing
from zoo.turns import turn

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.opening.weights_file import Checkpoint, State

METADATA: dict[str, Any] = {"classes": tuple[str, ...] | None, "config": dict[str, Any], "input": Preprocessing}
"""What a weights file may say of its model beside the tensors, as JSON."""
OUTPUTS = ("classes", "num_classes", "num_labels", "n_classes")
"""What a model's target calls the number of its outputs, if it lets that be set."""


@dataclass(frozen=True)
class OwnFile:
    """What of a file is taken, known before the model is loaded."""

    path: Path
    sha256: str
    set: str
    prefix: str
    outputs: int | None
    """Of the network that fits, where it has by itself another number of them."""
    classes: tuple[str, ...] | None
    notes: tuple[str, ...]
    allow_pickle: bool = False

    @property
    def key(self) -> str:
        """Where in the file the weights stand: `state_dict.model`; empty where it has nothing else."""
        return ".".join(filter(None, (self.set, self.prefix.strip("."))))

    def read(self, own: "Mapping[str, Tensor]") -> "State":
        """The tensors, by the names of a network with that state. Raises WeightsError where the file has changed meanwhile."""
        checkpoint = read_checkpoint(self.path, sha256=self.sha256, allow_pickle=self.allow_pickle)
        state = checked(checkpoint, self.set)
        found = [fit.state for fit in wrapped(own, state) if fit.prefix == self.prefix]
        return found[0] if found else see_through(state)


def open_own(path: Path, build: Callable[..., Any], parameter: str | None, key: str | None, allow_pickle: bool) -> OwnFile:
    """Open a file for the model that `build` makes, which may take a number of outputs as `parameter`.

    Raises WeightsError as `choose` does.
    """
    checkpoint = read_checkpoint(path, allow_pickle=allow_pickle)
    own = _state(build)

    def state(outputs: int | None) -> "Mapping[str, Tensor]":
        if outputs is None:
            return own
        try:
            return _state(lambda: build(**{parameter: outputs})) if parameter else {}
        except (ZooError, ValueError, TypeError, RuntimeError, ArithmeticError):  # it cannot have so many
            return {}

    fit = choose(checkpoint, state, key)
    return OwnFile(
        path, checkpoint.sha256, fit.set, fit.prefix, fit.outputs, checkpoint.classes, _notes(checkpoint, fit, own), allow_pickle
    )


def outputs_parameter(target: Any) -> str | None:
    """The parameter of a target that sets the number of its outputs."""
    try:
        known = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return None
    return next((name for name in OUTPUTS if name in known), None)


def _state(build: Callable[[], Any]) -> "Mapping[str, Tensor]":
    """The names, shapes and types of a new model's tensors, without memory for them where that can be."""
    import torch

    with turn(), torch.random.fork_rng(devices=[]):
        for device in (torch.device("meta"), nullcontext()):
            try:
                with device:
                    model = build()
                    return dict_of(model)
            except Exception:
                if not isinstance(device, torch.device):
                    raise
    return {}


def told_by(file: Path | None) -> dict[str, Any]:
    """What `zoo train` wrote into a weights file beside the tensors: classes, config, input. Raises WeightsError."""
    if file is None:
        return {}
    found: dict[str, Any] = {}
    for key, text in read_metadata(file).items():
        if key in METADATA:
            try:
                found[key] = TypeAdapter(METADATA[key]).validate_json(text)
            except ValidationError as error:
                raise WeightsError(
                    f"{file.name}: its metadata {key!r} cannot be read", "write it as JSON, as zoo train does"
                ) from error
    return found


def dict_of(model: Any) -> "Mapping[str, Tensor]":
    """The state of a model; empty where it has none."""
    state: Mapping[str, Tensor] = model.state_dict() if hasattr(model, "state_dict") else {}
    return state


def _notes(checkpoint: "Checkpoint", fit: Fit, own: "Mapping[str, Tensor]") -> tuple[str, ...]:
    """What a reader of the score must know of how the file was taken."""
    notes = []
    others = [name for name, state in checkpoint.sets.items() if name != fit.set and any("." in key for key in state)]
    if fit.name:
        beside = ", ".join([*map(repr, others), *(f"{name} beside it" for name in fit.strays[:1])])
        notes.append(f"of the weights file {fit.name!r} was taken" + (f", not {beside}" if beside else ""))
    elif others:
        notes.append(f"of the weights file what stands at its top was taken, not {', '.join(map(repr, others))}")
    if fit.left:
        notes.append(f"counters in the weights file were left out: {', '.join(fit.left[:3])}")
    wide = sorted({dtype(own[key]) for key in own if kind(own[key]) == FLOATING})
    stored = sorted({dtype(tensor) for tensor in fit.state.values() if kind(tensor) == FLOATING} - set(wide))
    if stored and wide:
        notes.append(f"the weights are stored as {', '.join(stored)} and were loaded as {', '.join(wide)}")
    return tuple(notes)
