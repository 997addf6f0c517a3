"""`zoo compare`, on real digits."""

import pytest


@pytest.fixture
def runs(zoo):
    return [zoo("run", model, "--on", "digits", "--json").json["run_id"] for model in ("cnn/lenet5", "intro/mlp")]


def test_two_runs_by_id_or_by_name_are_compared_alike(zoo, runs):
    by_id = zoo("compare", runs[0][:10], runs[1], "--json")
    by_name = zoo("compare", "cnn/lenet5", "intro/mlp", "--on", "digits", "--json")
    assert by_id.code == 0 and by_id.json == by_name.json
    (found,) = by_id.json["differences"]
    assert len(found["first_better"]) - len(found["second_better"]) == round(360 * found["difference"])


def test_the_table_fits_80_columns(zoo, runs, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    done = zoo("compare", *runs, "--metric", "accuracy", "--metric", "nll", "--metric", "confusion")
    assert done.code == 0 and done.err == ""
    assert max(map(len, done.out.splitlines())) <= 80
    assert "A - B: not compared: a matrix of counts" in done.out


def test_a_mistake_exits_2_with_the_next_command(zoo, runs):
    done = zoo("compare", "cnn/lenet5", "intro/logistic", "--on", "digits")
    assert done.code == 2 and "zoo run intro/logistic --on digits" in done.err


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("1234", "5678"), "there is no run 1234"),
        (("cnn/lenet5", "intro/mlp"), "say --on which"),
        (("cnn/lenet5", "cnn/lenet6"), "did you mean cnn/lenet5"),
        (("cnn/lenet6", "cnn/lenet5"), "did you mean cnn/lenet5"),
    ],
)
def test_what_is_no_run_is_said_to_be_none(zoo, names, said):
    done = zoo("compare", *names)
    assert done.code == 2 and said in done.err


def test_a_leaderboard_is_printed_in_four_forms(zoo, runs, monkeypatch):
    made = zoo("leaderboard", "digits", "--json")
    assert made.code == 0
    (board,) = made.json["boards"]
    ranks = {entry["model"]: (entry["rank_low"], entry["rank_high"]) for entry in board["entries"]}
    assert ranks["cnn/lenet5@digits"][0] == 1 and ranks["cnn/lenet5@digits"][1] > 1
    assert zoo("leaderboard", "digits", "--format", "csv").out.startswith("benchmark,metric,rank,ties,model,value,")
    assert zoo("leaderboard", "digits", "--format", "markdown").out.startswith("### data/digits: accuracy\n")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    table = zoo("leaderboard", "digits").out
    assert "RANK" in table and max(map(len, table.splitlines())) <= 80
