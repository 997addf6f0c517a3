"""Fitting weights to a network: which of a file's sets, under which wrapper, and whether names, shapes and kinds agree."""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zoo.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.opening.weights_file import Checkpoint, State

    Build = Callable[[int | None], Mapping[str, Tensor]]
    """The state of a network with so many outputs, None: as many as it has by itself; empty where it cannot be built so."""

SEE_THROUGH = re.compile(r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
"""Names that torch.compile, FSDP and activation checkpointing put around a module, at any depth."""
COUNTER = "num_batches_tracked"
"""Of batch normalisation: older files lack it, and no prediction depends on it."""
FLOATING = "floating-point"


@dataclass(frozen=True)
class Fit:
    """The tensors of a set under one wrapper, by a network's own names."""

    set: str
    prefix: str
    state: "State"
    left: tuple[str, ...] = ()
    """Counters beside them, which are not taken."""
    strays: tuple[str, ...] = ()
    """Other tensors outside of the wrapper: then it may be a part of something else."""
    outputs: int | None = None
    """Of the network that it fits, where these are not as many as the network has by itself."""

    @property
    def name(self) -> str:
        """What a caller says to mean it: `state_dict.model`."""
        return ".".join(filter(None, (self.set, self.prefix.strip("."))))


def choose(checkpoint: "Checkpoint", build: "Build", key: str | None = None) -> Fit:
    """The set of tensors of a file that a network takes: that of the key, else the only one that fits it.

    Where none fits by name it is the only one there is, since the network may know its names. Raises WeightsError where
    several would do, or none has that key.
    """
    own = build(None)
    found = [fit for name, state in checkpoint.sets.items() for fit in wrapped(own, state, name)]
    fits = [sized for fit in found if _meant(fit, key) and (sized := _sized(own, fit, build))]
    if not fits:
        sets = [Fit(name, "", see_through(state)) for name, state in checkpoint.sets.items()]
        named = [fit for fit in sets if any("." in tensor for tensor in fit.state)] or sets
        fits = named if key is None else [fit for fit in (*sets, *found) if _means(key, fit.name)][:1]
    if len(fits) == 1:
        return fits[0]
    names = ", ".join(dict.fromkeys(repr(fit.name) for fit in fits or found or sets))
    what = f"{checkpoint.path.name} holds several sets of weights: {names}" if fits else f"{checkpoint.path.name} has no {key!r}"
    raise WeightsError(what, f"say which by weights_key; it holds {names}")


def wrapped(own: "Mapping[str, Tensor]", state: "Mapping[str, Tensor]", name: str = "") -> list[Fit]:
    """The tensors under each prefix (`module.`, `model.`, `teacher.`, or none) that has all of a network's names under it."""
    state = see_through(state)
    wanted = {name for name in own if not name.endswith(COUNTER)}
    if not wanted:
        return []
    longest = max(wanted, key=lambda name: (len(name), name))
    prefixes = sorted({key.removesuffix(longest) for key in state if f".{key}".endswith(f".{longest}")}, key=len, reverse=True)
    groups: dict[str, list[str]] = {}
    rest = list(state)
    for prefix in prefixes:
        under = [key for key in rest if key.startswith(prefix)]
        if wanted <= {key.removeprefix(prefix) for key in under}:
            groups[prefix] = under
            rest = [key for key in rest if not key.startswith(prefix)]
    outside = [key for key in rest if not _is_counter(state[key])]
    fits = []
    for prefix, keys in groups.items():
        counts = [key for key in keys if key.removeprefix(prefix) not in own and _is_counter(state[key])]
        taken = OrderedDict((key.removeprefix(prefix), state[key]) for key in keys if key not in counts)
        taken.update((key, tensor) for key, tensor in own.items() if key.endswith(COUNTER) and key not in taken)
        versions = _versions(state, prefix) or getattr(own, "_metadata", None)
        left = (*counts, *(key for key in rest if key not in outside))
        fits.append(Fit(name, prefix, _with_versions(taken, versions), left, tuple(outside)))
    return fits


def see_through(state: "Mapping[str, Tensor]") -> "State":
    """A state without the names of transparent wrappers, unless two tensors would then have one name."""
    names = [SEE_THROUGH.sub("", key) for key in state]
    versions: Any = getattr(state, "_metadata", None)
    if len(set(names)) < len(names):
        names = list(state)
    elif versions is not None:
        versions = {SEE_THROUGH.sub("", f"{module}.").removesuffix("."): value for module, value in versions.items()}
    return _with_versions(OrderedDict(zip(names, state.values(), strict=True)), versions)


def attempts(own: "Mapping[str, Tensor]", state: "Mapping[str, Tensor]") -> "Iterator[State]":
    """What to try to load, in order: what fits by name; else all as it is, then without what all names begin with.

    Raises WeightsError where several sets fit.
    """
    fits = [fit for fit in wrapped(own, state) if not fit.strays]
    if len(fits) > 1:
        names = ", ".join(repr(fit.name) for fit in fits)
        raise WeightsError(f"there are several sets of weights: {names}", f"say which by weights_key; it holds {names}")
    if fits:
        yield fits[0].state
        return
    rest = see_through(state)
    yield rest
    while all("." in key for key in rest) and len(heads := {key.partition(".")[0] for key in rest}) == 1:
        prefix = f"{heads.pop()}."
        inside = OrderedDict((key.removeprefix(prefix), tensor) for key, tensor in rest.items())
        rest = _with_versions(inside, _versions(rest, prefix))
        yield rest


def differences(own: "Mapping[str, Tensor]", state: "Mapping[str, Tensor]") -> str:
    """What keeps a state from fitting, the first few of each kind: `2 missing (a, b); ...`."""
    inside = next((fit for fit in wrapped(own, state) if fit.prefix), None)
    if inside is not None and inside.strays:
        return f"all its tensors are there under {inside.prefix!r}, but beside them {_some(inside.strays)}"
    both = [key for key in own if key in state]
    shapes = [key for key in both if own[key].shape != state[key].shape]
    found = {
        "missing": [key for key in own if key not in state],
        "unexpected": [key for key in state if key not in own],
        "of another shape": [f"{key} {list(state[key].shape)} instead of {list(own[key].shape)}" for key in shapes],
    }
    return "; ".join(f"{len(keys)} {what} ({_some(keys)})" for what, keys in found.items() if keys)


def check_kinds(own: "Mapping[str, Tensor]", state: "Mapping[str, Tensor]", name: str) -> None:
    """Raise WeightsError where a tensor is of another kind of number than the network's: 8-bit integers are no weights.

    Of names that the network has not, since it translates them, what is called a weight must be floating-point. A counter of
    batches may be a float that is whole: whoever halves a state dict tensor by tensor halves its counters, too.
    """
    wrong = [key for key in state if key in own and kind(own[key]) != kind(state[key]) and not _is_whole_count(key, state[key])]
    wrong += [key for key in state if key not in own and key.endswith("weight") and kind(state[key]) != FLOATING]
    if wrong:
        key, more = wrong[0], f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        want = dtype(own[key]) if key in own else FLOATING
        raise WeightsError(
            f"these weights are not those of {name}: {key} is {dtype(state[key])} instead of {want}{more}",
            "quantised or converted weights need a network that knows their scale; take those that were trained",
        )


def kind(tensor: Any) -> str:
    """The kind of number in a tensor. All floating-point types are of one kind, whatever their precision."""
    text = dtype(tensor)
    if getattr(tensor, "is_quantized", False):
        return "quantised"
    if "complex" in text:
        return "complex"
    return FLOATING if "float" in text else "boolean" if "bool" in text else "integer"


def dtype(tensor: Any) -> str:
    """`float32`, `int8`."""
    return str(tensor.dtype).removeprefix("torch.")


def _sized(own: "Mapping[str, Tensor]", fit: Fit, build: "Build") -> Fit | None:
    """The fit, with as many outputs as its tensors have; None where the network has its shapes with no number of outputs."""
    if _agree(own, fit.state):
        return fit
    pairs = [(own[key].shape, tensor.shape) for key, tensor in fit.state.items() if key in own]
    apart = [[(a, b) for a, b in zip(*shapes, strict=True) if a != b] for shapes in pairs if len(shapes[0]) == len(shapes[1])]
    if len(apart) < len(fit.state) or any(len(sides) > 1 for sides in apart):
        return None  # a head with more or fewer outputs differs from another in one side of each tensor
    for outputs in sorted({theirs for sides in apart for _, theirs in sides}):
        if _agree(build(outputs), fit.state):
            return replace(fit, outputs=outputs)
    return None


def _agree(own: "Mapping[str, Tensor]", state: "Mapping[str, Tensor]") -> bool:
    return own.keys() == state.keys() and all(own[key].shape == state[key].shape for key in own)


def _meant(fit: Fit, key: str | None) -> bool:
    """Whether a fit may be taken: by its key, or, where there is none, since nothing stands beside it that it could belong to."""
    return not fit.strays if key is None else _means(key, fit.name)


def _means(key: str, name: str) -> bool:
    return key == name or (key != "" and (name.startswith(f"{key}.") or name.endswith(f".{key}")))


def _is_whole_count(key: str, tensor: "Tensor") -> bool:
    return key.endswith(COUNTER) and kind(tensor) == FLOATING and bool((tensor == tensor.round()).all())


def _is_counter(tensor: "Tensor") -> bool:
    """Of steps, or a flag, such as `n_averaged` of torch's AveragedModel: one number, and no weight."""
    return tensor.numel() == 1 and kind(tensor) in ("integer", "boolean")


def _some(names: "list[str] | tuple[str, ...]") -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _versions(state: "State", prefix: str) -> Any:
    """The versions of the modules under a prefix, by the names that they have there."""
    versions: Any = getattr(state, "_metadata", None)
    inside = {f"{module}." if module else "": value for module, value in (versions or {}).items()}
    return {key.removeprefix(prefix).removesuffix("."): value for key, value in inside.items() if key.startswith(prefix)}


def _with_versions(state: "State", versions: Any) -> "State":
    if versions:
        state._metadata = versions  # type: ignore[attr-defined]
    return state
