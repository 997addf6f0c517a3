"""Homeworks whose pass mark is of another plugin's metric: graded by it, in either direction, and never mistaken for ours."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.errors import PluginError
from zoo_cli.app import zoo as group
from zoo_cli.errors import guarded
from zoo_homework.homework import open_homework

ENTRIES = """
from zoo import hookimpl
from zoo.specs import BenchmarkSpec, MetricSpec
from zoo_homework.specs import HomeworkSpec

def metric(name, target, **more):
    target = f"zoo_kin_metrics:{target}"
    return MetricSpec(name=name, summary="Of strangers.", task="classify", target=target, reference="-", **more)

@hookimpl
def zoo_metrics():
    return [
        metric("f1", "Certainty", direction="higher"),
        metric("surprise", "Surprise", direction="lower", range=(0.0, None)),
        metric("kappa", "Kappa", direction="higher", range=(-1.0, 1.0)),
        metric("none", "Nothing", direction="higher"),
        metric("broken", "Broken", direction="higher"),
    ]

MARKS = {
    "certainty": ("kin/f1 >= .9", "kin/f1"), "surprise": ("surprise < 0.3", "surprise"),
    "kappa": ("kappa:power=1 > 0.5", "kappa:power=1"), "nothing": ("none > 0.5", "none"), "broken": ("broken > 0.5", "broken"),
}

@hookimpl
def zoo_benchmarks():
    return [
        BenchmarkSpec(name=name, summary="Digits.", task="classify", modality="image", dataset="data/digits",
                      metrics=("accuracy", text, "confusion"), pass_mark=mark)
        for name, (mark, text) in MARKS.items()
    ]

@hookimpl(optionalhook=True)
def zoo_homeworks():
    return [HomeworkSpec(name=name, summary="Digits.", benchmark=f"kin/{name}", accepts=("predictions",)) for name in MARKS]
"""

METRICS = """
import numpy as np
from zoo.metrics import Metric, Score

def _shares(rows):
    logits = rows.columns["logits"].astype(float)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)

class Certainty(Metric):
    'Mean probability of the true class; labels say nothing of it.'
    def update(self, rows):
        own = _shares(rows)[np.arange(len(rows)), rows.columns["target"]]
        return {"sum": np.array(own.sum()), "n": np.array(len(rows))}
    def compute(self, state, classes):
        n = int(state["n"])
        return Score(float(state["sum"]) / n, n, interval="none: not tried") if n else Score(None, 0)

class Surprise(Certainty):
    def update(self, rows):
        own = _shares(rows)[np.arange(len(rows)), rows.columns["target"]]
        return {"sum": np.array(-np.log(np.maximum(own, 1e-9)).sum()), "n": np.array(len(rows))}

class Kappa(Metric):
    'Agreement beyond chance, of predicted classes alone.'
    power: int = 1
    @property
    def of_labels(self):
        return True
    def update(self, rows):
        count = rows.columns["logits"].shape[1]
        table = np.zeros((count, count))
        np.add.at(table, (rows.columns["target"], rows.columns["logits"].argmax(axis=1)), 1)
        return {"table": table}
    def compute(self, state, classes):
        table, n = state["table"], state["table"].sum()
        if not n:
            return Score(None, 0)
        agreed, chance = np.trace(table) / n, (table.sum(0) @ table.sum(1)) / n**2
        return Score(float((agreed - chance) / (1 - chance)), int(n), interval="none: not tried")

class Nothing(Certainty):
    def compute(self, state, classes):
        return Score(None, 0, interval="none: never")

class Broken(Kappa):
    def update(self, rows):
        if len(rows) and len(set(rows.columns["logits"].argmax(axis=1))) == 1:
            raise LookupError("all of one class")
        return super().update(rows)
