"""What turns gradients into weights: the optimizer, the schedule of its learning rate, the moving average, the loss."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.plugins.registry import registry
from zoo.specs import Optimizer, RecipeSpec
from zoo.training.techniques import ScheduleTechnique, technique

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer as TorchOptimizer
    from torch.optim.lr_scheduler import LambdaLR


def build_optimizer(spec: Optimizer, parameters: "Sequence[nn.Parameter]") -> "TorchOptimizer":
    """The optimizer by the technique that `spec` names. Raises UnknownNameError where there is none of the name."""
    found: TorchOptimizer = technique(registry(), spec.name).build(parameters, spec)
    return found


def build_schedule(name: str, optimizer: "TorchOptimizer", steps: int) -> "LambdaLR":
    """The learning rate of each of `steps` steps, as a factor of the optimizer's, by the technique of this name."""
    return scheduled(technique(registry(), name), optimizer, steps)


def scheduled(schedule: ScheduleTechnique, optimizer: "TorchOptimizer", steps: int, scale: float = 1.0) -> "LambdaLR":
    """The learning rate of each of `steps` steps, times `scale`, as a factor of the optimizer's."""
    # Not timm's or torch's schedulers: their formulas round otherwise, which would change the weights of every recipe shipped,
    # and torch's are recursive, so that a step depends on how those before it were rounded.
    from torch.optim.lr_scheduler import LambdaLR

    return LambdaLR(optimizer, lambda step: scale * schedule.factor(step, steps))


def rate_factor(name: str, done: float) -> float:
    """Learning rate at a share `done` in [0, 1] of training, as a factor of the recipe's, by the schedule of this name."""
    factor: float = technique(registry(), name).factor(done, 1)
    return factor


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
