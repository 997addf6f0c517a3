"""The trainers of defences: what their attacks, losses and bounds are by definition, and that each learns."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import zoo
from zoo.errors import ModelError, OptionError
from zoo.plugins.catalogue import load_catalogue
from zoo.seeds import seed_everything
from zoo.tasks import Threat
from zoo.training.loop import Loop
from zoo.training.plan import Asked, plan_training
from zoo_robust import defence_specs
from zoo_robust.attacks.balls import ball
from zoo_robust.defences import trainers
from zoo_robust.defences.inner import ascend, random_start
from zoo_robust.defences.intervals import margin_bounds
from zoo_robust.defences.quantised import QuantisedConvNet
from zoo_robust.networks import SmallConvNet

DEFENCES = {
    "fgsm": trainers.AdversarialLoop,
    "fgsm-rs": trainers.AdversarialLoop,
    "pgd": trainers.AdversarialLoop,
    "trades": trainers.TradesLoop,
    "ibp": trainers.IntervalLoop,
}
DIGITS = {"dataset": "data/digits", "epochs": 1, "batch_size": 64}


pytestmark = pytest.mark.usefixtures("one_thread")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 8) -> tuple[Tensor, Tensor]:
    return torch.rand(count, 1, 28, 28, generator=generator(1)), torch.arange(count) % 10


def job_of(name: str, **overrides: Any) -> Any:
    recipe = zoo.registry().recipe(f"robust/small-convnet-{name}-mnist")
    return plan_training(zoo.registry(), recipe, Asked(DIGITS | overrides, "cpu"))


def without_eps(name: str) -> dict[str, Any]:
    return {"options.eps": 0} | ({"options.eps_train": 0} if name == "ibp" else {})


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_random_start_is_within_eps_all_over_it_and_another_for_each_image(norm: str) -> None:
    clean = torch.zeros(50, 1, 4, 4)
    allowed = ball(clean, Threat(norm, 0.25))
    noise = random_start(allowed, generator()).flatten(1)
    length = noise.abs().amax(1) if norm == "linf" else noise.norm(dim=1)
    assert 0.2 < float(length.max()) <= 0.25 * (1 + 1e-6)
    assert (noise < 0).any() and (noise > 0).any()  # of black pixels too: they are cut to [0, 1] after the step, not before
    assert len({tuple(row.tolist()) for row in noise}) == 50


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("steps", [1, 4])
def test_attacked_images_are_in_their_ball_and_raise_the_loss(norm: str, steps: int) -> None:
    network, (clean, labels) = SmallConvNet(), images()
    allowed = ball(clean, Threat(norm, 0.2))

    def loss(images: Tensor) -> Tensor:
        return F.cross_entropy(network(images), labels, reduction="sum")

    found = ascend(loss, allowed, random_start(allowed, generator()), steps, 0.5)
    assert torch.equal(allowed.project(found), found) or norm == "l2"
    change = (found - clean).flatten(1)
    assert float((change.abs().amax(1) if norm == "linf" else change.norm(dim=1)).max()) <= 0.2 * (1 + 1e-5)
    assert found.amin() >= 0 and found.amax() <= 1
    assert loss(found) > loss(clean)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_step_longer_than_the_ball_leaves_different_black_pixels_different() -> None:
    """Cut to [0, 1] before the step of 1.25 eps, every one of them would be at 0 or eps."""
    allowed = ball(torch.zeros(4, 1, 8, 8), Threat("linf", 0.3))
    found = ascend(lambda images: images.sum(), allowed, random_start(allowed, generator()), 1, 1.25)
    assert 0.05 < float((found < 0.3 - 1e-6).float().mean()) < 0.95


def test_one_step_on_an_affine_loss_ends_at_the_corner_of_the_ball() -> None:
    weight = torch.randn(1, 1, 28, 28, generator=generator())
    clean, _ = images()
    allowed = ball(clean, Threat("linf", 0.1))
    found = ascend(lambda images: (weight * images).sum(), allowed, clean, 1, 1.0)
    torch.testing.assert_close(found, (clean + 0.1 * weight.sign()).clamp(0, 1))


def test_the_divergence_is_the_kullback_leibler_of_the_paper_and_zero_of_one_and_the_same() -> None:
    first, second = torch.randn(2, 6, 5, generator=generator())
    p, q = first.softmax(1), second.softmax(1)
    torch.testing.assert_close(trainers.divergence(first, second), (p * (p / q).log()).sum(1))
    assert (trainers.divergence(first, second) > 0).all()
    assert torch.equal(trainers.divergence(first, first), torch.zeros(6))


@pytest.mark.parametrize("eps", [0.0, 0.02, 0.3])
def test_interval_bounds_hold_for_every_image_of_the_box(eps: float) -> None:
    torch.manual_seed(0)
    network, (clean, labels) = SmallConvNet(), images()
    bounds = margin_bounds(network, clean, labels, eps)
    for draw in range(30):
        noise = torch.empty_like(clean).uniform_(-eps, eps, generator=generator(draw))
        moved = (clean + (noise.sign() * eps if draw % 2 else noise)).clamp(0, 1)
        logits = network(moved)
        margins = logits.gather(1, labels[:, None]) - logits
        assert (margins >= bounds - 1e-5).all()
        if eps == 0:
            torch.testing.assert_close(margins, bounds, atol=1e-5, rtol=0)


def test_interval_bounds_of_a_linear_network_are_attained() -> None:
    network, (clean, labels) = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), images()
    bounds, weight = margin_bounds(network, clean, labels, 0.1), network[1].weight
    for other in range(10):
        worst = (clean.flatten(1) - 0.1 * (weight[labels] - weight[other]).sign()).clamp(0, 1)
        logits = network(worst.view_as(clean))
        rows = torch.arange(len(labels))
        torch.testing.assert_close(logits[rows, labels] - logits[:, other], bounds[:, other], atol=1e-5, rtol=0)


@pytest.mark.parametrize("network", [nn.Sequential(nn.Flatten(), nn.GELU(), nn.Linear(784, 10)), nn.Sequential(nn.ReLU())])
def test_a_layer_without_bounds_is_refused_by_name(network: nn.Module) -> None:
    with pytest.raises(ModelError, match=r"GELU|ReLU"):
        margin_bounds(network, *images(), 0.1)


@pytest.mark.parametrize("name", DEFENCES)
def test_at_eps_0_every_defence_takes_the_steps_of_standard_training(name: str) -> None:
    job = job_of(name, **without_eps(name))
    standard, defence = Loop(job), DEFENCES[name](job)
    inputs, labels = job.train_inputs.batch(range(64)), job.train_inputs.targets[:64]
    for step in range(3):
        gradients = []
        for loop in (standard, defence):
            loop.model.zero_grad()
            loop.batch_loss(inputs, labels, generator(step)).backward()
            gradients.append([parameter.grad.clone() for parameter in loop.model.parameters()])
            loop.optimizer.step()
        for plain, defended in zip(*gradients, strict=True):
            torch.testing.assert_close(defended, plain, atol=1e-6, rtol=1e-4)
        defence.model.load_state_dict(standard.model.state_dict())  # adam would make rounding large


@pytest.mark.parametrize("name", ["fgsm", "fgsm-rs", "pgd"])
def test_adversarial_training_at_eps_0_is_standard_training_to_the_bit(name: str) -> None:
    job = job_of(name, **without_eps(name))
    states = []
    for kind in (Loop, DEFENCES[name]):
        loop = kind(job)
        loop.run_epoch(1)
        states.append(loop.model.state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_eps_and_kappa_follow_their_schedules() -> None:
    loop = trainers.IntervalLoop(job_of("ibp", **{"options.warm_up": 0.1, "options.ramp": 0.4}))
    found = []
    for loop.done in (0.0, 0.1, 0.3, 0.5, 0.9):
        found.append(loop.ramped)
    assert found == pytest.approx([0, 0, 0.5, 1, 1])
    ramped = trainers.AdversarialLoop(job_of("pgd", **{"options.ramp": 0.5}))
    for ramped.done, eps in ((0.0, 0.0), (0.25, 0.15), (0.5, 0.3), (0.9, 0.3)):
        assert ramped.allowed(torch.zeros(1, 1, 2, 2)).eps == pytest.approx(eps)


def test_watching_robust_accuracy_changes_nothing_of_the_model() -> None:
    seed_everything(0, "test")
    network, (clean, labels) = SmallConvNet(), images()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    labels = network(clean).argmax(1)
    unharmed, harmed = (trainers.robust_accuracy(network, clean, labels, Threat("linf", eps)) for eps in (0.0, 0.5))
    assert (unharmed, harmed) == (1.0, 0.0)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert network.training and all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in ("pgd", "trades") else name for name in DEFENCES]
)
def test_a_defence_learns_and_keeps_its_most_robust_epoch(name: str) -> None:
    eps = {"options.eps": 0.05} | ({"options.eps_train": 0.05} if name == "ibp" else {})
    record = zoo.train(f"robust/small-convnet-{name}-mnist", device="cpu", overrides=DIGITS | {"epochs": 4} | eps)
    selects = DEFENCES[name].selects
    kept = record.history[record.epoch - 1]
    least = 0.1 if name == "ibp" else 0.3  # the bounds of a fresh network certify nothing
    assert kept.scores[selects] == max(epoch.scores[selects] for epoch in record.history) > least
    assert record.score == kept.score >= kept.scores["robust-accuracy"]
    assert kept.scores["robust-accuracy"] > 0
    if name == "ibp":
        assert kept.scores["certified-accuracy"] <= kept.score


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("pgd", {"steps": 0}), ("pgd", {"eps": 8}), ("fgsm", {"beta": 6.0}), ("trades", {"step": 0}), ("ibp", {"norm": "l2"})],
)
def test_options_that_cannot_be_are_refused_by_name(name: str, wrong: dict[str, Any]) -> None:
    ((field, value),) = wrong.items()
    with pytest.raises(OptionError, match=rf"options\.{field} of robust/small-convnet-{name}-mnist"):
        DEFENCES[name](job_of(name, **{f"options.{field}": value}))


def gradient_to(images: Tensor, answer: Any) -> Tensor:
    images = images.clone().requires_grad_()
    (found,) = torch.autograd.grad(answer(images).square().sum(), images)
    return found


def test_rounding_pixels_leaves_no_gradient_and_its_substitute_that_of_the_network_behind_it() -> None:
    seed_everything(0, "test")
    network, (clean, _) = QuantisedConvNet(), images()
    rounded = (clean * 7).round() / 7
    assert len(rounded.unique()) == 8
    torch.testing.assert_close(network(clean), SmallConvNet.forward(network, rounded))
    torch.testing.assert_close(network.bpda(clean), network(clean))
    assert not gradient_to(clean, network).any()
    torch.testing.assert_close(
        gradient_to(clean, network.bpda), gradient_to(rounded, lambda images: SmallConvNet.forward(network, images))
    )


def test_the_defence_that_is_none_stands_under_pgd_and_is_gone_when_its_substitute_is_followed(real_data: Path) -> None:
    def attacked(**protocol: Any) -> Any:
        aux = {"victim": "robust/quantised-convnet@mnist-standard"}
        return zoo.evaluate("robust/pgd", "mnist-linf", aux=aux, protocol=protocol, limit=100)

    with pytest.warns(UserWarning, match="substitute"):
        blind, seeing = attacked(bpda=False), attacked()
    assert blind.primary.value > 0.9 and seeing.primary.value == 0
    assert any("says little" in said for said in blind.remarks)
    assert "masking" in str(blind.primary) and "masking" not in str(seeing.primary)


TAGS = sorted(defence_specs.weights())
CLAIMS = {(claim.model, claim.where): claim for claim in load_catalogue().claims}


def test_every_weight_that_ships_has_its_recipe_and_a_claim() -> None:
    recipes = {f"robust/{recipe.name}": recipe for recipe in defence_specs.RECIPES}
    for tag, weights in defence_specs.weights().items():
        dataset = recipes[weights.recipe].dataset
        assert tag.startswith(f"{dataset.removeprefix('data/')}-")
        assert (f"robust/small-convnet@{tag}", dataset) in CLAIMS


@pytest.mark.slow
@pytest.mark.parametrize("tag", TAGS)
def test_a_shipped_weight_scores_about_what_is_claimed(tag: str, real_data: Path) -> None:
    """On 1,000 images, of which a share has a standard error of 0.016 at most: three of these."""
    dataset, victim = "fashion-mnist" if tag.startswith("fashion") else "mnist", f"robust/small-convnet@{tag}"
    clean = zoo.evaluate(victim, dataset, limit=1000).primary.value
    assert clean == pytest.approx(CLAIMS[victim, f"data/{dataset}"].value, abs=0.05)
    attacked = zoo.evaluate("robust/pgd", f"{dataset}-linf", aux={"victim": victim}, limit=1000).primary.value
    claim = CLAIMS.get(("robust/pgd", f"robust/{dataset}-linf, victim {victim}"))
    assert attacked < 0.1 if tag.endswith("-standard") else attacked > 0.5
    assert claim is None or attacked == pytest.approx(claim.value, abs=0.05)
