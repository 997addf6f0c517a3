"""Schedules against transformers' and torch's, and in their exact cases."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR
from transformers import optimization

from zoo_training import schedule_specs, schedules

STEPS, WARM = 200, 20


def factors(schedule: Any, steps: int = STEPS) -> list[float]:
    return [schedule.factor(step, steps) for step in range(steps)]


def reference(build: Any, *arguments: Any, **named: Any) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = build(optimizer, *arguments, **named)
    found = []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (schedules.Warmup(warmup=0.1), (optimization.get_constant_schedule_with_warmup, WARM)),
        (schedules.Linear(warmup=0.1), (optimization.get_linear_schedule_with_warmup, WARM, STEPS)),
        (schedules.Cosine(warmup=0.1), (optimization.get_cosine_schedule_with_warmup, WARM, STEPS)),
        (schedules.InverseSquareRoot(warmup=0.1), (optimization.get_inverse_sqrt_schedule, WARM)),
    ],
    ids=["warmup", "linear", "cosine", "inverse-sqrt"],
)
def test_rates_are_those_of_transformers(mine: Any, theirs: Any) -> None:
    assert factors(mine) == pytest.approx(reference(*theirs), abs=1e-12)


def test_polynomial_rates_are_those_of_transformers() -> None:
    theirs = reference(optimization.get_polynomial_decay_schedule_with_warmup, WARM, STEPS, lr_end=0.05, power=3.0)
    assert factors(schedules.Polynomial(warmup=0.1, power=3, end=0.05)) == pytest.approx(theirs, abs=1e-12)


def test_stable_then_falling_rates_are_those_of_transformers() -> None:
    theirs = reference(optimization.get_wsd_schedule, WARM, 36, STEPS, decay_type="linear")
    assert factors(schedules.WarmupStableDecay(warmup=0.1, decay=0.2)) == pytest.approx(theirs, abs=1e-12)


def test_one_cycle_is_torchs() -> None:
    steps = 5000  # torch counts to the last step, we to the end: they differ by a step's width
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    cycle = OneCycleLR(optimizer, max_lr=1.0, total_steps=steps, cycle_momentum=False)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cycle.step()
    assert factors(schedules.OneCycle(), steps) == pytest.approx(found, abs=2e-3)


def test_steps_fall_at_their_marks_and_nowhere_else() -> None:
    found = factors(schedules.Step(gamma=0.5, every=0.25), 8)
    assert found == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_the_range_test_grows_by_one_factor_up_to_the_whole_rate() -> None:
    found = factors(schedules.RangeTest(low=1e-4), 50)
    assert found[0] == pytest.approx(1e-4) and found[-1] == 1.0
    ratios = [after / before for before, after in pairwise(found)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))


@pytest.mark.parametrize("name", [row[0] for row in schedule_specs.ROWS])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 1000])
def test_every_rate_is_between_nothing_and_the_recipes(name: str, steps: int) -> None:
    target = {row[0]: row[1] for row in schedule_specs.ROWS}[name]
    assert all(0 <= factor <= 1 for factor in factors(getattr(schedules, target)(), steps))
