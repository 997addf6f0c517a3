"""The conformance kit on real distributions: each seeded fault is caught by the check that names it, and nothing else is."""

import re

import pytest

FAULTS = {
    "nondeterministic": "deterministic",
    "batch-dependent": "batch-invariant",
    "networked": "offline",
    "nan": "finite",
    "wrong-shape": "outputs",
    "raising": "predicts",
    "training": "eval-clean",
    "pickling": "no-pickle",
}


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reports(crowded):
    """Reports by plugin, of one call."""
    done = crowded.zoo("plugins", "check", "faulty", "good", "lacking", "--json")
    assert done.code == 1
    return {report["plugin"]: report for report in done.json}


def test_each_fault_is_caught_by_the_check_that_names_it_and_by_no_other(reports):
    failed = [(f["entry"].removeprefix("faulty/"), f["check"]) for f in reports["faulty"]["findings"] if f["state"] == "failed"]
    assert sorted(failed) == sorted(FAULTS.items())
    assert not reports["faulty"]["passed"]


def test_every_failure_says_what_was_seen(reports):
    said = {f["entry"]: f["message"] for f in reports["faulty"]["findings"] if f["state"] == "failed"}
    assert "example.org" in said["faulty/networked"]
    assert "logits of shape [6, 9]" in said["faulty/wrong-shape"]
    assert "no batch for me" in said["faulty/raising"]
    assert "changed its seen" in said["faulty/training"]
    assert "PosixPath" in said["faulty/pickling"]


def test_what_is_missing_is_answered_with_the_line_that_installs_it(reports):
    found = {f["check"]: f for f in reports["good"]["findings"] if f["entry"] == "good/wanting"}
    assert found["missing-extras"]["state"] == "ok"
    assert found["builds"]["state"] == "skipped" and "pip install" in found["builds"]["fix"]
    assert reports["good"]["passed"]


def test_a_plugin_that_does_not_load_fails_with_its_reason(reports):
    (finding, _) = reports["lacking"]["findings"]
    assert (finding["check"], finding["state"]) == ("loads", "failed")
    assert "missing-deps" in finding["message"]


def test_a_heavy_import_is_reported_with_its_milliseconds_and_the_fix(crowded):
    done = crowded.zoo("plugins", "check", "heavy", "--no-behaviour")
    assert done.code == 1
    assert re.search(r"^heavy \(zoo-heavy 1\.0\) failed: 1 failed, \d+ ok, imported in \d+ ms$", done.out, re.MULTILINE)
    assert re.search(r"light-import  zoo_heavy and its hooks took \d+ ms and imported numpy, torch$", done.out, re.MULTILINE)
    assert "import it in the function that uses it" in done.out


def test_a_name_that_is_nowhere_is_a_user_s_error(crowded, tmp_path):
    assert crowded.zoo("plugins", "check", "nowhere").code == 2
    done = crowded.zoo("plugins", "check", f"{tmp_path}/nothing")
    assert done.code == 2 and "has no pyproject.toml" in done.err
