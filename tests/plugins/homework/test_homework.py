"""A homework made ready: test sets of the instructor's own."""

from pathlib import Path

import pytest

from zoo.errors import DataError, OptionError
from zoo_homework.homework import open_homework


@pytest.mark.parametrize(
    "content",
    [
        "id,label\na,ham\nb,spam\n",
        "\ufeffID; Label\r\na;ham\r\nb;spam\r\n",
        'label,id,comment\n0,a,"a line\nseparator \u2028 here"\n1.0,b,\n',
        "id \tlabel\na\t0\nb\t1\n",
    ],
)
def test_the_instructors_labels_are_read_as_a_students_are(content: str, tmp_path: Path) -> None:
    (tmp_path / "key.csv").write_text(content, encoding="utf-8")
    homework = open_homework("hw2", test_set=str(tmp_path / "key.csv"))
    assert (homework.ids, homework.targets.tolist()) == (("a", "b"), [0, 1])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,label\na,ham\nb\n", "row 3 has 1 fields"),
        ("id,label\na,ham\n,spam\n", r"row 3 of .*key\.csv has no id"),
        ("id,label\na,ham\na,spam\n", r"row 3 of .*key\.csv has the id 'a' a second time"),
        ("id,label\na,2\n", r"row 2 of .*key\.csv has a label '2'"),
        ("id,label\n", "has no rows with columns id and label"),
        ("name,label\na,ham\n", "has no rows with columns id and label"),
    ],
)
def test_a_mistake_in_the_instructors_labels_names_the_row(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "key.csv").write_text(content)
    with pytest.raises(DataError, match=said):
        open_homework("hw2", test_set=str(tmp_path / "key.csv"))


def test_an_empty_test_set_is_an_error_and_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="`test_set` is empty"):
        open_homework("hw2", test_set="")
    monkeypatch.setenv("ZOO_TEST_SET_HW2", "")
    assert open_homework("hw2").public
