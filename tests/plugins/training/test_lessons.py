"""Lessons on the digits that ship, cut short: tables, pictures, trainings found again, and who is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from zoo.errors import ModelError, PredictionError
from zoo_cli.app import zoo
from zoo_cli.errors import guarded
from zoo_training.lessons.course import Course, diverged, mean_score, validation_curve
from zoo_training.lessons.large_batches import WAYS, found_rate
from zoo_training.lessons.lesson import over_seeds, shown

SMALL = ["--recipe", "intro/mlp-digits", "--share", "1", "--epochs", "2", "--seeds", "2"]


def asked(*arguments: str) -> Any:
    return CliRunner().invoke(zoo, ["lesson", *arguments])


def course(epochs: int = 1, **changes: Any) -> Course:
    return Course(
        **{"recipe": "intro/mlp-digits", "share": 1.0, "seeds": (0, 1), "tell": lambda line: None, **changes}, epochs=epochs
    )


def test_an_interval_is_students_over_seeds() -> None:
    score = over_seeds([0.90, 0.91, 0.95])
    assert score.value == pytest.approx(0.92) and score.n == 3
    assert (score.ci_low, score.ci_high) == pytest.approx(
        (0.92 - 4.302653 * 0.0264575 / 3**0.5, 0.92 + 4.302653 * 0.0264575 / 3**0.5)
    )
    assert over_seeds([0.2, 0.9], 0.0, 1.0).ci_high == 1.0 and over_seeds([0.2, 0.9], None, None).ci_high > 1  # type: ignore[operator]
    assert shown(over_seeds([0.5])) == "0.5000" and shown(None) == "diverged"


def test_schedules_are_compared_and_found_again(tmp_path: Path) -> None:
    arguments = ["schedules", *SMALL, "--schedule", "constant", "--schedule", "wsd:warmup=0.1", "--json"]
    done = asked(*arguments, "--picture", str(tmp_path / "a.png"))
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [row["schedule"] for row in told["results"]] == ["constant", "wsd:warmup=0.1"]
    assert all(0.5 < row["score"]["mean"] <= 1 and row["score"]["seeds"] == 2 for row in told["results"])
    assert "intro/mlp-digits on the whole split, 2 epochs, seeds 0, 1" in told["notes"][1]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    again = json.loads(asked(*arguments).stdout)
    assert again["results"] == told["results"] and again["notes"] == told["notes"]  # of the same trainings, and their minutes


def test_a_training_that_diverges_stands_in_the_table() -> None:
    trained = course().each_seed(["sgd", "constant"], **{"optimizer.lr": 1e6})
    assert trained == [None, None] and mean_score(trained) is None
    assert validation_curve(trained).values == []


def test_outputs_that_are_no_numbers_are_divergence_too() -> None:
    assert diverged(PredictionError("net returned NaN or infinite logits for 2 samples: a, b"))
    assert not diverged(ModelError("net is no module"))


@pytest.mark.slow
def test_the_rate_is_no_outermost_one() -> None:
    tried: dict[float, float] = {}

    class Told(Course):
        def train(self, seed: int, techniques: Any, **overrides: Any) -> Any:
            record = super().train(seed, techniques, **overrides)
            tried[overrides["optimizer.lr"]] = record.score if record else float("inf")  # a mean loss: less is better
            return record

    way = WAYS[0]._replace(first=0.01)
    rate = found_rate(Told("intro/mlp-digits", 1.0, 3, (0,), lambda line: None), way)
    assert min(tried) < rate < max(tried) and tried[rate] == min(tried.values())


@pytest.mark.slow
def test_no_rate_at_all_is_refused() -> None:
    with pytest.raises(ModelError, match="is the best one"):
        found_rate(course(), WAYS[0]._replace(first=1e12))


@pytest.mark.slow
def test_large_batches_are_compared() -> None:
    done = asked("large-batches", *SMALL, "--batch", "64", "--batch", "512", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert len(told["results"]) == len(WAYS) * 2
    plain = {row["batch"]: row["score"]["mean"] for row in told["results"] if row["way"] == "SGD"}
    assert plain[512] < plain[64]


@pytest.mark.slow
def test_precisions_are_compared() -> None:
    pytest.importorskip("torchao")
    done = asked("precision", *SMALL, "--json")
    assert done.exit_code == 0, done.output
    rows = {(row["trained"], row["evaluated"]): row for row in json.loads(done.stdout)["results"]}
    full = rows["fp32", "fp32"]["score"]["mean"]
    assert 0 < rows["bf16", "fp32"]["weights_off_by"] < 1
    assert all(abs(row["score"]["mean"] - full) < 0.05 for row in rows.values())


@pytest.mark.slow
def test_checkpointing_is_weighed() -> None:
    done = asked("checkpointing", "--network", "timm/test_vit", "--dataset", "digits", "--share", "0.05", "--json")
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["results"]
    assert row["equal"] and row["bytes_with"] < 0.6 * row["bytes"] and row["steps"] >= 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["schedules", *SMALL, "--schedule", "cosin"], "cosin"),
        (["schedules", *SMALL, "--schedule", "training/warm"], "warm"),
        (["schedules", "--recipe", "intro/mpl-digits"], "did you mean intro/mlp-digits"),
        (["schedules", *SMALL, "--picture", "a.gif"], "a.gif"),
        (["schedules", "--speed", "9"], "no such option"),
        (["schedule"], "schedule"),
        (["checkpointing", "--network", "intro/mlp-numpy", "--dataset", "digits", "--share", "1"], "mlp-numpy"),
        (["checkpointing", "--network", "timm/resnet18", "--dataset", "sms-spam"], "text"),
    ],
)  # fmt: skip
def test_bad_input_is_told_before_any_training(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(zoo, ["lesson", *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told and len([line for line in told.splitlines() if "warning" not in line]) <= 2
