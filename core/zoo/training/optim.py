"""What turns gradients into weights: the optimizer, the schedule of its learning rate, the moving average, the loss."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import OptionError, did_you_mean
from zoo.specs import Optimizer, RecipeSpec

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer as TorchOptimizer
    from torch.optim.lr_scheduler import LambdaLR


def build_optimizer(spec: Optimizer, parameters: "Sequence[nn.Parameter]") -> "TorchOptimizer":
    """timm's optimizer of this name: sgd with Nesterov momentum, adam (weight decay as L2 penalty), adamw (decoupled), lamb, ...

    Weight decay is of all parameters. Raises OptionError where timm has none of the name, or it cannot be had here.
    """
    from importlib import import_module

    optim: Any = import_module("timm.optim")  # which does not say what of it is public
    # timm's sgd is Nesterov's, which torch refuses without momentum.
    name = "momentum" if spec.name == "sgd" and not spec.momentum else spec.name
    known: list[str] = optim.list_optimizers()
    if name not in known:
        hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
        raise OptionError(f"there is no optimizer {spec.name!r}", hint)
    settings = {"lr": spec.lr, "weight_decay": spec.weight_decay, "momentum": spec.momentum}
    try:
        return optim.create_optimizer_v2(list(parameters), name, **settings, filter_bias_and_bn=False)  # type: ignore[no-any-return]
    except (ImportError, AssertionError, TypeError, ValueError, RuntimeError) as error:  # what it needs is not installed
        raise OptionError(f"the optimizer {spec.name!r} cannot be built here: {error}", "take another, such as adamw") from error


def build_schedule(name: str, optimizer: "TorchOptimizer", steps: int) -> "LambdaLR":
    """The learning rate of each of `steps` steps, as a factor of the recipe's."""
    # Not timm's or torch's schedulers: their formulas round otherwise, which would change the weights of every recipe shipped,
    # and torch's are recursive, so that a step depends on how those before it were rounded.
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


def moving_average(model: "nn.Module", decay: float) -> Any:
    """timm's copy of a model, `module`, whose parameters are an exponential moving average; buffers are copied as they are.

    `update(model, step)` takes in the model after its `step`-th step, counted from 1. The decay is then
    min(decay, (1 + step) / (10 + step)), so that the start does not weigh on a short training (as TensorFlow's
    ExponentialMovingAverage with num_updates; timm's own warm-up is another).
    """
    from timm import utils

    base: Any = utils.ModelEmaV3  # type: ignore[attr-defined]

    class MovingAverage(base):  # type: ignore[misc]
        decay: float

        def get_decay(self, step: int | None = None) -> float:
            return min(self.decay, (1 + step) / (10 + step)) if step is not None else self.decay

    average = MovingAverage(model, decay, exclude_buffers=True)
    average.module.requires_grad_(False)
    return average


def build_loss(recipe: RecipeSpec, targets: "Tensor", classes: int) -> "nn.Module":
    """Mean cross-entropy of logits [b, classes] and labels [b], smoothed and weighted as the recipe says."""
    from torch import nn

    weight = balanced_weights(targets, classes) if recipe.class_weights == "balanced" else None
    return nn.CrossEntropyLoss(weight=weight, label_smoothing=recipe.label_smoothing)


def balanced_weights(targets: "Tensor", classes: int) -> "Tensor":
    """n / (classes · count) for each class, float32 [classes]; 0 for one without samples. Parity: scikit-learn's "balanced"."""
    counts = targets.bincount(minlength=classes)
    return (len(targets) / (classes * counts.clamp(min=1).float())) * (counts > 0)
