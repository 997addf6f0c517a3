"""Conditions on runs: what they mean, that any text is read or refused, and that nothing of it is run as code."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.browsing.condition import DEEPEST, LONGEST, read_condition, refuse_unknown
from zoo.errors import OptionError, UnknownNameError
from zoo.runs.asking import fits

ROW = {
    "scores": {
        "accuracy": (0.95, 0.9, 0.97, 100),
        "f1:positive=spam": (0.8, 0.7, 0.9, 90),
        "precision": (0.5, 0.4, 0.6, 100),
        "nll": (float("inf"), None, None, 100),
    },
    "settings": {
        "eps": 8 / 255,
        "steps": 40,
        "victim": "cnn/lenet5@mnist",
        "outputs": "dataset",
        "norm": "linf",
        "size": 0.30000001192,
    },
    "model": "robust/pgd",
    "seconds": 3.2,
    "samples": 1_000_000,
    "passed": True,
    "name": "",
    "limit": None,
    "precision": "fp32",
    "run_id": "1234567890123456",
    "created": "2026-11-26T10:00:00.000+00:00",
}


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ("accuracy > 0.9", True),
        ("accuracy>.96", False),
        ("accuracy = 0.95", True),
        ("accuracy.low >= 0.9 and accuracy.high < 0.98 and accuracy.n = 100", True),
        ("f1 > 0.75 and not steps < 30", True),
        ("f1:positive=spam >= 0.8", True),
        ("eps = 8/255", True),
        ("eps > 7/255 and eps < 9/255", True),
        ("eps = 0.0313725", True),  # as lists show it
        ("samples = 1000001", False),
        ("size > 0.3 or size < 0.3", False),
        ("size >= 0.3 and size <= 0.3", True),
        ("victim ~ LENET", True),
        ("model = 'robust/pgd' or nothing > 3", True),
        ("model != robust/fgsm", True),
        ("passed = yes", True),
        ("passed = no", False),
        ("name = none and limit = none", True),
        ("steps != none", True),
        ("created > 2026-11-25 and created < 2026-11-27", True),
        ("run_id = 1234567890123457", False),
        ("precision > 0.4", True),  # the metric, not the arithmetic
        ("nll > 1000", True),
        ("model > 0.9", False),
        ("norm >= 3", False),
        # a run that lacks a figure fits neither a comparison nor its negation
        ("map > 0.1", False),
        ("not map > 0.1", False),
        ("map > 0.1 or accuracy > 0.9", True),
        ("not (map > 0.1 and accuracy < 0.9)", True),
        # not binds closest, then and
        ("accuracy > 0.9 or accuracy > 0.9 and accuracy < 0.1", True),
        ("(accuracy > 0.9 or accuracy > 0.9) and accuracy < 0.1", False),
        ("not accuracy < 0.1 and seconds < 4", True),
    ],
)
def test_a_condition_says_whether_a_run_fits(text, fitting):
    assert (fits(read_condition(text), ROW) is True) is fitting


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("accuracy", "comparison"),
        ("accuracy >", "a value behind accuracy >"),
        ("> 3", "figure"),
        ("accuracy >> 3", "'>' stands where a value"),
        ("accuracy ! 3", "'!'"),
        ("(accuracy > 1", "not closed"),
        ("accuracy > 1)", "')'"),
        ("accuracy > 1 seconds < 3", "'seconds'"),
        ("accuracy > 1 and", "ends where"),
        ("and > 3", "'and'"),
        ("name = 'open", '"\'"'),
        ("", "ends where"),
        ("accuracy > 1 " * 1000, f"{LONGEST:,}"),
        ("not " * (DEEPEST + 2) + "accuracy > 1", "nested"),
        ("(" * (DEEPEST + 2) + "accuracy > 1" + ")" * (DEEPEST + 2), "nested"),
    ],
)
def test_what_cannot_be_read_is_refused_and_says_where(text, why):
    with pytest.raises(OptionError) as caught:
        read_condition(text)
    assert why in str(caught.value) and caught.value.hint


def test_an_order_of_a_number_and_a_word_is_refused():
    with pytest.raises(OptionError, match="accuracy is a number, and '90%' is none"):
        fits(read_condition("accuracy > 90%"), ROW)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        fits(read_condition(text), ROW)
    except OptionError as error:
        assert error.hint


NUMBERS = {"a": 1.0, "b": -2.5, "c": 0.0}
SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne}
COMPARISONS = st.tuples(st.sampled_from([*NUMBERS, "missing"]), st.sampled_from([*SIGNS]), st.integers(-3, 3))
TREES = st.recursive(
    COMPARISONS,
    lambda parts: st.one_of(
        st.tuples(st.just("not"), parts), st.tuples(st.sampled_from(["and", "or"]), st.lists(parts, min_size=2, max_size=3))
    ),
    max_leaves=8,
)


def written(tree) -> str:
    if tree[0] == "not":
        return f"not ({written(tree[1])})"
    if tree[0] in ("and", "or"):
        return f" {tree[0]} ".join(f"({written(part)})" for part in tree[1])
    return "{} {} {}".format(*tree)


def meant(tree) -> bool | None:
    """By Kleene's tables, where what is missing is unknown."""
    if tree[0] == "not":
        inner = meant(tree[1])
        return None if inner is None else not inner
    if tree[0] in ("and", "or"):
        parts = [meant(part) for part in tree[1]]
        decides = tree[0] == "or"
        return decides if decides in parts else None if None in parts else not decides
    return None if tree[0] == "missing" else SIGNS[tree[1]](NUMBERS[tree[0]], tree[2])


@given(TREES)
def test_a_condition_means_what_its_tree_says(tree):
    row = {"scores": {}, "settings": {}, **NUMBERS}
    assert fits(read_condition(written(tree)), row) is meant(tree)


def test_a_figure_that_no_run_has_answers_with_the_nearest():
    figures = {*ROW["scores"], *ROW["settings"], "model"}
    refuse_unknown(["accuracy.low", "f1", "eps", "model"], figures)
    with pytest.raises(UnknownNameError) as caught:
        refuse_unknown(["acuracy"], figures)
    assert "did you mean accuracy" in caught.value.hint
