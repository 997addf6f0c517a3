"""Claims are run again: reproduced, off by how much, or not runnable here and why."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import yaml

import zoo
from zoo.errors import OptionError, UnknownNameError
from zoo.opening.weights import save_state
from zoo.runs.verifying import effort, quick_claims, select_claims, verify

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
    assert (good.status, bad.status) == ("reproduced", "misspelt")
    assert "no-such-metric" in bad.reason


@pytest.mark.parametrize("name", ["intro/mlp@digits", "intro/mlp", "mlp", "mlp@digits"])
def test_claims_are_selected_by_any_form_of_the_name(claims, name):
    claims(CLAIM | {"value": 1, "tolerance": 1})
    assert {claim.model for claim in select_claims(model=name)} == {"intro/mlp@digits"}


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"model": "intro/nothing"}, "there is no model named 'intro/nothing'"),
        ({"model": "resnet50"}, "registry.yaml claims no score of cnn/resnet50$"),
        ({"model": "cnn/lenet5", "benchmark": "digit"}, "there is no benchmark named 'digit'"),
        ({"benchmark": "digits", "kind": "published"}, "registry.yaml claims no published score on data/digits$"),
    ],
)
def test_no_matching_claim_is_an_error_that_tells_unknown_names(filters, says, claims):
    claims(CLAIM | {"value": 1, "tolerance": 1})
    with pytest.raises(UnknownNameError) as caught:
        select_claims(**filters)
    assert re.search(says, caught.value.message)


WEIGHED = """
from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec, Weights


@hookimpl
def zoo_models():
    of, tasks = tuple("0123456789"), {{"classify": "weighed_net:Net"}}
    weights = Weights(uri="pkg:weighed_data/w.safetensors", sha256="{sha256}", licence="-", source="-", classes=of)
    return [ModelSpec(name="net", summary="A net.", tasks=tasks, modality="image", weights={{"w": weights}})]
"""
NET = """
import torch


class Net(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Flatten(), torch.nn.Linear(64, 10))
"""


@pytest.fixture
def weighed(tmp_path, monkeypatch, claims):
    """The weights file of a plugin's model, of which there is a claim."""
    import torch

    folder = tmp_path / "site"
    (folder / "weighed_data").mkdir(parents=True)
    (folder / "weighed_data" / "__init__.py").touch()
    path = folder / "weighed_data" / "w.safetensors"
    torch.manual_seed(0)
    sha256 = save_state(path, {"1.weight": torch.randn(10, 64), "1.bias": torch.zeros(10)})
    (folder / "weighed.py").write_text(WEIGHED.format(sha256=sha256))
    (folder / "weighed_net.py").write_text(NET)
    info = folder / "weighed-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: weighed\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nweighed = weighed\n")
    monkeypatch.syspath_prepend(folder)
    for name in [name for name in sys.modules if name.startswith("weighed")]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()
    claims(CLAIM | {"model": "weighed/net@w", "value": 0.5, "tolerance": 0.5})
    return path


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGE = {"a flipped byte": flip, "emptied": lambda path: path.write_bytes(b""), "deleted": Path.unlink}


@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize("shards", ["with shards", "without shards"])
@pytest.mark.parametrize("how", DAMAGE)
def test_weights_that_are_not_what_was_declared_are_altered(how, shards, reuse, weighed):
    if shards == "with shards":
        assert zoo.evaluate("weighed/net@w", "digits").shards.computed == 1
    DAMAGE[how](weighed)
    (verdict,) = verify(select_claims(model="weighed/net"), reuse=reuse)
    assert (verdict.status, verdict.wrong) == ("altered", True)
    assert "w.safetensors" in verdict.reason


def test_everything_is_computed_anew_unless_stored_predictions_may_be_reused(weighed):
    zoo.evaluate("weighed/net@w", "digits")
    computed = []
    for reuse in (False, True):
        (verdict,) = verify(select_claims(model="weighed/net"), reuse=reuse)
        assert verdict.status == "reproduced"
        computed.append(zoo.Store().record(verdict.run_id).shards.computed)
    assert computed == [1, 0]


def test_what_an_earlier_run_had_and_is_gone_is_altered(weighed, monkeypatch):
    zoo.evaluate("weighed/net@w", "digits")

    def gone(*_, **__):
        raise zoo.errors.DataError("the archive is absent", "get it")

    monkeypatch.setattr("zoo.runs.plan.open_dataset", gone)
    (verdict,) = verify(select_claims(model="weighed/net"))
    assert verdict.status == "altered" and "still had it" in verdict.reason


@pytest.mark.parametrize(
    "wrong",
    [{"metric": "acuracy"}, {"model": "cnn/nosuch"}, {"model": "intro/mlp@digit"}, {"benchmark": "data/digit"},
     {"model": "intr/mlp"}, {"metric": "f1:averag=macro"}, {"metric": "psnr-y"}],
    ids=str,
)  # fmt: skip
def test_a_claim_of_a_name_that_there_is_not_is_misspelt(wrong, claims):
    claims(CLAIM | {"value": 0.97, "tolerance": 0.03} | wrong)
    (verdict,) = verify(c for c in select_claims() if c.source == "a test")
    assert (verdict.status, verdict.wrong) == ("misspelt", True), verdict.reason
    assert verdict.reason


