"""The vision Transformer: an image is a sequence of patches. Parameters are named as timm's.

Source: Dosovitskiy et al. 2021, An image is worth 16x16 words, arXiv:2010.11929.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import ModelError
from zoo.imaging import Normalise
from zoo_vit.attention import SelfAttention
from zoo_vit.positions import sinusoidal, sinusoidal_2d

Positions = Literal["learned", "sinusoidal", "sinusoidal-2d", "none"]


class PatchEmbed(nn.Module):
    """Cuts images into patches that do not overlap and maps each linearly: a convolution whose stride is its kernel."""

    def __init__(self, size: int, patch: int, channels: int, dim: int) -> None:
        super().__init__()
        if patch < 1 or size < patch or size % patch:
            raise ModelError(
                f"an image of {size}x{size} does not divide into patches of {patch}x{patch}",
                "choose a patch that divides the size, such as 4 of 28 or 16 of 224",
            )
        self.size, self.grid = size, size // patch
        self.proj = nn.Conv2d(channels, dim, patch, stride=patch)

    def forward(self, images: Tensor) -> Tensor:
        """Tokens [b, grid², dim] of images [b, c, size, size], row by row."""
        if images.shape[2:] != (self.size, self.size):
            height, width = images.shape[2:]
            raise ModelError(
                f"this network reads images of {self.size}x{self.size}, not {height}x{width}",
                "resize them, or build it with their size",
            )
        return self.proj(images).flatten(2).transpose(1, 2)  # type: ignore[no-any-return]


class Mlp(nn.Module):
    """Two dense layers with GELU, at each token alone."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))  # type: ignore[no-any-return]


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)) (eq. 2 and 3): normalised ahead, so that a clear path leads through."""

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(dim, eps=1e-6), SelfAttention(dim, heads)
        self.norm2, self.mlp = nn.LayerNorm(dim, eps=1e-6), Mlp(dim, hidden)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop(self.attn(self.norm1(x)))
        moved: Tensor = x + self.drop(self.mlp(self.norm2(x)))
        return moved


class VisionTransformer(nn.Module):
    """Patches, a class token ahead of them, positions, blocks; the class token's last state is classified.

    The defaults are ViT-B/16 for 224x224 (table 1): 86,567,656 parameters with 1,000 classes.
    """

    def __init__(
        self,
        classes: int = 1000,
        size: int = 224,
        patch: int = 16,
        channels: int = 3,
        dim: int = 768,
        depth: int = 12,
        heads: int = 12,
        mlp_ratio: float = 4.0,
        positions: Positions = "learned",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.normalise = Normalise((0.5,), (0.5,))
        self.patch_embed = PatchEmbed(size, patch, channels, dim)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self._add_positions(positions, self.patch_embed.grid, dim)
        self.blocks = nn.Sequential(*(Block(dim, heads, int(dim * mlp_ratio), dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, classes)
        initialise(self)

    def _add_positions(self, positions: Positions, grid: int, dim: int) -> None:
        """`pos_embed` [1, 1 + grid², dim], learned or fixed, the class token's first. It is kept either way, as timm's is."""
        length = 1 + grid * grid
        if positions == "learned":
            self.pos_embed = nn.Parameter(torch.zeros(1, length, dim))
            return
        fixed = {
            "sinusoidal": lambda: sinusoidal(length, dim),
            "sinusoidal-2d": lambda: F.pad(sinusoidal_2d(grid, grid, dim), (0, 0, 1, 0)),
            "none": lambda: torch.zeros(length, dim),
        }
        if positions not in fixed:
            raise ModelError(f"there are no positions {positions!r}", f"choose one of: learned, {', '.join(fixed)}")
        self.register_buffer("pos_embed", fixed[positions]()[None])

    def forward(self, images: Tensor) -> Tensor:
        """Logits [b, classes] of images [b, channels, size, size] in [0, 1]."""
        logits: Tensor = self.head(self.features(images))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """The class token's last state [b, dim], normalised: what the head sees (eq. 4)."""
        patches = self.patch_embed(self.normalise(images))
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1) + self.pos_embed
        last: Tensor = self.norm(self.blocks(tokens))
        return last[:, 0]


class VisionTransformerFeatures(VisionTransformer):
    """The same network and weights as an embedder."""

    def forward(self, images: Tensor) -> Tensor:
        """Features [b, dim] of images [b, channels, size, size] in [0, 1]."""
        return self.features(images)


def initialise(network: VisionTransformer) -> None:
    """Dense layers and learned positions from N(0, 0.02²), cut off at two units; biases 0. As timm's."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        if isinstance(network.pos_embed, nn.Parameter):
            nn.init.trunc_normal_(network.pos_embed, std=0.02)
        nn.init.normal_(network.cls_token, std=1e-6)
