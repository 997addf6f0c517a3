"""Victims of the attacks' tests: an affine one whose best attack is known, and a LeNet-5 on real digits."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

import zoo
from zoo.tasks.attack.contract import Threat, Victim
from zoo.tasks.attack.verify import margins


class Affine(nn.Module):
    """Two classes: logits (0, w·x + b), with w and b from a seed."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(shape, generator=generator))
        # Near the plane at x = 0.5, so that the pixels need not leave [0, 1] to cross it.
        self.bias = nn.Parameter(-0.5 * self.weight.detach().sum())

    def forward(self, images: Tensor) -> Tensor:
        score = (images * self.weight).flatten(1).sum(1) + self.bias
        return torch.stack([torch.zeros_like(score), score], dim=1)


class Around(nn.Module):
    """Three classes by which of three centres is nearest: curved loss, cheap, with gradients everywhere."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.rand((3, *shape), generator=torch.Generator().manual_seed(seed)))

    def forward(self, images: Tensor) -> Tensor:
        return -4 * ((images[:, None] - self.centres) ** 2).flatten(2).sum(2)


def bind(model: nn.Module, classes: int) -> Victim:
    return Victim(model.eval(), "victim", classes, None)


def right_images(victim: Victim, count: int, shape: tuple[int, ...], seed: int = 1, spread: float = 0.5) -> tuple[Tensor, Tensor]:
    """Random images about grey, and the classes that the victim gives them."""
    images = 0.5 + spread * (torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed)) - 0.5)
    labels = victim(images).argmax(1)
    assert (margins(victim(images), labels) > 0).all()
    return images, labels


@pytest.fixture
def affine():
    """A victim, images and labels; w."""
    model = Affine((1, 4, 4))
    victim = bind(model, 2)
    return victim, *right_images(victim, 12, (1, 4, 4)), model.weight.detach()


@pytest.fixture
def around():
    victim = bind(Around((3, 8, 8)), 3)
    return victim, *right_images(victim, 40, (3, 8, 8), spread=1.0)


@pytest.fixture
def own():
    """To make victims of one's own: `own.Around`, `own.bind`, `own.right_images`."""
    return SimpleNamespace(Around=Around, bind=bind, right_images=right_images)


@pytest.fixture(scope="session")
def lenet() -> tuple[Victim, Tensor, Tensor]:
    """LeNet-5 on digits: a victim and the 100 first test images that it gets right, 28x28 grey."""
    from zoo.imaging.images import prepare_image

    network = zoo.load("cnn/lenet5@digits")
    digits = zoo.dataset("digits")
    images = torch.stack([prepare_image(digits[i].input, network.zoo_info.input) for i in range(110)])
    labels = torch.tensor(digits.targets[:110])
    victim = bind(network, 10)
    right = margins(victim(images), labels) > 0
    return victim, images[right][:100], labels[right][:100]


LINF, L2 = Threat("linf", 0.1), Threat("l2", 1.0)
