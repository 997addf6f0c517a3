"""AutoAttack and its parts: losses, projections and squares whose answers are known, and who is felled by which stage."""

import json
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.errors import ModelError, OptionError
from zoo.tasks.attack.contract import Threat
from zoo.tasks.attack.verify import TOLERANCE, margins, perturbation_norms
from zoo_robust.attacks.apgd import Apgd, ApgdDlr, ApgdTargeted
from zoo_robust.attacks.autoattack import VERSIONS, AutoAttack
from zoo_robust.attacks.balls import L2Ball, LinfBall
from zoo_robust.attacks.fab import Fab, FabTargeted
from zoo_robust.attacks.hyperplanes import to_hyperplane
from zoo_robust.attacks.losses import dlr, targeted_dlr, targets_of
from zoo_robust.attacks.sequence import Stage, in_sequence
from zoo_robust.attacks.square import LinfSquares, Square, places
from zoo_robust.attacks.square_l2 import L2Squares, window
from zoo_robust.attacks.uniform_noise import UniformNoise
from zoo_robust.attacks.worst_of import WorstOf

PARTS = [ApgdDlr(steps=6), ApgdTargeted(steps=4), Fab(steps=4, smallest=False), FabTargeted(steps=4, smallest=False)]


def name_of(value):
    return type(value).__name__ if hasattr(type(value), "model_fields") else str(value)


def fooled(victim, attacked, labels):
    return margins(victim(attacked.inputs), labels) <= 0


@pytest.mark.parametrize("classes", [4, 10])
def test_dlr_is_the_same_for_logits_of_any_scale_and_shift(classes):
    logits = torch.randn(30, classes, generator=torch.Generator().manual_seed(0)).double()
    labels = torch.arange(30) % classes
    targets = targets_of(logits, labels, 2)
    for loss in (lambda z: dlr(z, labels), lambda z: targeted_dlr(z, labels, targets[:, 1])):
        assert torch.allclose(loss(1000 * logits - 7), loss(logits), atol=1e-8)
    assert ((dlr(logits, labels) >= 0) == (margins(logits, labels) <= 0)).all()
    assert dlr(logits, labels).abs().max() <= max(1, float(dlr(logits, labels).max()))


def test_dlr_of_fewer_classes_is_what_is_defined():
    two, three = torch.tensor([[3.0, 1.0]]), torch.tensor([[3.0, 1.0, -1.0]])
    label, target = torch.tensor([0]), torch.tensor([1])
    assert dlr(two, label).item() == targeted_dlr(two, label, target).item() == -2
    assert dlr(three, label).item() == targeted_dlr(three, label, target).item() == pytest.approx(-0.5)


def test_targets_are_the_likeliest_wrong_classes_in_order():
    logits, labels = torch.tensor([[3.0, 1.0, 2.0, 0.0], [0.0, 5.0, 1.0, 2.0]]), torch.tensor([0, 1])
    assert targets_of(logits, labels, 2).tolist() == [[2, 1], [3, 2]]
    assert targets_of(logits, labels, 9).shape == (2, 3)


@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
def test_where_the_box_is_far_the_step_to_a_hyperplane_has_the_known_length(norm, dual):
    generator = torch.Generator().manual_seed(0)
    points, slopes = torch.full((8, 20), 0.5), torch.randn(8, 20, generator=generator)
    gaps = 0.1 * torch.randn(8, generator=generator)
    step = to_hyperplane(points, slopes, gaps, norm)
    assert torch.allclose((slopes * step).sum(1), gaps, atol=1e-6)
    order = float("inf") if norm == "linf" else 2
    assert torch.allclose(step.norm(p=order, dim=1), gaps.abs() / slopes.norm(p=dual, dim=1), rtol=1e-5)


def test_in_the_box_the_step_is_the_smallest_that_linear_programming_finds():
    from scipy.optimize import linprog

    generator = torch.Generator().manual_seed(1)
    points, slopes = torch.rand(20, 6, generator=generator).double(), torch.randn(20, 6, generator=generator).double()
    gaps = 1.2 * torch.randn(20, generator=generator).double()
    steps = to_hyperplane(points, slopes, gaps, "linf")
    assert ((points + steps).min() >= -1e-12) and ((points + steps).max() <= 1 + 1e-12)
    solved = 0
    for point, slope, gap, step in zip(points.numpy(), slopes.numpy(), gaps.tolist(), steps, strict=True):
        each = np.eye(6)
        found = linprog(  # over (δ, t): the least t with |δ| <= t
            [0] * 6 + [1],
            A_ub=np.block([[each, -np.ones((6, 1))], [-each, -np.ones((6, 1))]]),
            b_ub=np.zeros(12),
            A_eq=[[*slope, 0]],
            b_eq=[gap],
            bounds=[*zip(-point, 1 - point, strict=True), (0, None)],
        )
        if found.success:
            solved += 1
            assert step.abs().max().item() == pytest.approx(found.fun, abs=1e-7)
            assert (step.numpy() * slope).sum() == pytest.approx(gap, abs=1e-7)
        else:  # the corner that comes nearest
            room = np.where(slope * np.sign(gap) > 0, 1 - point, point)
            assert step.abs().numpy() == pytest.approx(room)
    assert 5 < solved < 20


