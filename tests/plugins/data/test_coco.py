"""coco and coco:IMAGES:ANNOTATIONS: what is read, and what is refused with its place."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.io import write_jpeg

import zoo
import zoo_data
from zoo.errors import DataError
from zoo.opening.datasets import open_dataset
from zoo.specs import DatasetSpec
from zoo_data.coco import coco_spec

OFFICIAL = next(spec for spec in zoo_data.zoo_datasets() if spec.name == "coco")
BOX = {"id": 1, "image_id": 7, "category_id": 90, "bbox": [2.5, 1, 10, 4.25], "area": 20.5, "iscrowd": 0}


def instances(*annotations: dict[str, Any], **others: Any) -> dict[str, Any]:
    """A file of two images of 32x16 pixels and two classes, whose ids are not in order."""
    images = [{"id": i, "file_name": name, "width": 32, "height": 16} for i, name in ((7, "b.jpg"), (3, "a.jpg"))]
    categories = [{"id": 90, "name": "kite"}, {"id": 5, "name": "bird"}]
    return {"images": images, "categories": categories, "annotations": list(annotations), **others}


def lay(root: Path, content: Any, names: tuple[str, ...] = ("a.jpg", "b.jpg")) -> str:
    """The dataset's name, its files laid below a folder."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    for shade, name in enumerate(names):
        write_jpeg(torch.full((3, 16, 32), 40 * shade, dtype=torch.uint8), str(root / "images" / name))
    text = content if isinstance(content, str) else json.dumps(content)
    (root / "boxes.json").write_text(text, encoding="utf-8")
    return f"coco:{root}/images:{root}/boxes.json"


def test_boxes_come_with_class_area_and_crowd_in_the_order_of_the_file(tmp_path: Path) -> None:
    crowd = {**BOX, "id": 2, "category_id": 5, "iscrowd": 1, "area": 4.0}
    dataset = zoo.dataset(lay(tmp_path, instances(BOX, crowd)))
    assert (list(dataset.ids), tuple(dataset.classes or ())) == (["b.jpg", "a.jpg"], ("kite", "bird"))
    sample = dataset[0]
    assert (sample.id, sample.input.shape, sample.input.dtype) == ("b.jpg", (3, 16, 32), torch.uint8)
    target = sample.target
    assert target.boxes.tolist() == [[2.5, 1, 12.5, 5.25]] * 2
    assert (target.labels.tolist(), target.crowd.tolist(), target.area.tolist()) == ([0, 1], [False, True], [20.5, 4.0])
    assert len(dataset[1].target) == 0, "an image without annotations remains"


def test_area_and_crowd_may_be_left_out(tmp_path: Path) -> None:
    plain = {key: value for key, value in BOX.items() if key not in ("area", "iscrowd")}
    target = zoo.dataset(lay(tmp_path, instances(plain)))[0].target
    assert (target.area.tolist(), target.crowd.tolist()) == ([42.5], [False])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "no list of images"),
        ({"images": []}, "no list of categories"),
        (instances({**BOX, "image_id": 8}), "annotation 1 is of image 8, which is missing"),
        (instances({**BOX, "category_id": 1}), "annotation 1 is of category 1, which is missing"),
        (instances({**BOX, "bbox": [1, 2, 3]}), "the box of annotation 1 has 3 numbers, not the four"),
        (instances({**BOX, "bbox": [1, 2, 3, "4"]}), "the height of annotation 1 is '4', which is no number"),
        (instances({**BOX, "bbox": [1, 2, 3, float("inf")]}), "the height of annotation 1 is inf, which is not finite"),
        (instances({**BOX, "bbox": [float("nan"), 2, 3, 4]}), "the x of annotation 1 is nan, which is not finite"),
        (instances({**BOX, "area": None}), "the area of annotation 1 is None, which is no number"),
        (instances({"id": 1}), "entry 0 of annotations has no image_id"),
        (instances(BOX, BOX), "1 annotations share their id; the first is 1"),
        (instances(categories=[{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]), "1 categories share their name"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 80 else "",
)
def test_a_wrong_annotation_file_is_refused_with_the_entry(content: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        zoo.dataset(lay(tmp_path, content))
    assert "boxes.json" in caught.value.message


def test_images_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 of the 2 images of .*boxes.json are not in .*images; the first is b.jpg"):
        zoo.dataset(lay(tmp_path, instances(BOX), ("a.jpg",)))


def test_a_file_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    content = instances(images=[{"id": 7, "file_name": "../boxes.json", "width": 32, "height": 16}])
    with pytest.raises(DataError, match="are not in"):
        zoo.dataset(lay(tmp_path, content))


@pytest.mark.parametrize("box", [[1, 1, 0, 5], [1, 1, 5, -2], [30, 1, 9, 5], [-3, 1, 9, 5]], ids=str)
def test_a_degenerate_or_outside_box_makes_its_image_corrupt(box: list[int], tmp_path: Path) -> None:
    name = lay(tmp_path, instances({**BOX, "bbox": box}, {**BOX, "id": 2, "image_id": 3}))

    def nothing_found(images: Any) -> Any:
        from zoo.tasks.detect import Boxes

        return [Boxes(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0)) for _ in images]

    with pytest.raises(DataError, match=r"sample b\.jpg of .* cannot be read: annotation 1 of .*boxes\.json \(x1") as caught:
        zoo.evaluate(nothing_found, name, classes="dataset", key="nothing")
    assert caught.value.hint == "correct the box; or pass `skip_bad=1`"
    record = zoo.evaluate(nothing_found, name, classes="dataset", key="nothing", skip_bad=1)
    assert list(record.dataset.skipped) == ["b.jpg"]


def test_a_corrupt_image_and_one_of_another_size_are_named_when_read(tmp_path: Path) -> None:
    dataset = zoo.dataset(lay(tmp_path, instances(BOX)))
    (tmp_path / "images/b.jpg").write_bytes(b"\xff\xd8\xff nonsense")
    with pytest.raises(DataError, match=r"cannot decode the image b\.jpg"):
        dataset[0]
    write_jpeg(torch.zeros(3, 32, 16, dtype=torch.uint8), str(tmp_path / "images/b.jpg"))
    with pytest.raises(DataError, match="16x32 pixels, not the 32x16"):
        dataset[0]


def test_the_fingerprint_is_that_of_annotations_and_images(tmp_path: Path) -> None:
    first = zoo.dataset(lay(tmp_path / "one", instances(BOX))).fingerprint
    assert zoo.dataset(lay(tmp_path / "two", instances(BOX))).fingerprint == first
    assert zoo.dataset(lay(tmp_path / "two", instances({**BOX, "area": 21}))).fingerprint != first
    name = lay(tmp_path / "two", instances(BOX))
    write_jpeg(torch.full((3, 16, 32), 200, dtype=torch.uint8), str(tmp_path / "two/images/a.jpg"))
    assert zoo.dataset(name).fingerprint != first


def test_a_colon_in_a_path_is_no_matter_where_one_reading_is_there(tmp_path: Path) -> None:
    assert len(zoo.dataset(lay(tmp_path / "a:b", instances(BOX))).ids) == 2


def test_two_readings_of_a_path_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("x", "x:y"):
        Path(folder).mkdir()
    for file in ("y:z", "z"):
        Path(file).write_text("{}")
    with pytest.raises(DataError, match="can be read in 2 ways"):
        coco_spec("coco:x", "x:y:z")


@pytest.mark.parametrize(
    ("path", "problem"),
    [("images", "names no annotations"), ("none:boxes.json", "there is no folder"), ("images:none.json", "there is no file")],
)
def test_a_path_that_is_not_there_says_which_part(
    path: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, instances(BOX))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=problem):
        coco_spec("coco:x", path)


