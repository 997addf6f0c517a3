"""Certificates as runs: never above what an attack leaves, image by image; exact where a radius is known; what eps 0 says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import zoo
from zoo.errors import OptionError
from zoo.tasks import Attacked, Threat, Victim, margins
from zoo_robust.attacks.pgd import Pgd
from zoo_robust.certificates.certifiers import Crown, FastLin, Ibp
from zoo_robust.defences.intervals import margin_bounds

CERTIFIERS = {"ibp": Ibp(), "fast-lin": FastLin(), "crown": Crown(), "crown-ibp": Crown(intermediate="interval")}


def small_net(seed, classes=3):
    """Weights about zero, so that margins are of the size of what eps can do."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, classes)
    ).eval()


def case(net, count=16, shape=(1, 6, 6), classes=3, seed=0):
    images = torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed))
    victim = Victim(net, "victim", classes, None)
    with torch.no_grad():
        labels = victim(images).argmax(1)
    return victim, images, labels, list(range(count))


def attacked(victim, images, labels, threat, seeds) -> Attacked:
    return Pgd(steps=30, restarts=3)(victim, images, labels, threat, seeds)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), norm=st.sampled_from(["linf", "l2"]), eps=st.sampled_from([0.002, 0.01, 0.03, 0.1]))
def test_what_is_certified_no_attack_turns(seed, norm, eps):
    victim, images, labels, seeds = case(small_net(seed), seed=seed)
    threat = Threat(norm, eps)
    found = attacked(victim, images, labels, threat, seeds)
    with torch.no_grad():
        fell = margins(victim(found.inputs), labels) <= 0
    for name, certifier in CERTIFIERS.items():
        radius = certifier.certify(victim, images, labels, threat, seeds).radius
        assert set(radius.tolist()) <= {0.0, eps}
        assert not (fell & (radius > 0)).any(), name


@pytest.mark.parametrize("seed", range(5))
def test_intervals_certify_what_training_by_intervals_bounds(seed):
    victim, images, labels, seeds = case(small_net(seed), seed=seed)
    radius = Ibp(bisections=14, largest=0.5).certify(victim, images, labels, Threat("linf", 0.02), seeds).radius

    def least(eps):
        bounds = margin_bounds(victim.model, images, labels, eps)
        return bounds.scatter(1, labels[:, None], torch.inf).amin(1)

    inside, outside = (torch.stack([least(float(eps))[row] for row, eps in enumerate(radius * share)]) for share in (0.98, 1.02))
    found = (radius > 0.001) & (radius < 0.49)
    assert found.sum() > 5
    assert (inside[found] > 0).all() and (outside[found] <= 0).all()


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), norm=st.sampled_from(["linf", "l2"]))
def test_within_radii_by_bisection_no_attack_turns(seed, norm):
    victim, images, labels, seeds = case(small_net(seed), count=6, seed=seed)
    found = Crown(bisections=6, largest=0.5).certify(victim, images, labels, Threat(norm, 0.02), seeds)
    assert found.limit == 0.5 and (found.radius > 0).any()
    for row in (found.radius > 0).nonzero().flatten().tolist():
        one = slice(row, row + 1)
        made = attacked(victim, images[one], labels[one], Threat(norm, float(found.radius[row])), seeds[one])
        assert (margins(victim(made.inputs), labels[one]) > 0).all()


def test_certificates_of_crown_hold_what_intervals_prove_and_more():
    proved = dict.fromkeys(CERTIFIERS, 0)
    for seed in range(6):
        victim, images, labels, seeds = case(small_net(seed), seed=seed)
        radii = {n: c.certify(victim, images, labels, Threat("linf", 0.01), seeds).radius for n, c in CERTIFIERS.items()}
        for name in ("crown", "fast-lin", "crown-ibp"):
            assert (radii[name] >= radii["ibp"]).all()
        assert (radii["crown"] >= radii["crown-ibp"]).all() and (radii["crown"] >= radii["fast-lin"]).all()
        for name, radius in radii.items():
            proved[name] += int((radius > 0).sum())
    assert proved["crown"] > proved["ibp"]


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("certifier", [Ibp, FastLin, Crown])
def test_bisection_finds_the_radius_of_a_linear_victim(norm, certifier):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 2)).eval()
    with torch.no_grad():
        net[1].weight.mul_(0.2)
    victim, images, labels, seeds = case(net, classes=2, seed=3)
    images = 0.4 + 0.2 * images  # so far from 0 and 1 that these cut nothing off
    with torch.no_grad():
        labels = victim(images).argmax(1)
        margin = margins(victim(images), labels).double()
    row = (net[1].weight[0] - net[1].weight[1]).detach().double()
    exact = margin / (row.abs().sum() if norm == "linf" else row.norm())
    largest = 0.25
    found = certifier(bisections=16, largest=largest).certify(victim, images, labels, Threat(norm, 0.05), seeds)
    assert (found.radius <= exact).all() and found.limit == largest
    assert found.radius == pytest.approx(exact.clamp_max(largest), rel=1e-3, abs=1e-4)


