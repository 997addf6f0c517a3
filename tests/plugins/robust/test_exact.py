"""Cases whose answer is known: affine victims, eps 0, nested restarts, and whatever must not change a result."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo.errors import ZooError
from zoo.tasks.attack.contract import Threat
from zoo.tasks.attack.verify import TOLERANCE, margins, perturbation_norms
from zoo_robust.attacks.apgd import Apgd, checkpoints
from zoo_robust.attacks.balls import ball, nested
from zoo_robust.attacks.deepfool import DeepFool
from zoo_robust.attacks.fgsm import Fgsm
from zoo_robust.attacks.pgd import Pgd
from zoo_robust.attacks.square import Square
from zoo_robust.attacks.uniform_noise import UniformNoise
from zoo_robust.attacks.worst_of import WorstOf

LINF, L2 = Threat("linf", 0.1), Threat("l2", 1.0)
GRADIENT = [Fgsm(), Pgd(steps=5), Apgd(steps=10)]
BOUNDED = [*GRADIENT, UniformNoise(draws=3), WorstOf(attacks="fgsm+pgd:steps=3")]


def name_of(value):
    return type(value).__name__ if hasattr(type(value), "model_fields") else str(value)


def fooled(victim, attacked, labels):
    return margins(victim(attacked.inputs), labels) <= 0


@pytest.mark.parametrize("eps", [0.01, 0.03, 0.05])
def test_fgsm_is_optimal_on_a_binary_affine_victim(affine, eps):
    """In the L∞ ball the margin falls by at most eps ‖w‖₁, which FGSM reaches."""
    victim, images, labels, weight = affine
    made = Fgsm()(victim, images, labels, Threat("linf", eps), range(12)).inputs
    assert made.min() > 0 and made.max() < 1  # no pixel was cut, so the bound is exact
    expected = margins(victim(images), labels) - eps * weight.abs().sum()
    assert torch.allclose(margins(victim(made), labels), expected, atol=1e-4)
    for other in (Pgd(steps=20, restarts=3), Apgd(steps=20), UniformNoise(draws=20)):
        found = margins(victim(other(victim, images, labels, Threat("linf", eps), range(12)).inputs), labels)
        assert (found >= expected - 1e-4).all()


@pytest.mark.parametrize(("norm", "dual"), [("l2", 2), ("linf", 1)])
def test_deepfool_reaches_the_boundary_of_an_affine_victim_at_its_distance(affine, norm, dual):
    """Without overshoot and clipping the perturbation has norm |f| / ‖w‖, in the dual norm."""
    victim, images, labels, weight = affine
    attack = DeepFool(overshoot=0, clip=False, steps=3)
    made = attack(victim, images, labels, Threat(norm, None), range(12)).inputs
    distance = margins(victim(images), labels).double() / weight.flatten().double().norm(p=dual)
    assert torch.allclose(perturbation_norms(images, made, norm), distance, rtol=1e-4)
    assert torch.allclose(margins(victim(made), labels), torch.zeros(12), atol=1e-5)


def test_l2_pgd_finds_the_closed_form_of_an_affine_victim(affine):
    victim, images, labels, weight = affine
    eps = 0.05
    made = Pgd(steps=40, random_start=False)(victim, images, labels, Threat("l2", eps), range(12)).inputs
    expected = margins(victim(images), labels) - eps * weight.norm()
    stood = expected > 0
    assert torch.allclose(margins(victim(made), labels)[stood], expected[stood], atol=1e-4)


@pytest.mark.parametrize("attack", BOUNDED, ids=name_of)
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_eps_0_changes_nothing(around, attack, norm):
    victim, images, labels = around
    assert torch.equal(attack(victim, images, labels, Threat(norm, 0.0), range(40)).inputs, images)


@pytest.mark.parametrize("attack", [*BOUNDED, Square(queries=30)], ids=name_of)
@pytest.mark.parametrize("threat", [LINF, L2, Threat("linf", 1 / 2550), Threat("l2", 0.01), Threat("linf", 1.0)], ids=str)
def test_an_attack_stays_in_its_ball_and_in_range(around, attack, threat):
    victim, images, labels = around
    made = attack(victim, images, labels, threat, range(40)).inputs
    assert made.min() >= 0 and made.max() <= 1
    assert perturbation_norms(images, made, threat.norm).max() <= threat.eps * (1 + TOLERANCE)


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-4, 2), st.sampled_from(["linf", "l2"]), st.integers(0, 2**31))
def test_what_is_projected_lies_in_the_ball(eps, norm, seed):
    generator = torch.Generator().manual_seed(seed)
    clean, far = torch.rand(3, 1, 5, 5, generator=generator), 3 * torch.randn(3, 1, 5, 5, generator=generator)
    allowed = ball(clean, Threat(norm, eps))
    for made in (allowed.project(far), allowed.start([1, 2, seed])):
        assert made.min() >= 0 and made.max() <= 1
        # float32 leaves a rounding of about 6e-8 a pixel, which counts where eps is tiny
        assert perturbation_norms(clean, made, norm).max() <= eps * (1 + TOLERANCE) + (2e-7 if norm == "l2" else 0)
    assert torch.allclose(allowed.project(allowed.project(far)), allowed.project(far), atol=1e-6)


@pytest.mark.parametrize("attack", [Pgd, Apgd, UniformNoise], ids=lambda a: a.__name__)
def test_more_restarts_never_leave_more_standing(around, attack):
    """Restart r draws from the same seeds however many there are."""
    victim, images, labels = around
    field = "draws" if attack is UniformNoise else "restarts"
    steps = {} if attack is UniformNoise else {"steps": 2}
    fell = [
        fooled(victim, attack(**steps, **{field: count})(victim, images, labels, Threat("linf", 0.02), range(40)), labels)
        for count in (1, 2, 4, 8)
    ]
    for fewer, more in pairwise(fell):
        assert (fewer <= more).all()
    assert nested([7], 0) != nested([7], 1) != nested([8], 1)


@pytest.mark.parametrize("attack", [*BOUNDED, Apgd(steps=6, restarts=3), DeepFool(), Square(queries=40)], ids=name_of)
def test_a_sample_is_attacked_alike_in_every_batch(lenet, attack):
    victim, images, labels = lenet
    images, labels, seeds = images[:30], labels[:30], list(range(100, 130))
    bound = Threat("linf", None if isinstance(attack, DeepFool) else 0.05)
    whole = attack(victim, images, labels, bound, seeds)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    for rows in (*order.split(7), torch.tensor([3])):
        part = attack(victim, images[rows], labels[rows], bound, [seeds[row] for row in rows.tolist()])
        same = torch.isclose(part.inputs, whole.inputs[rows], atol=1e-4).flatten(1).all(1)
        # A sign that hangs on rounding may turn for a pixel; that is no dependence on the batch.
        assert same.double().mean() >= 0.85
        if not isinstance(attack, DeepFool):  # whose last steps are as small as rounding
            assert torch.equal(part.forwards[same], whole.forwards[rows][same])


def test_evaluations_are_counted_as_they_are_made(lenet):
    victim, images, labels = lenet
    calls = []

    class Spy:
        name = "spy"

        def __call__(self, inputs):
            calls.append((len(inputs), inputs.requires_grad))
            return victim(inputs)

    attacks = [Fgsm(), Pgd(steps=6, restarts=2), Apgd(steps=12), Square(queries=20), UniformNoise(draws=2), DeepFool(steps=5)]
    for attack in attacks:
        calls.clear()
        unbounded = isinstance(attack, DeepFool)
        found = attack(Spy(), images, labels, Threat("linf", None if unbounded else 0.05), range(100))
        assert found.forwards.sum() == sum(size for size, _ in calls), name_of(attack)
        per_forward = 9 if unbounded else 1
        assert found.gradients.sum() == per_forward * sum(size for size, wanted in calls if wanted), name_of(attack)
        assert not found.masked.any()


def test_samples_leave_as_soon_as_they_fall(lenet):
    victim, images, labels = lenet
    found = Pgd(steps=20)(victim, images, labels, Threat("linf", 0.3), range(100))
    fell = fooled(victim, found, labels)
    assert fell.double().mean() > 0.9
    assert found.gradients[fell].double().mean() < 10 and (found.gradients[~fell] == 20).all()


@pytest.mark.slow
def test_stronger_attacks_leave_fewer_standing(lenet):
    victim, images, labels = lenet
    threat = Threat("linf", 0.04)
    attacks = {
        "noise": UniformNoise(),
        "fgsm": Fgsm(),
        "apgd": Apgd(),
        "worst": WorstOf(attacks="fgsm+apgd-ce+square:queries=100"),
    }
    stand = {
        name: int((~fooled(victim, a(victim, images, labels, threat, range(100)), labels)).sum()) for name, a in attacks.items()
    }
    assert stand["worst"] <= stand["apgd"] <= stand["fgsm"] < stand["noise"]


def test_apgd_judges_its_progress_at_the_papers_checkpoints():
    assert sorted(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]


def test_a_victim_with_flat_places_shows_signs_of_masking(around):
    victim, images, labels = around

    class Rounded:
        """Logits of the image rounded to 4 levels: gradients are zero, the classes as before."""

        name = "rounded"

        def __call__(self, inputs):
            return victim(torch.round(inputs * 4) / 4)

    right = margins(Rounded()(images), labels) > 0
    images, labels = images[right], labels[right]
    found = Pgd(steps=3)(Rounded(), images, labels, LINF, range(len(images)))
    stood = ~fooled(Rounded(), found, labels)
    assert stood.sum() > 10 and torch.equal(found.masked, stood)


@pytest.mark.slow
def test_what_falls_to_a_search_after_an_iterative_attack_failed_is_a_sign_of_masking(lenet):
    victim, images, labels = lenet
    worst = WorstOf(attacks="pgd:steps=1,step_size=1e-9,random_start=false+square:queries=300")
    found = worst(victim, images, labels, Threat("linf", 0.1), range(100))
    fell = fooled(victim, found, labels)
    assert fell.any() and torch.equal(found.masked, fell)
    fair = WorstOf(attacks="square:queries=300+pgd")(victim, images, labels, Threat("linf", 0.1), range(100))
    assert not fair.masked.any()


def test_the_worst_case_of_each_sample_counts(lenet):
    victim, images, labels = lenet
    threat, names = Threat("linf", 0.05), ("uniform-noise", "fgsm", "deepfool", "pgd")
    alone = torch.zeros(100, dtype=torch.bool)
    for name in names:
        attack = zoo.load(f"robust/{name}", task="attack")
        made = attack(victim, images, labels, threat if name != "deepfool" else Threat("linf", None), range(100))
        alone |= fooled(victim, made, labels) & (perturbation_norms(images, made.inputs, "linf") <= 0.05)
    together = WorstOf(attacks="+".join(names))(victim, images, labels, threat, range(100))
    assert torch.equal(fooled(victim, together, labels), alone)
    assert perturbation_norms(images, together.inputs, "linf").max() <= 0.05 * (1 + TOLERANCE)


@pytest.mark.parametrize(
    ("attacks", "says"), [("pgd+cw", "no model named 'cw'"), ("pgd:stepz=3", "did you mean steps"), ("", "it has no name")]
)
def test_attacks_that_are_not_there_are_refused(attacks, says):
    with pytest.raises(ZooError, match=says):
        zoo.evaluate("robust/worst-of", "digits", aux={"victim": "intro/mlp"}, options={"attacks": attacks})
