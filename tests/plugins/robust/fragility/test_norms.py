"""Adversarial norm and noise norm: exact at a flat boundary, the same whatever the batch, and no number where nobody knows it."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from zoo.errors import ModelError, OptionError, UnknownNameError
from zoo.tasks import Victim
from zoo_robust.fragility import norms
from zoo_robust.fragility.norms import Norms, _directions, expected_ratio, measured, noise_norms


class Plane(nn.Module):
    """Logits (0, w·x + b), near 0 about the grey image."""

    def __init__(self, pixels, seed=0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(pixels, generator=torch.Generator().manual_seed(seed)))
        self.bias = -0.5 * self.weight.detach().sum()

    def forward(self, images):
        score = images.flatten(1) @ self.weight + self.bias
        return torch.stack([torch.zeros_like(score), score], dim=1)


class Always(nn.Module):
    """The same logits for every image, with a gradient of 0."""

    def forward(self, images):
        return images.flatten(1).sum(1, keepdim=True) * 0 + torch.tensor([1.0, 0.0])


class Shell(nn.Module):
    """Wrong only where an image is between 2 and 5 from grey."""

    def forward(self, images):
        far = (images - 0.5).flatten(1).norm(dim=1)
        return torch.stack([torch.ones_like(far), ((far > 2) & (far < 5)) * 2.0], dim=1)


def near_grey(images, count, *shape):
    return 0.5 + 0.2 * (images(count, *shape) - 0.5)


def test_norms_at_a_plane_are_those_of_geometry(subject_of, images):
    """The adversarial norm is the distance ρ, noise does as much where half of the lines have met the plane, at ρ / |⟨u, w⟩|."""
    plane, points = Plane(64), near_grey(images, 20, 1, 8, 8)
    found = measured(subject_of(plane, points), ("robust/deepfool:overshoot=0",), lines=16)
    unit = (plane.weight / plane.weight.norm()).detach()
    distance = {f"s{i}": float(value) for i, value in enumerate((plane(points)[:, 1] / plane.weight.norm()).abs().detach())}
    exact = np.array([distance[id_] for id_ in found.ids])
    np.testing.assert_allclose(found.adversarial["robust/deepfool:overshoot=0"], exact, rtol=1e-3)
    for id_, noise in zip(found.ids, found.noise, strict=True):
        lines = _directions(torch.Size((1, 8, 8)), 16, norms.sample_seed(0, f"noise on {id_}")).flatten(1)
        meets = np.sort((distance[id_] / (lines @ unit).abs()).numpy())
        assert meets[7] * 0.999 <= noise <= meets[7] * 1.005  # the eighth of sixteen


@pytest.mark.parametrize("d", [1, 2, 16, 400])
def test_the_ratio_at_a_plane_is_the_one_expected(d, images):
    plane, points = Plane(d), near_grey(images, 40, 1, 1, d)
    labels = plane(points).argmax(1)
    noise = noise_norms(Victim(plane, "plane", 2, None), points, labels, range(40), 401)
    ratios = noise / (plane(points)[:, 1] / plane.weight.norm()).abs().detach()
    assert float(ratios.median()) == pytest.approx(expected_ratio(d), rel=0.06)


def test_the_expected_ratio_grows_as_the_root():
    assert expected_ratio(1) == 1.0
    assert expected_ratio(2) == pytest.approx(math.sqrt(2))  # half of all angles are within 45 degrees of the normal
    assert expected_ratio(10**6) / 10**3 == pytest.approx(1.4826, abs=1e-3)


def test_noise_that_does_as_much_only_for_a_while_is_found_where_it_begins():
    grey = torch.full((3, 1, 4, 4), 0.5)
    found = noise_norms(Victim(Shell(), "shell", 2, None), grey, torch.zeros(3, dtype=torch.int64), range(3), 8)
    assert torch.allclose(found, torch.full((3,), 2.0, dtype=torch.float64), rtol=5e-3)


def test_norms_hang_on_neither_batch_nor_order_nor_the_size_of_groups(subject_of, images, monkeypatch):
    plane, points = Plane(16), near_grey(images, 30, 1, 4, 4)
    ids = [f"s{number}" for number in range(30)]
    whole = measured(subject_of(plane, points))
    turned = measured(subject_of(plane, points.flip(0), ids=ids[::-1]))
    monkeypatch.setattr(norms, "ELEMENTS", 1)
    alone = measured(subject_of(plane, points))
    for other in (turned, alone):
        assert other.ids == whole.ids
        np.testing.assert_allclose(other.noise, whole.noise, rtol=1e-6)
        np.testing.assert_allclose(other.smallest, whole.smallest, rtol=1e-6)


def test_another_seed_draws_other_lines_and_fewer_samples_are_some_of_the_same(subject_of, images):
    subject = subject_of(Plane(16), near_grey(images, 30, 1, 4, 4))
    whole, some, other = measured(subject), measured(subject, limit=10), measured(subject, seed=1)
    assert set(some.ids) < set(whole.ids) and len(some.ids) == 10
    np.testing.assert_allclose(some.noise, whole.noise[[whole.ids.index(id_) for id_ in some.ids]])
    assert sorted(other.ids) == sorted(whole.ids) and other.noise.tolist() != whole.noise.tolist()


def test_the_smallest_of_several_attacks_counts(subject_of, images):
    found = measured(subject_of(Plane(16), near_grey(images, 30, 1, 4, 4)), ("robust/deepfool:overshoot=1", "robust/deepfool"))
    far, near = found.adversarial.values()
    assert (near < far).all() and (found.smallest == near).all()
    scores = found.scores()
    assert list(scores) == ["robust/deepfool:overshoot=1", "robust/deepfool", "smallest", "noise", "ratio"]
    assert scores["smallest"].value == scores["robust/deepfool"].value < scores["noise"].value
    assert scores["ratio"].ci_low <= scores["ratio"].value <= scores["ratio"].ci_high


def test_a_network_that_never_errs_has_no_norm_and_no_number(subject_of, images):
    points = images(40, 1, 4, 4)
    found = measured(subject_of(Always(), points, labels=[0] * 30 + [1] * 10))
    assert (len(found.ids), found.seen) == (30, 40)
    assert np.isinf(found.smallest).all() and np.isinf(found.noise).all()
    scores = found.scores()
    assert {score.value for name, score in scores.items() if name != "ratio"} == {None}
    assert "fails on half" in scores["robust/deepfool"].interval and "noise" in scores["noise"].interval
    assert scores["ratio"].value == 0 and "no attack found anything on 30" in scores["ratio"].note


def test_where_an_attack_fails_the_ratio_is_a_lower_bound_and_says_so():
    smallest = np.array([1.0, 2.0, np.inf, 1.0, 1.0] * 4)
    found = Norms("v", "d", tuple("abcde" * 4), 20, 9, {"attack": smallest}, np.full(20, 6.0))
    assert found.ratios.tolist() == [6.0, 3.0, 0.0, 6.0, 6.0] * 4
    score = found.scores()["ratio"]
    assert score.value == 6.0 and "a lower bound: no attack found anything on 4" in score.note


def test_a_victim_that_is_never_right_is_refused(subject_of, images):
    with pytest.raises(OptionError, match="gets none of 5 samples of drawn right"):
        measured(subject_of(Always(), images(5, 1, 4, 4), labels=[1] * 5))


def test_logits_that_are_not_finite_are_refused(subject_of, images):
    class Broken(Plane):
        def forward(self, points):
            return super().forward(points) / 0

    with pytest.raises(ModelError, match=r"NaN|finite|infinite"):
        measured(subject_of(Broken(16), images(5, 1, 4, 4), labels=[1] * 5))


@pytest.mark.parametrize(
    ("attack", "error", "says"),
    [
        ("robust/pgd", OptionError, "robust/pgd keeps to an eps"),
        ("robust/uniform-noise", OptionError, "keeps to an eps"),
        ("robust/deepfol", UnknownNameError, "deepfol"),
        ("robust/deepfool:stepps=3", OptionError, "stepps"),
        ("cnn/lenet5@digits", ModelError, "does not attack"),
    ],
)
def test_what_finds_no_smallest_norm_is_refused_by_name(attack, error, says, subject_of, images):
    with pytest.raises(error, match=says):
        measured(subject_of(Plane(16), images(5, 1, 4, 4)), (attack,))


@pytest.mark.parametrize("how", [{"attacks": ()}, {"lines": 0}, {"limit": 0}])
def test_nothing_to_measure_is_refused(how, subject_of, images):
    with pytest.raises(OptionError):
        measured(subject_of(Plane(16), images(5, 1, 4, 4)), **how)
