"""voc:PATH: boxes counted from pixel 1, difficult objects, lists of splits; and XML from strangers."""

from pathlib import Path

import pytest
import torch
from torchvision.io import write_jpeg

import zoo
from zoo.errors import DataError
from zoo_data.voc import read_objects, voc_spec

ENTITY = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<annotation><object><name>&lol2;</name></object></annotation>"""


def thing(name: str, *corners: float, difficult: int | None = 0) -> str:
    box = "".join(f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True))
    hard = "" if difficult is None else f"<difficult>{difficult}</difficult>"
    return f"<object><name>{name}</name>{hard}<bndbox>{box}</bndbox></object>"


def lay(root: Path, annotations: dict[str, str], lists: dict[str, str] | None = None) -> str:
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in annotations.items():
        (root / f"Annotations/{name}.xml").write_text(text if text.startswith("<?") else f"<annotation>{text}</annotation>")
        write_jpeg(torch.zeros(3, 20, 30, dtype=torch.uint8), str(root / f"JPEGImages/{name}.jpg"))
    for name, text in (lists or {}).items():
        (root / f"ImageSets/Main/{name}.txt").write_text(text)
    return f"voc:{root}"


def test_pixels_counted_from_one_become_edges(tmp_path: Path) -> None:
    name = lay(tmp_path, {"b": thing("dog", 1, 1, 30, 20) + thing("cat", 5, 6, 5, 6, difficult=1), "a": thing("dog", 2, 3, 4, 5)})
    dataset = zoo.dataset(name)
    assert (list(dataset.ids), tuple(dataset.classes or ())) == (["a.jpg", "b.jpg"], ("cat", "dog"))
    target = dataset[1].target
    assert target.boxes.tolist() == [[0, 0, 30, 20], [4, 5, 5, 6]]
    assert (target.labels.tolist(), target.crowd.tolist(), target.area) == ([1, 0], [False, True], None)


def test_splits_are_the_lists_of_no_single_class(tmp_path: Path) -> None:
    annotations = {name: thing("dog", 1, 1, 5, 5, difficult=None) for name in "abc"} | {"d": thing("cat", 1, 1, 5, 5)}
    lists = {"test": "c\na\n", "train": "b\n", "dog_train": "b 1\n", "mine": "d  1\n\n"}
    name = lay(tmp_path, annotations, lists)
    assert list(voc_spec(name, str(tmp_path)).splits) == ["train", "test", "mine"]
    assert list(zoo.dataset(name, "test").ids) == ["c.jpg", "a.jpg"]
    mine = zoo.dataset(name, "mine")
    assert (list(mine.ids), tuple(mine.classes or ())) == (["d.jpg"], ("cat", "dog"))


def test_an_image_without_objects_remains(tmp_path: Path) -> None:
    dataset = zoo.dataset(lay(tmp_path, {"a": "", "b": thing("dog", 1, 1, 5, 5)}))
    assert [len(target) for target in dataset.targets] == [0, 1]


@pytest.mark.parametrize("missing", ["Annotations/b.xml", "JPEGImages/b.jpg"])
def test_an_annotation_without_its_image_is_named_and_the_other_way_round(missing: str, tmp_path: Path) -> None:
    name = lay(tmp_path, {"a": thing("dog", 1, 1, 5, 5), "b": ""}, {"test": "a\nb\n"})
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match=r"1 of 2 samples of .* have no (annotation|image); the first is b"):
        zoo.dataset(name)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ENTITY, "declares a DOCTYPE"),
        (ENTITY.replace("lol2 ", "lol3 "), "declares a DOCTYPE"),
        ("<annotation><object>", "no element found"),
        ("", "no element found"),
        (f"<annotation>{'<object></object>'}</annotation>", "no name"),
        ("<annotation><object><name>dog</name></object></annotation>", "the box of a dog lacks a corner"),
        (f"<annotation>{thing('dog', 1, 1, 5, 5).replace('>5<', '>five<')}</annotation>", "could not convert"),
        (f"<annotation>{'x' * 2**20}</annotation>", "larger than"),
    ],
    ids=["entities", "other entities", "cut short", "empty", "no name", "no box", "no number", "huge"],
)
def test_xml_that_is_no_annotation_is_refused_by_name(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(DataError, match=problem) as caught:
        read_objects(path)
    assert str(path) in caught.value.message


def test_a_doctype_is_refused_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(ENTITY.replace('"1.0"', '"1.0" encoding="utf-16"').encode("utf-16"))
    with pytest.raises(DataError, match="DOCTYPE"):
        read_objects(path)


def test_a_folder_of_another_layout_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no folder .*JPEGImages") as caught:
        voc_spec("voc:x", str(tmp_path))
    assert "ImageSets/Main" in caught.value.hint


def test_a_box_outside_its_image_is_named_by_its_place_in_the_file(tmp_path: Path) -> None:
    dataset = zoo.dataset(lay(tmp_path, {"a": thing("dog", 1, 1, 5, 5) + thing("dog", 1, 1, 50, 5)}))
    with pytest.raises(DataError, match=r"object 2 of .*a\.xml .* reaches beyond the image of 30x20 pixels") as caught:
        dataset[0]
    assert caught.value.hint == "correct the box"


def test_two_images_of_one_stem_are_refused(tmp_path: Path) -> None:
    name = lay(tmp_path, {"a": thing("dog", 1, 1, 5, 5)})
    (tmp_path / "JPEGImages/a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.jpg and .*a\.png both stand for 'a'"):
        zoo.dataset(name)


def test_a_list_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    name = lay(tmp_path, {"a": thing("dog", 1, 1, 5, 5)}, {"test": ""})
    (tmp_path / "ImageSets/Main/test.txt").write_bytes(b"a\ncaf\xe9\n")
    with pytest.raises(DataError, match=r"line 2 of .*test\.txt is not UTF-8 \(byte 0xe9\)") as caught:
        zoo.dataset(name)
    assert "iconv -f latin1" in caught.value.hint
