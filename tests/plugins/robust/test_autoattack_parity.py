"""Parity with pyautoattack, the reference of AutoAttack: its losses, projections, schedules and parameters, and what is left."""

from pathlib import Path

import pytest
import torch

import zoo
from zoo.tasks.attack.contract import Threat, Victim
from zoo.tasks.attack.verify import margins
from zoo_robust.attacks.autoattack import VERSIONS, AutoAttack
from zoo_robust.attacks.fab import BACK, BIAS, OVERSHOOT
from zoo_robust.attacks.fab import step as fab_step
from zoo_robust.attacks.hyperplanes import to_hyperplane
from zoo_robust.attacks.losses import dlr, targeted_dlr, targets_of
from zoo_robust.attacks.square import Square
from zoo_robust.attacks.square_l2 import two_peaks

pytest.importorskip("pyautoattack")
from pyautoattack import AutoAttack as Reference
from pyautoattack import fab_projections
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from pyautoattack.square import SquareAttack


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return 5 * torch.randn(200, 10, generator=generator), torch.randint(10, (200,), generator=generator)


def test_losses_are_those_of_the_reference(logits):
    values, labels = logits
    untargeted, targeted = APGDAttack(None, eps=0.3), APGDAttack_targeted(None, eps=0.3)
    assert torch.allclose(dlr(values, labels), untargeted.dlr_loss(values, labels), atol=1e-6)
    for target in targets_of(values, labels, 9).unbind(1):
        targeted.y_target = target
        assert torch.allclose(targeted_dlr(values, labels, target), targeted.dlr_loss_targeted(values, labels), atol=1e-6)


def test_targets_are_those_of_the_reference_where_the_victim_is_right(logits):
    values, _ = logits
    labels = values.argmax(1)
    ours = targets_of(values, labels, 9)
    theirs = torch.stack([values.sort(dim=1)[1][:, -rank] for rank in range(2, 11)], dim=1)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("far", [0.1, 1.0, 3.0])
def test_projections_are_those_of_the_reference(norm, far):
    """Near, with pixels at the border of the box, and beyond all that the box reaches."""
    generator = torch.Generator().manual_seed(3)
    points, slopes = torch.rand(60, 50, generator=generator).double(), torch.randn(60, 50, generator=generator).double()
    points[:, :5], points[:, 5:10], slopes[:, 10:12] = 0, 1, 0
    gaps = far * 5 * torch.randn(60, generator=generator).double()
    reference = getattr(fab_projections, f"projection_{norm}")
    theirs = reference(points, slopes, gaps + (slopes * points).sum(1))
    ours = to_hyperplane(points, slopes, gaps, norm)
    reached = torch.isclose((slopes * ours).sum(1), gaps, rtol=1e-5)
    assert torch.allclose(ours[reached], theirs[reached], atol=1e-5)
    assert reached.any() and (far < 3 or not reached.all())


def test_fab_has_the_parameters_of_the_reference():
    theirs = Reference(None, eps=0.3).fab
    assert (theirs.alpha_max, theirs.eta, theirs.beta) == (BIAS, OVERSHOOT, BACK)
    clean = torch.full((1, 1, 1, 2), 0.5)
    made = fab_step(clean, clean, torch.tensor([0.1]), torch.tensor([[[[1.0, 0.0]]]]), Threat("l2", None))
    assert made.flatten().tolist() == pytest.approx([0.5 + 1.05 * 0.1, 0.5])


@pytest.mark.parametrize("rescale", [True, False])
def test_squares_have_the_sides_of_the_reference(rescale):
    theirs = SquareAttack(None, eps=0.3, n_queries=5000, p_init=0.8, resc_schedule=rescale)
    ours = Square(queries=5000, rescale=rescale)
    for query in range(5000):
        side = max(round((theirs.p_selection(query) * 28 * 28) ** 0.5), 1)
        assert ours.side(query, 28, 28) == side


@pytest.mark.parametrize("side", range(1, 15))
def test_peaks_under_l2_are_those_of_the_reference(side):
    theirs = SquareAttack(None, eps=1.0, norm="L2", device="cpu").eta(side)
    assert any(torch.allclose(two_peaks(side), peaks, atol=1e-6) for peaks in (theirs, theirs.T))


@pytest.mark.parametrize("norm", ["Linf", "L2"])
@pytest.mark.parametrize("version", ["standard", "plus", "rand"])
def test_versions_have_the_stages_and_parameters_of_the_reference(norm, version):
    theirs = Reference(None, norm=norm, eps=0.3, version=version)
    assert [stage.name for stage in VERSIONS[version]] == theirs.attacks_to_run
    for name, attack in VERSIONS[version]:
        if name == "square":
            square = theirs.square
            assert (attack.queries, attack.share, attack.rescale) == (square.n_queries, square.p_init, square.rescale_schedule)
            continue
        expected = {"apgd-t": theirs.apgd_targeted, "fab": theirs.fab, "fab-t": theirs.fab}.get(name, theirs.apgd)
        # Of targeted FAB the reference sets one start as it begins.
        assert (attack.steps, attack.restarts) == (expected.n_iter, 1 if name == "fab-t" else expected.n_restarts)
        if name.endswith("-t"):
            assert attack.targets == expected.n_target_classes
        if name.startswith("apgd"):
            assert attack.eot == expected.eot_iter


REFERENCE = {"apgd-ce": 0.880, "apgd-t": 0.860, "fab-t": 0.855, "square": 0.830}
"""What pyautoattack leaves of fgsm.pth after each stage: MNIST, L∞ 0.3, first 200 test images, seed 0, all right before.

Of the first 1,000 it leaves 0.847, 0.830, 0.829 and 0.801 of 0.983; `tests/bench/test_autoattack_speed.py` runs both on as many
as it is told."""


@pytest.mark.slow
def test_what_each_stage_leaves_of_200_images_is_what_the_reference_leaves(real_data: Path) -> None:
    network, test = zoo.load("robust/small-convnet@mnist-fast").eval(), zoo.dataset("mnist")
    victim = Victim(network, "fgsm.pth", 10, None)
    images, labels = torch.stack([test[i].input for i in range(200)]).float() / 255, torch.tensor(test.targets[:200])
    assert (margins(victim(images), labels) > 0).all()
    found = AutoAttack()(victim, images, labels, Threat("linf", 0.3), range(200))
    assert found.felled_by is not None
    left = [1 - int(((found.felled_by >= 0) & (found.felled_by <= place)).sum()) / 200 for place in range(len(found.stages))]
    ours = dict(zip(found.stages, left, strict=True))
    assert ours == pytest.approx(REFERENCE, abs=0.005 + 1e-9)
