"""A pass mark: either direction, strict or not, read in one place, and never against the metric's own direction."""

import pytest

from zoo.errors import PluginError
from zoo.passmark import parse_pass_mark

Scores = tuple[float, ...]
BAD = (
    "",
    "accuracy",
    "accuracy > ",
    "accuracy>0.9",
    "accuracy => 0.9",
    "> 0.9",
    "a == 1",
    "a > x",
    "a > inf",
    "a < nan",
    "a > 1 2",
)


@pytest.mark.parametrize(
    ("text", "passing", "failing", "words"),
    [
        ("accuracy > 0.9", (0.9000001, 1.0), (0.9, 0.1), "above 0.9"),
        ("accuracy >= 0.90", (0.9, 1.0), (0.8999999,), "at least 0.9"),
        ("nll < 0.3", (0.2999999, -1.0), (0.3, 2.0), "below 0.3"),
        ("fid <= 1e2", (100, 0.0), (100.0001,), "at most 100"),
        ("psnr > -1.5", (-1.4,), (-1.5,), "above -1.5"),
    ],
)
def test_scores_on_either_side_of_the_bound(
    text: str, passing: tuple[float, ...], failing: tuple[float, ...], words: str
) -> None:
    mark = parse_pass_mark(text)
    assert [mark.is_met(value) for value in passing] == [True] * len(passing)
    assert [mark.is_met(value) for value in (*failing, None, float("nan"))] == [False] * (len(failing) + 2)
    assert mark.words == words
    assert parse_pass_mark(str(mark)) == mark


def test_a_metric_may_hold_spaces_and_signs() -> None:
    mark = parse_pass_mark("f1:positive=a > b < c >= 0.123456789012")
    assert (mark.metric, mark.needed) == ("f1:positive=a > b < c", ">= 0.123456789012")


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_pass_mark_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a pass mark reads"):
        parse_pass_mark(text)


@pytest.mark.parametrize("direction", ["higher", "lower"])
@pytest.mark.parametrize("relation", [">", ">=", "<", "<="])
def test_a_pass_mark_against_the_metric_s_direction_is_refused(relation: str, direction: str) -> None:
    mark = parse_pass_mark(f"m {relation} 1")
    mark.check("a/benchmark", "none")
    if (relation[0] == ">") == (direction == "higher"):
        mark.check("a/benchmark", direction)
    else:
        with pytest.raises(
            PluginError, match=f"a/benchmark is passed with m {relation} 1, but of m the {direction} value"
        ) as caught:
            mark.check("a/benchmark", direction)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("mark", "low", "high", "sure"),
    [
        ("accuracy > 0.9", 0.91, 0.95, True),
        ("accuracy > 0.9", 0.89, 0.95, False),
        ("accuracy > 0.9", 0.8, 0.9, True),
        ("accuracy >= 0.9", 0.8, 0.9, False),
        ("nll < 0.3", 0.1, 0.29, True),
        ("nll < 0.3", 0.1, 0.3, False),
        ("nll <= 0.3", 0.1, 0.3, True),
        ("nll < 0.3", 0.31, 0.4, True),
        ("nll < 0.3", None, None, None),
    ],
)
def test_a_verdict_is_sure_where_the_whole_interval_shares_it(mark, low, high, sure):
    assert parse_pass_mark(mark).is_sure(low, high) is sure
