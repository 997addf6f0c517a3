"""A stranger's techniques, really installed: listed, switched on by name, and part of the training's key."""

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def signs(pristine, wheels, tmp_path_factory):
    """An environment with a plugin that brings an optimizer and a schedule."""
    base = tmp_path_factory.mktemp("signs")
    made = pristine.copy(base / "environment", base / "home")
    made.install(wheels["zoo-technique"])
    made.age()
    return made


def test_a_strangers_techniques_train(signs):
    assert "signs/signsgd\toptimizer\tSigns of gradients." in signs.zoo("list", "techniques").out.splitlines()
    assert "scale=NUMBER" in signs.zoo("show", "signsgd").out
    asked = ["--with", "signs/signsgd:scale=0.1", "--with", "rest:until=0.25", "--epochs", "4", "--json"]
    done = signs.zoo("train", "intro/mlp-digits", *asked)
    assert done.code == 0, done.err
    record = done.json
    assert record["recipe"]["optimizer"]["name"] == "signs/signsgd:scale=0.1"
    assert record["recipe"]["schedule"] == "signs/rest:until=0.25"
    assert record["cost"]["optimizer_bytes"] == 0 and record["doubt"] == ""
    assert record["cost"]["expected"]["optimizer"] == {"bytes": 0, "formula": "no state"}
    losses = [epoch["loss"] for epoch in record["history"]]
    assert losses[1] < losses[0] and losses[2] == pytest.approx(losses[3], rel=1e-5)  # it rests after the first epoch

    several = signs.zoo("train", "intro/mlp-digits", *asked, "--with", "collected", "--processes", "2")
    assert several.code == 0, several.err
    assert (several.json["processes"], several.json["parallel"]) == (2, "signs/collected")
    assert [epoch["loss"] for epoch in several.json["history"]] == pytest.approx(losses, rel=1e-3)
    cost, alone = several.json["cost"], record["cost"]
    assert cost["communication_bytes"] == cost["gradient_bytes"] == alone["gradient_bytes"]  # (N - 1) / N of N times as much

    source = signs.packages / "zoo_technique_sign.py"
    source.write_text(source.read_text().replace("float(step <", "0.5 * float(step <"))
    again = signs.zoo("train", "intro/mlp-digits", *asked).json
    assert again["key"] != record["key"] and again["weights_sha256"] != record["weights_sha256"]
