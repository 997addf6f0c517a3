"""Kinds of entry that plugins declare, really installed: listed, shown, looked up, and gone with their declarer."""

import pytest

LOOK_UP = """
import zoo
exam = zoo.registry().entry("exam", "midterm")
print(type(exam).__name__, exam.name, exam.dataset, exam.minutes, [spec.name for spec in zoo.registry().entries("homework")])
"""


@pytest.fixture(scope="module")
def course(pristine, wheels, tmp_path_factory):
    """An environment with a plugin that declares a kind, and one that offers entries of that and of `homework`."""
    base = tmp_path_factory.mktemp("course")
    made = pristine.copy(base / "environment", base / "home")
    made.install(wheels["zoo-examiner"], wheels["zoo-seminar"])
    made.age()
    return made


def test_entries_of_declared_kinds_are_listed_and_shown(course):
    assert course.zoo("list", "exams").out == "seminar/midterm\tHalf of it.\n"
    assert "seminar/reading\tRead digits." in course.zoo("list", "homeworks").out.splitlines()
    shown = course.zoo("show", "midterm").out
    assert "seminar/midterm  exam" in shown and "data/digits" in shown and "How many classes are there?" in shown
    assert "questions" in shown and "minutes" in shown


def test_they_are_looked_up_typed_and_by_full_or_bare_name(course):
    done = course.run("-c", LOOK_UP)
    assert done.out.split(" ", 4)[:4] == ["ExamSpec", "seminar/midterm", "data/digits", "60"], done.err
    assert "seminar/reading" in done.out and "homework/hw2" in done.out


def test_a_homework_of_another_plugin_is_one_of_the_homeworks(course):
    lines = course.zoo("homework", "list").out.splitlines()
    (line,) = [line for line in lines if line.startswith("seminar/reading\t")]
    assert line.split("\t")[1:3] == ["seminar/reading", "accuracy > 0.95"]


def test_a_plugin_that_offers_them_passes_its_checks(course):
    done = course.zoo("plugins", "check", "seminar", "--json")
    assert done.code == 0, done.out
    assert course.zoo("plugins", "check", "examiner").code == 0


def test_without_its_declarer_a_kind_is_gone_and_all_else_is_there(pristine, wheels, tmp_path):
    alone = pristine.copy(tmp_path / "environment", tmp_path / "home")
    alone.install(wheels["zoo-seminar"])
    done = alone.zoo("list", "exams")
    assert done.code == 2 and "'exams' is not one of" in done.err
    assert "seminar/reading" in alone.zoo("list", "homeworks").out
    asked = alone.run("-c", "import zoo; zoo.registry().entries('exam')")
    assert "UnknownNameError: there is no kind of entry named 'exam'" in asked.err
