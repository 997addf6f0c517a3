"""A class from what was handed in to the files of grades: who handed in what, which attempt counts, what is written."""

import csv
import json
import os
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hostile import Answers

from zoo.errors import DataError, OptionError
from zoo_homework.grades.classroom import grade_class, write_class
from zoo_homework.grades.gradebook import file_names, gradescope, safe_cell
from zoo_homework.grades.scoring import printable
from zoo_homework.homework import Homework
from zoo_homework.intake.attempts import collect

VISIBILITY = {"hidden", "after_due_date", "after_published", "visible"}
FORMATS = {"text", "html", "simple_format", "md", "ansi"}


def policy(homework: Homework, **changes: Any) -> Homework:
    return replace(homework, spec=homework.spec.model_copy(update=changes))


def hand_in(path: Path, content: str, when: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (when, when))


def students(homework: Homework, *paths: Path, work: Path, manifest: Path | None = None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for attempt in collect(paths, homework.spec, work, manifest):
        found.setdefault(attempt.student, []).append(attempt.name)
    return found


def test_a_folder_holds_a_folder_or_a_file_a_student(hw2: Homework, tmp_path: Path) -> None:
    for name in ("ada/1.csv", "ada/2.csv", "bob.csv", "cyd/predict.py", "cyd/helper.py", "__MACOSX/x.csv"):
        hand_in(tmp_path / "class" / name, "x")
    (tmp_path / "class/dan").mkdir()
    assert students(hw2, tmp_path / "class/cyd", work=tmp_path / "work") == {"cyd": ["cyd"]}
    found = students(hw2, tmp_path / "class", work=tmp_path / "work")
    assert found == {"ada": ["ada/1.csv", "ada/2.csv"], "bob": ["bob.csv"], "cyd": ["cyd"], "dan": ["dan"]}


def test_files_of_one_name_in_several_folders_are_of_several_students(hw2: Homework, tmp_path: Path) -> None:
    names = ("ada/my.csv", "bob/my.csv", "bob/my.npy", "cyd.csv", "dan/predict.py", "eve/predict.py")
    paths = [tmp_path / name for name in names]
    for path in paths:
        hand_in(path, "x")
    found = students(hw2, *paths, work=tmp_path / "work")
    assert found == {
        "ada": ["ada/my.csv"],
        "bob": ["bob/my.csv", "bob/my.npy"],
        "cyd": ["cyd.csv"],
        "dan": ["dan/predict.py"],
        "eve": ["eve/predict.py"],
    }
    assert students(hw2, paths[0], work=tmp_path / "work") == {"my": ["my.csv"]}


def test_folders_given_one_by_one_are_what_the_folder_of_them_is(hw2: Homework, tmp_path: Path) -> None:
    for name in ("ada/1.csv", "ada/2.csv", "bob/1.csv", "cyd.csv", "dan/predict.py", "eve/work/predict.py"):
        hand_in(tmp_path / "class" / name, "x")
    (tmp_path / "class/fay").mkdir()
    together = students(hw2, tmp_path / "class", work=tmp_path / "work")
    assert sorted(together) == ["ada", "bob", "cyd", "dan", "eve", "fay"]
    assert students(hw2, *(tmp_path / "class").iterdir(), work=tmp_path / "work") == together


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (["Ada L_1234_assignsubmission_file_/a.csv", "Bob_99_assignsubmission_file_/b.csv"], ["Ada L_1234", "Bob_99"]),
        (["Ada_1_assignsubmission_file_/a.csv", "Ada_1_assignsubmission_onlinetext_/onlinetext.html"], ["Ada_1"]),
        (["lovelaceada_123_456_a.csv", "smithbob_LATE_124_457_b.csv"], ["lovelaceada", "smithbob"]),
        (["ada/a.csv", "bob/b.csv"], ["ada", "bob"]),
        (["hw2/ada/a.csv", "hw2/bob/b.csv", "__MACOSX/hw2/._x"], ["ada", "bob"]),
    ],
)
def test_the_zip_of_an_lms_is_a_class(members: list[str], expected: list[str], hw2: Homework, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for member in members:
            archive.writestr(member, "id,label\n")
    for _ in range(2):  # the second time it is unpacked already
        found = students(hw2, tmp_path / "all.zip", work=tmp_path / "work")
        assert sorted(found) == expected
        assert all(len(attempts) == 1 for attempts in found.values())


def test_an_lms_zip_that_leads_out_in_nobodys_name_is_refused_whole(hw2: Homework, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("ada/a.csv", "bob/a.csv", "../b.csv"):
            archive.writestr(name, "x")
    with pytest.raises(DataError, match="leads out"):
        collect([tmp_path / "all.zip"], hw2.spec, tmp_path / "work")
    assert not (tmp_path / "b.csv").exists()


def test_a_manifest_maps_students_to_files_and_times(hw2: Homework, tmp_path: Path) -> None:
    hand_in(tmp_path / "files/1.csv", "x")
    (tmp_path / "m.csv").write_text(
        "student,file,submitted\nada,files/1.csv,2026-11-24T18:00:00+01:00\nbob,files/2.csv,\ncyd,,\n", encoding="utf-8"
    )
    ada, bob, cyd = collect([], hw2.spec, tmp_path / "work", tmp_path / "m.csv")
    assert ada.submitted == datetime(2026, 11, 24, 17, tzinfo=UTC)
    assert [one.problem and str(one.problem[0]) for one in (ada, bob, cyd)] == [None, "missing", "missing"]
    (tmp_path / "m.csv").write_text("name,file\nada,1.csv\n")
    with pytest.raises(DataError, match="columns student and file"):
        collect([], hw2.spec, tmp_path / "work", tmp_path / "m.csv")
    with pytest.raises(OptionError, match="there is no"):
        collect([tmp_path / "nowhere"], hw2.spec, tmp_path / "work")


def test_the_policy_says_which_attempt_counts_and_what_is_late(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    for when, missed in ((1000, 14), (2000, 5), (3000, 20), (4000, 1)):
        hand_in(folder / f"ada/{when}.csv", answers.csv(answers.labels(missed)), when)
    due = datetime.fromtimestamp(3500, UTC)
    counted = {}
    for attempts, most in (("best", None), ("last", None), ("first", None), ("best", 1), ("last", 3)):
        homework = policy(hw2, attempts=attempts, max_attempts=most, due=due)
        (entry,) = grade_class(homework, [folder]).entries
        counted[attempts, most] = (entry.counted.attempt.name[4:8], entry.late)
        assert [str(one.status) for one in entry.attempts] == ["graded"] * (most or 4) + ["too-many-attempts"] * (4 - (most or 4))
    assert counted == {
        ("best", None): ("2000", False),  # the better one came late
        ("last", None): ("4000", True),
        ("first", None): ("1000", False),
        ("best", 1): ("1000", False),
        ("last", 3): ("3000", False),
    }


def test_a_report_beside_the_predictions_is_no_attempt_and_several_attempts_say_which_counts(
    hw2: Homework, answers: Answers, tmp_path: Path
) -> None:
    folder = tmp_path / "class"
    hand_in(folder / "ada/my.csv", answers.csv(answers.labels(5)), 1000)
    hand_in(folder / "ada/report.pdf", "%PDF", 2000)
    hand_in(folder / "bob/1.csv", answers.csv(answers.labels(5)), 1000)
    hand_in(folder / "bob/2.csv", answers.csv(answers.labels(7)), 2000)
    hand_in(folder / "cyd/report.pdf", "%PDF")
    ada, bob, cyd = grade_class(policy(hw2, attempts="last"), [folder]).entries
    assert (ada.counted.attempt.name, ada.counted.message, len(ada.attempts)) == ("ada/my.csv", "", 1)
    assert bob.counted.message == "of 2 attempts bob/2.csv counts (last)"
    assert bob.counted in bob.attempts
    assert str(cyd.counted.status) == "bad-format"


def test_ties_are_told_and_count_as_wrong(hw2: Homework, tmp_path: Path) -> None:
    hand_in(tmp_path / "class/ada.csv", "id,ham,spam\n" + "".join(f"{name},0.5,0.5\n" for name in hw2.ids))
    (entry,) = grade_class(hw2, [tmp_path / "class"]).entries
    assert entry.counted.message == "1,114 of its predictions are ties, which count as wrong"
    assert "is 0.0000" in gradescope(entry, hw2)["output"]


def test_a_test_set_on_which_nobody_could_pass_is_refused(answers: Answers, tmp_path: Path) -> None:
    from zoo_homework.homework import open_homework

    (tmp_path / "key.csv").write_text("id,label\na,ham\nb,ham\n")
    hand_in(tmp_path / "class/ada.csv", "id,label\na,ham\nb,ham\n")
    with pytest.raises(DataError, match="no submission can pass") as caught:
        grade_class(open_homework("hw2", test_set=str(tmp_path / "key.csv")), [tmp_path / "class"])
    assert "all of: ham" in str(caught.value.hint)
    (tmp_path / "key.csv").write_text("id,label\na,ham\nb,eggs\n")
    with pytest.raises(DataError, match=r"row 3 of .*key\.csv has a label 'eggs'"):
        open_homework("hw2", test_set=str(tmp_path / "key.csv"))


def test_what_a_killed_grader_left_is_removed_and_what_another_uses_is_not(
    hw2: Homework, answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("killed", "running", "starting"):
        hand_in(tmp_path / f"zoo-grade-{name}/inputs/texts.json", "[]")
    for name in ("killed", "running"):
        os.utime(tmp_path / f"zoo-grade-{name}", (0, 0))
    hand_in(tmp_path / "class/ada.csv", answers.csv(answers.labels(5)))
    with FileLock(tmp_path / "zoo-grade-running/lock"):
        os.utime(tmp_path / "zoo-grade-running", (0, 0))
        grade_class(hw2, [tmp_path / "class"])
    assert sorted(path.name for path in tmp_path.glob("zoo-grade-*")) == ["zoo-grade-running", "zoo-grade-starting"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No such file: '/home/ta/venv/lib/python3/site-packages/zoo_x/data.gz'", "No such file: 'data.gz'"),
        ("File /submission/predict.py, line 3", "File /submission/predict.py, line 3"),
        ("accuracy 1/2 and a/b/c", "accuracy 1/2 and a/b/c"),
    ],
)
def test_no_path_of_this_machine_reaches_a_student(text: str, shown: str) -> None:
    assert printable(text) == shown


class Page(HTMLParser):
    """Tags of a page, which must be balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_what_is_written_is_whole_safe_and_the_same_again(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    folder, evil = tmp_path / "class", "=cmd|' &calc'!A0<script>alert(1)<%script>"
    hand_in(folder / evil / "my.csv", answers.csv(answers.labels(5)))
    hand_in(folder / "bob/my.csv", answers.csv(answers.labels(5)))
    hand_in(folder / "cyd/my.csv", "id,label\n<b>,ham\n")
    for name in ("one", "two"):
        graded = grade_class(hw2, [folder], roster=["bob", "dora"])
        write_class(graded, tmp_path / name, gradescope_too=True)
    files = sorted(str(path.relative_to(tmp_path / "one")) for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert len(files) == 5 + 4 + 4
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
        assert b"<script" not in (tmp_path / "one" / file).read_bytes() or file.endswith((".csv", ".json"))
        if file.endswith(".html"):
            assert Page((tmp_path / "one" / file).read_text()).seen >= {"html", "h1"}
    rows = list(csv.DictReader((tmp_path / "one/grades.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == ["graded", "graded", "bad-ids", "missing"]
    assert rows[0]["student"] == f"'{evil}"
    assert (tmp_path / "one/histogram.png").read_bytes().startswith(b"\x89PNG")
    duplicates = list(csv.DictReader((tmp_path / "one/duplicates.csv").read_text().splitlines()))
    assert [(row["first"], row["second"], row["kind"]) for row in duplicates] == [(f"'{evil}", "bob", "same file")]
    overview = (tmp_path / "one/overview.html").read_text()
    assert "labels of this test set are public" in overview
    assert "4 students, 2 graded, 2 passed" in overview
    manifest = json.loads((tmp_path / "one/manifest.json").read_text())
    assert manifest["test_set"]["samples"] == 1114
    assert {attempt["sha256"] for attempt in manifest["attempts"][:2]} == {rows[0]["sha256"]}
    assert {"deepzoo", "numpy"} <= set(manifest["versions"])


def test_worst_mistakes_are_shown_on_public_labels_and_kept_on_the_instructors_own(
    hw2: Homework, answers: Answers, tmp_path: Path
) -> None:
    hand_in(tmp_path / "class/ada.csv", answers.csv(answers.labels(5)))
    rows = zip(hw2.ids, answers.labels(5), strict=True)
    scores = "id,ham,spam\n" + "".join(f"{name},{0.9 - 0.8 * label},{0.1 + 0.8 * label}\n" for name, label in rows)
    (tmp_path / "hidden.csv").write_text(answers.csv(answers.targets))
    from zoo_homework.homework import open_homework

    for homework, shown in ((hw2, True), (open_homework("hw2", test_set=str(tmp_path / "hidden.csv")), False)):
        write_class(grade_class(homework, [tmp_path / "class"]), tmp_path / "out")
        report = (tmp_path / "out/reports/ada.html").read_text()
        assert ("Mistakes, of 5" in report) == ("The first ones: labels do not say" in report) == shown
        hand_in(tmp_path / "scores/ada.csv", scores)
        write_class(grade_class(homework, [tmp_path / "scores"]), tmp_path / "out")
        assert ("Worst mistakes, of 5" in (tmp_path / "out/reports/ada.html").read_text()) == shown
        assert "Confusion" in report


def test_gradescopes_results_have_its_documented_fields_only(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    """Fields and values of gradescope-autograders.readthedocs.io, "Autograder Specifications"."""
    hand_in(tmp_path / "class/ada.csv", answers.csv(answers.labels(5)))
    hand_in(tmp_path / "class/bob.csv", "")
    top = {"score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility"}
    top |= {"stdout_visibility", "extra_data", "tests", "leaderboard"}
    test = {"score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags", "visibility"}
    for entry, score in zip(grade_class(hw2, [tmp_path / "class"]).entries, (100.0, 0.0), strict=True):
        told = json.loads(json.dumps(gradescope(entry, hw2), allow_nan=False))
        assert set(told) <= top
        assert told["score"] == score
        assert {told["visibility"], told["stdout_visibility"]} <= VISIBILITY
        assert told["output_format"] in FORMATS
        (one,) = told["tests"]
        assert set(one) <= test | {"extra_data"}
        assert (one["score"], one["max_score"], one["status"]) == (score, 100.0, "passed" if score else "failed")
        assert one["output_format"] in FORMATS
        assert all(set(column) <= {"name", "value", "order"} for column in told["leaderboard"])


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\n=1", "|x", "%x"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")
    assert "\n" not in safe_cell(text)


def test_a_cell_is_one_line_of_what_can_be_shown() -> None:
    assert safe_cell("a\x1b[31mb\u202ec\u2028d" + "e" * 5000).startswith("a [31mb c de")
    assert len(safe_cell("e" * 5000)) == 1000


def test_every_student_has_a_file_name_of_their_own_on_any_disk() -> None:
    names = ["ada", "Ada", "bob", "ada/", "../ada", "ÅDA", "", "a" * 300, "a" * 301, ".", "con\0"]
    made = file_names(names)
    assert made["bob"] == "bob"
    assert len({name.casefold() for name in made.values()}) == len(names)
    assert all("/" not in name and not name.startswith(".") and len(name) < 80 for name in made.values())


def test_reports_of_students_who_left_are_removed_and_nothing_else(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name in ("ada", "bob"):
        hand_in(tmp_path / f"class/{name}.csv", answers.csv(answers.labels(5)))
    hand_in(out / "reports/mine.html", "by hand")
    write_class(grade_class(hw2, [tmp_path / "class"], roster=["Cyd"]), out, gradescope_too=True)
    (tmp_path / "class/bob.csv").unlink()
    hand_in(out / "notes.txt", "by hand")
    write_class(grade_class(hw2, [tmp_path / "class"], roster=["cyd", "CYD"]), out, gradescope_too=True)
    names = file_names(["ada", "cyd", "CYD"])
    assert {path.name for path in (out / "reports").iterdir()} == {f"{name}.html" for name in [*names.values(), "mine"]}
    assert {path.name for path in (out / "gradescope").iterdir()} == {f"{name}.json" for name in names.values()}
    assert (out / "notes.txt").exists()
    overview = (out / "overview.html").read_text()
    assert all(f'href="reports/{name}.html"' in overview for name in names.values())


def test_what_the_grader_fails_at_does_not_read_as_if_the_student_had(
    hw2: Homework, answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise OSError("No space left on device")

    hand_in(tmp_path / "class/ada.csv", answers.csv(answers.labels(5)))
    monkeypatch.setattr("zoo_homework.sandbox.launching.run", broken)
    graded = grade_class(hw2, [tmp_path / "class"])
    write_class(graded, tmp_path / "out")
    (entry,) = graded.entries
    assert (str(entry.counted.status), entry.points) == ("grader-error", 0)
    assert entry.counted.message.startswith("not the submission's fault: the grader failed")
    for page in ("overview.html", "reports/ada.html"):
        text = (tmp_path / "out" / page).read_text()
        assert "not graded" in text
        assert "not passed" not in text
    assert gradescope(entry, hw2)["tests"] == []


def test_one_file_is_found_among_all_attempts_but_nothing_is_no_file(hw2: Homework, answers: Answers, tmp_path: Path) -> None:
    wrong, blank = "id,label\nx,ham\n", " \n"
    for name, content in (("ada/1.csv", wrong), ("ada/2.csv", answers.csv(answers.labels(5))), ("bob.csv", wrong)):
        hand_in(tmp_path / "class" / name, content)
    for name in ("cyd", "dan"):
        hand_in(tmp_path / f"class/{name}.csv", blank)
    graded = grade_class(policy(hw2, max_attempts=1), [tmp_path / "class"])
    assert [(pair.first, pair.second, pair.kind, pair.shared) for pair in graded.pairs] == [("ada", "bob", "same file", None)]
    write_class(graded, tmp_path / "out")
    assert (tmp_path / "out/duplicates.csv").read_text().splitlines()[1:] == ["ada,bob,same file,,,"]