"""


@pytest.fixture(autouse=True)
def kin(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin by others with metrics, benchmarks and homeworks of its own."""
    site = tmp_path_factory.mktemp("kin")
    (site / "zoo_kin.py").write_text(ENTRIES)
    (site / "zoo_kin_metrics.py").write_text(METRICS)
    info = site / "zoo_kin-3.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-kin\nVersion: 3.1\nRequires-Dist: numpy\n")
    (info / "entry_points.txt").write_text("[zoo]\nkin = zoo_kin\n")
    monkeypatch.syspath_prepend(str(site))
    for name in ("zoo_kin", "zoo_kin_metrics"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.fixture
def class_of_three(tmp_path: Path) -> Path:
    """Ada is sure and right, Bob half sure, and Cleo hands in right labels."""
    homework = open_homework("kin/certainty")
    folder = tmp_path / "handed-in"
    folder.mkdir()
    right = np.eye(10)[homework.targets]
    for name, shares in (("ada", 0.991 * right + 0.001), ("bob", 0.4 * right + 0.06)):
        rows = [f"{id_},{','.join(f'{share:.3f}' for share in row)}" for id_, row in zip(homework.ids, shares, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join([f"id,{','.join(homework.classes)}", *rows]) + "\n")
    rows = [f"{id_},{homework.classes[label]}" for id_, label in zip(homework.ids, homework.targets, strict=True)]
    (folder / "cleo.csv").write_text("\n".join(["id,label", *rows]) + "\n")
    return folder


@pytest.fixture
def grade(class_of_three: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`zoo grade` of the class, in this process."""

    def call(homework: str, *more: str) -> tuple[int, str, str]:
        capfd.readouterr()
        files = [str(class_of_three / f"{name}.csv") for name in ("ada", "bob", "cleo")]
        code = guarded(group, ("grade", homework, *files, "--output", str(tmp_path / "grades"), *more))
        return code, *capfd.readouterr()

    return call


@pytest.mark.slow
@pytest.mark.parametrize(
    ("homework", "passed", "statuses"),
    [
        ("kin/certainty", {"ada"}, {"cleo": "bad-format"}),
        ("kin/surprise", {"ada"}, {"cleo": "bad-format"}),
        ("kin/kappa", {"ada", "bob", "cleo"}, {}),
    ],
)
def test_a_plugin_s_metric_grades_in_both_directions(grade, tmp_path, homework, passed, statuses):
    code, out, err = grade(homework, "--json", "--gradescope")
    assert code == 0, err
    told = {one["student"]: one for one in json.loads(out)["attempts"]}
    assert {name for name, one in told.items() if one["passed"]} == passed
    assert {name: told[name]["status"] for name in statuses} == statuses
    assert "</html>" in (tmp_path / "grades/reports/ada.html").read_text()
    assert "Confusion" in (tmp_path / "grades/reports/ada.html").read_text()
    assert json.loads((tmp_path / "grades/gradescope/ada.json").read_text())["score"] == 100
    assert grade(homework)[0] == 0


def test_a_mark_that_nobody_can_pass_is_told_of_before_the_first_student(grade):
    code, _, err = grade("kin/nothing")
    assert code == 2 and "with the right answers, too, kin/none is not above 0.5" in err


@pytest.mark.slow
def test_a_metric_that_breaks_on_one_class_throughout_costs_that_comparison_alone(grade):
    code, out, err = grade("kin/broken")
    assert code == 0 and "3 of 3 passed" in out and "throughout" not in out
    assert "plugin 'kin' (zoo-kin 3.1): metric kin/broken raised LookupError: all of one class" in err


def test_a_metric_named_as_ours_is_not_ours() -> None:
    entries = zoo.registry()
    assert entries.benchmark("kin/certainty").metrics == ("accuracy", "kin/f1", "confusion")
    assert entries.benchmark("kin/surprise").pass_mark == "kin/surprise < 0.3"
    assert entries.benchmark("kin/kappa").metrics[1] == "kin/kappa:power=1"
    assert [entries.written_metric(text) for text in ("f1:average=macro", "core/nll", "kin/f1", "surprise", "nobody")] == [
        "f1:average=macro", "nll", "kin/f1", "kin/surprise", "nobody",
    ]  # fmt: skip


def test_a_run_records_full_names_sureness_and_who_provides_what() -> None:
    record = zoo.evaluate("intro/mlp@digits", "kin/surprise", metrics=["f1:average=macro", "kappa"])
    assert [result.metric for result in record.results] == [
        "accuracy", "kin/surprise", "confusion", "f1:average=macro", "kin/kappa",
    ]  # fmt: skip
    assert record.passed is not None and record.checks[0].sure is None
    ours, theirs = sorted(record.providers, key=lambda one: one.distribution)
    assert (theirs.distribution, theirs.version) == ("zoo-kin", "3.1")
    assert theirs.entries == ("benchmark kin/surprise", "metric kin/surprise", "metric kin/kappa")
    assert theirs.requires == {"numpy": np.__version__}
    assert "model intro/mlp@digits" in ours.entries and "dataset data/digits" in ours.entries and "torch" in ours.requires
    (other,) = zoo.Store().records()
    assert other == record


def test_a_plugin_s_metric_out_of_its_range_is_an_error_in_a_comparison_too(monkeypatch) -> None:
    first = zoo.evaluate("intro/mlp@digits", "kin/kappa")
    second = zoo.evaluate("intro/logistic@digits", "kin/kappa")
    import zoo_kin_metrics

    from zoo.metrics import Score

    monkeypatch.setattr(zoo_kin_metrics.Kappa, "compute", lambda self, state, classes: Score(7.0, 1))
    with pytest.raises(PluginError, match=r"plugin 'kin' \(zoo-kin 3.1\): metric kin/kappa .* gave 7, outside of its range"):
        zoo.compare(first, second, metrics=["kappa"])
