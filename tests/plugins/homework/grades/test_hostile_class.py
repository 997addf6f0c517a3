"""A class of generated submissions, most of which attack the grader: each gets its status, and nobody else notices."""

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hostile import KINDS, ONE_OF_EACH, PASS, Answers, snapshot, write_class

from zoo_homework.sandbox import launching

from zoo_homework.grades.classroom import grade_class, write_class as write_grades  # isort: skip
from zoo_homework.grades.grading import GradingOptions
from zoo_homework.homework import Homework


@pytest.fixture
def isolated() -> None:
    if why := launching.why_not_isolated():
        pytest.skip(f"this machine cannot isolate programs: {why}")


def short(homework: Homework) -> Homework:
    """The homework with limits that a test can wait for."""
    limits = homework.spec.limits.model_copy(update={"wall_seconds": 20.0, "cpu_seconds": 6.0, "memory_bytes": 2 << 30})
    return replace(homework, spec=homework.spec.model_copy(update={"limits": limits}))


def check(rows: list[dict[str, str]], kinds: dict[str, str]) -> None:
    wrong = {row["student"]: (row["status"], row["message"]) for row in rows if row["status"] != KINDS[kinds[row["student"]]][1]}
    assert wrong == {}
    passed = {row["student"] for row in rows if row["passed"] == "yes"}
    assert passed == {student for student, kind in kinds.items() if kind in PASS}
    for row in rows:
        assert float(row["points"]) == (100 if row["student"] in passed else 0)
        if kinds[row["student"]] == "borderline":
            assert (row["score"], row["passed"]) == ("0.9", "no")
        if kinds[row["student"]] == "reads-labels":
            assert row["score"] == "0.0"


@pytest.mark.timeout(400)
def test_every_kind_of_attack_gets_its_status_and_touches_nothing(
    hw2: Homework, answers: Answers, tmp_path: Path, isolated: None
) -> None:
    folder = tmp_path / "class"
    kinds = write_class(folder, answers, ONE_OF_EACH, len(ONE_OF_EACH))
    before = snapshot(folder)
    graded = grade_class(short(hw2), [folder], options=GradingOptions(jobs=4, allow_code=True))
    write_grades(graded, tmp_path / "grades")
    rows = list(csv.DictReader((tmp_path / "grades/grades.csv").read_text().splitlines()))
    assert snapshot(folder) == before
    assert not list(tmp_path.rglob("escaped.csv"))
    check(rows, kinds)


def test_programs_are_refused_unless_allowed_and_where_they_cannot_be_isolated(
    hw2: Homework, answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "class/ada"
    folder.mkdir(parents=True)
    KINDS["good-code"][0](folder, answers)
    (entry,) = grade_class(hw2, [tmp_path / "class"]).entries
    assert (entry.counted.status, entry.points) == ("code-refused", 0)
    monkeypatch.setattr(launching, "why_not_isolated", lambda: "no namespaces here")
    (entry,) = grade_class(hw2, [tmp_path / "class"], options=GradingOptions(allow_code=True)).entries
    assert (entry.counted.status, entry.points) == ("not-isolated", 0)
    assert launching.protections() == [launching.PROTECTIONS[2]]


def test_without_isolation_predictions_are_still_graded_within_limits(
    hw2: Homework, answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "why_not_isolated", lambda: "no namespaces here")
    for kind in ("good-labels", "nan", "pickled-array"):
        (tmp_path / "class" / kind).mkdir(parents=True)
        KINDS[kind][0](tmp_path / "class" / kind, answers)
    entries = grade_class(hw2, [tmp_path / "class"]).entries
    assert [str(entry.counted.status) for entry in entries] == ["graded", "not-finite", "pickle-refused"]
    (tmp_path / "insisted/ada").mkdir(parents=True)
    KINDS["good-code"][0](tmp_path / "insisted/ada", answers)
    (entry,) = grade_class(hw2, [tmp_path / "insisted"], options=GradingOptions(allow_code=True, unsafe=True)).entries
    assert str(entry.counted.status) == "graded"


def grade_by_command(folder: Path, output: Path, home: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "zoo_cli", "grade", "hw2", str(folder), "--output", str(output), "--allow-code"]
    env = {**os.environ, "ZOO_HOME": str(home)}
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait(process: "subprocess.Popen[bytes]") -> None:
    _, said = process.communicate()
    assert process.returncode == 0, said


@pytest.mark.timeout(300)
def test_a_grader_killed_half_way_and_started_again_writes_the_same_bytes(
    answers: Answers, tmp_path: Path, isolated: None
) -> None:
    folder = tmp_path / "class"
    some = (
        "good-labels",
        "good-array",
        "nan",
        "pickle",
        "good-code",
        "raises",
        "empty",
        "good-parquet",
        "borderline",
        "double-id",
    )
    for kind in some:
        (folder / kind).mkdir(parents=True)
        KINDS[kind][0](folder / kind, answers)
    wait(grade_by_command(folder, tmp_path / "whole", tmp_path / "home-1"))
    process = grade_by_command(folder, tmp_path / "resumed", tmp_path / "home-2")
    outcomes = tmp_path / "home-2/homework/homework-hw2/outcomes"
    deadline = time.monotonic() + 60
    while len(list(outcomes.glob("*.bin"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    found = {path: path.stat().st_mtime_ns for path in outcomes.glob("*.bin")}
    assert 0 < len(found) < 8
    assert not (tmp_path / "resumed/grades.csv").exists()
    wait(grade_by_command(folder, tmp_path / "resumed", tmp_path / "home-2"))
    assert {path: path.stat().st_mtime_ns for path in found} == found
    for file in (tmp_path / "whole").rglob("*"):
        if file.is_file():
            assert file.read_bytes() == (tmp_path / "resumed" / file.relative_to(tmp_path / "whole")).read_bytes(), file


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_class_of_100_is_graded_by_one_command(answers: Answers, tmp_path: Path, isolated: None) -> None:
    folder = tmp_path / "class"
    kinds = write_class(folder, answers, list(KINDS), 100)
    before = snapshot(folder)
    began = time.perf_counter()
    wait(grade_by_command(folder, tmp_path / "grades", tmp_path / "home"))
    print(f"100 submissions graded in {time.perf_counter() - began:.1f} s")
    assert snapshot(folder) == before
    check(list(csv.DictReader((tmp_path / "grades/grades.csv").read_text().splitlines())), kinds)
