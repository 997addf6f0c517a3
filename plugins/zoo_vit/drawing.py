"""The figure of an image: what the class token attends to in the last block, head by head, and the rollout of all blocks."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from zoo_vit.maps import attention_maps, on_patches, rollout, transformer_in

SIDE = 128
"""Pixels of a tile's longer side."""
CAPTION = 16
"""Pixels above a tile, for its name."""
ACROSS = 8
"""Most tiles in a row."""
HEAT = 0.7
"""Share of the colours in a tile; the rest is the image."""


def drawer(model: Any) -> Callable[[Tensor], Image.Image] | None:
    """What draws an image as a vision Transformer sees it; None for any other model."""
    if transformer_in(model) is None:
        return None
    return lambda image: draw(model, image)


def draw(model: torch.nn.Module, image: Tensor) -> Image.Image:
    """The image [c, h, w] in [0, 1], each head's attention of the class token in the last block, and the rollout, side by side.

    Black is least and white is most over the patches of a tile, by itself; its name says from what to what that is.
    """
    maps = attention_maps(model, image[None])
    height, width = image.shape[1:]
    heads = on_patches(model, maps[-1][0], (height, width))
    rolled = on_patches(model, rollout(maps)[0], (height, width))
    tiles = [("image", _picture(image))]
    tiles += [(_name(f"head {number}", head), _heated(image, head)) for number, head in enumerate(heads, 1)]
    tiles.append((_name("rollout", rolled), _heated(image, rolled)))
    return _side_by_side(tiles)


def _name(what: str, weights: Tensor) -> str:
    return f"{what}: {weights.min():.2g}-{weights.max():.2g}"


def _picture(image: Tensor) -> Image.Image:
    """The image in RGB, at the size of a tile."""
    pixels = (image.detach().cpu().float().clamp(0, 1) * 255).round().byte().expand(3, -1, -1)
    return _sized(Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())), tuple(image.shape[1:]))


def _heated(image: Tensor, weights: Tensor) -> Image.Image:
    """The image in grey under the colours of weights [rows, columns], a patch each."""
    weights = weights.float().cpu()
    low, high = weights.min(), weights.max()
    heat = ((weights - low) / (high - low)).nan_to_num(0.0)  # 0 where all patches are alike
    colours = torch.stack([3 * heat, 3 * heat - 1, 3 * heat - 2], dim=2).clamp(0, 1)  # black, red, yellow, white
    cover = Image.fromarray((colours * 255).round().byte().numpy())
    grey = _picture(image).convert("L").convert("RGB")
    return Image.blend(grey, cover.resize(grey.size, Image.Resampling.NEAREST), HEAT)


def _sized(picture: Image.Image, size: tuple[int, ...]) -> Image.Image:
    height, width = size
    scale = SIDE / max(height, width)
    way = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BICUBIC
    return picture.resize((max(1, round(width * scale)), max(1, round(height * scale))), way)


def _side_by_side(tiles: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Pictures of one size with their names above them, in rows."""
    width, height = tiles[0][1].size[0] + 2, tiles[0][1].size[1] + CAPTION + 2
    across = min(ACROSS, len(tiles))
    sheet = Image.new("RGB", (across * width, -(-len(tiles) // across) * height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for place, (name, picture) in enumerate(tiles):
        left, top = place % across * width, place // across * height
        pen.text((left + 2, top + 1), name, fill="black", font=font)
        sheet.paste(picture, (left + 1, top + CAPTION))
    return sheet
