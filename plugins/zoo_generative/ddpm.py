"""A denoising diffusion model of images: the U-Net and the schedulers of diffusers.

Sources: Ho, Jain & Abbeel 2020, Denoising diffusion probabilistic models, arXiv:2006.11239; the cosine schedule of noise:
Nichol & Dhariwal 2021, arXiv:2102.09672; the prediction of v: Salimans & Ho 2022, arXiv:2202.00512; of a class: Ho & Salimans
2022, Classifier-free diffusion guidance, arXiv:2207.12598.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from zoo.errors import ModelError
from zoo.lazy import quietly

with quietly():  # of torchao, where that is installed
    from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel

NOISE = {"num_train_timesteps": 1000, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction"}


class Sampler(BaseModel):
    """How images are drawn."""

    model_config = ConfigDict(extra="forbid")
    sampler: Literal["ddim", "ddpm"] = Field(
        default="ddim", description="ddim: noise at the start alone (Song et al. 2021, arXiv:2010.02502); ddpm: at every step."
    )
    steps: int = Field(
        default=20, ge=1, le=1000, description="Steps from noise to image, evenly spaced over the 1,000 of training."
    )


class GuidedSampler(Sampler):
    """How images of a class are drawn."""

    guidance: float = Field(
        default=1.0, ge=0, le=20, description="How far beyond what any class would be, towards the one asked for; 0: not at all."
    )


class DDPM(nn.Module):
    """A U-Net that predicts v = a·noise - s·image of a noisy image a·image + s·noise, image in [-1, 1].

    With `classes`, by name, it is told which of them an image is of; one number more stands for none.
    """

    def __init__(
        self,
        side: int = 28,
        widths: Sequence[int] = (16, 32, 64),
        layers: int = 1,
        sampler: str = "ddim",
        steps: int = 20,
        classes: Sequence[str] = (),
        guidance: float = 1.0,
    ) -> None:
        super().__init__()
        self.shape, self.steps, self.classes, self.guidance = (1, side, side), steps, list(classes), guidance
        self.unet: Any = UNet2DModel(  # type: ignore[no-untyped-call]
            sample_size=side,
            in_channels=1,
            out_channels=1,
            layers_per_block=layers,
            block_out_channels=tuple(widths),
            down_block_types=("DownBlock2D",) * len(widths),
            up_block_types=("UpBlock2D",) * len(widths),
            norm_num_groups=8,
            add_attention=False,
            num_class_embeds=len(self.classes) + 1 if self.classes else None,
        )
        self.sampler: Any = DDIMScheduler if sampler == "ddim" else DDPMScheduler
        self.noising: Any = self.sampler(**NOISE)

    def forward(self, conditions: Sequence[Any], seeds: Sequence[int]) -> Tensor:
        """One image [1, side, side] per seed, of which follow all its noise and so the image.

        A condition is the name of a class, or None for any image; a model without classes does not look at it. Raises ModelError
        for a class that it does not know.
        """
        asked = self.numbers(conditions)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        x = torch.stack([torch.randn(self.shape, generator=generator) for generator in generators])
        x = x.to(next(self.parameters()).device)
        scheduler = self.sampler(**NOISE, timestep_spacing="trailing")  # of its own: a scheduler counts its steps
        scheduler.set_timesteps(self.steps)
        for t in scheduler.timesteps:
            x = scheduler.step(self._guided(x, t, asked), t, x, generator=generators).prev_sample
        return (x.clamp(-1, 1) + 1) / 2

    def numbers(self, conditions: Sequence[Any]) -> Tensor | None:
        """The number of each class, int64 [b], and that after the last for None; nothing of a model without classes."""
        if not self.classes:
            return None
        for condition in conditions:
            if condition is not None and condition not in self.classes:
                raise ModelError(f"this model draws no {condition!r}", f"its classes are: {', '.join(self.classes)}")
        found = [len(self.classes) if condition is None else self.classes.index(condition) for condition in conditions]
        return torch.tensor(found, device=next(self.parameters()).device)

    def _guided(self, x: Tensor, t: Tensor, asked: Tensor | None) -> Tensor:
        """v of the class, plus `guidance` times its difference from that of no class (Ho & Salimans 2022, eq. 6).

        It is that of an image within [-1, 1], where guidance would lead beyond (Saharia et al. 2022, arXiv:2205.11487, section
        2.3): a scheduler cuts off the image alone, and takes what is cut for noise, which draws ink where there should be none.
        """
        told: Tensor = self.unet(x, t, class_labels=asked).sample
        if asked is None or not self.guidance:
            return told
        anything: Tensor = self.unet(x, t, class_labels=torch.full_like(asked, len(self.classes))).sample
        a, s = self.noising.alphas_cumprod[t].sqrt(), (1 - self.noising.alphas_cumprod[t]).sqrt()
        image = a * x - s * (told + self.guidance * (told - anything))
        v: Tensor = (a * x - image.clamp(-1, 1)) / s
        return v

    def loss(self, images: Tensor, noise: Tensor, t: Tensor, asked: Tensor | None = None) -> Tensor:
        """Mean squared error of v, of images [b, 1, side, side] in [0, 1] noised as of steps t, int64 [b] in [0, 1000).

        `asked` are the numbers of their classes, int64 [b].
        """
        x = 2 * images - 1
        predicted = self.unet(self.noising.add_noise(x, noise, t), t, class_labels=asked).sample
        return nn.functional.mse_loss(predicted, self.noising.get_velocity(x, noise, t))
