"""`zoo train --profile`, `zoo compare` of trainings, and their pictures, from end to end."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from zoo_cli.app import zoo
from zoo_cli.errors import guarded


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(zoo, list(arguments))


def test_a_profile_is_a_table_and_trains_nothing(zoo_home: Path, tmp_path: Path) -> None:
    done = invoke("train", "intro/mlp-digits", "--with", "sgd", "--profile", "4", "--save-figures", str(tmp_path / "figures"))
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.output.splitlines()]
    assert ["A", "adamw,", "cosine", "intro/mlp-digits"] in lines and ["B", "sgd,", "cosine", "intro/mlp-digits"] in lines
    assert ["A", "35.9", "kB", "35.9", "kB", "71.8", "kB", "26.1", "kB", "41.2", "kB"] in lines
    assert lines.count(["expected", "=", "=", "=", "="]) == 2
    assert "2 states × 4 bytes × 8,970 parameters + 4 bytes × 6 tensors" in done.output
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["memory.png", "steps.png"]
    assert not list(zoo_home.glob("trained/*/*"))


@pytest.mark.parametrize("flag", [["--output", "w.safetensors"], ["--epochs", "3"], ["--fresh"]])
def test_a_profile_takes_nothing_that_is_of_training_alone(flag: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(zoo, ["train", "intro/mlp-digits", "--profile", *flag]) == 2
    assert f"--profile trains nothing to its end: leave out {flag[0]}" in capsys.readouterr().err


def test_trainings_are_compared(tmp_path: Path) -> None:
    records = [
        json.loads(invoke("train", "intro/mlp-digits", "--epochs", "1", "--json", *more).output)
        for more in ([], ["--with", "sgd"])
    ]
    figures = tmp_path / "figures"
    done = invoke("compare", *(record["key"][:12] for record in records), "--save-figures", str(figures))
    assert done.exit_code == 0, done.output
    assert "told apart" in done.output and records[1]["key"][:12] in done.output and "differs" not in done.output
    assert sorted(path.name for path in figures.iterdir()) == ["memory.png", "steps.png"]
    found = json.loads(invoke("compare", "intro/mlp-digits", "--json").output)
    assert [one["key"] for one in found["trainings"]] == [record["key"] for record in records]
    assert found["trainings"][1]["difference"]["low"] is not None
    assert found["trainings"][0]["cost"] == records[0]["cost"]


def test_a_training_is_drawn_where_one_asks_for_it(tmp_path: Path) -> None:
    done = invoke("train", "intro/logistic-digits", "--epochs", "1", "--save-figures", str(tmp_path / "figures"))
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["memory.png", "steps.png"]
    assert "by which zoo compare knows this training" in done.output and "at their peak" in done.output


def test_what_is_no_training_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(zoo, ["compare", "intro/mlp-digits"]) == 2
    said = capsys.readouterr().err
    assert "intro/mlp-digits has not been trained here" in said and "zoo train intro/mlp-digits" in said
