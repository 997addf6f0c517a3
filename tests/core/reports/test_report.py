"""A report on real digits: its numbers are the record's, and runs stand side by side."""

import shutil

import numpy as np
import pytest

import zoo
from zoo.errors import OptionError, RunError, UnknownNameError
from zoo.home import zoo_home
from zoo.reports.kinds.classify import hits_and_alarms
from zoo.runs import stored_predictions


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A home with two runs on digits, and their records."""
    home = tmp_path_factory.mktemp("made") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        return home, [zoo.evaluate(model, "digits") for model in ("intro/mlp", "cnn/lenet5")]


@pytest.fixture
def runs(made, zoo_home):
    """These runs, in the test's own home."""
    home, records = made
    shutil.copytree(home, zoo_home, dirs_exist_ok=True)
    return records


@pytest.fixture
def run(runs):
    return runs[0]


def test_scores_and_matrix_are_those_of_the_record(run, read, tmp_path):
    page = read(zoo.report(run, tmp_path / "one.html"))
    tables = page.tables()
    scores = {row[0]: row for row in tables["Scores of the record; a bar spans its interval"]}
    assert scores["accuracy"][1:3] == ["0.975", "0.953 to 0.987"] and scores["accuracy"][4] == "360"
    matrix = next(result for result in run.results if result.metric == "confusion").detail["matrix"]
    shown = tables["Samples by true class (row) and predicted class (column)"][1:]
    assert [[int(cell.replace("·", "0")) for cell in row[1:]] for row in shown] == matrix


def test_every_sample_is_listed_as_it_was_predicted(run, read, tmp_path):
    data = read(zoo.report(run, tmp_path / "one.html", pictures=7)).data
    stored = stored_predictions(run)
    assert data["ids"] == stored["id"].to_pylist() and data["truth"] == stored["target"].to_pylist()
    logits = np.array(stored["logits"].to_pylist())
    (shown,) = data["runs"]
    assert shown["guess"] == logits.argmax(axis=1).tolist()
    sure = np.exp(logits).max(axis=1) / np.exp(logits).sum(axis=1)
    assert np.abs(np.array(shown["sure"]) / 10_000 - sure).max() < 1e-4
    assert sum(shown["right"]) == 351 and len(data["seen"]) == 7
    wrong = {place for place, right in enumerate(shown["right"]) if not right}
    assert set(map(int, data["seen"])) & wrong, "what is wrong is shown first"


def test_flips_of_two_runs_are_shown_and_compared(runs, read, tmp_path):
    page = read(zoo.report(runs, tmp_path / "two.html", pictures=12))
    first, second = (run["right"] for run in page.data["runs"])
    flips = {str(place) for place, (a, b) in enumerate(zip(first, second, strict=True)) if a != b}
    assert len(flips & page.data["seen"].keys()) >= min(4, len(flips))
    row = page.tables()["accuracy, compared sample by sample"][1]
    found = zoo.compare(*runs).differences[0]
    assert row[6:] == [str(len(found.first_better)), str(len(found.second_better))]


def test_a_benchmark_means_the_newest_run_of_each_model_the_best_first(runs, read, tmp_path):
    zoo.evaluate("intro/mlp", "digits", limit=50)
    page = read(zoo.report("digits", tmp_path / "digits.html"))
    assert [run["name"] for run in page.data["runs"]] == ["A cnn/lenet5@digits", "B intro/mlp@digits"]


def test_an_altered_shard_is_refused(run, tmp_path):
    shard = next((zoo_home() / "runs" / run.key / "shards").iterdir())
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(RunError, match="is not what run"):
        zoo.report(run, tmp_path / "one.html")
    assert not (tmp_path / "one.html").exists()


def test_predictions_that_are_not_all_there_are_refused(run, tmp_path):
    fewer = run.model_copy(update={"artifacts": ()})
    with pytest.raises(RunError, match="0 samples, and its record says 360"):
        zoo.report(fewer, tmp_path / "one.html")


def test_samples_that_are_gone_are_said_to_be_while_the_rest_stays(run, read, tmp_path):
    elsewhere = run.dataset.model_copy(update={"fingerprint": "0" * 64})
    page = read(zoo.report(run.model_copy(update={"dataset": elsewhere}), tmp_path / "one.html"))
    assert "The samples themselves are not shown: data/digits is not what run" in page.text
    assert all(seen["s"] is None for seen in page.data["seen"].values())
    assert sum(page.data["runs"][0]["right"]) == 351


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ("nothing-of-the-kind", UnknownNameError, "nothing-of-the-kind"),
        ("mnist", UnknownNameError, "there is no run of data/mnist"),
        ("0123abcd", UnknownNameError, "there is no run '0123abcd'"),
        ([], UnknownNameError, "there is no run"),
    ],
)
def test_what_there_is_nothing_of_is_said(asked, error, said, tmp_path):
    with pytest.raises(error, match=said):
        zoo.report(asked, tmp_path / "one.html")


def test_runs_on_other_samples_are_not_put_together(run, tmp_path):
    with pytest.raises(RunError, match="differ in samples: all and 50"):
        zoo.report([run, zoo.evaluate("intro/mlp", "digits", limit=50)], tmp_path / "two.html")


def test_without_pictures_all_samples_are_listed_still(run, read, tmp_path):
    data = read(zoo.report(run, tmp_path / "one.html", pictures=0)).data
    assert data["seen"] == {} and len(data["ids"]) == 360


def test_a_number_of_pictures_that_cannot_be_is_refused(run, tmp_path):
    with pytest.raises(OptionError, match="`pictures`"):
        zoo.report(run, tmp_path / "one.html", pictures=-1)


def test_curves_are_those_of_the_reference():
    from sklearn.metrics import precision_recall_curve, roc_curve

    rng = np.random.default_rng(0)
    for chance in (rng.random(500), rng.integers(0, 7, 500) / 7):
        true = rng.random(500) < 0.2 + 0.6 * chance
        hits, alarms = hits_and_alarms(true, chance)
        far, tpr, _ = roc_curve(true, chance, drop_intermediate=False)
        np.testing.assert_allclose(alarms / alarms[-1], far)
        np.testing.assert_allclose(hits / hits[-1], tpr)
        precision, recall, _ = precision_recall_curve(true, chance)
        np.testing.assert_allclose(hits[1:] / hits[-1], recall[-2::-1])
        np.testing.assert_allclose(hits[1:] / (hits + alarms)[1:], precision[-2::-1])