def test_in_the_box_the_euclidean_step_meets_the_conditions_of_a_projection():
    """δ is λ slope where it is free, and ends at the box where that leads out of it (Karush, Kuhn and Tucker)."""
    generator = torch.Generator().manual_seed(2)
    points, slopes = torch.rand(50, 30, generator=generator).double(), torch.randn(50, 30, generator=generator).double()
    room = torch.where(slopes > 0, 1 - points, points)
    gaps = 0.7 * (slopes.abs() * room).sum(1)
    steps = to_hyperplane(points, slopes, gaps, "l2")
    assert torch.allclose((slopes * steps).sum(1), gaps)
    at_end = torch.isclose(steps.abs(), room)
    factors = (steps / slopes).masked_fill(at_end, 0).amax(1, keepdim=True)
    assert torch.allclose(steps[~at_end], (factors * slopes)[~at_end])
    assert ((factors * slopes).abs() >= room - 1e-12)[at_end].all() and at_end.any()


@pytest.mark.parametrize("attack", [Fab(steps=40), FabTargeted(steps=40)], ids=name_of)
@pytest.mark.parametrize(("norm", "dual"), [("l2", 2), ("linf", 1)])
def test_fab_finds_the_nearest_boundary_of_an_affine_victim(affine, attack, norm, dual):
    victim, images, labels, weight = affine
    made = attack(victim, images, labels, Threat(norm, None), range(12)).inputs
    nearest = margins(victim(images), labels).double() / weight.flatten().double().norm(p=dual)
    assert (margins(victim(made), labels) <= 0).all()
    norms = perturbation_norms(images, made, norm)
    assert (norms >= nearest * (1 - 1e-4)).all() and (norms <= 1.06 * nearest).all()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_fab_held_to_eps_fells_whom_the_smallest_perturbation_reaches(around, norm):
    victim, images, labels = around
    free = Fab(steps=10)(victim, images, labels, Threat(norm, None), range(40))
    norms = perturbation_norms(images, free.inputs, norm)
    eps = float(norms.median())
    held = Fab(steps=10, smallest=False)(victim, images, labels, Threat(norm, eps), range(40))
    assert torch.equal(fooled(victim, held, labels), fooled(victim, free, labels) & (norms <= eps))
    assert int(held.gradients.sum()) < int(free.gradients.sum())
    assert Fab(smallest=False).bounded and not Fab().bounded


