"""What must hold of every score of task classify: folding, ties, intervals, edges."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.errors import DataError
from zoo.metrics import Metric, Score
from zoo.tasks.base import Rows

ScoreOf = Callable[..., Score]
AVERAGED = [f"{name}:average={average}" for name in ("f1", "precision", "recall") for average in ("macro", "micro", "weighted")]
ONE_CLASS = [f"{name}:positive=class 0" for name in ("f1", "precision", "recall")]
BINNED = [f"ece:bins={bins},norm={norm}" for bins in (1, 15) for norm in ("l1", "l2", "max")]
NUMBERS = ["accuracy", "accuracy:k=2", *AVERAGED, *ONE_CLASS, "nll", *BINNED]
ALL = [*NUMBERS, "confusion"]
SKEWED = [[0.45, 0.03, 0.02], [0.05, 0.2, 0.05], [0.03, 0.02, 0.15]]
SPAM = [[0.86, 0.01], [0.013, 0.117]]
NEIGHBOURS = 0.7 * np.eye(40) / 40 + 0.3 * np.roll(np.eye(40), 1, axis=1) / 40
"""Forty classes, each taken for the next in 30 % of cases: few samples a class, where percentiles of a bootstrap fail."""

few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def predictions(draw: st.DrawFn, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Logits float32 [n, c], with ties or without, and targets, of which some classes may be absent."""
    n, c = draw(st.integers(1, 40)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    logits = rng.normal(size=(n, c)) * draw(st.sampled_from([0.1, 1, 10, 1000]))
    if ties and draw(st.booleans()):
        logits = np.round(logits)
    return logits.astype(np.float32), rng.integers(0, draw(st.integers(1, c)), n)


@pytest.mark.parametrize("text", ALL)
@given(data=st.data())
@few
def test_cutting_and_order_of_samples_change_no_bit(score: ScoreOf, text: str, data: st.DataObject) -> None:
    logits, target = data.draw(predictions())
    cuts = data.draw(st.lists(st.integers(0, len(target)), max_size=6))  # equal cuts make empty shards
    order = data.draw(st.permutations(range(len(target))))
    whole = score(text, logits, target)
    assert score(text, logits, target, cuts=cuts) == whole
    assert score(text, logits[order], target[order]) == whole


@pytest.mark.parametrize("text", ALL)
def test_merging_pairs_equals_merging_all(metric: Callable[[str], Metric], rows: Callable[..., Rows], text: str) -> None:
    rng = np.random.default_rng(0)
    built = metric(text)
    states = [built.update(rows(rng.normal(size=(n, 3)), rng.integers(0, 3, n))) for n in (4, 0, 7)]
    pairs, at_once = built.merge(built.merge(states[0], states[1]), states[2]), built.merge_all(states)
    for name in pairs:
        np.testing.assert_array_equal(pairs[name], at_once[name])


@pytest.mark.parametrize("text", NUMBERS)
@given(case=predictions())
@few
def test_interval_contains_the_value_and_stays_in_range(score: ScoreOf, text: str, case: tuple[np.ndarray, np.ndarray]) -> None:
    got = score(text, *case)
    assert got.n == len(case[1])
    assert got.interval
    assert got.value is not None
    if got.ci_low is None or got.ci_high is None:
        assert got.interval.startswith("none: ")
        return
    assert 0 <= got.ci_low <= got.value <= got.ci_high
    assert text == "nll" or got.ci_high <= 1


@pytest.mark.parametrize("text", ALL)
def test_no_samples_give_no_value_and_say_so(score: ScoreOf, text: str) -> None:
    got = score(text, np.zeros((0, 3)), [])
    assert (got.value, got.n, got.ci_low, got.ci_high) == (None, 0, None, None)
    assert got.interval.startswith("none: ")


@pytest.mark.parametrize("text", sorted({*NUMBERS} - {"accuracy:k=2", "nll"}))
def test_a_single_class_is_scored(score: ScoreOf, text: str) -> None:
    assert score(text, np.zeros((3, 1)), [0, 0, 0]).value == (0 if text.startswith("ece") else 1)


@given(data=st.data())
@few
def test_constant_model_is_not_flattered(score: ScoreOf, data: st.DataObject) -> None:
    target = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=20))
    logits = np.full((len(target), 4), data.draw(st.sampled_from([-7.0, 0.0, 3.5])))
    for text in ("accuracy", "accuracy:k=3", *AVERAGED, *ONE_CLASS):
        assert score(text, logits, target).value == 0
    assert score("accuracy:k=4", logits, target).value == 1


@given(predictions())
@few
def test_accuracy_micro_averages_and_the_matrix_agree(score: ScoreOf, case: tuple[np.ndarray, np.ndarray]) -> None:
    accuracy = score("accuracy", *case)
    matrix = np.array(score("confusion", *case).detail["matrix"])
    assert accuracy.value == np.trace(matrix) / len(case[1])
    for name in ("f1", "precision", "recall"):
        assert score(f"{name}:average=micro", *case) == accuracy


def test_tie_with_the_true_class_goes_to_the_first_other(score: ScoreOf) -> None:
    logits = [[1, 1, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1], [2, 1, 1]]
    assert score("confusion", logits, [0, 1, 0, 2, 0]).detail["matrix"] == [[1, 2, 0], [1, 0, 0], [1, 0, 0]]


def test_rows_of_the_matrix_are_true_classes(score: ScoreOf) -> None:
    assert score("confusion", [[0, 9], [0, 9], [9, 0]], [0, 1, 1], ("ham", "spam")).detail == {
        "classes": ["ham", "spam"],
        "matrix": [[0, 1], [1, 1]],
    }


