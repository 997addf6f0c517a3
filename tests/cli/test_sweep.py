"""`zoo run` of several, of a suite, from a file and of a network of one's own; `zoo predict`."""

import csv
import json

import pytest
from PIL import Image

import zoo as library

NET = """
import torch
class Net(torch.nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.fc = torch.nn.Linear(64, num_classes)
    def forward(self, x):
        return self.fc(x.flatten(1))
"""


def test_several_end_in_a_table_with_failures_below(zoo, toy):
    done = zoo("run", "toy/centroid", "toy/raising", "sequence/lstm", "--on", "toy/easy", "--on", "digits", "--limit", "20")
    lines = done.out.splitlines()
    assert done.code == 1
    assert lines[0].split()[:2] == ["model", "toy/easy:"] and "data/digits: accuracy" in lines[0]
    assert lines[1].startswith("toy/centroid") and lines[1].count("[") == 2
    assert lines[2].split() == ["toy/raising", "failed", "failed"]
    assert sum(line.startswith("failed toy/raising on ") for line in lines) == 2
    assert any(line.startswith("left out sequence/lstm on toy/easy, data/digits: it takes text") for line in lines)
    assert lines[-1].startswith("2 runs, 2 failed, 2 left out")


def test_one_of_several_gives_the_score_of_one_alone(zoo, toy):
    several = zoo("run", "toy/*", "--on", "digits", "--json")
    alone = zoo("run", "toy/centroid", "--on", "digits", "--json")
    assert several.code == 1 and alone.code == 0
    (found,) = [run for run in several.json["runs"] if run["row"] == "toy/centroid"]
    assert found["results"] == alone.json["results"] and alone.json["shards"]["reused"] == 1
    assert several.json["failures"][0]["error"]["type"] == "ModelError" and several.json["passed"] is False


def test_a_file_says_all_of_it_and_the_command_line_goes_before_it(zoo, toy, tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_text("models: [toy/centroid, intro/mlp]\nbenchmarks: [digits]\nlimit: 30\nmetrics: [nll]\n")
    told = zoo("run", "--from", str(path), "--json")
    assert told.code == 0 and [run["results"][0]["n"] for run in told.json["runs"]] == [30, 30]
    less = zoo("run", "--from", str(path), "--limit", "10", "intro/mlp", "--json").json
    assert [(run["row"], run["results"][0]["n"]) for run in less["runs"]] == [("intro/mlp", 10)]
    path.write_text("modles: [a]\n")
    wrong = zoo("run", "--from", str(path))
    assert wrong.code == 2 and "no key 'modles'" in wrong.err and "did you mean models" in wrong.err


def test_settings_by_name_go_to_the_runs_that_have_them(zoo, toy):
    names = ("run", "robust/fgsm", "robust/pgd", "--on", "digits", "--victim", "intro/mlp", "--eps", "0.1", "--limit", "5")
    done = zoo(*names, "--steps", "3", "--json")
    assert done.code == 0, done.err
    fgsm, pgd = (run["record"] for run in done.json["runs"])
    assert pgd["model"]["options"]["steps"] == 3 and "steps" not in fgsm["model"]["options"]
    assert fgsm["protocol"]["eps"] == pgd["protocol"]["eps"] == 0.1
    assert zoo(*names, "--stepz", "3").code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nope/*", "--on", "digits"), "no model matches 'nope/*'"),
        (("sequence/*", "--on", "digits"), "nothing fits"),
        (("", "intro/mlp", "--on", "digits"), "an empty name"),
        ((), "missing argument 'MODEL'"),
        (("--stepz", "3"), "no such option '--stepz'"),
        (("--from", "nowhere.yaml"), "cannot read nowhere.yaml"),
        (("intro/mlp", "intro/logistic", "--on", "digits", "--weights", "a.pt"), "--weights is of one model"),
    ],
)
def test_what_cannot_be_is_said(zoo, arguments, said):
    done = zoo("run", *arguments)
    assert done.code == 2 and said in done.err


def test_a_network_of_a_file_is_run_with_classes_of_a_file(zoo, tmp_path):
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "names.txt").write_text("\n".join("0123456789"))
    name = f"{tmp_path / 'net.py'}:Net"
    done = zoo("run", name, "--on", "digits", "--classes-from", str(tmp_path / "names.txt"), "--input", "size=8", "--limit", "20")
    assert done.code == 0 and done.out.startswith("local/net.py:Net on data/digits")
    assert "images of 8x8" in done.out
    wrong = zoo("run", name, "--on", "digits", "--classes", "a,b", "--classes-from", str(tmp_path / "names.txt"))
    assert wrong.code == 2 and "--classes are given twice" in wrong.err
    wrong = zoo("run", name, "--on", "digits", "--input", "sise=8")
    assert wrong.code == 2 and "--input has no 'sise'" in wrong.err


def test_suites_are_listed_and_shown(zoo):
    assert "course/topic-8" in zoo("list", "suites").out
    shown = zoo("show", "course/topic-8").out
    assert "robust/pgd on robust/mnist-linf, the model is the victim, 500 samples, steps=20" in shown


@pytest.fixture
def pictures(tmp_path):
    digits = library.dataset("digits")
    for row in range(3):
        Image.fromarray((digits[row].input[0] * 255).round().byte().numpy()).save(tmp_path / f"{row}.png")
    return tmp_path


def test_predictions_go_to_standard_output_or_a_file(zoo, pictures):
    shown = zoo("predict", "intro/mlp", str(pictures))
    rows = [json.loads(line) for line in shown.out.splitlines()]
    assert shown.code == 0 and rows == list(library.predict("intro/mlp", pictures)) and rows[0]["label"] == "0"
    (pictures / "broken.png").write_bytes(b"no")
    done = zoo("predict", "intro/mlp", str(pictures), "-o", str(pictures / "out.csv"))
    assert done.code == 1 and "broken.png" in done.err and "1 file of 4 could not be read" in done.err
    assert [row["label"] for row in csv.DictReader((pictures / "out.csv").open())] == [row["label"] for row in rows]


def test_predictions_that_cannot_be_are_said(zoo, pictures):
    for arguments, said in (
        (("predict", "intro/mlp", str(pictures), "-o", "out.xlsx"), "no table can be written to out.xlsx"),
        (("predict", "intro/mlp"), "no file is named"),
        (("predict", "vision/bicubic", str(pictures), "--degraded", "bicubic:2"), "restored pictures need a folder"),
        (("predict", "robust/pgd", str(pictures)), "says nothing of files without labels"),
    ):
        done = zoo(*arguments)
        assert done.code == 2 and said in done.err
