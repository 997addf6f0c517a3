"""yolo:PATH: boxes as shares of the image's sides, splits and classes of data.yaml, and lines that are wrong."""

from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
from zoo.errors import DataError


def laid_out(root: Path, lines: str, names: str = "[cat, dog]", extra: str = "") -> str:
    for part in ("images", "labels"):
        (root / "val" / part).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 10)).save(root / "val/images/a.png")
    Image.new("RGB", (8, 8)).save(root / "val/images/b.png")
    (root / "val/labels/a.txt").write_text(lines)
    (root / "data.yaml").write_text(f"train: ../train/images\nval: ../val/images\nnc: 2\nnames: {names}\n{extra}")
    return f"yolo:{root}"


def test_boxes_are_in_pixels_and_images_without_a_file_show_nothing(tmp_path) -> None:
    found = zoo.dataset(laid_out(tmp_path, "1 0.5 0.5 0.5 0.2\n0 0.1 0.1 0.3 0.1 0.3 0.4\n"), "val")
    assert list(found.classes) == ["cat", "dog"] and found.ids == ["val/images/a.png", "val/images/b.png"]
    assert torch.allclose(found[0].target.boxes, torch.tensor([[5.0, 4.0, 15.0, 6.0], [2.0, 1.0, 6.0, 4.0]]))
    assert found[0].target.labels.tolist() == [1, 0] and len(found[1].target.labels) == 0


def test_splits_are_those_that_are_there_and_names_may_be_a_map(tmp_path) -> None:
    name = laid_out(tmp_path, "0 0.5 0.5 1 1\n", names="{0: cat, 1: dog}")
    spec = zoo.registry().dataset(name)
    assert list(spec.splits) == ["val"] and spec.classes == ("cat", "dog")
    assert zoo.registry().dataset(f"{name}/data.yaml").splits == spec.splits


def test_a_line_that_stands_twice_counts_once(tmp_path) -> None:
    with pytest.warns(UserWarning, match="1 boxes .* twice"):
        assert len(zoo.dataset(laid_out(tmp_path, "0 0.5 0.5 1 1\n" * 2), "val")[0].target.labels) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2 0.5 0.5 1 1", "the class 2 is none of 0 to 1"),
        ("0.5 0.5 0.5 1 1", "the class 0.5"),
        ("0 0.5 0.5 1", "3 numbers follow"),
        ("0 12 9 30 40", r"not in \[0, 1\]"),
        ("0 a 0.5 1 1", "no number"),
        ("0 nan 0.5 1 1", r"not in \[0, 1\]"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, said) -> None:
    with pytest.raises(DataError, match=said) as caught:
        zoo.dataset(laid_out(tmp_path, f"0 0.5 0.5 1 1\n{line}\n"), "val")
    assert "a.txt, line 2" in str(caught.value)


def test_a_folder_without_a_yaml_or_names_is_said(tmp_path) -> None:
    with pytest.raises(DataError, match=r"no data.yaml"):
        zoo.registry().dataset(f"yolo:{tmp_path}")
    with pytest.raises(DataError, match="does not name the classes"):
        zoo.registry().dataset(laid_out(tmp_path, "", names="[a, a]"))
    (tmp_path / "data.yaml").write_text("names: [a]\nval: nowhere\n")
    with pytest.raises(DataError, match="no folder of images"):
        zoo.registry().dataset(f"yolo:{tmp_path}")
