"""Sweeps: which pairs run, what a failure costs, and that finished cells are found again."""

from typing import Any

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import OptionError, UnknownNameError
from zoo.sweeps import Step, is_one_run

CSV = "text,label\n" + "".join(f"message {row},{'spam' if row % 2 else 'ham'}\n" for row in range(20))
pytestmark = pytest.mark.usefixtures("entries")


def reasons(done: Any) -> dict[tuple[str, str], str]:
    return {(one.row, one.column): one.reason for one in done.left_out}


def test_all_pairs_that_fit_run_and_the_others_are_listed(tmp_path) -> None:
    (tmp_path / "sms.csv").write_text(CSV)
    texts = f"csv:{tmp_path / 'sms.csv'}"
    done = zoo.sweep(["intro/*", "sequence/lstm", "animals"], ["digits", texts], limit=30)
    assert done.rows == ["intro/logistic", "intro/mlp", "intro/mlp-numpy", "sequence/lstm"]
    assert done.columns == ["data/digits", texts] and not done.failures
    alone = zoo.evaluate("intro/mlp", "digits", limit=30)
    assert done["intro/mlp", "data/digits"].results == alone.results
    assert done["intro/mlp", texts] is None and done["sequence/lstm", texts].dataset.samples == 20
    left = reasons(done)
    assert "takes image" in left["intro/mlp", texts] and "takes text" in left["sequence/lstm", "data/digits"]
    assert "no output for 10 of the 10 classes" in left["sweeping/animals", "data/digits"]
    assert "no output for 10" in left["intro/mlp-wide", "data/digits"]


def test_a_failure_costs_its_own_cell_and_the_sweep_has_not_passed() -> None:
    done = zoo.sweep(["raising", "even"], ["digits"], limit=20)
    (failure,) = done.failures
    assert (failure.cell.row, failure.kind) == ("sweeping/raising", "ModelError") and "no batch for me" in failure.message
    assert [record.model.name for record in done.records] == ["sweeping/even"] and not done.passed
    told = done.summary()
    assert [run["row"] for run in told["runs"]] == ["sweeping/even"] and told["passed"] is False
    assert told["failures"][0]["error"]["type"] == "ModelError"


def test_a_missed_mark_is_no_failure_and_has_not_passed() -> None:
    done = zoo.sweep("even", "easy")
    assert not done.failures and not done.passed


def test_finished_cells_are_found_again_and_give_the_same_table() -> None:
    models, benchmarks = ["intro/logistic", "intro/mlp"], ["digits"]
    first = zoo.sweep(models[:1], benchmarks)
    again = zoo.sweep(models, benchmarks)
    assert [record.shards.computed for record in again.records] == [0, 1]
    assert again.records[0].results == first.records[0].results


def test_the_same_model_named_twice_runs_once() -> None:
    done = zoo.sweep(["intro/mlp", "mlp", "intro/ml?"], ["digits", "data/digits"], limit=10)
    assert len(done.results) == 1


def test_without_models_those_of_task_and_plugin_run() -> None:
    done = zoo.sweep(None, "digits", task="classify", plugin="intro", limit=10)
    assert done.rows == ["intro/logistic", "intro/mlp", "intro/mlp-numpy"]


def test_without_benchmarks_a_model_runs_on_all_that_it_fits() -> None:
    done = zoo.sweep(["intro/mlp", "intro/logistic"], limit=10)
    assert done.columns == ["data/digits", "sweeping/easy"] and len(done.records) == 4


def test_a_tag_in_a_pattern_asks_for_such_weights() -> None:
    done = zoo.sweep("*@digits", "digits", task="classify", limit=10)
    assert set(done.rows) >= {"intro/mlp@digits", "cnn/lenet5@digits"} and all(row.endswith("@digits") for row in done.rows)


@pytest.mark.parametrize(
    ("models", "benchmarks", "error", "said"),
    [
        (["nope/*"], ["digits"], UnknownNameError, "no model matches 'nope/\\*'"),
        (["intro/*"], ["nope*"], UnknownNameError, "no benchmark matches"),
        (["intro/mpl"], ["digits"], UnknownNameError, "no model named"),
        ([""], ["digits"], OptionError, "an empty name"),
        (["intro/mlp"], [" "], OptionError, "an empty name"),
        (["animals"], ["digits"], OptionError, "nothing fits: sweeping/animals on data/digits"),
        ([], ["digits"], OptionError, "no model is named"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(models, benchmarks, error, said) -> None:
    with pytest.raises(error, match=said):
        zoo.sweep(models, benchmarks)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"limmit": 3}, "no setting 'limmit'"),
        ({"batch_size": 0}, "batch size"),
        ({"precision": "fp8"}, "precision"),
        ({"options": {"steps": 3}}, "no run of these takes the option 'steps'"),
        ({"metrics": ["recall-at-k:k=1"]}, "is for embed"),
        ({"weights": "net.pt"}, "is of one model"),
    ],
)
def test_a_setting_that_no_cell_takes_is_refused(settings, said) -> None:
    with pytest.raises(OptionError, match=said):
        zoo.sweep(["intro/mlp", "intro/logistic"], "digits", **settings)


def test_a_suite_runs_attacks_on_the_model_that_is_asked_for() -> None:
    done = zoo.sweep("intro/mlp", "both", limit=None)
    assert done.columns == ["data/digits", "robust/fgsm:eps=0.1 on data/digits"]
    clean, attacked = done.records
    assert attacked.aux["victim"].name == "intro/mlp@digits" and attacked.dataset.samples == 20
    assert attacked.protocol["eps"] == 0.1 and clean.dataset.samples == 360


def test_a_suite_runs_its_own_models_where_none_is_named() -> None:
    assert zoo.sweep(None, "of-its-own", limit=10).rows == ["sweeping/even"]


def test_a_suite_takes_settings_where_a_cell_has_them() -> None:
    done = zoo.sweep("intro/mlp", "both", protocol={"eps": 0.2}, limit=10)
    assert done.records[1].protocol["eps"] == 0.2 and not done.failures


def test_networks_of_ones_own_run_beside_names() -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(x), 10)

    done = zoo.sweep({"first": Net(), "second": Net()}, "digits", classes="dataset", limit=10)
    assert done.rows == ["local/first", "local/second"] and not done.failures
    beside = zoo.sweep([Net(), "intro/mlp"], "digits", classes="dataset", limit=10)
    assert beside["intro/mlp", "data/digits"].model.classes == "mapped by name"
    with pytest.raises(OptionError, match="two models are called local/Net"):
        zoo.sweep([Net(), Net()], "digits", classes="dataset")


def test_progress_counts_all_cells() -> None:
    steps: list[Step] = []
    zoo.sweep(["intro/mlp", "intro/logistic"], "digits", limit=10, progress=steps.append)
    assert {step.total for step in steps} == {2} and sorted({step.done for step in steps}) == [0, 1]
    assert any(step.run is not None and step.run.stage == "scoring" for step in steps)


@pytest.mark.parametrize(
    ("models", "benchmarks", "one"),
    [
        (["intro/mlp"], [], True),
        (["intro/mlp"], ["digits"], True),
        (["intro/*"], ["digits"], False),
        (["intro/mlp"], ["digits", "mnist"], False),
        (["intro/mlp"], ["both"], False),
        (["intro/mlp"], ["folder:a*b"], True),
    ],
)
def test_one_model_on_one_benchmark_is_a_run(models, benchmarks, one) -> None:
    assert is_one_run(zoo.registry(), models, benchmarks) is one
