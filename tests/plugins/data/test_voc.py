"""voc:PATH: boxes counted from pixel 1, difficult objects, lists of splits; and XML from strangers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torchvision.io import write_jpeg

import zoo
from zoo.errors import DataError
from zoo_data.corners import MEANING
from zoo_data.voc import read_annotation, voc_spec

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
        (f"<annotation>{thing('dog', 1, 1, 5, 5).replace('>5<', '>nan<')}</annotation>", "no finite number"),
        (f"<annotation>{'x' * 2**20}</annotation>", "larger than"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "a pointer of Git LFS"),
    ],
    ids=["entities", "other entities", "cut short", "empty", "no name", "no box", "no number", "nan", "huge", "pointer"],
)
def test_xml_that_is_no_annotation_is_refused_by_name(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(DataError, match=problem) as caught:
        read_annotation(path)
    assert str(path) in caught.value.message


def test_a_doctype_is_refused_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(ENTITY.replace('"1.0"', '"1.0" encoding="utf-16"').encode("utf-16"))
    with pytest.raises(DataError, match="DOCTYPE"):
        read_annotation(path)


def test_a_folder_of_another_layout_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no folder .*JPEGImages") as caught:
        voc_spec("voc:x", str(tmp_path))
    assert "ImageSets/Main" in caught.value.hint


def test_a_box_that_ends_before_it_begins_is_named_by_its_place_in_the_file(tmp_path: Path) -> None:
    dataset = zoo.dataset(lay(tmp_path, {"a": thing("dog", 1, 1, 5, 5) + thing("dog", 9, 1, 5, 5)}))
    with pytest.raises(DataError, match=r"object 2 of .*a\.xml ends left of or above where it begins") as caught:
        dataset[0]
    assert caught.value.hint == "correct the box"


TRUE = [(0, 0, 10, 9), (12, 5, 30, 20), (3, 2, 11, 12)]
"""Edges of three objects in an image of 30x20 pixels; the second touches both far edges."""
WRITTEN = {
    "1": [(left + 1, top + 1, right, bottom) for left, top, right, bottom in TRUE],
    "0": [(left, top, right - 1, bottom - 1) for left, top, right, bottom in TRUE],
    "edges": TRUE,
}
SIZE = "<size><width>30</width><height>20</height></size>"


def perfect(boxes: list[tuple[int, int, int, int]]) -> Any:
    """A detector that finds just these in every image."""
    found = torch.tensor(boxes, dtype=torch.float32)

    def detector(images: Any) -> Any:
        from zoo.tasks.detect import Boxes

        return [Boxes(found, torch.zeros(len(found), dtype=torch.int64), torch.linspace(0.9, 0.5, len(found))) for _ in images]

    return detector


def ap(name: str, boxes: list[tuple[int, int, int, int]]) -> float:
    record = zoo.evaluate(perfect(boxes), name, classes="dataset", key="perfect", device="cpu", workers=0, metrics=["coco-ap"])
    return float(record.results[0].value)


@pytest.mark.parametrize("size", [SIZE, ""], ids=["size said", "size looked up"])
@pytest.mark.parametrize("counted", WRITTEN)
def test_a_perfect_detector_is_perfect_however_corners_are_counted(counted: str, size: str, tmp_path: Path) -> None:
    name = lay(tmp_path, {"a": size + "".join(thing("dog", *box) for box in WRITTEN[counted])})
    assert ap(name, TRUE) == pytest.approx(1)
    if counted != "1":
        with pytest.warns(UserWarning, match=f"taken for {MEANING[counted]}"):  # type: ignore[index]
            zoo.dataset(name)


def test_corners_that_nothing_decides_are_refused_until_they_are_said(tmp_path: Path) -> None:
    inner = [TRUE[0], TRUE[2]]
    for counted in ("0", "edges"):
        written = [WRITTEN[counted][0], WRITTEN[counted][2]]
        lay(tmp_path / counted, {"a": SIZE + "".join(thing("dog", *box) for box in written)})
        with pytest.raises(DataError, match="counted from 0, but none shows whether the last pixel") as caught:
            zoo.dataset(f"voc:{tmp_path / counted}")
        assert f"voc:corners={counted}:PATH" in caught.value.hint
        assert ap(f"voc:corners={counted}:{tmp_path / counted}", inner) == pytest.approx(1)


def test_fractions_that_begin_at_0_are_edges(tmp_path: Path) -> None:
    name = lay(tmp_path, {"a": SIZE + thing("dog", 0, 0.5, 7.25, 9)})
    assert zoo.dataset(name)[0].target.boxes.tolist() == [[0, 0.5, 7.25, 9]]


def test_a_box_over_the_edge_is_scored_as_it_is_annotated_and_said(tmp_path: Path) -> None:
    name = lay(tmp_path, {"a": SIZE + thing("dog", 21, 11, 31, 21) + thing("dog", 1, 1, 9, 9)})
    with pytest.warns(UserWarning, match="1 boxes of .* reach beyond their images"):
        dataset = zoo.dataset(name)
    assert dataset[0].target.boxes.tolist() == [[20, 10, 31, 21], [0, 0, 9, 9]]


def test_what_systems_leave_beside_the_files_is_passed_over(tmp_path: Path) -> None:
    name = lay(tmp_path, {"a": thing("dog", 1, 1, 5, 5)}, {"test": "a\n"})
    for junk in (
        "Annotations/._a.xml",
        "Annotations/.DS_Store",
        "JPEGImages/._a.jpg",
        "JPEGImages/Thumbs.db",
        "ImageSets/Main/._test.txt",
    ):
        (tmp_path / junk).write_bytes(b"\0\5\x16\7")
    (tmp_path / "Annotations/@eaDir").mkdir()
    assert (list(voc_spec(name, str(tmp_path)).splits), list(zoo.dataset(name).ids)) == (["test"], ["a.jpg"])


def test_names_with_blanks_are_whole_names(tmp_path: Path) -> None:
    cats = {name: thing("cat", 1, 1, 5, 5) for name in ("my cat 1", "my cat", "other")}
    name = lay(tmp_path, cats, {"test": "my cat 1\nother -1\n", "val": "my cat  1\n"})
    assert list(zoo.dataset(name).ids) == ["my cat 1.jpg", "other.jpg"]
    assert list(zoo.dataset(name, "val").ids) == ["my cat.jpg"]


def test_images_without_an_annotation_are_said(tmp_path: Path) -> None:
    name = lay(tmp_path, {"a": thing("dog", 1, 1, 5, 5), "b": ""})
    (tmp_path / "Annotations/b.xml").unlink()
    with pytest.warns(UserWarning, match="1 images of .* have no annotation"):
        assert list(zoo.dataset(name).ids) == ["a.jpg"]


@pytest.mark.parametrize("size", ["", SIZE, "<size><width>20</width><height>30</height></size>"])
def test_image_and_boxes_are_in_one_frame(size: str, tmp_path: Path) -> None:
    """That in which the image is stored, as torchvision has it; the turned one where only that has the annotated size."""
    box = (16, 3, 19, 12) if "<width>20" in size else (3, 2, 12, 5)
    name = lay(tmp_path, {"a": size + thing("dog", *box)})
    stored = torch.zeros(20, 30, 3, dtype=torch.uint8)
    stored[1:5, 2:12] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored.numpy()).save(tmp_path / "JPEGImages/a.jpg", exif=exif, quality=95)
    sample = zoo.dataset(name)[0]
    left, top, right, bottom = (round(side) for side in sample.target.boxes[0].tolist())
    assert sample.input[0, top:bottom, left:right].float().mean() > 200


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
