"""The range test finds the rate where losses fall fastest, and refuses where they tell nothing."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from zoo.errors import OptionError
from zoo.training import TrainingProgress
from zoo_cli.app import zoo
from zoo_training.range_test import found_range, points, range_test

LOW, HIGH = 1e-4, 1.0
RATES = [LOW * (HIGH / LOW) ** (i / 40) for i in range(41)]


def curve(fall: float, rise: float) -> list[float]:
    """Losses that fall about one rate and rise about another."""
    steep = 8
    return [
        2.3 - 2 / (1 + math.exp(-steep * (math.log10(r) - math.log10(fall)))) + 4 / (1 + math.exp(-steep * math.log10(r / rise)))
        for r in RATES
    ]


def test_the_suggested_rate_is_where_the_loss_falls_fastest() -> None:
    found = found_range(RATES, curve(3e-3, 0.3), False, LOW, HIGH)
    assert found.fastest == pytest.approx(3e-3, rel=0.3)
    assert found.falls < found.fastest < found.lowest < 0.3


def test_a_loss_that_never_rises_is_refused() -> None:
    with pytest.raises(OptionError, match="does not rise again up to a rate of 1") as caught:
        found_range(RATES, curve(3e-3, 1e6), False, LOW, HIGH)
    assert caught.value.hint == "raise `high`"
    assert found_range(RATES, curve(3e-3, 1e6), True, LOW, HIGH).diverged  # it rose beyond what could be counted


def test_a_loss_that_never_falls_is_refused() -> None:
    with pytest.raises(OptionError, match="does not fall at any rate"):
        found_range(RATES, [2.3 + r for r in RATES], False, LOW, HIGH)
    with pytest.raises(OptionError, match="does not fall at any rate"):
        found_range(RATES, [2.3] * len(RATES), False, LOW, HIGH)


def test_points_are_means_of_the_stretches_between_reports() -> None:
    heard = [TrainingProgress(1, 2, 20, 50, 2.0), TrainingProgress(1, 2, 40, 50, 1.5), TrainingProgress(1, 2, 50, 50, 1.4)]
    heard += [TrainingProgress(1, 2, 50, 50, 1.4, 0.9), TrainingProgress(2, 2, 20, 50, 0.5)]
    rates, losses = points(heard, 1e-3, 1.0)
    assert losses == pytest.approx([2.0, 1.0, 1.0, 0.5])
    assert rates == sorted(rates) and rates[0] == pytest.approx(1e-3 * 1000 ** (9.5 / 99))


@pytest.mark.slow
def test_the_command_suggests_a_rate_that_trains(tmp_path: Path) -> None:
    asked = ["range-test", "intro/mlp-digits", "--with", "sgd", "--epochs", "10", "--high", "100"]
    done = CliRunner().invoke(zoo, [*asked, "--picture", str(tmp_path / "range.svg"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert 1e-3 < told["suggested"] < 3 and told["falls_from"] <= told["suggested"] <= told["lowest_at"]
    assert (tmp_path / "range.svg").read_text().startswith("<svg")


def test_too_few_steps_and_rates_that_do_not_grow_are_refused() -> None:
    with pytest.raises(OptionError, match="too few to find a rate in") as caught:
        range_test("intro/mlp-digits", epochs=1, low=1e-4, high=1e-2)
    assert "`epochs`" in caught.value.hint
    with pytest.raises(OptionError, match="cannot grow from 1 to 0"):
        range_test("intro/mlp-digits", low=1, high=0.1)
