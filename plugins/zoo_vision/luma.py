"""Super-resolution of luma: the eye and PSNR-Y judge by brightness, so chroma is merely enlarged."""

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.imaging import rgb_to_ycbcr, ycbcr_to_rgb


def with_luma(small: Tensor, large: Tensor, luma: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The large pictures [b, c, h', w'], in [0, 1], with luma that `luma` makes.

    `luma(y, bicubic)` is given Y [b, 1, h, w] of the small pictures and [b, 1, h', w'] of the large ones, which are bicubic,
    both in [16/255, 235/255], and returns the latter's size. Grey pictures come back grey.
    """
    channels = large.shape[1]
    bicubic = rgb_to_ycbcr(large.expand(-1, 3, -1, -1))
    y = luma(rgb_to_ycbcr(small.expand(-1, 3, -1, -1))[:, :1], bicubic[:, :1])
    return ycbcr_to_rgb(torch.cat([y, bicubic[:, 1:]], dim=1)).clamp(0, 1)[:, :channels]
