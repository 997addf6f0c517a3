"""Weights of dense layers in 8 bits, for evaluation; the rest of a network stays as it is. By torchao."""

from typing import Any, ClassVar

from torch import nn

from zoo.counting import storage_bytes
from zoo.errors import ModelError, OptionError
from zoo.lazy import quietly
from zoo.specs import Frozen


class Int8WeightOnly(Frozen):
    """Weights of nn.Linear as int8, each output's by its own scale, max |w| / 127; products are of float32.

    Source: torchao's Int8WeightOnlyConfig; the rule is Jacob et al. 2018, arXiv:1712.05877, section 3, symmetric.
    """

    rounding: ClassVar[str] = "fp32"

    def accelerator(self, device: str, /) -> dict[str, Any]:
        raise OptionError(
            "weights in int8 have no gradients, so nothing trains in them",
            "train without, and evaluate with `precision=int8-dynamic`",
        )

    def ready(self, model: nn.Module, /) -> str:
        with quietly():
            from torchao.quantization import quantize_

        before, kinds = stored_bytes(model), _dense(model)
        if not kinds:
            others = sorted({type(module).__name__ for module in model.modules() if _holds(module)})
            raise ModelError(
                f"{type(model).__name__} has no nn.Linear, whose weights int8 is for; its parameters are of: {', '.join(others)}",
                "take fp32, bf16 or fp16",
            )
        quantize_(model, self._config())
        done = [name for name, kind in _dense(model).items() if kind is not kinds.get(name)]
        if not done:
            raise ModelError(f"torchao leaves all nn.Linear of {type(model).__name__} as they are", "take fp32, bf16 or fp16")
        left = [name for name, module in model.named_modules() if name not in done and _holds(module)]
        return (
            f"{self._what()}: weights of {len(done)} nn.Linear ({_some(done)}) in int8; "
            f"in float as before: {_some(left) or 'nothing'}; "
            f"parameters and buffers take {stored_bytes(model):,} bytes instead of {before:,}"
        )

    def _config(self) -> Any:
        with quietly():
            from torchao.quantization import Int8WeightOnlyConfig

        return Int8WeightOnlyConfig(set_inductor_config=False)

    def _what(self) -> str:
        return "int8 weight-only"


class Int8Dynamic(Int8WeightOnly):
    """Inputs of these layers as int8, too, each row by its own scale, found when it comes; products are of integers.

    Source: torchao's Int8DynamicActivationInt8WeightConfig, symmetric.
    """

    rounding: ClassVar[str] = "fp16"

    def _config(self) -> Any:
        with quietly():
            from torchao.quantization import Int8DynamicActivationInt8WeightConfig

        return Int8DynamicActivationInt8WeightConfig(set_inductor_config=False)

    def _what(self) -> str:
        return "int8 dynamic"


def stored_bytes(model: nn.Module) -> int:
    """Bytes of parameters and buffers, each storage once; of a quantised one those of its parts."""
    return storage_bytes((*model.parameters(), *model.buffers()))


def _dense(model: nn.Module) -> dict[str, type]:
    """Names of its dense layers, and of what type the weights of each are."""
    return {name: type(module.weight) for name, module in model.named_modules() if isinstance(module, nn.Linear)}


def _holds(module: nn.Module) -> bool:
    """Whether it has parameters of its own."""
    return next(module.parameters(recurse=False), None) is not None


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(name or "itself" for name in names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
