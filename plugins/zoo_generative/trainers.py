"""The trainers of the models: the core's loop with batches and a loss of their own.

Batches are drawn at random, and an epoch is as many as the recipe's option `steps` says: an epoch's end is where a checkpoint
is written and chosen, and a pass over all data would be too long between two of them.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import DataError
from zoo.imaging import prepare_image, to_uint8
from zoo.training import Loop, TrainingJob, TrainResult
from zoo_generative.gan import Discriminator

if TYPE_CHECKING:  # each imports what it needs, of which the others can do without
    from zoo_generative.char_gpt import CharGPT
    from zoo_generative.ddpm import DDPM
    from zoo_generative.gan import GAN
    from zoo_generative.vae import VAE

STEPS = 500
"""Batches of an epoch where the recipe does not say."""
UNTOLD = 0.1
"""Share of images whose class a conditional model is not told (Ho & Salimans 2022, table 1)."""


def train_vae(job: TrainingJob) -> TrainResult:
    """Train a VAE on images binarised anew at every draw; validated by the recipe's metric on images binarised by id."""
    return VaeLoop(job).run()


def train_ddpm(job: TrainingJob) -> TrainResult:
    """Train a diffusion model on both real images of every sample, and on the class that it asks for, if any; validated by what
    it draws, one image a sample."""
    return DdpmLoop(job).run()


def train_gan(job: TrainingJob) -> TrainResult:
    """Train a generator against a discriminator, which is left behind; validated by what it draws, one image a sample."""
    return GanLoop(job).run()


def train_char_gpt(job: TrainingJob) -> TrainResult:
    """Train a CharGPT on windows of passages of training text; validated by the recipe's metric on spans."""
    return CharGptLoop(job).run()


class Draws:
    """As many draws as an epoch has: samples that are nothing but their number."""

    costs = None

    def __init__(self, count: int) -> None:
        self.targets = torch.zeros(count)

    def __len__(self) -> int:
        return len(self.targets)

    def batches(self, drawn: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        return ((numbers, numbers) for numbers in drawn)


class GenerativeLoop(Loop):
    """What they have in common."""

    def build_data(self) -> Draws:
        return Draws(int(self.job.recipe.options.get("steps", STEPS)) * self.job.recipe.batch_size)

    def build_loss(self) -> nn.Module:
        return nn.Identity()


class VaeLoop(GenerativeLoop):
    def build_data(self) -> Draws:
        want = self.job.task.model.input
        inputs = (self.job.train[index].input for index in range(len(self.job.train.ids)))
        self.images = torch.stack([to_uint8(prepare_image(image, want)) for image in inputs])
        return super().build_data()

    def batch_loss(self, inputs: Any, targets: Tensor, generator: Generator) -> Tensor:
        chosen = torch.randint(len(self.images), (len(inputs),), generator=generator)
        ink = self.images[chosen].float() / 255
        binary = (torch.rand(ink.shape, generator=generator) < ink).float()
        model: VAE = self.accelerator.unwrap_model(self.model)
        noise = torch.randn(1, len(inputs), model.latent, generator=generator)
        return -model.weigh(self._placed(binary), self._placed(noise)).mean()


class RealImages(GenerativeLoop):
    """Of models that learn from both real images of every sample."""

    def build_data(self) -> Draws:
        self.images = torch.stack([image for target in self.job.train.targets for image in target])
        return super().build_data()


class GanLoop(RealImages):
    """Both networks take their steps at once, each by the gradient of its own loss, as Mescheder et al. analyse it.

    The loss module of the core's loop is the discriminator: it is trained and checkpointed, and left behind at the end.
    """

    def __init__(self, job: TrainingJob) -> None:
        super().__init__(job)
        for group in self.optimizer.param_groups:
            group["betas"] = (0.5, 0.99)  # DCGAN's; with a longer memory the two networks run after each other

    loss: Discriminator

    def build_loss(self) -> nn.Module:
        return Discriminator(self.images.shape[-1], int(self.job.recipe.options["width"]))

    def batch_loss(self, inputs: Any, targets: Tensor, generator: Generator) -> Tensor:
        chosen = torch.randint(len(self.images), (len(inputs),), generator=generator)
        real = self._placed(self.images[chosen]).float() / 127.5 - 1
        model: GAN = self.accelerator.unwrap_model(self.model)
        drawn = model.picture(self._placed(torch.randn(len(inputs), model.latent, generator=generator)))
        found = self.loss.losses(drawn, real, float(self.job.recipe.options["gamma"]))
        self.tell(**found._asdict())
        return found.generator + found.discriminator


class DdpmLoop(RealImages):
    def build_data(self) -> Draws:
        samples = (self.job.train[index] for index in range(len(self.job.train.ids)))
        self.asked: Tensor | None = self.job.build_model().numbers([sample.input for sample in samples for _ in sample.target])
        return super().build_data()

    def batch_loss(self, inputs: Any, targets: Tensor, generator: Generator) -> Tensor:
        chosen = torch.randint(len(self.images), (len(inputs),), generator=generator)
        images = self.images[chosen].float() / 255
        t = torch.randint(1000, (len(inputs),), generator=generator)
        noise = torch.randn(images.shape, generator=generator)
        model: DDPM = self.accelerator.unwrap_model(self.model)
        asked = self._asked(model, chosen, generator)
        return model.loss(self._placed(images), self._placed(noise), self._placed(t), self._placed(asked))

    def _asked(self, model: "DDPM", chosen: Tensor, generator: Generator) -> Tensor | None:
        """The class of each image, of a model that is told one; none of a tenth, so that it learns what any image is like."""
        if self.asked is None:
            return None
        told = torch.rand(len(chosen), generator=generator) >= UNTOLD
        return self.asked[chosen].where(told, len(model.classes))


class CharGptLoop(GenerativeLoop):
    def build_data(self) -> Draws:
        model = self.job.build_model()
        passages: dict[int, str] = {}
        for index, passage in enumerate(self.job.train.groups):  # type: ignore[attr-defined]
            passages[passage] = passages.get(passage, "") + self.job.train[index].input.text
        self.passages = [torch.tensor(model.encode(text)) for text in passages.values() if len(text) >= model.window]
        if not self.passages:
            longest = max(map(len, passages.values()))
            raise DataError(
                f"no passage of {self.job.recipe.dataset} fills a window of {model.window}; the longest has {longest} characters",
                f"take a smaller window: config.window of at most {longest}",
            )
        self.lengths = torch.tensor([float(len(passage) - model.window + 1) for passage in self.passages])
        return super().build_data()

    def batch_loss(self, inputs: Any, targets: Tensor, generator: Generator) -> Tensor:
        model: CharGPT = self.accelerator.unwrap_model(self.model)
        rows = []
        for place in torch.multinomial(self.lengths, len(inputs), replacement=True, generator=generator).tolist():
            start = int(torch.randint(int(self.lengths[place]), (), generator=generator))
            rows.append(self.passages[place][start : start + model.window])
        text = torch.stack(rows)
        seen = torch.cat([torch.full((len(text), 1), model.begin), text[:, :-1]], dim=1)
        logits = model.logits(self._placed(seen))
        return F.cross_entropy(logits.flatten(0, 1).float(), self._placed(text).flatten())