def test_ratio_of_nothing_is_zero_and_says_so(score: ScoreOf) -> None:
    logits, target, classes = [[9, 0, 0], [9, 0, 0]], [0, 0], ("ham", "spam", "eggs")
    for text, reason in [
        ("precision:positive=spam", "none: nothing is predicted as spam"),
        ("recall:positive=spam", "none: no sample is of class spam"),
        ("f1:positive=spam", "none: spam is neither true nor predicted anywhere"),
    ]:
        got = score(text, logits, target, classes)
        assert (got.value, got.ci_low, got.ci_high, got.interval) == (0.0, None, None, reason)


def test_perfect_macro_f1_claims_no_certainty(score: ScoreOf) -> None:
    got = score("f1:average=macro", np.eye(3)[[0, 1, 2] * 5], [0, 1, 2] * 5)
    assert (got.value, got.ci_low) == (1.0, None)
    assert got.interval == "none: none of 15 samples makes a difference to the score"


def test_perfect_f1_of_one_class_has_an_interval_with_width(score: ScoreOf) -> None:
    got = score("f1:positive=class 1", np.eye(2)[[0, 1] * 10], [0, 1] * 10)
    assert (got.value, got.ci_high) == (1.0, 1.0)
    assert got.ci_low == pytest.approx(0.8389, abs=1e-4)  # J = 10/10 has 0.7225, and 2J / (1 + J)


def test_nll_survives_logits_beyond_the_range_of_exp(score: ScoreOf) -> None:
    assert score("nll", [[1e30, 0], [0, 0]], [1, 0]).value == pytest.approx(5e29, rel=1e-6)
    assert score("nll", [[-3e38, 3e38]], [1]).value == 0


def test_one_sample_has_a_loss_but_no_interval(score: ScoreOf) -> None:
    got = score("nll", [[0.0, 0.0]], [0])
    assert got == Score(pytest.approx(np.log(2)), 1, interval="none: one sample has no variance")


def test_target_outside_the_classes_names_the_sample(score: ScoreOf) -> None:
    for wrong in (-1, 3):
        with pytest.raises(DataError, match=f"sample s000001 is {wrong}, not one of the 3 classes"):
            score("accuracy", np.zeros((2, 3)), [0, wrong])


@pytest.mark.parametrize("text", [text for text in AVERAGED if "micro" not in text])
@given(seed=st.integers(0, 2**32 - 1), c=st.integers(1, 5))
@few
def test_what_a_score_is_without_a_sample_is_the_score_without_it(
    metric: Callable[[str], Metric], text: str, seed: int, c: int
) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 4, (c, c)) * (rng.random((c, c)) < 0.7)
    if matrix.sum() < 2:
        return
    built: Any = metric(text)
    without = built._averages(matrix)[1]
    expected = []
    for cell in zip(*np.nonzero(matrix), strict=True):
        less = matrix.copy()
        less[cell] -= 1
        expected.append(built._averages(less)[0])
        assert expected[-1] == built.compute({"matrix": less, "tied": np.zeros(1)}, tuple("abcdef"[:c])).value
    assert without == pytest.approx(expected, abs=1e-12)


def test_few_samples_a_class_give_no_interval(score: ScoreOf) -> None:
    target = np.arange(20) % 10
    got = score("f1:average=macro", 9 * np.eye(10)[(target + (np.arange(20) < 4)) % 10], target)
    assert (got.ci_low, got.interval) == (None, "none: 20 samples are too few for the average of 10 classes")


def test_ties_are_counted_in_the_note(score: ScoreOf) -> None:
    logits, target = np.zeros((6, 3)), [0, 1, 2, 0, 1, 2]
    logits[4:] = [[0, 9, 0], [0, 9, 9]]
    for text in ("accuracy", "f1:average=macro", "f1:average=micro", "recall:positive=class 1", "confusion"):
        assert score(text, logits, target).note == "5 samples have other classes as likely as the true one, and count as wrong"
    assert score("accuracy", np.eye(3) + 1, [0, 1, 2]).note == ""
    assert score("accuracy:k=2", np.eye(3) + 1, [0, 0, 0]).note.startswith("2 samples have other classes as likely")


@pytest.mark.parametrize(
    ("text", "n", "law"),
    [
        ("f1:average=macro", 400, SKEWED),
        ("f1:average=weighted", 400, SKEWED),
        ("precision:average=macro", 400, SKEWED),
        ("f1:average=macro", 400, NEIGHBOURS),
        ("f1:positive=class 1", 100, SPAM),
        ("f1:positive=class 1", 1000, SPAM),
        ("recall:positive=class 1", 300, SPAM),
    ],
)
def test_interval_covers_the_truth(metric: Callable[[str], Metric], text: str, n: int, law: Sequence[Sequence[float]]) -> None:
    probabilities, classes = np.array(law), tuple(f"class {i}" for i in range(len(law)))
    built, rng = metric(text), np.random.default_rng(0)
    truth = built.compute({"matrix": np.round(probabilities * 10**6).astype(np.int64), "tied": np.zeros(1)}, classes).value
    assert truth is not None
    covered = 0
    for _ in range(200):
        counts = rng.multinomial(n, probabilities.ravel()).reshape(probabilities.shape)
        got = built.compute({"matrix": counts, "tied": np.zeros(1)}, classes)
        assert got.ci_low is not None and got.ci_high is not None
        covered += got.ci_low <= truth <= got.ci_high
    assert covered / 200 >= 0.91  # 200 trials at 95 %: standard error 1.5 %
