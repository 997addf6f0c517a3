"""Optimizers of torch and timm by name. timm's factory builds them, and the variant of each is timm's."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from pydantic import Field
from torch import nn
from torch.optim import Optimizer as TorchOptimizer

from zoo.errors import OptionError
from zoo.specs import Frozen, Optimizer
from zoo.training import Expected, Network, bytes_of, product_of


class TimmOptimizer(Frozen):
    """One that timm builds by its name there; weight decay is of all parameters. What is not given is the library's default."""

    algorithm: str = Field(description="Its name in timm.")
    states: tuple[int, int, int] | None = Field(default=None, description="As in `optimizer_specs.STATES`.")

    def build(self, parameters: Sequence[nn.Parameter], settings: Optimizer, /) -> TorchOptimizer:
        optim: Any = import_module("timm.optim")  # which does not say what of it is public
        if self.algorithm not in optim.list_optimizers():
            raise OptionError(f"this version of timm has no optimizer {self.algorithm!r}", "pip install --upgrade timm")
        known = {"lr": settings.lr, "weight_decay": settings.weight_decay, "momentum": settings.momentum}
        try:
            return optim.create_optimizer_v2(  # type: ignore[no-any-return]
                list(parameters), self.name_in_timm(settings), **known, filter_bias_and_bn=False, **self.settings()
            )
        except (ImportError, AssertionError, TypeError, ValueError, RuntimeError) as error:  # what it needs is not installed
            hint = "take another, such as training/adamw"
            raise OptionError(f"the optimizer {self.algorithm!r} cannot be built here: {error}", hint) from error

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        if self.states is None:
            return {"optimizer": Expected(bytes=None, formula=f"no formula: what {self.algorithm} keeps depends on the shapes")}
        always, moving, numbers = self.states
        states, tensors = always + (moving if network.optimizer.momentum else 0), len(network.parameters)
        formula = f"{states} state{'s' * (states > 1)} × {product_of(network.parameters)}" if states else "no state"
        more = f" + {4 * numbers} bytes × {tensors:,} tensors" if numbers else ""
        count = states * bytes_of(network.parameters) + 4 * numbers * tensors
        return {"optimizer": Expected(bytes=count, formula=formula + more)}

    def name_in_timm(self, settings: Optimizer, /) -> str:
        """Which of timm's builds it with these settings."""
        return self.algorithm

    def settings(self) -> dict[str, Any]:
        """The library's arguments for the options that were given."""
        given = self.model_dump(exclude={"algorithm", "states"}, exclude_none=True)
        betas = [given.pop(name) for name in ("beta1", "beta2") if name in given]
        return given | ({"betas": tuple(betas)} if len(betas) == 2 else {})


class Sgd(TimmOptimizer):
    """Stochastic gradient descent. torch refuses Nesterov's momentum where there is none."""

    nesterov: bool = Field(default=True, description="Nesterov's momentum (Sutskever et al. 2013), not the classical one.")

    def name_in_timm(self, settings: Optimizer, /) -> str:
        return "sgd" if self.nesterov and settings.momentum else "momentum"

    def settings(self) -> dict[str, Any]:
        return {}


class Adam(TimmOptimizer):
    """Adam and its relatives: momentum and scale from running means of the gradient and of its square."""

    beta1: float = Field(default=0.9, ge=0, lt=1, description="Decay of the mean of gradients.")
    beta2: float = Field(default=0.999, ge=0, lt=1, description="Decay of the mean of their squares.")
    eps: float = Field(default=1e-8, gt=0, description="Added to the root of the latter.")


class Lamb(Adam):
    """LAMB as timm has it: the norm of all gradients together is first cut to `max_grad_norm`; the trust ratio has no bound.

    Parameters without weight decay are not adapted layer by layer unless `always_adapt` says so.
    """

    eps: float = Field(default=1e-6, gt=0, description="Added to the root of the latter.")
    max_grad_norm: float | None = Field(default=1.0, gt=0, description="Largest norm of all gradients together.")
    trust_clip: bool = Field(default=False, description="Bound the trust ratio by 1.")
    always_adapt: bool = Field(default=False, description="Adapt parameters without weight decay, too.")


class Lars(TimmOptimizer):
    """LARS as timm has it: parameters without weight decay are not adapted unless `always_adapt` says so."""

    trust_coeff: float = Field(default=0.001, gt=0, description="η of the paper: how far a layer's step may go, by its norm.")
    eps: float = Field(default=1e-8, gt=0, description="Added to the denominator of the trust ratio.")
    trust_clip: bool = Field(default=False, description="Bound the layer's rate by the recipe's (LARC).")
    always_adapt: bool = Field(default=False, description="Adapt parameters without weight decay, too.")


class Lion(TimmOptimizer):
    """Lion: the sign of a momentum that is interpolated twice."""

    beta1: float = Field(default=0.9, ge=0, lt=1, description="Share of the momentum in the step.")
    beta2: float = Field(default=0.99, ge=0, lt=1, description="Decay of the momentum.")


class RmsProp(TimmOptimizer):
    """RMSprop as torch has it."""

    alpha: float = Field(
        default=0.9, ge=0, lt=1, description="Decay of the mean of squared gradients (timm's default; torch has .99)."
    )
    eps: float = Field(default=1e-8, gt=0, description="Added to its root.")
