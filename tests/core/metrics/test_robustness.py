"""Metrics of attacks: who counts, where a sample holds, and what a median says of attacks that fail."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.metrics.robustness import CleanAccuracy, Forwards, Gradients, MedianNorm, RobustAccuracy, SuccessRate
from zoo.tasks import Rows

HELD, FELL, OUTSIDE, WRONG, REPAIRED = (1, 1, 1), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 1, 1)
"""Clean right, adversarial right, within eps."""


def rows(kinds, norm=None, masked=(), counts=None):
    """Samples of class 0 of two, by whether the victim is right before and after, and whether the change is within eps."""
    kinds = np.array(kinds, dtype=bool).reshape(-1, 3)
    n = len(kinds)

    def logits(is_right):
        return 4 * np.stack([is_right, ~is_right], axis=1).astype(np.float32)

    columns = {
        "clean": logits(kinds[:, 0]),
        "adversarial": logits(kinds[:, 1]),
        "within": kinds[:, 2],
        "norm": np.zeros(n) if norm is None else np.array(norm, dtype=float),
        "forwards": np.arange(n) if counts is None else np.array(counts),
        "gradients": np.zeros(n, dtype=int),
        "masked": np.isin(np.arange(n), masked),
        "target": np.zeros(n, dtype=np.int64),
        "stages": np.array([()] * n + [None], dtype=object)[:n],
        "felled_by": np.array([""] * n, dtype=object),
        "overtaken": np.zeros(n, dtype=bool),
    }
    return Rows([str(i) for i in range(n)], columns, ("a", "b"))


def score(metric, *args, **kwargs):
    return metric.compute(metric.update(rows(*args, **kwargs)), ("a", "b"))


def test_what_the_victim_gets_wrong_anyway_stays_in_the_denominator():
    kinds = [HELD, FELL, WRONG, REPAIRED]
    assert (score(RobustAccuracy(), kinds).value, score(RobustAccuracy(), kinds).n) == (0.25, 4)
    assert (score(CleanAccuracy(), kinds).value, score(CleanAccuracy(), kinds).n) == (0.5, 4)
    assert (score(SuccessRate(), kinds).value, score(SuccessRate(), kinds).n) == (0.5, 2)


def test_a_sample_holds_where_the_perturbation_that_fools_is_larger_than_eps():
    assert score(RobustAccuracy(), [OUTSIDE, FELL]).value == 0.5
    assert score(SuccessRate(), [OUTSIDE, FELL]).value == 0.5
    assert score(MedianNorm(), [OUTSIDE] * 3, norm=[1, 2, 3]).value == 2


def test_a_tie_is_a_mistake():
    tied = rows([HELD])
    tied.columns["adversarial"][:] = 0.5
    assert RobustAccuracy().compute(RobustAccuracy().update(tied), ("a", "b")).value == 0


@given(st.lists(st.sampled_from([HELD, FELL, OUTSIDE, WRONG, REPAIRED]), min_size=1, max_size=40))
def test_robust_accuracy_is_clean_accuracy_of_which_no_share_was_turned(kinds):
    robust, clean, turned = (score(metric, kinds) for metric in (RobustAccuracy(), CleanAccuracy(), SuccessRate()))
    assert robust.value <= clean.value
    assert robust.ci_low <= robust.value <= robust.ci_high
    if turned.value is not None:
        assert robust.value == pytest.approx(clean.value * (1 - turned.value))


@given(st.lists(st.sampled_from([HELD, FELL, OUTSIDE, WRONG]), min_size=2, max_size=30), st.integers(1, 29))
def test_shards_do_not_change_a_score(kinds, at):
    for metric in (RobustAccuracy(), SuccessRate(), MedianNorm(), Forwards()):
        whole = metric.compute(metric.update(rows(kinds, norm=np.ones(len(kinds)), counts=np.ones(len(kinds)))), ("a", "b"))
        parts = [kinds[:at], kinds[at:]]
        states = [metric.update(rows(part, norm=np.ones(len(part)), counts=np.ones(len(part)))) for part in parts]
        assert metric.compute(metric.merge_all(states), ("a", "b")) == whole


def test_the_median_norm_counts_a_failure_as_infinite():
    norms = [3, 1, 2, 9, 9]
    assert score(MedianNorm(), [FELL, FELL, FELL, HELD, WRONG], norm=norms).value == 2.5  # of 1, 2, 3 and infinity
    failed = score(MedianNorm(), [FELL, HELD, HELD], norm=[1, 9, 9])
    assert failed.value is None and failed.interval.startswith("none: the attack fails")
    assert score(MedianNorm(), [WRONG], norm=[9]).value is None


def test_the_interval_of_the_median_covers_the_true_one_in_95_percent_of_samples():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        norms = rng.exponential(size=101)
        found = score(MedianNorm(), [FELL] * 101, norm=norms)
        assert found.value == np.median(norms)
        covered += found.ci_low <= np.log(2) <= found.ci_high
    assert 0.93 <= covered / 400 <= 0.99


def test_evaluations_are_counted_over_attacked_samples():
    found = score(Forwards(), [HELD, FELL, WRONG], counts=[2, 4, 0])
    assert (found.value, found.n) == (3, 2)
    assert score(Gradients(), [HELD]).value == 0


def test_signs_of_masking_are_noted_beside_robust_accuracy():
    assert score(RobustAccuracy(), [HELD, FELL]).note == ""
    noted = score(RobustAccuracy(), [HELD, FELL, WRONG], masked=[0, 2])
    assert noted.note.startswith("1 of 2 attacked samples show signs of gradient masking")


@pytest.mark.parametrize("metric", [RobustAccuracy(), CleanAccuracy(), SuccessRate(), MedianNorm(), Forwards(), Gradients()])
def test_no_samples_give_no_value(metric):
    assert score(metric, []).value is None


PROBABILITIES = "returns probabilities, not logits"


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        (np.tile([0.9, 0.1], (12, 1)), PROBABILITIES),
        (np.tile([0.9, 0.7], (12, 1)), "if they are probabilities, such as sigmoids"),
        (np.tile([2.0, -1.0], (12, 1)), ""),
        (np.vstack([np.tile([0.9, 0.1], (11, 1)), [[3.0, 1.0]]]), ""),
        (np.tile([0.9, 0.7], (3, 1)), ""),
    ],
)
def test_a_victim_that_returns_probabilities_is_told_of_beside_the_score(outputs, says):
    outputs = outputs.astype(np.float32)
    n = len(outputs)
    columns = {
        "clean": outputs,
        "adversarial": outputs,
        "norm": np.zeros(n),
        "within": np.ones(n, dtype=bool),
        "masked": np.zeros(n, dtype=bool),
        "target": np.zeros(n, dtype=np.int64),
        "stages": np.array([()] * n + [None], dtype=object)[:n],
        "felled_by": np.array([""] * n, dtype=object),
        "overtaken": np.zeros(n, dtype=bool),
    }
    metric = RobustAccuracy()
    halves = [
        metric.update(Rows([str(i) for i in rows], {k: v[rows] for k, v in columns.items()}, ("a", "b")))
        for rows in (np.arange(n)[: n // 2], np.arange(n)[n // 2 :])
    ]
    note = metric.compute(metric.merge(*halves), ("a", "b")).note
    assert says in note if says else note == ""
