"""Class names as people write them down, and names that differ in spelling alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import OptionError
from zoo.opening.class_names import given_classes, names_of, respelled


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("classes.txt", "cat\ndog\n\nhorse\n"),
        ("classes", "\ufeffcat\r\ndog\r\nhorse"),
        ("classes.json", json.dumps(["cat", "dog", "horse"])),
        ("id2label.json", json.dumps({"0": "cat", "2": "horse", "1": "dog"})),
        ("class_to_idx.json", json.dumps({"dog": 1, "cat": 0, "horse": 2})),
        ("config.json", json.dumps({"architectures": ["X"], "id2label": {"0": "cat", "1": "dog", "2": "horse"}})),
        ("config.json", json.dumps({"architecture": "resnet18", "label_names": ["cat", "dog", "horse"]})),
    ],
)
def test_names_are_read_from_files(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    assert given_classes(str(tmp_path / name)) == given_classes(tmp_path / name) == ("cat", "dog", "horse")


def test_names_are_read_from_text_and_lists() -> None:
    assert given_classes("cat, dog,horse") == given_classes(["cat", "dog", "horse"]) == ("cat", "dog", "horse")
    assert given_classes("dataset") == "dataset"
    assert given_classes("spam") == ("spam",)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("a,b,a", "'a' twice"),
        ("a,,b", "an empty name"),
        ([], "no name"),
        ("names/of/classes.txt", "no file"),
        ("absent.json", "no file"),
    ],
)
def test_what_names_no_outputs_is_refused(given: Any, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        given_classes(given)


@pytest.mark.parametrize("content", ["[1, 2", '{"a": 3}', '{"0": "a", "2": "b"}', "[]"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "names.json").write_text(content)
    with pytest.raises(OptionError):
        given_classes(tmp_path / "names.json")


def test_maps_must_count_from_0_without_a_gap() -> None:
    assert names_of({"1": "a", "2": "b"}) is None
    assert names_of({"a": "b"}) is None
    assert names_of({0: "a", 1: "b"}) == ("a", "b")


def test_names_that_differ_in_spelling_alone_are_matched_and_said() -> None:
    assert respelled(("HAM", "SPAM"), ("ham", "spam")) == (
        ("ham", "spam"),
        "class names that differ in spelling alone were taken for the dataset's: HAM as ham, SPAM as spam",
    )
    assert respelled(("Hot_Dog", "cat", "Bird"), ("hot dog", "bird"))[0] == ("hot dog", "cat", "bird")


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("ham", "spam"), ("ham", "spam")),
        (("HAM", "Ham", "spam"), ("ham", "spam")),
        (("a",), ("A", "a")),
        (("LABEL_0", "LABEL_1"), ("ham", "spam")),
        (("HAM", "other"), ("ham", "spam")),
    ],
)
def test_nothing_is_matched_that_could_be_two_or_none(names: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    assert respelled(names, wanted) == (names, "")
