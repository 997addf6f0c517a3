"""Schedules, moving average and class weights do what their sources say."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from zoo.errors import UnknownNameError
from zoo.specs import Optimizer
from zoo.training.optim import balanced_weights, build_optimizer, build_schedule, moving_average, rate_factor


def rates(schedule: object, optimizer: torch.optim.Optimizer, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()  # type: ignore[attr-defined]
    return found


def optimizer() -> torch.optim.Optimizer:
    return build_optimizer(Optimizer(name="sgd", lr=0.5), [nn.Parameter(torch.zeros(1))])


def test_cosine_equals_that_of_torch() -> None:
    mine, theirs = optimizer(), optimizer()
    expected = rates(CosineAnnealingLR(theirs, 40), theirs, 40)
    assert rates(build_schedule("cosine", mine, 40), mine, 40) == pytest.approx(expected, abs=1e-12)


def test_onecycle_is_that_of_torch_up_to_its_grid() -> None:
    """torch puts the last step at the very end and the peak at a whole step less; on a fine grid both agree."""
    mine, theirs = optimizer(), optimizer()
    expected = rates(OneCycleLR(theirs, max_lr=0.5, total_steps=2000, cycle_momentum=False), theirs, 2000)
    assert rates(build_schedule("onecycle", mine, 2000), mine, 2000) == pytest.approx(expected, abs=2e-3)


def test_a_constant_rate_is_constant() -> None:
    assert {rate_factor("constant", done) for done in (0, 0.5, 1)} == {1.0}


@pytest.mark.parametrize(("name", "kind"), [("sgd", "SGD"), ("adam", "Adam"), ("adamw", "AdamW")])
def test_optimizers_take_their_settings(name: str, kind: str) -> None:
    built = build_optimizer(Optimizer(name=name, lr=0.2, weight_decay=0.1), [nn.Parameter(torch.zeros(1))])
    assert (type(built).__name__, built.defaults["lr"], built.defaults["weight_decay"]) == (kind, 0.2, 0.1)


@pytest.mark.parametrize(
    "spec", [{"name": "sgd"}, {"name": "sgd", "momentum": 0.0}, {"name": "adam"}, {"name": "adamw"}], ids=str
)
def test_timms_optimizers_of_these_names_are_those_of_torch_bit_for_bit(spec: dict[str, object]) -> None:
    own, theirs = (nn.Linear(5, 3) for _ in range(2))
    theirs.load_state_dict(own.state_dict())
    momentum = float(spec.get("momentum", 0.9))  # type: ignore[arg-type]
    built = build_optimizer(Optimizer(lr=0.1, weight_decay=0.01, **spec), list(own.parameters()))  # type: ignore[arg-type]
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[str(spec["name"])]
    extra = {"momentum": momentum, "nesterov": momentum > 0} if kind is torch.optim.SGD else {}
    reference = kind(theirs.parameters(), lr=0.1, weight_decay=0.01, **extra)  # type: ignore[operator]
    for step in range(5):
        inputs = torch.randn(4, 5, generator=torch.Generator().manual_seed(step))
        for model, optimizer in ((own, built), (theirs, reference)):
            optimizer.zero_grad()
            model(inputs).square().sum().backward()
            optimizer.step()
    assert torch.equal(own.weight, theirs.weight) and torch.equal(own.bias, theirs.bias)


def test_another_optimizer_of_timm_is_had_by_name_and_an_unknown_one_answered_with_the_nearest() -> None:
    parameters = [nn.Parameter(torch.zeros(1))]
    assert type(build_optimizer(Optimizer(name="lamb"), parameters)).__name__ == "Lamb"
    with pytest.raises(UnknownNameError, match="there is no technique named 'adamv'\ndid you mean training/adam"):
        build_optimizer(Optimizer(name="adamv"), parameters)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    targets = np.array([0] * 7 + [1] * 2 + [3])
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=targets) * 3 / 4  # it counts only classes seen
    weights = balanced_weights(torch.from_numpy(targets), 4)
    assert weights[[0, 1, 3]].tolist() == pytest.approx(expected.tolist())
    assert weights[2] == 0


def test_the_moving_average_forgets_its_start_and_follows_buffers() -> None:
    model = nn.BatchNorm1d(1)
    average = moving_average(model, 0.9)
    with torch.no_grad():
        model.weight.fill_(3.0)
        model.running_mean.fill_(5.0)
        model.num_batches_tracked.fill_(2)
    expected = torch.ones(1)
    for step in range(1, 200):
        expected = expected.lerp(torch.tensor([3.0]), 1 - min(0.9, (1 + step) / (10 + step)))
        average.update(model, step)
        assert torch.equal(average.module.weight, expected)
    assert (average.module.running_mean.item(), average.module.num_batches_tracked.item()) == (5.0, 2)
