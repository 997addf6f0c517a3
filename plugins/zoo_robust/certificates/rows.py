"""Linear functions of what a layer is given, as rows [s, ...]: whole ones, or of a map only the window that is not 0.

One number of a feature map hangs on a small window of the map before, so its row is a hundredth of a whole one.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from zoo_robust.certificates.layers import Affine, Convolution


@dataclass
class Rows:
    """`values` [s, *shape] of image `owner` [s]; with `corner` [s, 2] only the window of a map [c, h, w] that begins there.

    What of a window lies beyond the map's border is 0.
    """

    values: Tensor
    owner: Tensor
    shape: tuple[int, ...]
    corner: Tensor | None = None
    index: Tensor | None = None
    """Where the numbers of each window stand among those of all images, once somebody has asked."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def numbers(self) -> int:
        """How many of a row are not 0, at most."""
        return self.values[0].numel()

    def of(self, images: Tensor) -> Tensor:
        """What belongs to each row of values of all images [b, *shape]."""
        if self.corner is None:
            return images[self.owner]
        if self.index is None:
            y, x, _ = self._places()
            channels = torch.arange(self.shape[0], device=y.device)
            height, width = self.shape[1:]
            first = (self.owner[:, None] * self.shape[0] + channels)[:, :, None, None] * height * width
            self.index = first + (y * width)[:, None, :, None] + x[:, None, None, :]
        return images.reshape(-1).take(self.index)

    def shared(self, constants: Tensor) -> Tensor:
        """What belongs to each row of what is the same for all images, [broadcastable to shape]."""
        if self.corner is None or constants.shape[-2:] == (1, 1):
            return constants.expand(self.values.shape)
        return replace(self, owner=torch.zeros_like(self.owner), index=None).of(constants.expand(self.shape)[None].contiguous())

    def back(self, layer: Affine) -> "Rows":
        """The rows times the matrix of a layer: functions of what that is given."""
        if self.corner is None:
            return Rows(layer.back(self.values), self.owner, tuple(layer.inside))
        if not isinstance(layer, Convolution):
            if layer.terms > 1:
                return self.whole().back(layer)
            return replace(self, values=self.values * self.shared(layer.weight))
        made = layer.back_window(self.values)
        corner = self.corner * self.corner.new_tensor(layer.stride) - self.corner.new_tensor(layer.padding)
        rows = Rows(made, self.owner, tuple(layer.inside), corner)
        rows.values = made * rows._places()[2]
        return rows if rows.numbers < layer.inside[0] * layer.inside[1] * layer.inside[2] else rows.whole()

    def reshaped(self, shape: tuple[int, ...]) -> "Rows":
        """The rows of the same numbers in another shape."""
        whole = self.whole()
        return Rows(whole.values.reshape(len(self), *shape), self.owner, shape)

    def whole(self) -> "Rows":
        """The rows without a window."""
        if self.corner is None:
            return self
        y, x, inside = self._places()
        values = self.values.new_zeros((len(self), *self.shape))
        s = torch.arange(len(self), device=y.device)[:, None, None, None]
        channels = torch.arange(self.shape[0], device=y.device)[None, :, None, None]
        place = (s, channels, y[:, None, :, None], x[:, None, None, :])
        values.index_put_(place, self.values * inside, accumulate=True)  # beyond the border there are zeros, which add nothing
        return Rows(values, self.owner, self.shape)

    def _places(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of each window its lines [s, h] and columns [s, w], cut at the border, and whether they were inside [s, 1, h, w]."""
        assert self.corner is not None
        found = []
        for axis in (0, 1):
            places = self.corner[:, axis, None] + torch.arange(self.values.shape[2 + axis], device=self.corner.device)
            found.append((places.clamp(0, self.shape[1 + axis] - 1), (places >= 0) & (places < self.shape[1 + axis])))
        (y, y_in), (x, x_in) = found
        return y, x, (y_in[:, None, :, None] & x_in[:, None, None, :]).to(self.values.dtype)


def single(shape: tuple[int, ...], owner: Tensor, numbers: Tensor, sign: float) -> Rows:
    """Rows that are `sign` at one number [s] (its place in the flat shape) and 0 else: of maps as windows of one pixel."""
    s = torch.arange(len(owner), device=owner.device)
    if len(shape) != 3:
        values = torch.zeros((len(owner), *shape), dtype=torch.float64, device=owner.device)
        values.view(len(owner), -1)[s, numbers] = sign
        return Rows(values, owner, shape)
    _, height, width = shape
    values = torch.zeros((len(owner), shape[0], 1, 1), dtype=torch.float64, device=owner.device)
    values[s, numbers // (height * width), 0, 0] = sign
    return Rows(values, owner, shape, torch.stack([numbers // width % height, numbers % width], dim=1))
