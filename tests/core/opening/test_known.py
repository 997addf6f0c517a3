"""Data that were opened before are known: what that spares, and what makes them be opened again."""

import json
import subprocess
import sys

import pytest

import zoo
from zoo.opening import known
from zoo.opening.known import Known

SHOWS = """
import json, resource, sys, zoo
record = zoo.evaluate(*sys.argv[1:3], progress=False)
loaded = [name for name in ("torch", "sklearn", "scipy") if name in sys.modules]
scores = [[result.metric, str(result.value)] for result in record.results]
print(json.dumps([record.shards.computed, record.execution.device, loaded, scores]))
"""


def shown(*names):
    done = subprocess.run([sys.executable, "-c", SHOWS, *names], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def opened(monkeypatch):
    """Names of the data that are opened."""
    names = []
    plain = known.known_or_opened

    def told(spec, split, data_dir, code, reopen):
        def reopened():
            names.append(spec.name)
            return reopen()

        return plain(spec, split, data_dir, code, reopened)

    monkeypatch.setattr("zoo.runs.plan.known_or_opened", told)
    return names


def test_a_finished_run_is_answered_without_what_computes():
    first = shown("intro/mlp", "digits")
    assert first[:2] == [1, "cpu"] and "torch" in first[2]
    again = shown("intro/mlp", "digits")
    assert again[:3] == [0, "cpu", []] and again[3] == first[3]


def test_another_model_on_known_data_reads_them(opened):
    zoo.evaluate("intro/mlp", "digits")
    opened.clear()
    record = zoo.evaluate("cnn/lenet5@digits", "digits")
    assert record.shards.computed == 1 and opened == ["data/digits"]


def table(path, rows):
    path.write_text("a,b,label\n" + "".join(f"{a},{b},{label}\n" for a, b, label in rows))


def net():
    """A network of one's own, whose run is used again."""
    import torch

    torch.manual_seed(0)
    return torch.nn.Linear(2, 2)


def test_a_table_that_changed_is_opened_again(tmp_path, opened):
    path = tmp_path / "mine.csv"
    table(path, [(1, 2, "x"), (3, 4, "y")] * 5)
    for changed in (False, True):
        if changed:
            table(path, [(1, 2, "x"), (3, 5, "y")] * 5)
        opened.clear()
        first = zoo.evaluate(net(), f"csv:{path}", classes="dataset", key="net")
        assert first.shards.computed == 1 and opened
        opened.clear()
        again = zoo.evaluate(net(), f"csv:{path}", classes="dataset", key="net")
        assert again.shards.computed == 0 and not opened
        assert again.results == first.results and again.dataset == first.dataset


def test_what_was_remarked_of_data_is_remarked_again(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("a,b,Unnamed: 0,label\n1,2,0,x\n3,4,1,y\n")
    for _ in range(2):
        with pytest.warns(UserWarning, match="passed over: Unnamed: 0"):
            record = zoo.evaluate(net(), f"csv:{path}", classes="dataset", key="net")
        assert any("Unnamed" in remark for remark in record.remarks)


def test_known_data_have_the_samples_of_the_data_themselves():
    whole = zoo.dataset("digits")
    facts = {name: getattr(whole, name) for name in ("ids", "targets", "classes", "fingerprint", "groups")}
    data = Known({**facts, "costs": None}, lambda: whole)
    assert (data.ids, len(data), data.fingerprint) == (whole.ids, len(whole), whole.fingerprint)
    assert data[3].input.equal(whole[3].input) and data.block(range(2)).inputs.equal(whole.inputs[:2])


def test_data_that_are_others_by_now_are_refused():
    whole = zoo.dataset("digits")
    facts = {
        "ids": whole.ids,
        "targets": whole.targets,
        "classes": whole.classes,
        "fingerprint": "0",
        "groups": None,
        "costs": None,
    }
    with pytest.raises(zoo.errors.RunError, match="the data changed"):
        Known(facts, lambda: whole)[0]
