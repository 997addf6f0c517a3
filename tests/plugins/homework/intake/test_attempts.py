"""Who handed in what: which zips and folders are a class, what counts of what a student handed in, and whose it is."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock
from hostile import Answers

from zoo.errors import DataError
from zoo.home import zoo_home
from zoo_homework.grades.classroom import grade_class, write_class
from zoo_homework.grades.gradebook import make_entries
from zoo_homework.grades.grading import Graded
from zoo_homework.homework import Homework
from zoo_homework.intake import unpacking
from zoo_homework.intake.attempts import Attempt, collect
from zoo_homework.statuses import Status

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names, depths or pipes")


def put(folder: Path, *names: str, content: str = "x") -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def zipped(path: Path, *names: str, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


def status(attempt: Attempt) -> str:
    return str(attempt.problem[0]) if attempt.problem else "fine"


def found(
    homework: Homework, work: Path, *paths: Path, manifest: Path | None = None, allow_code: bool = False
) -> list[tuple[str, str, str]]:
    """Student, name and status of every attempt."""
    attempts = collect(paths, homework.spec, work, manifest, allow_code)
    return [(one.student, one.name, status(one)) for one in attempts]


def test_a_zip_among_several_paths_or_beside_a_manifest_is_one_students(hw2: Homework, tmp_path: Path, work: Path) -> None:
    mallory = zipped(tmp_path / "class/mallory.zip", "alice/my.csv", "bob/my.csv")
    put(tmp_path / "class", "alice.csv")
    (tmp_path / "m.csv").write_text("student,file\nalice,class/alice.csv\n")
    expected = [("alice", "alice.csv", "fine"), ("mallory", "mallory.zip", "bad-format")]
    assert found(hw2, work, tmp_path / "class") == expected
    assert found(hw2, work, *(tmp_path / "class").iterdir()) == expected
    beside = found(hw2, work, mallory, manifest=tmp_path / "m.csv")
    assert beside == [("alice", "class/alice.csv", "fine"), ("mallory", "mallory.zip", "bad-format")]
    assert [one[0] for one in found(hw2, work, mallory)] == ["alice", "bob"]


def test_folders_given_one_by_one_are_one_students_each(hw2: Homework, tmp_path: Path, work: Path) -> None:
    put(tmp_path / "class", "ada/draft/my.csv", "ada/final/my.csv", "mallory/ada/my.csv", "__pycache__/x.csv")
    expected = [
        ("ada", "ada/draft/my.csv", "fine"),
        ("ada", "ada/final/my.csv", "fine"),
        ("mallory", "mallory/ada/my.csv", "fine"),
    ]
    assert sorted(found(hw2, work, tmp_path / "class")) == expected
    assert sorted(found(hw2, work, *(tmp_path / "class").iterdir())) == expected


CASES: list[tuple[list[str], bool, list[tuple[str, str]]]] = [
    (["my.csv", "predict.py"], False, [("my.csv", "fine")]),
    (["my.csv", "predict.py"], True, [("", "fine")]),
    (["my.csv", "code/predict.py", "code/net.py", "code/train.csv"], True, [("code", "fine"), ("my.csv", "fine")]),
    (["my.csv", "train.py", "report.pdf", "model.pkl", "figures/1.png"], True, [("my.csv", "fine")]),
    (["my.csv", ".git/config", ".ipynb_checkpoints/my.csv", "__MACOSX/my.csv", "._my.csv"], False, [("my.csv", "fine")]),
    (["deep/er/my.csv", "empty/.keep"], False, [("deep/er/my.csv", "fine")]),
    (["model.py", "report.pdf"], True, [("model.py", "fine")]),
    (["predict.py", "readme.md", "net.py"], False, [("", "fine")]),  # a program, which grading refuses
    (["model.pkl", "report.pdf"], False, [("model.pkl", "pickle-refused")]),
    (["report.pdf"], False, [("report.pdf", "bad-format")]),
    ([".DS_Store", "figures/.keep"], False, [("", "missing")]),
    (["a/predict.py", "b/predict.py"], True, [("a", "fine"), ("b", "fine")]),
]


@pytest.mark.parametrize(("names", "allow_code", "expected"), CASES)
def test_what_counts_in_a_students_folder(
    names: Sequence[str], allow_code: bool, expected: list[tuple[str, str]], hw2: Homework, tmp_path: Path, work: Path
) -> None:
    put(tmp_path / "class/ada", *names)
    names_and_statuses = [("ada", f"ada/{name}" if name else "ada", told) for name, told in expected]
    assert sorted(found(hw2, work, tmp_path / "class", allow_code=allow_code)) == names_and_statuses


@pytest.mark.parametrize(("names", "allow_code", "expected"), CASES)
def test_what_counts_in_a_students_zip_is_the_same_but_must_be_one(
    names: Sequence[str], allow_code: bool, expected: list[tuple[str, str]], hw2: Homework, tmp_path: Path, work: Path
) -> None:
    zipped(tmp_path / "class/ada.zip", *names)
    (attempt,) = collect([tmp_path / "class"], hw2.spec, work, None, allow_code)
    if len(expected) == 1 and expected[0][1] != "missing":
        ((name, told),) = expected
        assert (attempt.name, status(attempt)) == ("ada.zip", told)
        assert attempt.path is not None
        assert attempt.path.as_posix().endswith(f"/{name}" if name else attempt.sha256)
    else:
        assert status(attempt) == "bad-format"


def test_a_zip_of_two_programs_names_both_and_takes_none(hw2: Homework, tmp_path: Path, work: Path) -> None:
    zipped(tmp_path / "ada.zip", "old/predict.py", "new/predict.py", "notes.txt")
    (attempt,) = collect([tmp_path / "ada.zip"], hw2.spec, work, None, True)
    assert attempt.problem == (
        Status.BAD_FORMAT,
        "the zip holds 2 submissions, expected is one: new/predict.py, old/predict.py",
    )


def test_a_zip_of_nothing_to_grade_is_a_companion(hw2: Homework, tmp_path: Path, work: Path) -> None:
    zipped(tmp_path / "class/ada/figures.zip", "1.png", "2.png")
    zipped(tmp_path / "class/bob/figures.zip", "1.png")
    put(tmp_path / "class", "ada/my.csv")
    expected = [("ada", "ada/my.csv", "fine"), ("bob", "bob/figures.zip", "bad-format")]
    assert found(hw2, work, tmp_path / "class") == expected


def test_a_kind_that_the_homework_does_not_take_is_a_companion(hw2: Homework, tmp_path: Path, work: Path) -> None:
    spec = hw2.spec.model_copy(update={"accepts": ("predictions",)})
    put(tmp_path / "class", "ada/my.csv", "ada/my.onnx", "bob/my.onnx")
    told = [(one.name, status(one)) for one in collect([tmp_path / "class"], spec, work)]
    assert told == [("ada/my.csv", "fine"), ("bob/my.onnx", "not-accepted")]


def test_companions_cost_nobody_points(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    put(tmp_path / "class", "ada/my.csv", content=answers.csv(answers.labels(5)))
    put(tmp_path / "class", "ada/predict.py", "ada/figures/1.png", "ada/.git/config")
    last = hw2.spec.model_copy(update={"attempts": "last", "max_attempts": 1})
    (entry,) = grade_class(Homework(**{**vars(hw2), "spec": last}), [tmp_path / "class"]).entries
    assert (entry.counted.attempt.name, entry.points, entry.counted.message) == ("ada/my.csv", 100, "")


@LINUX
def test_names_that_cannot_be_printed_stop_nobody(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    folder, good = tmp_path / "class", answers.csv(answers.labels(5))
    put(folder, "ada.csv", "bob\x1b[2J\nx/my.csv", content=good)
    put(folder, os.fsdecode(b"c\xff/my\xff.csv"), os.fsdecode(b"dan/a.\xff\x1b"), content=good)
    graded = grade_class(hw2, [folder], roster=["e\x1b"])
    write_class(graded, tmp_path / "grades")
    names = [entry.student for entry in graded.entries]
    assert names == ["ada", "bob\\x1b[2J\\nx", "c\\xff", "dan", "e\\x1b"]
    assert [entry.points for entry in graded.entries] == [100, 100, 100, 0, 0]
    assert all(text.isprintable() for entry in graded.entries for text in (entry.counted.attempt.name, entry.counted.message))


@LINUX
def test_nesting_without_end_stops_nobody(hw2: Homework, tmp_path: Path, work: Path) -> None:
    put(tmp_path / "class", "ada/predict.py", "bob/my.csv", "cyd/my.csv")
    for student in ("ada", "bob"):
        for depth in range(1, 1200):
            (tmp_path / "class" / student / ("d/" * depth)).mkdir()
    told = found(hw2, work, tmp_path / "class", allow_code=True)
    subprocess.run(["rm", "-r", str(tmp_path / "class")], check=True)  # shutil.rmtree cannot
    assert told == [("ada", "ada", "bad-format"), ("bob", "bob/my.csv", "fine"), ("cyd", "cyd/my.csv", "fine")]


@LINUX
def test_a_pipe_by_the_name_of_a_zip_blocks_nobody(hw2: Homework, tmp_path: Path, work: Path) -> None:
    os.mkfifo(tmp_path / "bob.zip")
    (tmp_path / "ada.zip").symlink_to(zipped(tmp_path / "all", "ada/my.csv", "bob/my.csv"))
    for name in ("ada", "bob"):
        assert found(hw2, work, tmp_path / f"{name}.zip") == [(name, f"{name}.zip", "not-a-file")]


def test_whatever_happens_to_an_attempt_stays_with_it(
    hw2: Homework, tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo_homework.intake import attempts

    def fails(path: Path, parts: Sequence[Path]) -> str:
        if "bob" in path.name:
            raise RecursionError
        return "1"

    monkeypatch.setattr(attempts, "_hash", fails)
    put(tmp_path / "class", "ada.csv", "bob.csv")
    assert [one[2] for one in found(hw2, work, tmp_path / "class")] == ["fine", "grader-error"]


def test_an_odd_member_of_an_lms_zip_is_its_students_alone(
    hw2: Homework, tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MOST_FILES", 5)
    names = ["hw2/ada/my.csv", "hw2/ada/a: report.pdf", "hw2/bob/my:run.csv", "hw2/cyd/../../../c.csv", "hw2/.git/a:b"]
    names += ["hw2/dan/predict.py", "hw2/dan/data/a\\b", *(f"hw2/eve/{n}.csv" for n in range(6)), "__MACOSX/hw2/x:y"]
    zipped(tmp_path / "all.zip", *names)
    assert found(hw2, work, tmp_path / "all.zip", allow_code=True) == [
        ("ada", "ada/my.csv", "fine"),
        ("bob", "bob/my:run.csv", "unsafe-archive"),
        ("cyd", "cyd/../../../c.csv", "unsafe-archive"),
        ("dan", "dan", "unsafe-archive"),  # a program that lacks a file is not run without it
        ("eve", "eve/0.csv", "unsafe-archive"),
    ]
    assert not list(tmp_path.rglob("c.csv"))


def test_what_was_refused_of_an_lms_zip_has_its_time(hw2: Homework, tmp_path: Path, work: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for hour, name in enumerate(("ada/1.csv", "ada/my:2.csv", "ada/3.csv", "bob/1.csv")):
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 24, hour, 0, 0)), "x")
    attempts = collect([tmp_path / "all.zip"], hw2.spec, work)
    assert [one.name for one in attempts] == ["ada/1.csv", "ada/my:2.csv", "ada/3.csv", "bob/1.csv"]
    assert [one.submitted for one in attempts] == [datetime(2026, 11, 24, hour).astimezone() for hour in range(4)]


MOODLE = "Anna Schmidt_12345_assignsubmission_file_"


@pytest.mark.parametrize("is_zip", [False, True])
def test_moodles_flat_download_is_understood(is_zip: bool, hw2: Homework, tmp_path: Path, work: Path) -> None:
    names = [f"{MOODLE}my.csv", f"{MOODLE}second.csv", f"{MOODLE}net.py", "Bob_7_assignsubmission_file_predict.py"]
    names.append("Anna Schmidt_12345_assignsubmission_onlinetext_onlinetext.html")
    path = zipped(tmp_path / "all.zip", *names) if is_zip else put(tmp_path / "all", *names)
    told = found(hw2, work, path, allow_code=True)
    assert sorted(told) == [
        ("Anna Schmidt_12345", f"{MOODLE}my.csv", "fine"),
        ("Anna Schmidt_12345", f"{MOODLE}second.csv", "fine"),
        ("Bob_7", "Bob_7_assignsubmission_file_predict.py", "fine"),
    ]
    if not is_zip:
        assert found(hw2, work, *path.iterdir(), allow_code=True) == told


def test_canvas_says_what_is_late(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    put(tmp_path / "class", "adalovelace_LATE_1_2_my.csv", "smithbob_3_4_my.csv", content=answers.csv(answers.labels(5)))
    graded = grade_class(hw2, [tmp_path / "class"])
    assert [(entry.student, entry.late) for entry in graded.entries] == [("adalovelace", True), ("smithbob", False)]


def test_a_program_is_as_late_as_its_last_file_and_not_as_its_folder(hw2: Homework, tmp_path: Path, work: Path) -> None:
    put(tmp_path / "class/ada", "predict.py", "net.py")
    for name, when in (("predict.py", 1000), ("net.py", 2000)):
        os.utime(tmp_path / "class/ada" / name, (when, when))
    (attempt,) = collect([tmp_path / "class"], hw2.spec, work, None, True)
    assert attempt.submitted == datetime.fromtimestamp(2000, UTC)


def entries(roster: Sequence[str], *students: str) -> list[str]:
    from zoo_homework.homework import homework_specs

    spec = homework_specs()[0]
    graded = [Graded(Attempt(student, "my.csv", None), Status.EMPTY) for student in students]
    return [entry.student for entry in make_entries(graded, spec, roster)]


def test_a_line_of_the_roster_is_moodles_student_of_that_name_where_one_fits() -> None:
    assert entries(["Anna  Schmidt", "Bob"], "Anna Schmidt_12345") == ["Anna Schmidt_12345", "Bob"]
    assert entries(["Anna", "Anna"], "Anna_1", "Anna_2") == ["Anna_1", "Anna_2"]
    assert entries(["Anna"], "Anna_1", "Anna_2") == ["Anna", "Anna_1", "Anna_2"]
    assert entries(["bob", "bob_2"], "bob_2") == ["bob", "bob_2"]
    assert entries(["Zoe\u0308"], "Zo\u00eb_1") == ["Zo\u00eb_1"]


def test_a_manifest_is_read_leniently(hw2: Homework, tmp_path: Path, work: Path) -> None:
    put(tmp_path, "1.csv", "2.csv", "ada/my.csv", "ada/report.pdf")
    rows = ["Student ;FILE; Submitted", " ada ;1.csv;2026-11-24", "ada;2.csv;2026-11-24T18:00", "", "ada;ada", ";;", "bob"]
    os.utime(tmp_path / "ada/my.csv", (0, 0))
    (tmp_path / "m.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    attempts = collect([], hw2.spec, work, tmp_path / "m.csv")
    assert [(one.student, one.name, status(one)) for one in attempts] == [
        ("ada", "ada/my.csv", "fine"),
        ("ada", "1.csv", "fine"),
        ("ada", "2.csv", "fine"),
        ("bob", "", "missing"),
    ]
    assert [one.submitted for one in attempts[1:3]] == [datetime(2026, 11, 24, hour).astimezone() for hour in (0, 18)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("ada,a\0.csv,", "row 2 of .* is no path"),
        ("ada,a.csv,\n,b.csv,", "row 3 of .* names no student"),
        ("ada,a.csv,soon", "row 2 of .*'soon' is no time"),
        ("ada,a,b.csv,,", "row 2 of .* has 5 fields, the first row 3"),
        (",,", "no rows"),
        ('"ada', "cannot read"),
    ],
)
def test_what_cannot_be_understood_of_a_manifest_names_the_row(
    rows: str, said: str, hw2: Homework, tmp_path: Path, work: Path
) -> None:
    (tmp_path / "m.csv").write_text(f"student,file,submitted\n{rows}\n")
    with pytest.raises(DataError, match=said):
        collect([], hw2.spec, work, tmp_path / "m.csv")


def test_grades_that_lie_beside_the_submissions_are_no_student(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    put(tmp_path / "class", "ada.csv", content=answers.csv(answers.labels(5)))
    for _ in range(2):
        graded = grade_class(hw2, [tmp_path / "class"])
        write_class(graded, tmp_path / "class/grades-hw2")
        assert [entry.student for entry in graded.entries] == ["ada"]
    graded = grade_class(hw2, list((tmp_path / "class").iterdir()))
    assert [entry.student for entry in graded.entries] == ["ada"]


def test_graders_at_one_time_unpack_apart_and_leave_nothing(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    zipped(tmp_path / "class/ada.zip", "my.csv", content=answers.csv(answers.labels(5)))
    zipped(tmp_path / "class/bob.zip", "../my.csv")
    state = zoo_home() / "homework/homework-hw2"
    abandoned = put(state, "zoo-grade-killed/unpacked/1/my.csv", "zoo-grade-running/unpacked/1/my.csv")
    with FileLock(state / "zoo-grade-running/lock"):
        for name in ("killed", "running"):
            os.utime(abandoned / f"zoo-grade-{name}", (0, 0))
        with ThreadPoolExecutor(4) as pool:
            for graded in pool.map(lambda _: grade_class(hw2, [tmp_path / "class"]), range(4)):
                assert [str(entry.counted.status) for entry in graded.entries] == ["graded", "unsafe-archive"]
    assert sorted(path.name for path in state.iterdir()) == ["outcomes", "zoo-grade-running"]
