"""The commands print what was measured; an altered network runs through the zoo as what it is, and verifying finds it."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

import zoo
from zoo.errors import OptionError, WeightsError
from zoo.runs.verifying import select_claims, verify
from zoo_robust.fragility import commands

LENET = ("cnn/lenet5@digits", "--on", "digits")


def ran(command, *arguments):
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_fragility_prints_medians_and_what_a_flat_boundary_would_give():
    said = ran(commands.fragility, *LENET, "--limit", "8", "--lines", "4")
    assert "cnn/lenet5@digits on data/digits: right on 8 of 8 samples of 784 numbers" in said
    assert {"robust/deepfool", "noise", "ratio"} <= {line.split()[0] for line in said.splitlines()}
    told = json.loads(ran(commands.fragility, *LENET, "--limit", "8", "--lines", "4", "--json"))
    assert told["flat_ratio"] == pytest.approx(41.48, abs=0.01)
    assert told["scores"]["ratio"]["value"] > 3 and told["scores"]["noise"]["n"] == 8


def test_intrinsic_dimension_prints_every_layer_and_a_bound_where_there_is_no_value():
    said = ran(commands.intrinsic_dimension, *LENET, "--delta", "0", "--delta", "0.1")
    rows = {line.split()[0]: line for line in said.splitlines()}
    assert {"input", "c1", "c3", "c5", "f6", "output"} < set(rows)
    assert "≥ 4.9" in rows["input"] and "180 independent pairs" in said
    told = json.loads(ran(commands.intrinsic_dimension, *LENET, "--json"))
    first = told["layers"][0]["by_delta"]["0"]
    assert (first["value"], first["ci_high"], first["n"]) == (None, None, 180)


def test_concentration_prints_what_is_measured_beside_what_is_known():
    told = json.loads(ran(commands.concentration, "2", "30", "--samples", "50", "--pairs", "5000", "--json"))
    assert [ball["exact_dimension"] for ball in told["balls"]] == [2, 30]
    assert "exactly" in ran(commands.concentration, "3", "--samples", "20", "--pairs", "100")


@pytest.fixture(scope="module")
def altered(tmp_path_factory):
    """A file of altered weights of LeNet-5 on digits, and what was said of it."""
    path = tmp_path_factory.mktemp("altered") / "altered.safetensors"
    asked = ("--known", "500", "--triggers", "1", "--output", str(path), "--json")
    return path, json.loads(ran(commands.stealth_attack, *LENET, *asked))


def test_the_altered_network_runs_through_the_zoo_and_is_not_passed_off_as_the_claim(altered):
    path, told = altered
    (trial,) = told["trials"]
    assert trial["hit"] and told["samples"] == 360
    published = zoo.evaluate("cnn/lenet5@digits", "digits")
    record = zoo.evaluate("cnn/lenet5@digits", "digits", weights=path)
    assert abs(record.primary.value - published.primary.value) <= trial["changed"] / 360 + 1e-9
    assert published.model.name == "cnn/lenet5@digits" and [check.passed for check in published.checks] == [True]
    assert record.model.name == "cnn/lenet5" and record.checks == ()  # neither its name nor its claim
    assert record.model.weights_sha256 != published.model.weights_sha256


def test_several_triggers_are_told_of_and_fit_into_no_one_file(tmp_path):
    said = ran(commands.stealth_attack, *LENET, "--known", "500", "--triggers", "3")
    assert "n = 120" in said and said.count("noise ") == 3 and "success" in said
    with pytest.raises(OptionError, match="needs one trigger"):
        ran(commands.stealth_attack, *LENET, "--triggers", "3", "--output", str(tmp_path / "no.safetensors"))
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package that ships LeNet-5, in place of it."""
    copied = tmp_path / "site" / "zoo_cnn"
    shutil.copytree(Path(find_spec("zoo_cnn").origin).parent, copied)
    monkeypatch.setenv("PYTHONPATH", str(copied.parent))  # of the process that looks plugins up
    monkeypatch.syspath_prepend(copied.parent)
    for name in [name for name in sys.modules if name.partition(".")[0] == "zoo_cnn"]:
        monkeypatch.delitem(sys.modules, name)
    return copied


def test_verifying_finds_altered_weights_in_place_of_the_published_and_names_them(altered, package):
    """Accuracy alone would not find them: not one prediction on the test split need have changed."""
    claims = select_claims(model="cnn/lenet5", benchmark="digits")
    assert [verdict.status for verdict in verify(claims)] == ["reproduced"]
    shutil.copy(altered[0], package / "weights" / "lenet5-digits.safetensors")
    (verdict,) = verify(claims)
    assert (verdict.status, verdict.wrong) == ("altered", True)
    assert "lenet5-digits.safetensors" in verdict.reason and "SHA-256" in verdict.reason
    with pytest.raises(WeightsError, match=r"lenet5-digits\.safetensors"):
        zoo.evaluate("cnn/lenet5@digits", "digits")


@pytest.mark.slow
def test_the_command_verify_exits_with_1_on_altered_weights(altered, package):
    shutil.copy(altered[0], package / "weights" / "lenet5-digits.safetensors")
    asked = [sys.executable, "-m", "zoo_cli", "verify", "cnn/lenet5@digits"]
    done = subprocess.run(asked, capture_output=True, text=True)
    assert done.returncode == 1 and "altered" in done.stdout and "lenet5-digits.safetensors" in done.stdout + done.stderr
