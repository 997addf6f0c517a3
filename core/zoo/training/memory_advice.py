"""A step that runs out of memory: what it holds, and which technique would make that less, by how many bytes."""

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.devices import out_of_memory
from zoo.errors import RunError, ZooError
from zoo.plugins.registry import registry
from zoo.specs import TechniqueSpec
from zoo.training.cost import Expected
from zoo.training.expected import KINDS, Network, expected
from zoo.training.techniques import Techniques, chosen, with_techniques
from zoo.units import size_of

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from zoo.training.loop import Loop

KEEPING = ("memory", "precision")
"""Kinds of technique that leave the training what it is, to rounding; another optimizer is another training."""
TOLD = 3


@contextmanager
def advising(loop: "Loop", inputs: Any, targets: "Tensor", generator: "Generator") -> "Iterator[None]":
    """Within the block a step is taken. Raises RunError with advice where it runs out of memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)  # which hold what the step has made so far
        raise _advised(loop, inputs, targets, generator) from error


def _advised(loop: "Loop", inputs: Any, targets: "Tensor", generator: "Generator") -> RunError:
    recipe, batch = loop.job.recipe, len(targets)
    loop.optimizer.zero_grad()
    measured = partial(loop.costs.network, inputs, targets, generator)
    network = measured()
    now = expected(loop.job.techniques, network)
    held = ", ".join(f"{kind} {_size(now[kind])}" for kind in KINDS)
    saving = _savings(loop, network, now, measured)
    by = "; ".join(f"{name} saves about {size_of(count)}" for name, count in saving)
    lower = "lower `batch_size`"
    return RunError(
        f"{recipe.name} ran out of memory in a step of {batch:,} samples on {loop.job.device}, which takes: {held}",
        f"switch on by `techniques`: {by}; or {lower}" if by else lower,
    )


def _savings(
    loop: "Loop", network: Network, now: Mapping[str, Expected], measured: Callable[[], Network]
) -> list[tuple[str, int]]:
    """Techniques that would save memory, and bytes: those that leave the training what it is, the best first; an optimizer."""
    found: dict[bool, list[tuple[int, str]]] = {True: [], False: []}
    used = {one.spec.name for one in loop.job.techniques.each}
    for spec in registry().techniques():
        if spec.name in used or spec.kind not in (*KEEPING, "optimizer"):
            continue
        try:
            saved = _saved_by(spec, loop, network, now, measured)
        except (ZooError, ImportError):  # it cannot be had here, or not with the others
            continue
        if saved > 0:
            found[spec.kind in KEEPING].append((saved, spec.name))
    keeping = sorted(found[True], reverse=True)[:TOLD]
    # Of several that save the same, the one that stands first in the list.
    other = max(found[False], key=lambda each: each[0], default=None)
    return [(name, saved) for saved, name in (*keeping, *([other] if other else []))]


def _saved_by(
    spec: TechniqueSpec, loop: "Loop", network: Network, now: Mapping[str, Expected], measured: Callable[[], Network]
) -> int:
    """Bytes that a technique would save; 0 where no formula says so."""
    recipe = with_techniques(registry(), loop.job.recipe, [spec.name], [])
    techniques = chosen(registry(), recipe)
    techniques.check(loop.job.device, recipe)
    if spec.kind == "memory" and not loop.separable and any(one.parts(network.batch) > 1 for one in techniques.of("memory")):
        return 0
    if spec.kind == "precision":
        with _cast(techniques, loop):
            network = measured()
    then = expected(techniques, replace(network, optimizer=recipe.optimizer))
    pairs = [(now[kind].bytes, then[kind].bytes) for kind in KINDS]
    if any(before is not None and after is None for before, after in pairs):
        return 0
    return sum(before - after for before, after in pairs if before is not None and after is not None)


def _cast(techniques: Techniques, loop: "Loop") -> Any:
    """The context in which a precision computes."""
    import torch

    kind = loop.accelerator.device.type
    asked = techniques.one("precision").accelerator(loop.job.device).get("mixed_precision")
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(asked)
    return torch.autocast(kind, dtype=dtype) if dtype else nullcontext()


def _size(found: Expected) -> str:
    return "unknown" if found.bytes is None else size_of(found.bytes)
