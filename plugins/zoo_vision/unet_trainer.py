"""The trainer of segmenters: the default loop with a loss over pixels, and augmentations of image and mask together."""

import math
from typing import TYPE_CHECKING

from zoo.tasks import IGNORE
from zoo.training import Loop, TrainingJob, TrainResult

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

LARGEST_WEIGHT = 10.0


def train(job: TrainingJob) -> TrainResult:
    """Train a segmenter by a recipe; killed at any moment, it resumes bit for bit.

    The recipe's `options`: `crop` [height, width] of the pieces that are cut out, `scale` [least, most] their enlargement,
    `colour` the most that brightness, contrast and saturation change (as a share).
    """
    return SegmentLoop(job).run()


class SegmentLoop(Loop):
    """The default loop over images and masks. Ignored pixels have no loss."""

    separable = False  # images count by their pixels that are not ignored

    def build_loss(self) -> "nn.Module":
        from torch import nn

        weight = rarity(self.data.targets, len(self.job.classes)) if self.job.recipe.class_weights == "balanced" else None
        return nn.CrossEntropyLoss(weight, ignore_index=IGNORE, label_smoothing=self.job.recipe.label_smoothing)

    def _step(self, inputs: "Tensor", targets: "Tensor", step: int, generator: "Generator") -> "Tensor":
        options = self.job.recipe.options
        inputs, targets = cut_pieces(inputs, targets, options["crop"], options["scale"], generator)
        return super()._step(recoloured(inputs, options["colour"], generator), targets.long(), step, generator)


def rarity(masks: "Tensor", classes: int) -> "Tensor":
    """A weight for each class, float32 [classes]: the square root of its rarity, with mean 1 over pixels, at most 10.

    The plain inverse of frequency would let a few poles outweigh the road; a class without pixels has weight 0.
    """
    counts = masks.reshape(-1).long().bincount(minlength=IGNORE + 1)[:classes].double()
    weight = (counts.sum() / counts.clamp(min=1)).sqrt() * (counts > 0)
    weight = weight * counts.sum() / (weight * counts).sum()
    return weight.clamp(max=LARGEST_WEIGHT).float()


def cut_pieces(
    images: "Tensor", masks: "Tensor", size: list[int], scale: list[float], generator: "Generator"
) -> "tuple[Tensor, Tensor]":
    """From each image [b, 3, h, w] and mask [b, h, w] one piece of `size`, enlarged at random, mirrored every other time.

    Images are interpolated bilinearly, masks not at all; what lies outside is black and ignored.
    """
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    batch, _, height, width = images.shape
    draw = torch.rand(4, batch, generator=generator)
    zoom = torch.exp(math.log(scale[0]) + draw[0] * math.log(scale[1] / scale[0]))
    share_y, share_x = size[0] / height / zoom, size[1] / width / zoom
    mirror = (draw[1] < 0.5).float() * 2 - 1
    zero = torch.zeros(batch)
    shift_y = (2 * draw[2] - 1) * (1 - share_y).clamp(min=0)
    shift_x = (2 * draw[3] - 1) * (1 - share_x).clamp(min=0)
    theta = torch.stack([share_x * mirror, zero, shift_x, zero, share_y, shift_y], dim=1).view(batch, 2, 3)
    grid = affine_grid(theta, [batch, 3, *size], align_corners=False)
    pieces = grid_sample(images, grid, mode="bilinear", align_corners=False)
    shifted = (masks.float() - IGNORE)[:, None]  # so that the zeros outside become IGNORE
    labels = grid_sample(shifted, grid, mode="nearest", align_corners=False)[:, 0] + IGNORE
    return pieces, labels.round().to(masks.dtype)


def recoloured(images: "Tensor", most: float, generator: "Generator") -> "Tensor":
    """Images [b, 3, h, w] in [0, 1] with brightness, contrast and saturation each changed by a factor in 1 ± `most`."""
    import torch

    def changed(images: "Tensor", centre: "Tensor") -> "Tensor":
        """Each image with its distance from `centre` changed by a factor in 1 ± `most`."""
        return torch.lerp(centre, images, 1 + most * (2 * torch.rand(len(images), 1, 1, 1, generator=generator) - 1))

    images = changed(images, torch.zeros_like(images))
    images = changed(images, images.mean(dim=(1, 2, 3), keepdim=True).expand_as(images))
    return changed(images, images.mean(dim=1, keepdim=True).expand_as(images)).clamp(0, 1)