def test_a_claim_of_a_plugin_that_is_not_installed_is_not_runnable(claims):
    claims(CLAIM | {"model": "acme/net", "value": 0.97, "tolerance": 0.03})
    (verdict,) = verify(c for c in select_claims() if c.source == "a test")
    assert (verdict.status, verdict.wrong) == ("not runnable", False)


@pytest.mark.parametrize(("data", "status"), [("f" * 64, "other data"), (359, "other data"), (360, "reproduced")])
def test_a_score_of_other_data_reproduces_nothing(data, status, claims):
    claims(CLAIM | {"value": 0.97, "tolerance": 0.03, "data": data})
    (verdict,) = verify(c for c in select_claims() if c.source == "a test")
    assert (verdict.status, verdict.wrong) == (status, False)
    assert verdict.value == pytest.approx(0.975)
    checks = zoo.Store().record(verdict.run_id).checks
    assert [check.kind for check in checks if check.expected == "0.97 ± 0.03"] == ["measured"] * (status == "reproduced")


def test_how_long_it_takes_is_foreseen_by_earlier_runs_or_by_the_catalogue(claims):
    quick = CLAIM | {"value": 0.97, "tolerance": 0.03, "seconds": 7}
    slow = quick | {"model": "intro/logistic@digits", "seconds": 600}
    unknown = {name: value for name, value in (quick | {"model": "intro/mlp-numpy@digits"}).items() if name != "seconds"}
    claims(quick, quick | {"metric": "nll"}, slow, unknown)
    mine = [claim for claim in select_claims() if claim.source == "a test"]
    assert effort(mine).model_dump() == {"claims": 4, "runs": 3, "seconds": 607, "unknown": 1}
    assert quick_claims(mine) == mine[:2]
    run = zoo.evaluate("intro/logistic@digits", "digits")
    assert effort(mine).seconds == pytest.approx(7 + run.cost.seconds)


@pytest.mark.slow
def test_the_data_of_our_claims_are_those_that_they_name(real_data):
    entries = zoo.registry()
    shipped = {(claim.benchmark, claim.data) for claim in select_claims() if isinstance(claim.data, str)}
    assert shipped
    for name, fingerprint in sorted(shipped):
        benchmark = entries.benchmark(name)
        assert zoo.dataset(benchmark.dataset, benchmark.split).fingerprint == fingerprint, name


ATTACK = CLAIM | {"model": "robust/uniform-noise", "metric": "robust-accuracy"}
VICTIM = {"aux": {"victim": "intro/logistic@digits"}}


def test_a_claim_may_name_the_other_models_of_its_run(claims):
    other = {"aux": {"victim": "intro/mlp@digits"}}
    found = {}
    for how in (VICTIM, other):
        record = zoo.evaluate(ATTACK["model"], "data/digits", **how)
        found[how["aux"]["victim"]] = record.primary.value
        assert record.checks == ()
    right, wrong = (VICTIM | {"value": found[name], "tolerance": 0} for name in ("intro/logistic@digits", "intro/mlp@digits"))
    assert right["value"] != wrong["value"]
    claims(ATTACK | right, ATTACK | wrong | other)
    mine = select_claims(benchmark="digits", model="robust/uniform-noise")
    assert [claim.where for claim in mine] == [
        "data/digits, victim intro/logistic@digits",
        "data/digits, victim intro/mlp@digits",
    ]
    assert effort(mine).runs == 2
    first, second = verify(mine)
    assert (first.status, second.status) == ("reproduced", "reproduced")
    store = zoo.Store()
    assert [store.record(verdict.run_id).aux["victim"].name for verdict in (first, second)] == list(found)
    for verdict in (first, second):
        (check,) = store.record(verdict.run_id).checks
        assert check.passed and check.metric == "robust-accuracy"


def test_a_claim_with_another_model_says_nothing_of_a_run_with_other_settings(claims):
    claims(ATTACK | VICTIM | {"value": 0.5, "tolerance": 0.5})
    assert len(zoo.evaluate(ATTACK["model"], "data/digits", **VICTIM).checks) == 1
    assert zoo.evaluate(ATTACK["model"], "data/digits", protocol={"eps": 0.5}, **VICTIM).checks == ()


def test_claims_are_selected_by_the_other_models_too(claims):
    claims(ATTACK | VICTIM | {"value": 0.5, "tolerance": 0.5})
    assert ATTACK["model"] in {claim.model for claim in select_claims(model="intro/logistic")}


@pytest.mark.parametrize("aux", [{"victim": "intro/logistc@digits"}, {"victim": "intro/logistic@digit"}, {"victm": "intro/mlp"}])
def test_a_claim_with_another_model_that_there_is_not_is_misspelt(aux, claims):
    claims(ATTACK | {"aux": aux, "value": 0.5, "tolerance": 0.5})
    (verdict,) = verify(c for c in select_claims() if c.source == "a test")
    assert (verdict.status, verdict.wrong) == ("misspelt", True), verdict.reason
