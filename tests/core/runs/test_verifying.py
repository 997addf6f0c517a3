"""Claims are run again: reproduced, off by how much, or not runnable here and why."""

import re
from pathlib import Path

import pytest
import yaml

from zoo.errors import OptionError, UnknownNameError
from zoo.runs.verifying import select_claims, verify

CLAIM = {"model": "intro/mlp@digits", "benchmark": "data/digits", "metric": "accuracy", "kind": "measured", "source": "a test"}


@pytest.fixture
def claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function that makes these the user's own claims."""

    def write(*entries: dict) -> None:
        path = tmp_path / "own.yaml"
        path.write_text(yaml.safe_dump({"version": 1, "claims": list(entries)}))
        monkeypatch.setenv("ZOO_REGISTRY", str(path))

    return write


def test_a_claim_within_its_tolerance_is_reproduced_and_one_outside_is_off(claims):
    claims(CLAIM | {"value": 0.97, "tolerance": 0.03}, CLAIM | {"value": 0.5, "tolerance": 0.1, "metric": "f1:average=macro"})
    near, far = verify(c for c in select_claims(model="intro/mlp") if c.source == "a test")
    assert near.status == "reproduced"
    assert abs(near.difference) <= 0.03
    assert far.status == "off"
    assert far.difference == pytest.approx(far.value - 0.5)
    assert near.run_id == far.run_id  # of one model on one benchmark, so of one run


def test_a_data_folder_that_is_not_there_is_the_callers_mistake_not_a_verdict(tmp_path):
    with pytest.raises(OptionError, match="there is no such folder"):
        next(verify(select_claims(model="intro/mlp"), data_dir=tmp_path / "absent"))


def test_a_claim_that_cannot_run_says_why_and_the_next_one_still_runs(claims, monkeypatch):
    monkeypatch.delenv("ZOO_DATA_DIR", raising=False)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    absent = CLAIM | {"model": "cnn/resnet20@cifar10", "benchmark": "data/cifar10", "value": 0.9, "tolerance": 0.1}
    claims(absent, CLAIM | {"value": 0.97, "tolerance": 0.03})
    first, second = verify(c for c in select_claims() if c.source == "a test")
    assert first.status == "not runnable"
    assert first.reason
    assert second.status == "reproduced"


def test_a_claim_that_cannot_run_keeps_none_of_its_run_from_running(claims):
    claims(CLAIM | {"value": 0.97, "tolerance": 0.03}, CLAIM | {"metric": "no-such-metric", "value": 1, "tolerance": 1})
    good, bad = verify(c for c in select_claims() if c.source == "a test")
    assert (good.status, bad.status) == ("reproduced", "not runnable")
    assert "no-such-metric" in bad.reason


@pytest.mark.parametrize("name", ["intro/mlp@digits", "intro/mlp", "mlp", "mlp@digits"])
def test_claims_are_selected_by_any_form_of_the_name(claims, name):
    claims(CLAIM | {"value": 1, "tolerance": 1})
    assert {claim.model for claim in select_claims(model=name)} == {"intro/mlp@digits"}


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"model": "intro/nothing"}, "there is no model named 'intro/nothing'"),
        ({"model": "resnet18"}, "registry.yaml claims no score of cnn/resnet18$"),
        ({"model": "cnn/lenet5", "benchmark": "digit"}, "there is no benchmark named 'digit'"),
        ({"benchmark": "digits", "kind": "published"}, "registry.yaml claims no published score on data/digits$"),
    ],
)
def test_no_matching_claim_is_an_error_that_tells_unknown_names(filters, says, claims):
    claims(CLAIM | {"value": 1, "tolerance": 1})
    with pytest.raises(UnknownNameError) as caught:
        select_claims(**filters)
    assert re.search(says, caught.value.message)