def test_the_box_of_pixels_helps():
    """A victim that is right on all images of pixels in [0, 1] is certified at an eps that reaches beyond them."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval()
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[1.0] * 4, [0.0] * 4]))
        net[1].bias.copy_(torch.tensor([0.1, 0.0]))
    images, labels = torch.full((1, 1, 2, 2), 0.5), torch.zeros(1, dtype=torch.int64)
    for norm in ("linf", "l2"):
        for certifier in CERTIFIERS.values():
            assert certifier.certify(Victim(net, "v", 2, None), images, labels, Threat(norm, 3.0), [0]).radius.tolist() == [3.0]


def test_what_the_victim_gets_wrong_is_not_certified():
    victim, images, labels, seeds = case(small_net(0))
    wrong = (labels + 1) % 3
    for certifier in CERTIFIERS.values():
        assert not certifier.certify(victim, images, wrong, Threat("linf", 1e-6), seeds).radius.any()


def test_classes_that_compete_and_their_order_are_the_victims():
    """Of three outputs in another order the third belongs to no class of the data, and competes unless it is left out."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).eval()
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[0.0] * 4, [0.1] * 4, [1.0] * 4]))
        net[1].bias.copy_(torch.tensor([0.0, 1.0, -1.0]))
    images, label = torch.full((1, 1, 2, 2), 0.4), torch.zeros(1, dtype=torch.int64)
    for columns, radius in (([1, 0, 2], 0.0), ([1, 0], 0.3)):
        victim = Victim(net, "v", 3, columns)
        assert margins(victim(images), label) > 0
        for certifier in CERTIFIERS.values():
            assert certifier.certify(victim, images, label, Threat("linf", 0.3), [0]).radius.tolist() == [radius]


def test_a_largest_radius_below_eps_is_refused():
    victim, images, labels, seeds = case(small_net(0), count=2)
    with pytest.raises(OptionError, match="below eps"):
        Crown(bisections=3, largest=0.01).certify(victim, images, labels, Threat("linf", 0.1), seeds)


def scores(record):
    return {result.metric: result.value for result in record.results}


class Net(nn.Module):
    """A small network for 8x8 digits; its weights come from a few steps of training."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))

    def forward(self, images):
        return self.layers(images)


@pytest.fixture(scope="module")
def digits_net():
    """Trained on digits by full gradients, a second's work."""
    from zoo.imaging.images import prepare_image

    torch.manual_seed(0)
    data = zoo.dataset("digits", split="train")
    images = torch.stack([prepare_image(data[i].input, None) for i in range(len(data.ids))])
    labels, net = torch.tensor(data.targets), Net()
    optimizer = torch.optim.Adam(net.parameters(), 0.02, weight_decay=1e-3)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    return net


def certified(net, name="robust/crown", **how):
    return zoo.evaluate(name, "digits", aux={"victim": net}, classes="dataset", **{"protocol": {"eps": 0.02}, **how})


def test_certified_accuracy_is_at_most_what_an_attack_leaves(digits_net):
    proved = scores(certified(digits_net))
    left = scores(zoo.evaluate("robust/pgd", "digits", aux={"victim": digits_net}, classes="dataset", protocol={"eps": 0.02}))
    assert proved["clean-accuracy"] == left["clean-accuracy"] > 0.9
    assert 0.3 < proved["certified-accuracy"] <= left["robust-accuracy"] < proved["clean-accuracy"]


def test_eps_0_certifies_clean_accuracy(digits_net):
    for name in ("robust/ibp", "robust/fast-lin", "robust/crown"):
        found = scores(certified(digits_net, name, protocol={"eps": 0}))
        assert found["certified-accuracy"] == found["clean-accuracy"] > 0.9


def test_certificates_do_not_depend_on_batch_size_or_workers(digits_net):
    found = [
        [
            result.value
            for result in certified(digits_net, limit=90, options={"bisections": 4}, batch_size=size, workers=workers).results
        ]
        for size, workers in ((64, 0), (7, 0), (90, 2))
    ]
    assert np.ptp(np.array(found, dtype=float), axis=0).max() < 1e-6


def test_bisection_keeps_the_verdict_at_eps(digits_net):
    plain = scores(certified(digits_net, limit=100))
    searched = certified(digits_net, limit=100, options={"bisections": 5}, metrics=["certified-curve:radii=0+0.01+0.02+0.04"])
    found = scores(searched)
    assert found["certified-accuracy"] == plain["certified-accuracy"] and found["mean-radius"] > plain["mean-radius"]
    curve = searched.results[-1].detail["certified-accuracy"]
    assert (
        curve == sorted(curve, reverse=True) and curve[0] == found["clean-accuracy"] and curve[2] == found["certified-accuracy"]
    )


@pytest.mark.parametrize("victim", ["mnist-convex", "fashion-mnist-convex"])
def test_on_the_provably_robust_networks_no_certified_image_falls(victim: str, real_data: Path) -> None:
    from zoo.imaging.images import prepare_image

    network = zoo.load(f"robust/small-convnet@{victim}")
    data = zoo.dataset(victim.removesuffix("-convex"))
    images = torch.stack([prepare_image(data[i].input, network.zoo_info.input) for i in range(24)])
    labels, threat = torch.tensor(data.targets[:24]), Threat("linf", 0.1)
    bound = Victim(network.eval(), victim, 10, None)
    proved = {
        name: certifier.certify(bound, images, labels, threat, [0] * 24).radius > 0 for name, certifier in CERTIFIERS.items()
    }
    with torch.no_grad():
        right = margins(bound(images), labels) > 0
    found = Pgd(steps=20)(bound, images[right], labels[right], threat, list(range(24))[: int(right.sum())])
    with torch.no_grad():
        stands = right.clone()
        stands[right.clone()] = margins(bound(found.inputs), labels[right]) > 0
    for name, holds in proved.items():
        assert not (holds & ~stands).any(), name
    assert int(proved["fast-lin"].sum()) >= int(right.sum()) - 8 and int(proved["crown"].sum()) >= int(right.sum()) - 8
