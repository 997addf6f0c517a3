"""Homeworks of other tasks than classify: models are asked in the sandbox as a run asks them, and score the same."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zoo
from zoo.errors import OptionError, PluginError
from zoo_homework.grades.classroom import GradedClass, grade_class, write_class
from zoo_homework.grades.grading import GradingOptions
from zoo_homework.homework import check_gradable, homework_spec, open_homework
from zoo_homework.packing import pack, unpack
from zoo_homework.sandbox.launching import why_not_isolated
from zoo_homework.statuses import SubmissionError
from zoo_homework.student import check_file
from zoo_homework.worker.programs import program_model

pytestmark = pytest.mark.slow  # a minute or two in all

COURSE = """
from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec, DatasetSpec
from zoo_homework.specs import HomeworkLimits, HomeworkSpec

MARKS = {
    "segment": ("squares", ("miou", "pixel-accuracy"), "miou > 0.9"),
    "detect": ("squares-boxes", ("coco-ap",), "coco-ap >= 0.5"),
    "embed": ("data/digits", ("recall-at-k:k=1", "eer"), "eer < 0.4"),
    "classify": ("data/digits", ("nll", "accuracy"), "nll <= 0.9"),
    "wrong": ("data/digits", ("nll",), "nll > 0.1"),
}
ACCEPTS = {"classify": ("predictions",), "wrong": ("predictions",), "detect": ("weights", "code")}

@hookimpl
def zoo_datasets():
    common = dict(modality="image", splits={"test": 10}, classes=("ground", "square"), licence="CC0-1.0", citation="made up")
    return [DatasetSpec(name="squares", summary="S.", tasks=("segment",), target="zoo_squares.data:masks", **common),
            DatasetSpec(name="squares-boxes", summary="S.", tasks=("detect",), target="zoo_squares.data:boxes", **common)]

@hookimpl
def zoo_benchmarks():
    def benchmark(name, dataset, metrics, mark):
        task = "classify" if name == "wrong" else name
        return BenchmarkSpec(
            name=name, summary="B.", task=task, modality="image", dataset=dataset, metrics=metrics, pass_mark=mark
        )

    return [benchmark(name, *rest) for name, rest in MARKS.items()]

@hookimpl
def zoo_homeworks():
    return [HomeworkSpec(name=name, summary="H.", benchmark=name, accepts=ACCEPTS.get(name, ("weights", "onnx", "code")),
                         limits=HomeworkLimits(wall_seconds=120)) for name in MARKS]
"""
DATA = """
import numpy as np
import torch
from zoo.data import Sample, SampleSequence
from zoo.tasks.detect import Boxes

class Squares(SampleSequence):
    classes, fingerprint = ("ground", "square"), "squares"
    ids = [f"s{i}" for i in range(10)]

    def __init__(self, target):
        self.of = target
        self.targets = [None] * 10

    def __getitem__(self, i):
        image = torch.zeros(3, 24 + 8 * (i % 2), 40)
        top, left = 2 + i, 3 + 2 * i
        image[:, top : top + 6, left : left + 5 + i] = 0.9
        return Sample(self.ids[i], image, self.of((image[0] > 0.5).numpy(), (left, top, left + 5 + i, top + 6)))

def masks(files, split):
    return Squares(lambda mask, box: mask.astype(np.uint8))

def boxes(files, split):
    return Squares(lambda mask, box: Boxes(torch.tensor([box], dtype=torch.float32), torch.tensor([1])))
"""
PROGRAMS = {
    "segment": """
import torch

class Net(torch.nn.Module):
    def forward(self, images):
        x = images.mean(dim=1, keepdim=True)
        return torch.cat([THRESHOLD - x, x - THRESHOLD], dim=1)[:, :, ::1, : x.shape[3] - CUT]
""",
    "detect": """
import torch
from zoo.tasks.detect import Boxes

class Net:
    def __call__(self, images):
        return [self.one(image[0] > THRESHOLD) for image in images]

    def one(self, mask):
        rows, columns = mask.any(dim=1).nonzero().flatten(), mask.any(dim=0).nonzero().flatten()
        if not len(rows):
            return Boxes(torch.empty(0, 4), torch.empty(0, dtype=torch.int64), torch.empty(0))
        box = [columns[0], rows[0], columns[-1] + 1 - CUT, rows[-1] + 1]
        return Boxes(torch.tensor([box], dtype=torch.float32), torch.tensor([1]), torch.tensor([0.9]))
""",
    "embed": """
import torch

class Net(torch.nn.Module):
    def forward(self, images):
        return images.flatten(1)[:, CUT:] + THRESHOLD - 0.5
