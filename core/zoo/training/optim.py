"""What turns gradients into weights: the optimizer, the schedule of its learning rate, the moving average, the loss."""

import copy
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.specs import Optimizer, RecipeSpec

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer as TorchOptimizer
    from torch.optim.lr_scheduler import LambdaLR


def build_optimizer(spec: Optimizer, parameters: "Sequence[nn.Parameter]") -> "TorchOptimizer":
    """sgd with Nesterov momentum, adam (weight decay as L2 penalty) or adamw (decoupled, Loshchilov & Hutter 2019)."""
    from torch import optim

    if spec.name == "sgd":
        return optim.SGD(
            parameters, lr=spec.lr, momentum=spec.momentum, nesterov=spec.momentum > 0, weight_decay=spec.weight_decay
        )
    kind = optim.Adam if spec.name == "adam" else optim.AdamW
    return kind(parameters, lr=spec.lr, weight_decay=spec.weight_decay)


def build_schedule(name: str, optimizer: "TorchOptimizer", steps: int) -> "LambdaLR":
    """The learning rate of each of `steps` steps, as a factor of the recipe's."""
    from torch.optim.lr_scheduler import LambdaLR

    return LambdaLR(optimizer, lambda step: rate_factor(name, step / max(steps, 1)))


def rate_factor(name: str, done: float) -> float:
    """Learning rate at a share `done` in [0, 1] of training, as a factor of the recipe's.

    cosine: from 1 to 0 (Loshchilov & Hutter 2017, eq. 5, no restart). onecycle: from 1/25 up to 1 at 30 %, then down to
    1/250,000, both along a cosine (Smith & Topin 2018; the defaults of torch's OneCycleLR, momentum left alone).
    """
    if name == "cosine":
        return _cosine(1.0, 0.0, done)
    if name == "onecycle":
        return _cosine(1 / 25, 1.0, done / 0.3) if done < 0.3 else _cosine(1.0, 1 / 250_000, (done - 0.3) / 0.7)
    return 1.0


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(done, 1.0))) / 2


class MovingAverage:
    """A copy of the model whose parameters are an exponential moving average; buffers are copied as they are.

    The decay is min(decay, (1 + step) / (10 + step)), so that the start does not weigh on a short training
    (as TensorFlow's ExponentialMovingAverage with num_updates).
    """

    def __init__(self, model: "nn.Module", decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    def update(self, model: "nn.Module", step: int) -> None:
        """Take in the model after its `step`-th step, counted from 1."""
        import torch

        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), weight)
            for mine, theirs in zip(self.model.buffers(), model.buffers(), strict=True):
                mine.copy_(theirs)


def build_loss(recipe: RecipeSpec, targets: "Tensor", classes: int) -> "nn.Module":
    """Mean cross-entropy of logits [b, classes] and labels [b], smoothed and weighted as the recipe says."""
    from torch import nn

    weight = balanced_weights(targets, classes) if recipe.class_weights == "balanced" else None
    return nn.CrossEntropyLoss(weight=weight, label_smoothing=recipe.label_smoothing)


def balanced_weights(targets: "Tensor", classes: int) -> "Tensor":
    """n / (classes · count) for each class, float32 [classes]; 0 for one without samples. Parity: scikit-learn's "balanced"."""
    counts = targets.bincount(minlength=classes)
    return (len(targets) / (classes * counts.clamp(min=1).float())) * (counts > 0)
