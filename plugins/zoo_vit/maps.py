"""What a vision Transformer looks at: the attention weights of its blocks, and their rollout. Of ours, and of any of timm's.

Source of the rollout: Abnar & Zuidema 2020, Quantifying attention flow in Transformers, arXiv:2005.00928.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import ModelError

WEIGHTS = "attn_drop"
"""The module that attention weights go through, here and in timm."""


def transformer_in(model: Any) -> nn.Module | None:
    """The vision Transformer that a model is or wraps: blocks over patches, each with attention; None where there is none."""
    for module in model.modules() if isinstance(model, nn.Module) else ():
        blocks = getattr(module, "blocks", None)
        patches = getattr(module, "patch_embed", None) or getattr(module, "embeds", None)
        if isinstance(blocks, (nn.Sequential, nn.ModuleList)) and len(blocks) and isinstance(patches, nn.Module):
            return module if all(_weights_of(block) for block in blocks) else None
    return None


def attention_maps(model: nn.Module, images: Tensor) -> list[Tensor]:
    """How much each token takes of each in every block, first to last: float [b, heads, n, n] whose rows sum to 1.

    Of attentions side by side in one block the heads follow each other.
    The model is run once on images [b, c, h, w] as it takes them, without gradients, its fused attention written out.
    Raises ModelError where it is no Transformer whose blocks all attend to one sequence of tokens.
    """
    transformer = transformer_in(model)
    if transformer is None:
        raise ModelError(f"{type(model).__name__} is no vision Transformer whose attention can be read")
    read: list[list[Tensor]] = [[] for _ in transformer.blocks]  # type: ignore[union-attr]
    with _reading(transformer, read), torch.inference_mode():
        model(images)
    kind = type(transformer).__name__
    shapes = {weights.shape for found in read for weights in found}
    shape = next(iter(shapes), ())
    if not all(read) or len(shapes) != 1 or len(shape) != 4 or shape[0] != len(images) or shape[2] != shape[3]:
        raise ModelError(
            f"the blocks of {kind} do not all attend to one sequence of tokens",
            "maps are of plain vision Transformers, such as timm/vit_* and timm/deit_*",
        )
    maps = [torch.cat(found, dim=1) for found in read]
    if not all(torch.allclose(weights.sum(-1), weights.new_ones(()), atol=1e-3) for weights in maps):
        raise ModelError(f"what the blocks of {kind} weigh tokens by does not sum to 1, so it is no attention")
    return maps


def rollout(maps: Sequence[Tensor]) -> Tensor:
    """How much of each input token reaches each output token through all blocks, [b, n, n]; rows sum to 1.

    Of each block, first to last, the mean A of the heads' weights [b, heads, n, n]; (A + I) / 2 for the path around it; rows
    normalised; all multiplied, the later from the left (section 3, eq. 1). Computed in float64, returned in the type of the maps.
    """
    if not maps:
        raise ValueError("a rollout needs the maps of one block at least")
    tokens = maps[0].shape[-1]
    identity = torch.eye(tokens, dtype=torch.float64, device=maps[0].device)
    rolled = identity.expand(len(maps[0]), tokens, tokens)
    for weights in maps:
        mixed = (weights.double().mean(1) + identity) / 2
        rolled = mixed / mixed.sum(-1, keepdim=True) @ rolled
    return rolled.to(maps[0].dtype)


def on_patches(model: nn.Module, weights: Tensor, size: tuple[int, int]) -> Tensor:
    """The class token's row of weights [..., n, n] over the patches of an image of `size`: [..., rows, columns].

    Of a network without a class token, which averages its patches, the mean of their rows.
    """
    transformer = transformer_in(model)
    classified = getattr(transformer, "cls_token", None) is not None
    ahead = int(getattr(transformer, "num_prefix_tokens", classified))
    rows = weights[..., :1, ahead:] if classified else weights[..., ahead:, ahead:]
    found = rows.mean(-2)
    down, across = grid_of(found.shape[-1], size)
    return found.reshape(*found.shape[:-1], down, across)


def grid_of(patches: int, size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the patches, all square, that cut an image of a size (height, width). Raises ModelError."""
    height, width = size
    down = round(math.sqrt(patches * height / width)) or 1
    if patches % down or height * (patches // down) != width * down:
        raise ModelError(f"{patches} patches are no grid of squares over an image of {height}x{width}")
    return down, patches // down


def _weights_of(block: nn.Module) -> list[nn.Module]:
    return [module for name, module in block.named_modules() if name.rpartition(".")[2] == WEIGHTS]


@contextmanager
def _reading(transformer: nn.Module, read: list[list[Tensor]]) -> Iterator[None]:
    """Within the context, what each block weighs tokens by is added to its list in `read`."""
    fused = [module for module in transformer.modules() if getattr(module, "fused_attn", False) is True]
    with ExitStack() as after:
        for module in fused:
            module.fused_attn = False  # type: ignore[assignment]
            after.callback(setattr, module, "fused_attn", True)
        for block, found in zip(transformer.blocks, read, strict=True):  # type: ignore[arg-type]
            for module in _weights_of(block):
                hook = module.register_forward_pre_hook(lambda _, given, found=found: found.append(given[0].detach()))
                after.callback(hook.remove)
        yield