def official(tmp_path: Path, *, zipped: bool) -> DatasetSpec:
    """The official layout with two images, unpacked or as the archives are."""
    content = json.dumps(instances(BOX)).encode()
    lay(tmp_path / "laid", instances(BOX))
    folder = tmp_path / "data/coco"
    (folder / "annotations").mkdir(parents=True)
    (folder / "annotations/instances_val2017.json").write_bytes(content)
    images = sorted((tmp_path / "laid/images").iterdir())
    if zipped:
        with zipfile.ZipFile(folder / "val2017.zip", "w") as archive:
            for image in images:
                archive.write(image, f"val2017/{image.name}")
    else:
        (tmp_path / "laid/images").rename(folder / "val2017")
    hashes = {
        "annotations/instances_val2017.json": content,
        "val2017.zip": (folder / "val2017.zip").read_bytes() if zipped else b"",
    }
    files = [
        file.model_copy(update={"sha256": hashlib.sha256(hashes[file.name]).hexdigest(), "size": None, "md5": None})
        if file.name in hashes
        else file
        for file in OFFICIAL.files
    ]
    return OFFICIAL.model_copy(update={"files": tuple(files), "splits": {"val2017": 2}})


@pytest.mark.parametrize("zipped", [False, True])
def test_the_official_layout_is_read_unpacked_or_not(zipped: bool, tmp_path: Path) -> None:
    dataset = open_dataset(official(tmp_path, zipped=zipped), "val2017", tmp_path / "data")
    assert dataset[0].target.boxes.tolist() == [[2.5, 1, 12.5, 5.25]]
    assert dataset[1].input.shape == (3, 16, 32)
    assert len(dataset.fingerprint) == 64


def test_the_official_classes_are_eighty_different_ones() -> None:
    assert len(set(OFFICIAL.classes or ())) == 80


def test_the_first_images_of_coco_are_read_as_they_are(real_data: Path) -> None:
    root = real_data / "coco_val128"
    dataset = zoo.dataset(f"coco:{root}/images:{root}/instances.json")
    assert len(dataset.ids) == 128
    assert tuple(dataset.classes or ()) == OFFICIAL.classes
    assert sum(len(target) for target in dataset.targets) == 898
    assert dataset[0].input.shape == (3, 426, 640)


def test_checking_opens_the_users_own_data(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from zoo_cli.data import data

    name = lay(tmp_path, instances(BOX))
    found = CliRunner().invoke(data, ["check", name])
    assert found.exit_code == 0 and "can be opened; samples: test 2" in found.output
    lay(tmp_path, instances({**BOX, "category_id": 1}))
    assert isinstance(CliRunner().invoke(data, ["check", name]).exception, DataError)