@pytest.mark.parametrize("attack", [*PARTS, Square(queries=60), AutoAttack()], ids=name_of)
@pytest.mark.parametrize("threat", [Threat("linf", 0.03), Threat("l2", 0.4), Threat("linf", 0.0), Threat("l2", 0.0)], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_parts_stay_in_the_ball_and_change_nothing_at_eps_0(around, attack, threat, monkeypatch):
    quick(monkeypatch)
    victim, images, labels = around
    made = attack(victim, images, labels, threat, range(40)).inputs
    assert made.min() >= 0 and made.max() <= 1
    assert perturbation_norms(images, made, threat.norm).max() <= threat.eps * (1 + TOLERANCE)
    assert threat.eps or torch.equal(made, images)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("attack", [*PARTS, Fab(steps=4, restarts=2), Square(queries=30)], ids=name_of)
def test_a_sample_is_attacked_alike_in_every_batch(lenet, attack, norm):
    victim, images, labels = lenet
    images, labels, seeds = images[:20], labels[:20], list(range(100, 120))
    threat = Threat(norm, None if not getattr(attack, "bounded", True) else 0.05 if norm == "linf" else 0.5)
    whole = attack(victim, images, labels, threat, seeds)
    for rows in torch.randperm(20, generator=torch.Generator().manual_seed(0)).split(6):
        part = attack(victim, images[rows], labels[rows], threat, [seeds[row] for row in rows.tolist()])
        same = torch.isclose(part.inputs, whole.inputs[rows], atol=1e-3).flatten(1).all(1)
        assert same.double().mean() >= 0.8  # a sign that hangs on rounding may turn


@pytest.mark.slow
def test_evaluations_are_counted_as_they_are_made(lenet):
    victim, images, labels = lenet
    calls = []

    class Spy:
        name, outputs = "spy", victim.outputs

        def __call__(self, inputs):
            calls.append((len(inputs), inputs.requires_grad))
            return victim(inputs)

    for attack in [*PARTS, Apgd(steps=3, eot=4), Square(queries=20), WorstOf(attacks="fgsm+square:queries=5")]:
        calls.clear()
        found = attack(Spy(), images, labels, Threat("linf", 0.05), range(100))
        per_forward = 9 if type(attack) is Fab else 1
        assert found.forwards.sum() == sum(size for size, _ in calls), name_of(attack)
        assert found.gradients.sum() == per_forward * sum(size for size, wanted in calls if wanted), name_of(attack)


def test_the_mean_gradient_of_a_random_victim_finds_more_than_one_draw(own):
    """Each draw adds a slope that is 20 times as steep as the victim's own, and 0 on average."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(64, generator=generator)

    class Noisy(nn.Module):
        def forward(self, images):
            flat = images.flatten(1) - 0.5
            noise = 20 * torch.randn(64, generator=generator)
            slope = flat @ weight + (flat - flat.detach()) @ noise
            return torch.stack([torch.zeros_like(slope), slope], dim=1)

    victim = own.bind(Noisy(), 2)
    images, labels = own.right_images(victim, 40, (1, 8, 8))
    threat = Threat("linf", 0.05)
    fell = [fooled(victim, Apgd(steps=10, eot=eot)(victim, images, labels, threat, range(40)), labels).sum() for eot in (1, 100)]
    assert fell[1] > fell[0]


@pytest.mark.parametrize(("height", "width"), [(28, 28), (7, 12), (3, 3), (2, 5), (1, 1)])
def test_square_begins_and_goes_on_at_the_border_of_the_ball(height, width):
    clean = torch.full((3, 2, height, width), 0.5)
    searches = [
        (LinfSquares(LinfBall(clean, 0.1), range(3), range(3), 4), "linf", 0.1),
        (L2Squares(L2Ball(clean, 0.4), range(3), range(3), 4), "l2", 0.4),
    ]
    for tried, norm, eps in searches:
        for query in range(4):
            assert perturbation_norms(clean, tried.images, norm).tolist() == pytest.approx([eps] * 3, rel=1e-5)
            if norm == "linf":
                assert (tried.images - clean).abs().flatten().tolist() == pytest.approx([eps] * clean.numel(), rel=1e-5)
            before = tried.images.clone()
            tried.propose(query, 1)
            changed = tried.images.clone()
            tried.reject(torch.tensor([True, False, True]))
            assert torch.equal(tried.images[1], changed[1]) and torch.equal(tried.images[0], before[0])
        tried.keep(torch.tensor([False, True, True]))
        assert len(tried.images) == 2


def test_squares_are_drawn_evenly_and_each_sample_has_its_own():
    images = torch.arange(63.0).view(1, 1, 9, 7).expand(400, 3, 9, 7)
    drawn = torch.rand(400, 2, generator=torch.Generator().manual_seed(0))
    corners = images[window(images, drawn[:, 0], drawn[:, 1], 4)][:, 0, 0, 0]
    rows, columns = corners // 7, corners % 7
    assert set(rows.tolist()) == set(range(6)) and set(columns.tolist()) == set(range(4))  # the last places are possible
    whole = images[window(images, torch.full((400,), 0.999), drawn[:, 1], 7)]
    assert whole.shape == (400, 3, 7, 7) and (whole[:, :, 0, 0] == 14).all()


@pytest.mark.parametrize("side", [1, 4, 7])
def test_in_rows_of_pixels_a_square_is_the_same_square(side):
    images = torch.rand(5, 3, 9, 7)
    drawn = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))
    found = images.flatten(1).gather(1, places((3, 9, 7), drawn[:, 0], drawn[:, 1], side))
    assert torch.equal(found, images[window(images, drawn[:, 0], drawn[:, 1], side)].flatten(1))


def test_square_lowers_the_margin_under_l2(lenet):
    victim, images, labels = lenet
    threat = Threat("l2", 1.5)
    stand = [
        int((~fooled(victim, attack(victim, images, labels, threat, range(100)), labels)).sum())
        for attack in (UniformNoise(draws=20), Square(queries=1), Square(queries=200))
    ]
    assert stand[2] < stand[1] <= 100 and stand[2] < stand[0]


def quick(monkeypatch):
    """AutoAttack's standard version with few steps and queries."""
    short = {"steps": 3, "queries": 20}
    stages = VERSIONS["standard"]
    fewer = [
        stage._replace(attack=stage.attack.model_copy(update={k: v for k, v in short.items() if hasattr(stage.attack, k)}))
        for stage in stages
    ]
    monkeypatch.setitem(VERSIONS, "standard", tuple(fewer))


def test_each_sample_is_felled_by_the_first_stage_that_fells_it_alone(lenet):
    victim, images, labels = lenet
    threat = Threat("linf", 0.05)
    stages = [
        Stage("noise", UniformNoise()),
        Stage("apgd", Apgd(steps=4)),
        Stage("apgd", Apgd(steps=20)),
        Stage("square", Square(queries=100)),
    ]
    found = in_sequence(stages, victim, images, labels, threat, range(100))
    first = torch.full((100,), -1)
    for place, stage in reversed(list(enumerate(stages))):
        first[fooled(victim, stage.attack(victim, images, labels, threat, range(100)), labels)] = place
    assert torch.equal(found.felled_by, first) and len(first.unique()) >= 3
    assert found.stages == ("noise", "apgd", "apgd (3)", "square")
    assert torch.equal(found.inputs[first == -1], images[first == -1])
    assert torch.equal(found.overtaken, first == 3)


def test_stages_are_those_of_the_version():
    assert [[stage.name for stage in stages] for stages in VERSIONS.values()] == [
        ["apgd-ce", "apgd-t", "fab-t", "square"],
        ["apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"],
        ["apgd-ce", "apgd-dlr"],
    ]


@pytest.mark.parametrize(("classes", "says"), [(2, "mere difference"), (3, "that of the untargeted one")])
def test_with_fewer_than_four_classes_it_says_what_is_taken(classes, says, own, monkeypatch):
    quick(monkeypatch)

    class Some(own.Around):
        def forward(self, images):
            return super().forward(images)[:, :classes]

    victim = own.bind(Some((1, 6, 6)), classes)
    images, labels = own.right_images(victim, 20, (1, 6, 6), spread=1.0)
    with pytest.warns(UserWarning) as heard:
        found = AutoAttack()(victim, images, labels, Threat("linf", 0.5), range(20))
    told = " ".join(str(warning.message) for warning in heard)
    assert says in told and f"{classes} classes, so targeted attacks aim at {classes - 1} and not at 9" in told
    assert fooled(victim, found, labels).all()


def test_a_victim_of_two_classes_that_is_sure_falls_to_the_difference_of_logits_alone(own):
    """Its cross-entropy is 0 in float32, so APGD-CE has nothing to climb."""
    model = own.Around((1, 6, 6))

    class Sure(nn.Module):
        def forward(self, images):
            return 1e4 * model(images)[:, :2]

    victim = own.bind(Sure(), 2)
    images, labels = own.right_images(victim, 30, (1, 6, 6), spread=1.0)
    threat = Threat("linf", 0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_ce, by_difference = (
            fooled(victim, attack(victim, images, labels, threat, range(30)), labels).sum() for attack in (Apgd(), ApgdTargeted())
        )
    assert by_ce < 15 < by_difference


def attacked(name="robust/autoattack", victim="cnn/lenet5", **settings):
    settings = {"aux": {"victim": victim}, "protocol": {"eps": 0.05}, "limit": 60, **settings}
    return zoo.evaluate(name, "digits", **settings)


def test_a_run_tells_robust_accuracy_after_each_stage(monkeypatch):
    quick(monkeypatch)
    record = attacked(batch_size=13, fresh=True)
    scores, left = {result.metric: result for result in record.results}, record.primary.detail
    assert left["stages"] == ["apgd-ce", "apgd-t", "fab-t", "square"]
    values = [scores["clean-accuracy"].value, *left["robust-accuracy"]]
    assert values == sorted(values, reverse=True) and values[-1] == record.primary.value < values[0]
    assert all(low <= value <= high for low, value, high in zip(left["ci_low"], values[1:], left["ci_high"], strict=True))
    assert (left["ci_low"][-1], left["ci_high"][-1]) == (record.primary.ci_low, record.primary.ci_high)
    json.loads(record.model_dump_json())
    assert attacked("robust/pgd").primary.detail is None


def test_worst_of_tells_it_too_and_a_search_that_finds_more_is_a_flag():
    weak = "pgd:steps=1,step_size=1e-9,random_start=false+square:queries=300"
    record = attacked("robust/worst-of", options={"attacks": weak}, protocol={"eps": 0.1})
    assert record.primary.detail["stages"] == weak.split("+")
    assert "simple attacks lowered it by" in record.primary.note
    fair = attacked("robust/worst-of", options={"attacks": "square:queries=50+pgd"}, protocol={"eps": 0.1})
    assert "simple attacks" not in fair.primary.note


def test_a_victim_without_gradients_is_told_which_stages_can_run():
    with pytest.raises(ModelError, match="gives no gradients") as error:
        attacked(victim="intro/mlp-numpy")
    assert "version standard square can run" in error.value.hint


def test_a_version_that_is_not_there_is_refused():
    with pytest.raises(OptionError, match="version"):
        attacked(options={"version": "custom"})
