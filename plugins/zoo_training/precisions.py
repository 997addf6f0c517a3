"""Precisions of training, by accelerate: parameters stay float32, the forward pass is cast."""

from collections.abc import Mapping
from typing import Any

from zoo.errors import OptionError
from zoo.specs import Frozen
from zoo.training import Expected, Network


class Autocast(Frozen):
    """Parameters, and so gradients and states, stay what they are; activations are counted under it."""

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        old = before["parameters"]
        return {"parameters": old.model_copy(update={"formula": f"{old.formula}, float32 under autocast"})}


class Fp32(Frozen):
    """float32 throughout."""

    def expected(self, network: Network, before: Mapping[str, Expected], /) -> Mapping[str, Expected]:
        return {}

    def accelerator(self, device: str, /) -> Mapping[str, Any]:
        return {"mixed_precision": "no"}


class Bf16(Autocast):
    """bfloat16 autocast: the range of float32 with 8 bits of mantissa, so that no loss is scaled. On a CPU it may be slower."""

    def accelerator(self, device: str, /) -> Mapping[str, Any]:
        import torch

        if device.startswith("cuda") and not torch.cuda.is_bf16_supported():
            raise OptionError("this GPU has no bfloat16", "take training/fp16")
        return {"mixed_precision": "bf16"}


class Fp16(Autocast):
    """float16 autocast with a scaled loss; a step whose gradients overflow is skipped, and counted in the record.

    Source: Micikevicius et al. 2018, Mixed precision training, arXiv:1710.03740.
    """

    def accelerator(self, device: str, /) -> Mapping[str, Any]:
        if not device.startswith("cuda"):
            raise OptionError(f"training in float16 needs a GPU, and this is {device}", "take training/bf16")
        return {"mixed_precision": "fp16"}
