"""EfficientNet-Lite0 with the parameter names of the port EfficientNet-PyTorch, in timm's network."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from zoo_hub.timm_models import TimmClassifier, TimmEmbedder

_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_BLOCK = {"_depthwise_conv": "conv_dw", "_project_conv": "conv_pwl", "_expand_conv": "conv_pw"}
_FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_project_conv": "conv_pw"}
"""The first block expands nothing, so that timm builds it otherwise."""


class EfficientNetClassifier(TimmClassifier):
    """Logits, of timm's network with the port's weights."""

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        return self.body.load_state_dict(timm_names(state_dict, self.body), strict=strict, assign=assign)


class EfficientNetEmbedder(TimmEmbedder):
    """Features, of timm's network with the port's weights."""

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        return self.body.load_state_dict(timm_names(state_dict, self.body), strict=strict, assign=assign)


def timm_names(state: Mapping[str, Tensor], network: Any) -> dict[str, Tensor]:
    """The port's parameters under timm's names; timm's own, and what is not known, stay as they are."""
    places = [f"blocks.{stage}.{block}" for stage, blocks in enumerate(network.blocks) for block in range(len(blocks))]
    return {_timm_name(name, places): tensor for name, tensor in state.items()}


def _timm_name(name: str, places: list[str]) -> str:
    found = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
    if found is None:
        layer, _, parameter = name.partition(".")
        return f"{_OUTSIDE.get(layer, layer)}.{parameter}"
    number, layer, parameter = int(found[1]), found[2], found[3]
    if number >= len(places):
        return name
    if batch_norm := re.fullmatch(r"_bn(\d)", layer):  # the port counts from the expansion, which the first block lacks
        return f"{places[number]}.bn{int(batch_norm[1]) + (number > 0)}.{parameter}"
    return f"{places[number]}.{(_BLOCK if number else _FIRST_BLOCK).get(layer, layer)}.{parameter}"