""",
}
CALLS = {"good": (0.5, 0), "middling": (0.5, 2)}


def program(task: str, threshold: float, cut: int) -> str:
    return PROGRAMS[task].replace("THRESHOLD", str(threshold)).replace("CUT", str(cut)) + "\ndef load():\n    return Net()\n"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plugin with a homework of each task, on the search path of this process."""
    site = tmp_path / "site"
    for name, text in {
        "zoo_squares/__init__.py": COURSE,
        "zoo_squares/data.py": DATA,
        "zoo_squares-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: zoo-squares\nVersion: 1.0\n",
        "zoo_squares-1.0.dist-info/entry_points.txt": "[zoo]\nseminar = zoo_squares\n",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    monkeypatch.syspath_prepend(str(site))
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "zoo_squares"]:
        del sys.modules[name]


def of_student(graded: GradedClass) -> dict[str, Any]:
    return {entry.student: entry.counted for entry in graded.entries}


@pytest.mark.parametrize("task", ["segment", "detect", "embed"])
def test_programs_score_what_a_run_of_their_model_scores(course: Path, task: str) -> None:
    if why := why_not_isolated():
        pytest.skip(why)
    submissions = {name: program(task, *call) for name, call in CALLS.items()}
    submissions["odd"] = "def load():\n    return lambda images: [1]\n"
    for name, text in submissions.items():
        (course / "class" / name).mkdir(parents=True)
        (course / "class" / name / "predict.py").write_text(text)
    homework = open_homework(f"seminar/{task}")
    graded = grade_class(homework, [course / "class"], options=GradingOptions(allow_code=True))
    found = of_student(graded)
    for name, call in CALLS.items():
        space: dict[str, Any] = {}
        exec(program(task, *call), space)
        record = zoo.evaluate(space["Net"](), f"seminar/{task}", classes="dataset", key=name)
        assert found[name].grade is not None, (name, found[name].status, found[name].message)
        assert {r.metric: r.value for r in found[name].grade.results} == {r.metric: r.value for r in record.results}
        assert found[name].passed == record.passed
    assert found["good"].passed
    assert str(found["odd"].status) == "bad-model"
    write_class(graded, course / "grades")
    assert "Scores" in (course / "grades/reports/good.html").read_text()
    assert {pair.kind for pair in graded.pairs} == set()


@pytest.mark.parametrize(
    ("source", "said"), [("x = 1\n", r"has no function load\(\)"), ("def load():\n    return 1\n", "returned a int")]
)
def test_a_program_without_a_model_is_told_so(source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "predict", sys)  # which is forgotten afterwards
    (tmp_path / "predict.py").write_text(source)
    with pytest.raises(SubmissionError, match=said) as caught:
        program_model(tmp_path)
    assert str(caught.value.status) == "bad-format"


def test_weights_of_a_known_embedder_score_what_its_run_scores(course: Path) -> None:
    import zoo_metric

    weights = Path(zoo_metric.__file__).parent / "weights/conv4-triplet-omniglot.safetensors"
    (course / "ada.safetensors").write_bytes(weights.read_bytes())
    (entry,) = grade_class(open_homework("seminar/embed"), [course / "ada.safetensors"]).entries
    record = zoo.evaluate("metric/conv4-triplet@omniglot", "seminar/embed")
    assert entry.counted.grade is not None, entry.counted.message
    assert {r.metric: pytest.approx(r.value, abs=1e-4) for r in record.results} == {
        r.metric: r.value for r in entry.counted.grade.results
    }
    assert "the zoo's own weights of metric/conv4-triplet@omniglot" in entry.counted.message


def test_an_onnx_model_of_maps_scores_as_the_program_does(course: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="needs onnx: pip install 'deepzoo[homework]'")
    if why := why_not_isolated():
        pytest.skip(why)
    helper, shape = onnx.helper, ["b", 3, "h", "w"]
    half = helper.make_tensor("half", onnx.TensorProto.FLOAT, [1], [0.5])
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["half", "grey"], ["ground"]),
        helper.make_node("Sub", ["grey", "half"], ["square"]),
        helper.make_node("Concat", ["ground", "square"], ["y"], axis=1),
    ]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in "xy"]
    graph = helper.make_graph(nodes, "g", [ends[0]], [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)], [half])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (course / "ada.onnx").write_bytes(model.SerializeToString())
    (entry,) = grade_class(open_homework("seminar/segment"), [course / "ada.onnx"]).entries
    assert entry.counted.grade is not None, entry.counted.message
    assert entry.counted.passed and entry.counted.grade.primary.value == 1.0


