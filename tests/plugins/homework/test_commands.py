"""`zoo grade` and `zoo homework` at the command line, and a homework that another plugin defines."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.errors import OptionError, StoreError, ZooError
from zoo_homework import commands
from zoo_homework.grades.classroom import grade_class
from zoo_homework.homework import open_homework
from zoo_homework.student import check_file, export_run, write_split

THIRD = """
from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec
from zoo_homework.specs import HomeworkLimits, HomeworkSpec

@hookimpl
def zoo_benchmarks():
    return [BenchmarkSpec(
        name="hw3", summary="Digits.", task="classify", modality="image", dataset="data/digits",
        metrics=("accuracy", "accuracy:k=2", "confusion"), pass_mark="accuracy > 0.95",
    )]

@hookimpl
def zoo_homeworks():
    return [HomeworkSpec(
        name="hw3", summary="Read digits.", benchmark="hw3", accepts=("predictions",), points=7.5,
        limits=HomeworkLimits(file_bytes=100_000), due="2026-12-01T18:00:00+01:00", attempts="last",
    )]
"""


def zoo_command(*arguments: str, cwd: Path, path: Path | None = None) -> tuple[int, str, str]:
    env = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    ran = subprocess.run([sys.executable, "-m", "zoo_cli", *arguments], capture_output=True, text=True, cwd=cwd, env=env)
    return ran.returncode, ran.stdout, ran.stderr


def test_a_run_is_exported_graded_and_scores_the_same_to_the_last_digit(tmp_path: Path) -> None:
    record = zoo.evaluate("sequence/ngram-bag", "hw2")
    assert record.passed
    for name in ("my.csv", "my.parquet"):
        assert export_run(record.run_id, tmp_path / name) == 1114
        (entry,) = grade_class(open_homework("hw2"), [tmp_path / name]).entries
        assert entry.counted.grade is not None, f"{entry.counted.status}: {entry.counted.message}"
        assert entry.points == 100
        assert {r.metric: (r.value, r.ci_low, r.detail) for r in entry.counted.grade.results} == {
            r.metric: (r.value, r.ci_low, r.detail) for r in record.results
        }


def test_a_home_that_cannot_be_written_is_told_of_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "my.csv").write_text("id,label\n")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"cannot work below .*: Not a directory"):
        grade_class(open_homework("hw2"), [tmp_path / "my.csv"])


def test_one_command_grades_and_its_exit_code_says_whether_it_passed(tmp_path: Path) -> None:
    homework = open_homework("hw2")
    rows = "".join(f"{name},{homework.classes[label]}\n" for name, label in zip(homework.ids, homework.targets, strict=True))
    (tmp_path / "ada.csv").write_text(f"id,label\n{rows}")
    (tmp_path / "bob.csv").write_text("id,label\n")
    code, out, err = zoo_command("grade", "hw2", "ada.csv", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert "1.0000" in out
    assert "labels of this test set are public" in out
    code, out, _ = zoo_command("grade", "hw2", "bob.csv", cwd=tmp_path)
    assert code == 1
    assert "bad-ids" in out
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "zoo-home") == ["ada.csv", "bob.csv"]
    code, out, _ = zoo_command("grade", "hw2", "ada.csv", "bob.csv", "--json", "--gradescope", cwd=tmp_path)
    told = json.loads(out)
    assert (code, told["points"]) == (0, {"ada": 100.0, "bob": 0.0})
    assert json.loads((tmp_path / "grades-hw2/gradescope/ada.json").read_text())["score"] == 100


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("grade", "hw9", "x.csv"), "hw9"),
        (("grade", "hw2"), "nothing to grade"),
        (("grade", "hw2", "nowhere.csv"), "there is no nowhere.csv"),
        (("grade", "hw2", "nowhere.csv", "--due", "soon"), "'soon' is no time"),
        (("grade", "hw2", "nowhere.csv", "--test-set", "nowhere.csv"), "cannot read the test set"),
        (("grade", "hw2", "nowhere.csv", "--test-set", ""), "`test_set` is empty"),
        (("grade", "hw2", "nowhere.csv", "--due", "0001-01-01"), "'0001-01-01' is no time"),
        (("homework", "check", "hw2", "nowhere.csv"), "there is no file"),
        (("homework", "export", "nothing", "--output", "x.csv"), "there is no run"),
        (("homework", "export", "nothing", "--output", "x.txt"), "x.txt"),
    ],
)
def test_mistakes_end_in_an_error_that_says_what_is_wrong(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = {"grade": commands.grade, "homework": commands.homework}[arguments[0]]
    with pytest.raises(ZooError, match=said):
        command.main(list(arguments[1:]), standalone_mode=False)
    assert [path.name for path in tmp_path.iterdir() if path.name != "zoo-home"] == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-11-24", "2026-11-24 23:59:59-04:00"),
        ("2026-07-24", "2026-07-24 23:59:59-03:00"),
        ("2026-11-24T18:00", "2026-11-24 18:00:00-04:00"),
        ("2026-11-24T18:00:00+01:00", "2026-11-24 18:00:00+01:00"),
        ("2026-11-24T18:00Z", "2026-11-24 18:00:00+00:00"),
    ],
)
def test_a_day_is_due_at_its_end_and_a_time_without_an_offset_is_this_machines(
    given: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TZ", "XST4XDT")
    time.tzset()
    try:
        (tmp_path / "names.txt").write_text("ada\n")
        output = str(tmp_path / "out")
        arguments = ["hw2", "--roster", str(tmp_path / "names.txt"), "--due", given, "--output", output]
        commands.grade.main(arguments, standalone_mode=False)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert f"due {shown}\n" in capsys.readouterr().out
    assert f"Due {shown}." in (tmp_path / "out/overview.html").read_text()


def test_where_this_machine_fails_the_exit_code_and_stderr_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("zoo_homework.sandbox.launching.why_not_isolated", lambda: "no namespaces here")
    for name in ("ada", "bob"):
        (tmp_path / f"{name}.onnx").write_bytes(b"x")
    (tmp_path / "cyd.csv").write_text("id,label\n")
    files = [str(tmp_path / name) for name in ("ada.onnx", "bob.onnx", "cyd.csv")]
    assert commands.grade.main(["hw2", *files, "--output", str(tmp_path / "out")], standalone_mode=False) == 2
    said = capsys.readouterr()
    assert said.err.startswith(
        "2 students could not be graded because of this machine; the first, ada: not the submission's fault"
    )
    assert "no namespaces here" in said.err
    assert "Traceback" not in said.err


def test_a_long_name_leaves_the_table_its_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "names.txt").write_text("a" * 200 + "\nb\n")
    commands.grade.main(
        ["hw2", "--roster", str(tmp_path / "names.txt"), "--output", str(tmp_path / "out")], standalone_mode=False
    )
    rows = [line for line in capsys.readouterr().out.splitlines() if "missing" in line]
    assert [row.index("missing") for row in rows] == [44, 44]


def test_homeworks_are_listed_with_what_they_ask_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    commands.homework.main(["list"], standalone_mode=False)
    hw1, hw2 = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert (hw1[0], hw2[0]) == ("homework/hw1", "homework/hw2")
    assert hw2[2:5] == ["f1:positive=spam > 0.9", "100", "-"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    commands.homework.main(["list"], standalone_mode=False)
    head, *lines = capsys.readouterr().out.splitlines()
    assert {line.index("100") for line in lines} == {head.index("points")}


def test_check_takes_predictions_alone(tmp_path: Path) -> None:
    for name in ("my.zip", "my.onnx"):
        (tmp_path / name).write_bytes(b"PK")
        with pytest.raises(OptionError, match=f"{name} is no file of predictions") as caught:
            check_file("hw2", tmp_path / name)
        assert "check takes only those" in caught.value.hint


def test_a_student_checks_format_and_validation_score_without_the_test_labels(tmp_path: Path) -> None:
    for split in ("validation", "test"):
        count, title = write_split("hw2", split, tmp_path / f"{split}.csv")
        assert title == f"{split} split"
        rows = list(csv.DictReader((tmp_path / f"{split}.csv").read_text().splitlines()))
        assert len(rows) == count
        assert set(rows[0]) == {"id", "text"}
    train = zoo.dataset("sms-spam", "train")
    truth = dict(zip(train.ids, train.targets, strict=True))
    ids = [row["id"] for row in csv.DictReader((tmp_path / "validation.csv").read_text().splitlines())]
    (tmp_path / "my.csv").write_text("id,label\n" + "".join(f"{name},{truth[name]}\n" for name in ids))
    found = check_file("hw2", tmp_path / "my.csv")
    assert (found.ok, found.split, found.results[0].value, found.results[0].n) == (True, "validation", 1.0, len(ids))
    test_ids = [row["id"] for row in csv.DictReader((tmp_path / "test.csv").read_text().splitlines())]
    (tmp_path / "my.csv").write_text("id,label\n" + "".join(f"{name},0\n" for name in test_ids))
    found = check_file("hw2", tmp_path / "my.csv")
    assert (found.ok, found.split, found.results) == (True, "test", ())
    (tmp_path / "my.csv").write_text("id,label\n" + "".join(f"{name},0\n" for name in test_ids[1:]))
    found = check_file("hw2", tmp_path / "my.csv")
    assert (found.ok, str(found.status)) == (False, "bad-ids")
    assert "1 missing" in found.message


@pytest.mark.parametrize(
    ("header", "label", "left_out", "said"),
    [
        ("id,label", "ham", 3, r"the ids are not those of the validation split: 3 missing \(\S+, \S+, \S+\)$"),
        ("id,label", "eggs", 0, "label 'eggs' is none of the classes ham, spam"),
        ("id,guess", "ham", 0, "neither a column 'label'"),
        ("name,label", "ham", 0, "no column 'id'"),
    ],
)
def test_a_student_is_told_the_mistake_of_the_split_that_the_file_is_of(
    header: str, label: str, left_out: int, said: str, tmp_path: Path
) -> None:
    write_split("hw2", "validation", tmp_path / "validation.csv")
    ids = [row["id"] for row in csv.DictReader((tmp_path / "validation.csv").read_text().splitlines())][left_out:]
    (tmp_path / "my.csv").write_text("\n".join([header, *(f"{name},{label}" for name in ids)]))
    found = check_file("hw2", tmp_path / "my.csv")
    assert not found.ok
    assert re.search(said, found.message), found.message


def test_an_array_is_of_the_split_that_has_as_many_samples(tmp_path: Path) -> None:
    count, _ = write_split("hw2", "validation", tmp_path / "validation.csv")
    np.save(tmp_path / "my.npy", np.zeros(count, dtype=int))
    assert check_file("hw2", tmp_path / "my.npy").split == "validation"
    np.save(tmp_path / "my.npy", np.zeros(count + 1, dtype=int))
    assert "the test split has 1114 samples" in check_file("hw2", tmp_path / "my.npy").message


def test_the_instructors_own_set_is_what_inputs_and_check_are_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, out = tmp_path / "own.csv", tmp_path / "inputs.csv"
    own.write_text("id,text,label\na,hello,ham\nb,WIN CASH,spam\n")
    assert write_split("hw2", "test", out, test_set=f"csv:{own}") == (2, f"test set csv:{own}")
    assert out.read_text() == "id,text\na,hello\nb,WIN CASH\n"
    (tmp_path / "my.csv").write_text("id,label\na,ham\nb,ham\n")
    assert check_file("hw2", tmp_path / "my.csv").status == "bad-ids"
    own.write_text("id;label\na;0\nb;1\n")
    monkeypatch.setenv("ZOO_TEST_SET_HW2", str(own))
    found = check_file("hw2", tmp_path / "my.csv")
    assert (found.ok, found.split, found.results) == (True, "test", ())
    assert f"the 2 samples of the test set {own}" in found.message
    write_split("hw2", "test", out)
    assert out.read_text() == "id\na\nb\n"


@pytest.mark.slow
def test_another_plugin_defines_a_homework_in_a_few_lines(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "third-1.0.dist-info").mkdir(parents=True)
    (site / "third_homework.py").write_text(THIRD)
    (site / "third-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: third\nVersion: 1.0\n")
    (site / "third-1.0.dist-info/entry_points.txt").write_text("[zoo]\nthird = third_homework\n")
    digits = zoo.dataset("digits", "test")
    for student, missed in (("ada", 18), ("bob", 0)):
        labels = [(target + (row < missed)) % 10 for row, target in enumerate(digits.targets)]
        rows = [f"{name},{label}" for name, label in zip(digits.ids, labels, strict=True)]
        (tmp_path / f"{student}.csv").write_text("\n".join(["id,label", *rows]))
    (tmp_path / "cyd.onnx").write_bytes(b"x")
    (tmp_path / "dan.csv").write_text("x" * 100_001)
    arguments = ("grade", "hw3", "ada.csv", "bob.csv", "cyd.onnx", "dan.csv", "--json")
    code, out, err = zoo_command(*arguments, cwd=tmp_path, path=site)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["points"] == {"ada": 0.0, "bob": 7.5, "cyd": 0.0, "dan": 0.0}
    found: dict[str, Any] = {attempt["student"]: attempt for attempt in told["attempts"]}
    assert found["ada"]["score"] == 0.95  # which does not exceed the mark
    assert (found["cyd"]["status"], found["dan"]["status"]) == ("not-accepted", "too-large")
    assert told["homework"]["name"] == "third/hw3"
    assert "third/hw3" in zoo_command("homework", "list", cwd=tmp_path, path=site)[1]
