"""Parity with torchattacks and foolbox on one victim, LeNet-5 on real MNIST: robust accuracy within half a point.

Both pin old versions of libraries that they do not use here; `.ci/run` shows how to install them. Where an attack is
random only in where it starts, both start from the same image; a random search is repeated and its mean is compared.
"""

from pathlib import Path
from statistics import mean

import pytest
import torch
from torch import Tensor

import zoo
from zoo.tasks.attack.contract import Threat, Victim
from zoo.tasks.attack.verify import margins
from zoo_robust.attacks.apgd import Apgd
from zoo_robust.attacks.balls import Ball
from zoo_robust.attacks.deepfool import DeepFool
from zoo_robust.attacks.fgsm import Fgsm
from zoo_robust.attacks.pgd import Pgd
from zoo_robust.attacks.square import Square

pytestmark = pytest.mark.slow
HALF_A_POINT = 0.005
EPS, EPS_L2 = 0.1, 1.5
LINF, L2 = Threat("linf", EPS), Threat("l2", EPS_L2)
Mnist = tuple[torch.nn.Module, Victim, Tensor, Tensor]


@pytest.fixture(scope="module")
def mnist() -> Mnist:
    """LeNet-5, itself and as a victim, and the first 2,000 test images."""
    pytest.importorskip("torchattacks")
    network = zoo.load("cnn/lenet5@mnist")
    test = zoo.dataset("mnist")
    images = torch.stack([test[i].input for i in range(2000)]).float() / 255
    return network, Victim(network, "lenet5", 10, None), images, torch.tensor(test.targets[:2000])


def theirs(mnist: Mnist, name: str, settings: dict[str, object], size: int = 250) -> float:
    """Robust accuracy under an attack of torchattacks."""
    import torchattacks

    network, victim, images, labels = mnist
    attack = getattr(torchattacks, name)(network, **settings)
    made = [attack(part, label).detach() for part, label in zip(images.split(size), labels.split(size), strict=True)]
    return robust_accuracy(victim, torch.cat(made), labels)


def ours(mnist: Mnist, attack: object, threat: Threat, seed: int = 0) -> float:
    """Robust accuracy under an attack of ours. What the victim gets wrong is not attacked, as the core has it."""
    _, victim, images, labels = mnist
    made = images.clone()
    for part in (margins(victim(images), labels) > 0).nonzero().flatten().split(250):
        seeds = [seed * len(images) + row for row in part.tolist()]
        made[part] = attack(victim, images[part], labels[part], threat, seeds).inputs
    return robust_accuracy(victim, made, labels)


def robust_accuracy(victim: Victim, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return (margins(victim(images), labels) > 0).double().mean().item()


@pytest.mark.parametrize(
    ("attack", "threat", "name", "settings"),
    [
        (Fgsm(), LINF, "FGSM", {"eps": EPS}),
        (Pgd(step_size=0.01, random_start=False), LINF, "PGD", {"eps": EPS, "alpha": 0.01, "steps": 20, "random_start": False}),
        (Pgd(step_size=0.2, random_start=False), L2, "PGDL2", {"eps": EPS_L2, "alpha": 0.2, "steps": 20, "random_start": False}),
        (Pgd(step_size=0.01), LINF, "PGD", {"eps": EPS, "alpha": 0.01, "steps": 20}),
    ],
    ids=["fgsm", "pgd-linf", "pgd-l2", "pgd-linf-random"],
)
def test_gradient_attacks_are_those_of_torchattacks(real_data: Path, mnist, attack, threat, name, settings) -> None:
    torch.manual_seed(0)
    found, expected = ours(mnist, attack, threat), theirs(mnist, name, settings)
    print(f"{name}: {found:.4f}, torchattacks {expected:.4f}")
    assert abs(found - expected) <= HALF_A_POINT


@pytest.mark.parametrize(("threat", "norm"), [(LINF, "Linf"), (L2, "L2")], ids=["linf", "l2"])
def test_apgd_is_that_of_torchattacks_from_the_same_start(real_data: Path, mnist, threat, norm, monkeypatch) -> None:
    """Both draw their start; here both are made to draw all ones."""

    def ones(*shape: object, **_: object) -> Tensor:
        return torch.ones(*shape)

    def start(self: Ball, seeds: object) -> Tensor:
        change = torch.ones_like(self.clean)
        return self.project(self.clean + self.eps * (change if norm == "Linf" else change / change[0].norm()))

    monkeypatch.setattr(torch, "rand", ones)
    monkeypatch.setattr(torch, "randn", ones)
    monkeypatch.setattr(Ball, "start", start)
    found = ours(mnist, Apgd(steps=50), threat)
    expected = theirs(mnist, "APGD", {"norm": norm, "eps": threat.eps, "steps": 50, "loss": "ce"})
    print(f"APGD {norm}: {found:.4f}, torchattacks {expected:.4f}")
    assert abs(found - expected) <= HALF_A_POINT


def test_square_is_that_of_torchattacks_on_average(real_data: Path, mnist) -> None:
    """torchattacks puts the squares of a whole batch at one place, so batches are small, for many places to be drawn."""
    settings = {"norm": "Linf", "eps": EPS, "n_queries": 200, "n_restarts": 1}
    found = [ours(mnist, Square(queries=200), LINF, seed) for seed in range(4)]
    expected = [theirs(mnist, "Square", {**settings, "seed": seed}, size=20) for seed in range(4)]
    print(f"Square: {found}, torchattacks {expected}")
    assert abs(mean(found) - mean(expected)) <= HALF_A_POINT


@pytest.mark.parametrize(("norm", "reference"), [("l2", "L2DeepFoolAttack"), ("linf", "LinfDeepFoolAttack")])
def test_deepfools_perturbations_are_as_small_as_those_of_foolbox(real_data: Path, mnist, norm, reference) -> None:
    foolbox = pytest.importorskip("foolbox")
    network, victim, images, labels = mnist
    right = (margins(victim(images), labels) > 0).nonzero().flatten()[:200]
    images, labels = images[right], labels[right]
    attack = getattr(foolbox.attacks, reference)(steps=50, candidates=10, overshoot=0.02, loss="logits")
    _, other, _ = attack(
        foolbox.PyTorchModel(network, bounds=(0, 1)), images, foolbox.criteria.Misclassification(labels), epsilons=None
    )
    made = DeepFool()(victim, images, labels, Threat(norm, None), range(200)).inputs
    order = 2 if norm == "l2" else float("inf")
    medians = [(adversarial - images).flatten(1).norm(p=order, dim=1).median().item() for adversarial in (made, other)]
    stand = [robust_accuracy(victim, adversarial, labels) for adversarial in (made, other)]
    print(f"DeepFool {norm}: median {medians[0]:.4f}, foolbox {medians[1]:.4f}; still right {stand}")
    assert stand[0] <= stand[1] + HALF_A_POINT
    assert medians[0] <= 1.05 * medians[1]
