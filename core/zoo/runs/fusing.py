"""Fusing: batch normalisations folded into the convolutions before them, for as long as a run predicts.

What both compute is one convolution with other weights, so it is computed as one: w' = w g / sqrt(v + e), b' = (b - m) g /
sqrt(v + e) + h with the normalisation's mean m, variance v, scale g and shift h (Ioffe & Szegedy 2015, section 3.1).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.runs.guard import told_apart
from zoo.runs.predicting import Predictor
from zoo.tasks.base import Batch

if TYPE_CHECKING:
    from torch import Tensor, nn

AGREEMENT = 1e-5
"""How far predictions of the fused network may be from those of the one that is written, as a share of their range."""


def fuse(predictor: Predictor, probe: Batch) -> int:
    """Fuse what can be in the predictor's network, in place, and say how many normalisations went.

    0, and the network as it was, where the predictions of the probe then differ by more than rounding.
    """
    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_weights

    pairs = _pairs(predictor, probe)
    if not pairs:
        return 0
    modules = dict(predictor.model.named_modules())
    before = {name: (modules[conv].weight, modules[conv].bias) for name, conv in pairs.items()}

    def fused() -> None:
        for name, conv in pairs.items():
            norm, made = modules[name], modules[conv]
            statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
            made.weight, made.bias = fuse_conv_bn_weights(made.weight, made.bias, *statistics)
            _put(predictor.model, name, nn.Identity())

    with torch.no_grad():
        if told_apart(predictor, probe, fused) <= AGREEMENT:
            return len(pairs)
    for name, conv in pairs.items():
        modules[conv].weight, modules[conv].bias = before[name]
        _put(predictor.model, name, modules[name])
    return 0


def _pairs(predictor: Predictor, probe: Batch) -> dict[str, str]:
    """Names of normalisations whose input is what a convolution has just made for nobody before them, each to that."""
    from torch import nn

    convolutions, normalisations = (nn.Conv1d, nn.Conv2d, nn.Conv3d), (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    model = predictor.model
    if not isinstance(model, nn.Module) or predictor.task.needs_grad or predictor.task.model.foreign:
        return {}
    names = {module: name for name, module in model.named_modules() if _is_plain(module)}
    if not any(type(module) in normalisations and module.track_running_stats for module in names):
        return {}
    made: dict[int, tuple[str, Tensor]] = {}
    calls: dict[str, int] = {}
    found: dict[str, str] = {}

    def note(module: "nn.Module", inputs: tuple[Any, ...], output: Any) -> None:
        name = names[module]
        calls[name] = calls.get(name, 0) + 1
        if type(module) in convolutions:
            made[id(output)] = name, output  # held, so that no other tensor gets its id
        elif inputs and id(inputs[0]) in made and module.track_running_stats:
            found[name] = made[id(inputs[0])][0]

    hooks = [module.register_forward_hook(note) for module in names if type(module) in (*convolutions, *normalisations)]
    try:
        list(predictor(probe))
    finally:
        for hook in hooks:
            hook.remove()
    once = {name: conv for name, conv in found.items() if calls[name] == calls[conv] == 1}
    taken = list(once.values())
    return {name: conv for name, conv in once.items() if taken.count(conv) == 1}


def _is_plain(module: "nn.Module") -> bool:
    """Whether a module computes as its class does: nobody listens to it, or has made its weights something else."""
    import torch

    hooks: list[Mapping[int, Any]] = [module._forward_hooks, module._forward_pre_hooks]
    return not any(hooks) and not torch.nn.utils.parametrize.is_parametrized(module)


def _put(model: "nn.Module", name: str, module: "nn.Module") -> None:
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, module)
