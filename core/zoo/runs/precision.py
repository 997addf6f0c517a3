"""The precision that a run is asked for: one of autocast's, or a technique that alters the network before it predicts."""

from dataclasses import dataclass
from typing import Any

from zoo.errors import ModelError, OptionError
from zoo.identity.code import code_of
from zoo.opening.techniques import Technique, open_technique
from zoo.plugins.registry import Registry
from zoo.remarks import remark
from zoo.tasks.base import Task

AUTOCAST = ("fp32", "bf16", "fp16")
"""Precisions of arithmetic, which need no technique."""


@dataclass(frozen=True)
class Precision:
    """`name` is in full, with options; `facts`, which are JSON, are what a key must know of it."""

    name: str
    facts: Any
    built: Any = None
    doubt: str = ""

    @property
    def arithmetic(self) -> str:
        """Of autocast's."""
        return self.name if self.built is None else "fp32"

    @property
    def is_plain(self) -> bool:
        """Whether the network computes in its own precision, as it is written."""
        return self.name == AUTOCAST[0]

    @property
    def rounding(self) -> str:
        """The one of autocast's that leaves as much to the order of arithmetic."""
        return self.name if self.built is None else str(self.built.rounding)

    def ready(self, model: Any, name: str) -> None:
        """Alter a loaded model, in place; what was done is remarked. Raises ModelError where it is no network of torch."""
        if self.built is None:
            return
        import torch

        if not isinstance(model, torch.nn.Module):
            raise ModelError(f"{name} is {type(model).__name__}, no torch.nn.Module, so it has no {self.name}", "leave it out")
        remark(self.built.ready(model))


def asked_precision(registry: Registry, text: str, task: Task) -> Precision:
    """Raises OptionError where there is none of the name, it is of training alone, or the task takes gradients.

    Nor is there another than fp32 of a model that computes outside of torch.
    """
    if text != AUTOCAST[0] and task.model.foreign:
        raise OptionError(f"{task.model.name} computes outside of torch, so it has no {text}", f"take {AUTOCAST[0]}")
    found = opened_precision(registry, text)
    if found is None:
        return Precision(text, text)
    if task.needs_grad:
        raise OptionError(f"task {task.name} takes gradients, which {found.spec.name} does not have", f"take {AUTOCAST[0]}")
    name = found.spec.name + text[len(text.partition(":")[0]) :]
    code = code_of((found.spec.target,), requires=found.spec.requires)
    options = found.built.model_dump(mode="json")
    return Precision(name, {"name": found.spec.name, "options": options, "code": code.identity}, found.built, code.doubt)


def opened_precision(registry: Registry, text: str) -> Technique | None:
    """The technique of this name, None of autocast's. Raises OptionError where there is none, or it is of training alone."""
    if text in AUTOCAST:
        return None
    known = [spec.name for spec in registry.techniques() if spec.kind == "precision"]
    hint = f"take one of: {', '.join((*AUTOCAST, *(name for name in known if name.partition('/')[2] not in AUTOCAST)))}"
    if not registry.knows("technique", text.partition(":")[0]):
        raise OptionError(f"there is no precision {text!r}", hint)
    found = open_technique(registry, text)
    if found.spec.kind != "precision" or not hasattr(found.built, "ready"):
        raise OptionError(f"{found.spec.name} is no precision that a run can have", hint)
    return found
