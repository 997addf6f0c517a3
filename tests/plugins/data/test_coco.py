"""coco and coco:IMAGES:ANNOTATIONS: what is read, and what is refused with its place."""

import contextlib
import hashlib
import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.io import write_jpeg

import zoo
import zoo_data
from zoo.errors import DataError
from zoo.metric_specs.detect import COCO_METRICS
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
        (instances({**BOX, "bbox": [1, 2, 3]}), "the box of annotation 1 is 3 numbers, not the four"),
        (instances({**BOX, "bbox": [1, 2, 3, "4"]}), "the height of annotation 1 is '4', which is no number"),
        (instances({**BOX, "bbox": [1, 2, 3, float("inf")]}), "the height of annotation 1 is inf, which is not finite"),
        (instances({**BOX, "bbox": [float("nan"), 2, 3, 4]}), "the x of annotation 1 is nan, which is not finite"),
        (instances({**BOX, "area": None}), "the area of annotation 1 is None, which is no number"),
        (instances({"id": 1}), "entry 0 of annotations has no image_id"),
        (instances({key: BOX[key] for key in BOX if key != "bbox"}), "the box of annotation 1 is None, not the four"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "is a pointer of Git LFS"),
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


ODD: dict[str, dict[str, Any]] = {
    "height 0": instances(BOX, {**BOX, "id": 2, "bbox": [3, 4, 8, 0], "area": 0}),
    "width 0, which is in no image": instances(BOX, {**BOX, "id": 2, "image_id": 3, "bbox": [3, 4, 0, 6], "area": 0}),
    "a negative height": instances(BOX, {**BOX, "id": 2, "bbox": [3, 4, 8, -2], "area": 16}),
    "over the edge": instances(BOX, {**BOX, "id": 2, "bbox": [25, 10, 40, 40], "area": 1600}),
    "left of the edge": instances(BOX, {**BOX, "id": 2, "image_id": 3, "bbox": [-9, -3, 20, 12], "area": 240}),
    "a crowd": instances(BOX, {**BOX, "id": 2, "bbox": [0, 0, 30, 16], "area": 480, "iscrowd": 1}),
    "an image without annotations": instances(BOX),
    "an area that is not that of the box": instances(BOX, {**BOX, "id": 2, "bbox": [1, 1, 20, 10], "area": 5000}),
    "one id twice": instances(BOX, {**BOX, "bbox": [1, 1, 20, 10]}, {**BOX, "id": 3, "image_id": 3}),
    "one id in two images": instances(BOX, {**BOX, "image_id": 3, "bbox": [1, 1, 20, 10]}),
    "an image twice": instances(BOX, images=[*instances()["images"], {**instances()["images"][0], "license": 4}]),
    "an image and a category that are missing": instances(
        BOX, {**BOX, "id": 2, "image_id": 99}, {**BOX, "id": 3, "category_id": 99}, {**BOX, "id": 1, "image_id": 99}, BOX
    ),
    "no sizes of images": instances(BOX, images=[{"id": i, "file_name": name} for i, name in ((7, "b.jpg"), (3, "a.jpg"))]),
    "ids that are words": {
        "images": [{"id": "first", "file_name": "b.jpg"}, {"id": "other", "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "kite"}],
        "annotations": [
            {**BOX, "id": 1, "image_id": "first", "category_id": 1},
            {**BOX, "image_id": "other", "category_id": 1, "id": 2},
        ],
    },
}
"""Annotation files that pycocotools takes."""


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
@pytest.mark.filterwarnings("ignore")
def test_what_pycocotools_takes_is_scored_as_pycocotools_scores_it(content: dict[str, Any], tmp_path: Path) -> None:
    """Every sample counts, and AP and AR are those of pycocotools for the same detections, wrong ones among them."""
    from zoo.tasks.detect import Boxes

    name = lay(tmp_path, content)
    random = torch.Generator().manual_seed(1)
    sides = torch.tensor([[2.5, 1, 10, 4.25], [1, 1, 20, 10], [3, 4, 8, 6], [0, 0, 22, 9], [20, 8, 11, 7]])
    found: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for file in ("a.jpg", "b.jpg"):  # each annotated box or nearly, and some that nobody has annotated
        found[file] = sides, torch.rand(len(sides), generator=random)

    def detector(images: Any) -> Any:
        said = []
        for image in images:
            boxes, scores = found["a.jpg" if image.mean() < 0.08 else "b.jpg"]
            corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)
            said.append(Boxes(corners, torch.zeros(len(boxes), dtype=torch.int64), scores))
        return said

    record = zoo.evaluate(detector, name, classes="dataset", key="some", device="cpu", workers=0)
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(tmp_path / "boxes.json"))
        first = truth.dataset["categories"][0]["id"]
        result = COCO()
        result.dataset = {"images": truth.dataset["images"], "categories": truth.dataset["categories"], "annotations": []}
        for image in truth.imgs.values():
            for box, score in zip(*found[image["file_name"]], strict=True):
                x, y, width, height = box.tolist()
                annotation = {"image_id": image["id"], "category_id": first, "bbox": [x, y, width, height], "score": float(score)}
                result.dataset["annotations"].append(
                    {**annotation, "id": len(result.dataset["annotations"]) + 1, "area": width * height, "iscrowd": 0}
                )
        result.createIndex()
        evaluation = COCOeval(truth, result, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert (record.dataset.samples, record.dataset.skipped) == (len(truth.imgs), {})
    values = {scored.metric: scored.value for scored in record.results}
    for metric, expected in zip(COCO_METRICS, evaluation.stats, strict=True):
        value = values.get(metric)
        assert (value is None or math.isnan(value)) if expected == -1 else value == pytest.approx(expected, abs=1e-6), metric


def test_an_annotation_without_a_box_has_that_of_its_segmentation(tmp_path: Path) -> None:
    """Of polygons the extent of their corners, of run lengths that of `pycocotools.mask.toBbox`."""
    from pycocotools import mask

    plain = {key: value for key, value in BOX.items() if key not in ("bbox", "area")}
    polygons = [[2.5, 3, 9, 3, 9, 10.5], [1, 4, 2, 4, 2, 5]]
    counts = [16 * 3 + 2, 5, 16 - 5, 5, 16 * 32 - 16 * 3 - 2 - 5 - 11 - 5]
    runs = {"size": [16, 32], "counts": counts}
    packed = mask.frPyObjects(runs, 16, 32)
    names = [
        {**plain, "id": i, "segmentation": s}
        for i, s in enumerate((polygons, runs, {**packed, "counts": packed["counts"].decode()}))
    ]
    boxes = zoo.dataset(lay(tmp_path, instances(*names)))[0].target.boxes.tolist()
    x, y, width, height = mask.toBbox(packed).tolist()
    assert boxes == [[1, 3, 9, 10.5], [x, y, x + width, y + height], [x, y, x + width, y + height]]


def test_what_counts_for_nothing_or_twice_is_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"1 annotations of .*boxes\.json are of images or categories that it does not list"):
        zoo.dataset(
            lay(
                tmp_path,
                ODD["an image and a category that are missing"] | {"annotations": [BOX, {**BOX, "id": 2, "image_id": 9}]},
            )
        )
    with pytest.warns(UserWarning, match="1 images of .* such as 7; of each id the last counts"):
        zoo.dataset(lay(tmp_path, ODD["an image twice"]))


