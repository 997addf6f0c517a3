"""Leaderboards of real digits: runs and claims, ranks that are intervals."""

import csv
import io

import pytest

import zoo
from zoo.comparing.statistics import apart_by_intervals
from zoo.errors import OptionError, UnknownNameError


@pytest.fixture
def runs():
    return [zoo.evaluate(name, "digits") for name in ("cnn/lenet5", "intro/mlp", "intro/logistic")]


def test_runs_stand_beside_claims_and_ranks_are_intervals(runs):
    found = zoo.leaderboard("digits")
    (board,) = found.boards
    values = [entry.value for entry in board.entries]
    assert values == sorted(values, reverse=True)
    kinds = {entry.model: entry.kind for entry in board.entries}
    assert kinds["cnn/lenet5@digits"] == "run"  # which stands for the measured claim
    assert kinds["intro/mlp-numpy@digits"] == "measured"
    for place, entry in enumerate(board.entries, start=1):
        assert entry.rank_low <= place <= entry.rank_high and entry.ties
    assert board.entries[0].rank_high > 1  # 360 images do not tell 0.99 from 0.975
    assert any("for want of predictions" in note for note in board.notes)


def test_a_run_of_some_samples_is_left_out_and_told_of(runs):
    zoo.evaluate("intro/mlp", "digits", limit=50)
    (board,) = zoo.leaderboard("digits", which="all").boards
    assert sum(entry.kind == "run" for entry in board.entries) == 3
    assert any(note.startswith("1 runs are left out: on some of the samples") for note in board.notes)


def test_the_front_is_of_runs_whose_speed_is_known(runs):
    (board,) = zoo.leaderboard("digits").boards
    fastest = max(board.entries, key=lambda entry: entry.samples_per_second or 0)
    assert fastest.pareto is True and board.entries[0].pareto is True
    assert {entry.pareto for entry in board.entries if entry.kind != "run"} == {None}


def test_the_front_goes_by_what_the_model_takes_as_well(runs):
    for cost, field in (("params", "parameters"), ("flops", "flops")):
        (board,) = zoo.leaderboard("digits", cost=cost).boards
        own = [entry for entry in board.entries if entry.kind == "run"]
        least = min(own, key=lambda entry: getattr(entry, field))
        assert (least.model, least.pareto, board.cost) == ("intro/logistic@digits", True, cost)
        assert {entry.pareto for entry in board.entries if entry.kind != "run"} == {None}
        for entry in own:
            beaten = [o for o in own if o.value >= entry.value and getattr(o, field) < getattr(entry, field)]
            assert entry.pareto is not bool(beaten)
    assert f"| {least.flops:,} |" in zoo.leaderboard("digits", cost="flops").markdown()
    with pytest.raises(OptionError, match="`cost` 'money' is unknown"):
        zoo.leaderboard("digits", cost="money")


def test_it_is_written_as_markdown_and_csv(runs):
    found = zoo.leaderboard("digits")
    rows = list(csv.DictReader(io.StringIO(found.csv())))
    assert [row["model"] for row in rows] == [entry.model for entry in found.boards[0].entries]
    assert [float(row["value"]) for row in rows] == [entry.value for entry in found.boards[0].entries]
    assert found.markdown().count("\n| ") == len(rows) + 2  # the header and the line below it


def test_nothing_known_is_an_error_with_the_next_command():
    with pytest.raises(UnknownNameError, match="nothing is known of") as caught:
        zoo.leaderboard("data/coco")
    assert "zoo run MODEL --on data/coco" in caught.value.hint


def test_scores_are_told_apart_by_their_intervals_where_nothing_else_is_known():
    from math import erfc, sqrt

    z = 1.959964
    first, second = (0.9, 0.9 - 0.02 * z, 0.9 + 0.02 * z), (0.8, 0.8 - 0.03 * z, 0.8 + 0.03 * z)
    assert apart_by_intervals(first, second) == pytest.approx(erfc(0.1 / sqrt(0.02**2 + 0.03**2) / sqrt(2)), rel=1e-6)
    assert apart_by_intervals(first, (0.5, None, None)) is None