def test_a_pass_mark_on_a_loss_is_met_below_it_and_the_best_attempt_is_the_lowest(course: Path) -> None:
    homework = open_homework("seminar/classify")
    assert homework.inputs is not None
    right = np.eye(10)[homework.targets]
    for name, sure in {"worse": 0.2, "better": 0.9, "middle": 0.5}.items():
        probabilities = (1 - sure) / 10 + sure * right
        (course / "class/ada").mkdir(parents=True, exist_ok=True)
        np.save(course / "class/ada" / f"{name}.npy", probabilities)
    (entry,) = grade_class(homework, [course / "class"]).entries
    assert entry.counted.attempt.name.endswith("better.npy") and entry.counted.passed
    assert [one.passed for one in sorted(entry.attempts, key=lambda one: one.attempt.name)] == [True, True, False]
    graded = grade_class(homework, [course / "class"])
    write_class(graded, course / "grades", gradescope_too=True)
    told = json.loads((course / "grades/results.json").read_text())
    assert told["leaderboard"][0]["order"] == "asc" and told["tests"][0]["name"] == "nll <= 0.9"
    assert "nll is at most 0.9" in (course / "grades/reports/ada.html").read_text()


def test_what_cannot_be_graded_is_refused_with_its_reason(course: Path) -> None:
    with pytest.raises(PluginError, match=r"passed with nll > 0\.1, but of nll the lower value is the better one"):
        open_homework("seminar/wrong")
    spec, registry = homework_spec("seminar/segment"), zoo.registry()
    with pytest.raises(PluginError, match="accepts predictions, which cannot be graded for task segment"):
        check_gradable(spec.model_copy(update={"accepts": ("predictions", "code")}), registry.benchmark("seminar/segment"))
    with pytest.raises(PluginError, match="accepts onnx, which cannot be graded for task detect"):
        check_gradable(spec, registry.benchmark("seminar/detect"))
    marked = registry.benchmark("mnist-linf").model_copy(update={"pass_mark": "asr > 0.5"})
    with pytest.raises(PluginError, match="which the sandbox does not serve"):
        check_gradable(spec, marked)
    with pytest.raises(PluginError, match="has no pass mark"):
        check_gradable(spec, registry.benchmark("mnist-linf"))
    (course / "my.csv").write_text("id,label\n")
    with pytest.raises(OptionError, match="takes no predictions: it is of task segment"):
        check_file("seminar/segment", course / "my.csv")
    with pytest.raises(OptionError, match="data/digits is image and serves"):
        open_homework("seminar/segment", test_set="data/digits")


@pytest.mark.parametrize(
    ("task", "body", "said"),
    [
        ("embed", b"", "not those of the homework's samples"),
        ("embed", bytes(12), "not those of the homework's samples"),
        ("embed", np.array([1, np.nan], np.float32).tobytes(), "NaN"),
        ("segment", bytes(11), "not those of the homework's samples"),
        ("segment", bytes([2] * 10), "labels are not all from 0 to 1"),
        ("detect", b"", "not those of the homework's samples"),
        ("detect", np.array([-1, 1], np.int32).tobytes(), "not those of the homework's samples"),
        ("detect", np.array([2**30, 2**30], np.int32).tobytes(), "not those of the homework's samples"),
        ("detect", np.array([1, 0], np.int32).tobytes() + np.array([0, 0, 9, 9, 0.5, 7], np.float32).tobytes(), "label"),
        ("detect", np.array([1, 0], np.int32).tobytes() + np.array([0, 0, 9, 9, 2.0, 1], np.float32).tobytes(), "score"),
        ("detect", np.array([1, 0], np.int32).tobytes() + np.full(6, np.inf, np.float32).tobytes(), "infinity"),
    ],
)
def test_bytes_that_are_no_predictions_are_refused(task: str, body: bytes, said: str) -> None:
    with pytest.raises(SubmissionError, match=said):
        unpack(task, body, ["a", "b"], [(2, 3), (2, 2)], 2)


def test_what_is_packed_comes_back() -> None:
    vectors = [torch.rand(2, 3), torch.rand(1, 3)]
    assert torch.equal(unpack("embed", pack("embed", vectors), "abc", [], 0), torch.cat(vectors))
    maps = [[torch.tensor([[0, 1], [1, 1]], dtype=torch.uint8)], [torch.tensor([[1, 0, 0]], dtype=torch.uint8)]]
    back = unpack("segment", pack("segment", maps), "ab", [(2, 2), (1, 3)], 2)
    assert all(torch.equal(one, [*maps[0], *maps[1]][at]) for at, one in enumerate(back))
