"""folder:PATH: the user's own images, with all that a folder may hold besides."""

import os
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.io import write_jpeg, write_png

import zoo
import zoo_data
from zoo.data.dataset import Dataset
from zoo.errors import DataError
from zoo.opening.datasets import open_dataset
from zoo_data.folder import decode, folder_spec


def picture(value: int = 0, height: int = 6, width: int = 8) -> torch.Tensor:
    """A smooth colour picture uint8 [3, h, w], other for every value."""
    ramp = torch.linspace(0, 200, width).expand(height, width)
    return torch.stack([ramp, 200 - ramp, torch.full((height, width), float(value % 256))]).byte()


def put(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        write_png(picture(value), str(path))
    else:
        write_jpeg(picture(value), str(path))
    return path


def opened(root: Path, split: str = "test") -> Dataset:
    return open_dataset(folder_spec(f"folder:{root}", str(root)), split)


def test_each_folder_is_a_class_and_ids_are_sorted_paths(tmp_path: Path) -> None:
    for name in ("dog/2.png", "cat/b.jpg", "cat/deep/er/a.JPEG", "cat/a b ü.jpg"):
        put(tmp_path / name)
    dataset = opened(tmp_path)
    assert dataset.classes == ("cat", "dog")
    assert list(dataset.ids) == ["cat/a b ü.jpg", "cat/b.jpg", "cat/deep/er/a.JPEG", "dog/2.png"]
    assert list(dataset.targets) == [0, 0, 0, 1]
    sample = dataset[3]
    assert (sample.id, sample.target) == ("dog/2.png", 1)
    assert torch.equal(sample.input, picture())


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "cat/a.jpg")
    for name in ("cat/Thumbs.db", "cat/.hidden.jpg", ".git/cat/a.jpg", "cat/.cache/a.jpg", "__MACOSX/cat/a.jpg", "readme.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"no image")
    (tmp_path / "stray.jpg").write_bytes(b"outside any class")
    assert list(opened(tmp_path).ids) == ["cat/a.jpg"]
    assert opened(tmp_path).classes == ("cat",)


def test_a_class_without_images_keeps_its_label(tmp_path: Path) -> None:
    put(tmp_path / "cat/a.jpg")
    put(tmp_path / "dog/a.jpg")
    (tmp_path / "cow").mkdir()
    dataset = opened(tmp_path)
    assert dataset.classes == ("cat", "cow", "dog")
    assert list(dataset.targets) == [0, 2]


def test_folders_train_and_test_are_splits_of_the_same_classes(tmp_path: Path) -> None:
    for name in ("train/cat/a.jpg", "train/dog/a.jpg", "test/dog/b.jpg"):
        put(tmp_path / name)
    spec = folder_spec("folder:x", str(tmp_path))
    assert list(spec.splits) == ["train", "test"]
    test = opened(tmp_path, "test")
    assert (test.classes, list(test.ids), list(test.targets)) == (("cat", "dog"), ["test/dog/b.jpg"], [1])
    assert list(opened(tmp_path, "train").targets) == [0, 1]


def test_a_class_that_is_called_train_is_a_class(tmp_path: Path) -> None:
    for name in ("train/a.jpg", "car/a.jpg"):
        put(tmp_path / name)
    assert opened(tmp_path).classes == ("car", "train")


def test_splits_beside_other_folders_are_refused(tmp_path: Path) -> None:
    for name in ("train/cat/a.jpg", "extra/a.jpg"):
        put(tmp_path / name)
    with pytest.raises(DataError, match=r"mixes splits \(train\) with other folders \(extra\)"):
        folder_spec("folder:x", str(tmp_path))


@pytest.mark.parametrize(
    ("make", "problem"), [(lambda p: None, "has no folders"), (lambda p: (p / "cat").mkdir(), "has no images")]
)
def test_a_folder_without_samples_is_refused(make, problem: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path)
    with pytest.raises(DataError, match=problem):
        opened(tmp_path)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        folder_spec("folder:x", str(tmp_path / "none"))


def test_a_corrupt_image_is_named_when_it_is_read(tmp_path: Path) -> None:
    whole = put(tmp_path / "cat/a.jpg").read_bytes()
    (tmp_path / "cat/b.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cat/c.jpg").write_bytes(b"")
    (tmp_path / "cat/d.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    (tmp_path / "cat/e.tif").write_bytes(b"II*\x00nonsense")
    dataset = opened(tmp_path)
    assert len(dataset.ids) == 5
    assert dataset.fingerprint
    dataset[0]
    for index in range(1, 5):
        with pytest.raises(DataError, match="cannot decode the image") as caught:
            dataset[index]
        assert dataset.ids[index] in caught.value.message


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/a.png", 7)
    (tmp_path / "root/cat").mkdir(parents=True)
    (tmp_path / "root/cat/link.png").symlink_to(tmp_path / "elsewhere/a.png")
    (tmp_path / "root/cat/folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/cat/circle").symlink_to(tmp_path / "root/cat")
    (tmp_path / "root/cat/broken.png").symlink_to(tmp_path / "nothing.png")
    dataset = opened(tmp_path / "root")
    assert list(dataset.ids) == ["cat/broken.png", "cat/folder/a.png", "cat/link.png"]
    assert torch.equal(dataset[2].input, picture(7))
    with pytest.raises(DataError, match=r"broken\.png"):
        dataset[0]


def test_the_fingerprint_is_that_of_names_and_contents(tmp_path: Path) -> None:
    for root in ("one", "two"):
        put(tmp_path / root / "cat/a.jpg", 1)
        put(tmp_path / root / "dog/b.jpg", 2)
    same = opened(tmp_path / "one").fingerprint
    assert opened(tmp_path / "two").fingerprint == same
    os.utime(tmp_path / "two/cat/a.jpg", (1, 1))
    assert opened(tmp_path / "two").fingerprint == same
    put(tmp_path / "two/cat/a.jpg", 3)
    changed = opened(tmp_path / "two").fingerprint
    assert changed != same
    (tmp_path / "one/cat/a.jpg").rename(tmp_path / "one/dog/a.jpg")
    assert opened(tmp_path / "one").fingerprint not in (same, changed)


LOSSLESS = {(suffix, mode) for suffix in ("png", "bmp", "ppm", "tif", "webp", "gif") for mode in ("RGB", "L", "RGBA", "P", "1")}
UNWRITABLE = {("ppm", "P"), ("ppm", "RGBA"), ("webp", "RGBA")}


@pytest.mark.parametrize(("suffix", "mode"), sorted(LOSSLESS - UNWRITABLE))
def test_every_format_and_mode_decodes_as_pil_decodes_it(suffix: str, mode: str, tmp_path: Path) -> None:
    source = Image.fromarray(picture(50, 20, 30).permute(1, 2, 0).numpy()).convert(mode)
    path = tmp_path / f"a.{suffix}"
    source.save(path, **({"lossless": True} if suffix == "webp" else {}))
    with Image.open(path) as read:
        expected = torch.tensor(list(read.convert("RGB").tobytes()), dtype=torch.uint8).reshape(20, 30, 3).permute(2, 0, 1)
    found = decode(path)
    assert (found.dtype, found.shape) == (torch.uint8, (3, 20, 30))
    assert torch.equal(found, expected)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_not_cut_off(suffix: str, tmp_path: Path) -> None:
    import numpy as np

    Image.fromarray(np.array([[0, 257, 32896, 65535]], dtype=np.uint16)).save(tmp_path / f"a.{suffix}")
    assert decode(tmp_path / f"a.{suffix}")[1, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_a_picture_is_turned_as_its_exif_says(suffix: str, tmp_path: Path) -> None:
    source = Image.fromarray(picture(0, 40, 24).permute(1, 2, 0).numpy())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    source.save(tmp_path / f"a.{suffix}", exif=exif)
    found = decode(tmp_path / f"a.{suffix}")
    assert found.shape == (3, 24, 40)
    assert found[0, 0].float().mean() < found[0, -1].float().mean()


def test_jpeg_decoding_agrees_with_pil(real_data: Path) -> None:
    for path in sorted((real_data / "galaxy_zoo1/images").glob("*.jpg"))[:5]:
        with Image.open(path) as read:
            expected = torch.tensor(list(read.convert("RGB").tobytes()), dtype=torch.uint8)
        found = decode(path).permute(1, 2, 0).flatten()
        assert (found.int() - expected.int()).abs().max() <= 2


def test_a_folder_is_resolved_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "mine/cat/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert list(zoo.dataset("folder:mine").ids) == ["cat/a.jpg"]
    assert zoo_data.zoo_resolve("dataset", "folder:") is None
    assert zoo_data.zoo_resolve("model", "folder:mine") is None
    assert zoo_data.zoo_resolve("dataset", "other:mine") is None
