"""Grading by an engine: the same grades, and a worker that dies costs at most the attempt that it died of."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hostile import KINDS, Answers

from zoo.engines import Done, Job, Place, Task, TaskDiedError
from zoo.errors import OptionError, RunError
from zoo_homework.grades import mapping
from zoo_homework.grades.classroom import grade_class
from zoo_homework.grades.grading import Graded, GradingOptions
from zoo_homework.homework import Homework
from zoo_homework.sandbox import launching

HANDED_IN = ("good-labels", "good-code", "nan", "pickled-array", "reads-labels")


def handed_in(folder: Path, answers: Answers) -> Path:
    for kind in HANDED_IN:
        (folder / kind).mkdir(parents=True)
        KINDS[kind][0](folder / kind, answers)
    return folder


def told(homework: Homework, folder: Path, options: GradingOptions) -> dict[str, tuple[Any, ...]]:
    entries = grade_class(homework, [folder], options=options).entries
    return {entry.student: (entry.counted.status, entry.counted.message, entry.counted.grade) for entry in entries}


def test_processes_grade_as_this_one_does(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    if why := launching.why_not_isolated():
        pytest.skip(f"this machine cannot isolate programs: {why}")
    folder = handed_in(tmp_path / "class", answers)
    limits = hw2.spec.limits.model_copy(update={"wall_seconds": 60.0})
    own = replace(hw2, spec=hw2.spec.model_copy(update={"limits": limits}))
    here = told(own, folder, GradingOptions(allow_code=True))
    assert {status for status, *_ in here.values()} == {"graded", "not-finite", "pickle-refused"}
    assert told(own, folder, GradingOptions(allow_code=True, engine="local:2", fresh=True)) == here


def test_jobs_and_an_engine_that_says_how_many_are_refused_together() -> None:
    with pytest.raises(OptionError, match="`jobs` is not for engine local:2"):
        GradingOptions(jobs=2, engine="local:2")
    with pytest.raises(OptionError, match="no engine"):
        GradingOptions(engine="slurm")


class Dying:
    """An engine whose workers die of one of the tasks."""

    def __init__(self, deadly: int) -> None:
        self.deadly = deadly

    def map(self, job: Job, tasks: Iterator[Task], total: int) -> Iterator[Done]:
        for task in tasks:
            if task.number == self.deadly:
                raise TaskDiedError(task.number, 3, "was killed by SIGKILL")
            yield Done(task.number, Graded(task.note, mapping.Status.MISSING))


def test_an_attempt_that_kills_its_graders_costs_no_other(
    hw2: Homework, answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def dying(text: str) -> Iterator[Dying]:
        yield Dying(2)

    monkeypatch.setattr(mapping, "one_engine", dying)
    found = told(hw2, handed_in(tmp_path / "class", answers), GradingOptions(engine="local:2"))
    assert sorted(status for status, *_ in found.values()) == ["grader-error", *["missing"] * 4]
    assert any("the grader was killed by SIGKILL, 3 times" in message for _, message, _ in found.values())


def test_a_worker_that_has_another_homework_or_another_disk_refuses(
    hw2: Homework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = hw2.spec, None, None
    other = mapping.Told(*asked, "another key", tmp_path, tmp_path, GradingOptions(), [])
    with pytest.raises(RunError, match="has another homework/hw2"):
        mapping.begin(pickle.dumps(other), Place(0, 1, 1))
    apart = mapping.Told(*asked, mapping.homework_key(hw2), tmp_path / "absent", tmp_path, GradingOptions(), [])
    with pytest.raises(RunError, match="does not see"):
        mapping.begin(pickle.dumps(apart), Place(0, 1, 1))
