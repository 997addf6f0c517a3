"""A stranger's model that is made of others: run, shown, checked, and refused where its name does not say enough."""

import pytest

pytestmark = pytest.mark.slow

NAME = "ensemble/mean(first=intro/mlp@digits, second=intro/logistic@digits)"


@pytest.fixture
def environment(fresh, wheels):
    fresh.install(wheels["zoo-ensemble"])
    return fresh


def test_it_is_scored_and_its_parts_stand_in_the_record(environment):
    done = environment.zoo("run", "ensemble/mean( mlp@digits, logistic@digits )", "--weight", "0.9", "--limit", "100", "--json")
    assert done.code == 0, done.err
    record = done.json["record"]
    assert done.json["model"] == NAME and done.json["benchmark"] == "data/digits"
    assert {role: part["name"] for role, part in record["model"]["parts"].items()} == {
        "first": "intro/mlp@digits",
        "second": "intro/logistic@digits",
    }
    assert record["model"]["options"] == {"weight": 0.9}
    again = environment.zoo("run", NAME, "--on", "digits", "--weight", "0.9", "--limit", "100", "--json")
    assert again.json["shards"]["computed"] == 0
    assert (
        environment.zoo("results", "--model", "ensemble/mean(mlp@digits, logistic@digits)", "--json").json[0]["model"]["name"]
        == NAME
    )


def test_it_is_shown_with_and_without_its_parts(environment):
    bare, whole = environment.zoo("show", "ensemble/mean"), environment.zoo("show", NAME)
    assert "first: any model that does classify" in bare.out
    assert "zoo run 'ensemble/mean(first=MODEL, second=MODEL)' --on BENCHMARK" in bare.out
    assert "first: intro/mlp@digits" in whole.out and f"zoo run '{NAME}' --on digits" in whole.out.replace(
        "data/digits", "digits"
    )


def test_what_is_missing_or_misspelt_is_told_in_two_lines(environment):
    for name, said in {
        "ensemble/mean": "needs a first: a model that does classify",
        "ensemble/mean(intro/mpl)": "did you mean intro/mlp",
        "ensemble/mean(intro/mlp": "a bracket is not closed",
        "ensemble/mean(intro/mlp, robust/pgd)": "the second of ensemble/mean must do classify",
    }.items():
        done = environment.zoo("run", name, "--on", "digits")
        assert done.code == 2 and said in done.err
        assert len(done.err.splitlines()) == 2


def test_it_passes_every_check_with_parts_that_the_checks_make(environment):
    done = environment.zoo("plugins", "check", "ensemble")
    assert done.code == 0, done.out + done.err
    assert "predicts" in environment.zoo("plugins", "check", "ensemble", "--json").out
