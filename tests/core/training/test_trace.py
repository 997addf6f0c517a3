"""Loss and rate by the step: thin, whole, and the same after a training was interrupted."""

from pathlib import Path

import pytest
import torch
from tiny_training import make_job

from zoo.training import loop
from zoo.training.trace import POINTS, Trace


def test_a_short_training_has_a_point_for_every_step() -> None:
    trace = Trace(3)
    for step in range(3):
        trace.take(torch.tensor(float(step)), 0.1 * step)
    assert trace.curve().model_dump() == {"every": 1, "losses": (0.0, 1.0, 2.0), "rates": (0.0, 0.1, 0.2)}


@pytest.mark.parametrize("steps", [POINTS, POINTS + 1, 2500, 10_000])
def test_a_long_training_has_means_of_neighbours(steps: int) -> None:
    trace = Trace(steps)
    for step in range(steps):
        trace.take(torch.tensor(float(step)), float(step))
    curve = trace.curve()
    assert len(curve.losses) == len(curve.rates) <= POINTS
    assert curve.losses[0] == pytest.approx((curve.every - 1) / 2) and curve.rates[0] == curve.every - 1
    assert curve.rates[-1] == steps - 1
    last = steps - (len(curve.losses) - 1) * curve.every  # steps that the last point stands for
    assert curve.losses[-1] == pytest.approx(steps - 1 - (last - 1) / 2)


def test_a_trace_goes_on_where_it_was_saved() -> None:
    whole, before = Trace(2500), Trace(2500)
    for step in range(1000):
        whole.take(torch.tensor(step / 7), step / 3)
        before.take(torch.tensor(step / 7), step / 3)
    after = Trace(2500)
    after.load_state_dict(before.state_dict())
    for step in range(1000, 2500):
        whole.take(torch.tensor(step / 7), step / 3)
        after.take(torch.tensor(step / 7), step / 3)
    assert after.curve().rates == whole.curve().rates
    assert after.curve().losses == pytest.approx(whole.curve().losses)


def test_a_training_that_is_resumed_tells_the_same(tmp_path: Path) -> None:
    whole = loop.train(make_job(tmp_path / "whole", model="Plain"))
    job = make_job(tmp_path / "cut", model="Plain")
    first = loop.Loop(job)
    first.run_epoch(1)
    first.save(1)
    resumed = loop.train(job)
    assert resumed.resumed_from == 1 and resumed.steps == whole.steps
    assert whole.steps is not None and len(whole.steps.losses) == 4 * 8
    assert whole.steps.rates[0] == 0.01 and whole.steps.rates == tuple(sorted(whole.steps.rates, reverse=True))  # cosine
    assert sum(whole.steps.losses[:8]) / 8 == pytest.approx(whole.history[0].loss, rel=0.02)