def test_one_file_under_two_ids_is_two_samples(tmp_path: Path) -> None:
    images = [{"id": i, "file_name": "a.jpg", "width": 32, "height": 16} for i in (7, 3)]
    assert list(zoo.dataset(lay(tmp_path, instances(BOX, images=images))).ids) == ["a.jpg#7", "a.jpg#3"]


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("declared", ["stored", "turned"])
def test_image_and_boxes_are_in_one_frame(orientation: int, declared: str, tmp_path: Path) -> None:
    """That in which the image is stored, which is pycocotools' and torchvision's; the turned one where only that fits."""
    if declared == "turned" and orientation == 3:
        pytest.skip("turned by 180 degrees the size is the same, and the stored frame is taken")
    name = lay(tmp_path, instances(BOX))
    stored = torch.zeros(16, 32, 3, dtype=torch.uint8)
    stored[1:5, 2:12] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored.numpy()).save(tmp_path / "images/b.jpg", exif=exif, quality=95)
    if declared == "turned":
        turned = [{**image, "width": 16, "height": 32} if image["id"] == 7 else image for image in instances()["images"]]
        lay(tmp_path, instances({**BOX, "bbox": [11, 2, 4, 10]}, images=turned), ("a.jpg",))
    sample = zoo.dataset(name)[0]
    left, top, right, bottom = (round(side) for side in sample.target.boxes[0].tolist())
    assert sample.input[0, top:bottom, left:right].float().mean() > 200


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
    lay(tmp_path, instances({**BOX, "bbox": [1]}))
    assert isinstance(CliRunner().invoke(data, ["check", name]).exception, DataError)


def test_a_mask_in_run_lengths_has_the_box_that_pycocotools_gives_it() -> None:
    mask = pytest.importorskip("pycocotools.mask")
    from zoo_data.coco import _around_runs

    random = np.random.default_rng(0)
    for share in (0, 0.02, 0.5, 0.98, 1) * 20:
        height, width = random.integers(1, 60, 2)
        packed = mask.encode(np.asfortranarray((random.random((height, width)) < share).astype(np.uint8)))
        assert _around_runs(height, width, packed["counts"]) == mask.toBbox(packed).tolist()
