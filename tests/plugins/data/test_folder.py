"""folder:PATH: the user's own images, with all that a folder may hold besides."""

import os
from collections import Counter
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.io import write_jpeg, write_png

import zoo
import zoo_data
from zoo.data.dataset import Dataset
from zoo.errors import DataError
from zoo.imaging import read_image
from zoo.opening.datasets import open_dataset
from zoo_data.folder import folder_spec


@pytest.fixture(autouse=True)
def home_elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of files are kept in ZOO_HOME, which must not be a folder of the dataset."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))


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


def test_what_is_skipped_is_said(tmp_path: Path) -> None:
    put(tmp_path / "cat/a.jpg")
    for name in ("cat/b.heic", "cat/c.HEIC", "cat/d.jpg.part", "cat/notes"):
        (tmp_path / name).write_bytes(b"no image")
    with pytest.warns(UserWarning, match=r"4 files in .*cat passed over, by suffix: 2 \.heic"):
        assert list(opened(tmp_path).ids) == ["cat/a.jpg"]


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".JPG", ".AVIF", ".WebP", ".pbm", ".tga", ".apng"])
def test_every_image_counts_whatever_its_suffix(suffix: str, tmp_path: Path) -> None:
    kind = {".jfif": "JPEG", ".jpe": "JPEG", ".jpg": "JPEG", ".pbm": "PPM", ".apng": "PNG"}
    (tmp_path / "cat").mkdir()
    black = Image.new("1", (8, 6)) if suffix == ".pbm" else Image.new("RGB", (8, 6))
    black.save(tmp_path / f"cat/a{suffix}", kind.get(suffix.lower(), suffix[1:].upper()))
    dataset = opened(tmp_path)
    assert len(dataset.ids) == 1 and tuple(dataset[0].input.shape) == (3, 6, 8) and not dataset[0].input.any()


@pytest.mark.parametrize(
    "junk",
    ["@eaDir", "$RECYCLE.BIN", "System Volume Information", "__MACOSX", ".Trash", "#recycle", "lost+found", ".ipynb_checkpoints"],
)
def test_folders_that_systems_leave_are_no_classes(junk: str, tmp_path: Path) -> None:
    put(tmp_path / "cat/a.jpg")
    put(tmp_path / junk / "x.jpg")
    put(tmp_path / "cat" / junk / "x.jpg")
    (tmp_path / "cat/._a.jpg").write_bytes(b"\0\5\x16\7")
    assert (opened(tmp_path).classes, list(opened(tmp_path).ids)) == (("cat",), ["cat/a.jpg"])


def test_names_are_composed_as_models_and_other_systems_have_them(tmp_path: Path) -> None:
    put(tmp_path / "cafe\u0301/the\u0301.jpg")
    dataset = opened(tmp_path)
    assert (dataset.classes, list(dataset.ids)) == (("caf\xe9",), ["caf\xe9/th\xe9.jpg"])
    assert dataset[0].target == 0
    put(tmp_path / "caf\xe9/other.jpg")
    assert (opened(tmp_path).classes, list(opened(tmp_path).targets)) == (("caf\xe9",), [0, 0])


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


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("Train", "Test"), ["train", "test"]),
        (("train", "valid", "test"), ["train", "val", "test"]),
        (("training", "validation", "testing"), ["train", "val", "test"]),
        (("TRAIN", "VAL"), ["train", "val"]),
    ],
)
def test_splits_are_known_by_the_names_that_people_use(names: tuple[str, ...], splits: list[str], tmp_path: Path) -> None:
    for name in names:
        put(tmp_path / name / "cat/a.jpg")
    assert list(folder_spec("folder:x", str(tmp_path)).splits) == splits
    assert [list(opened(tmp_path, split).ids) for split in splits] == [[f"{name}/cat/a.jpg"] for name in names]


def test_one_split_under_two_names_is_refused(tmp_path: Path) -> None:
    for name in ("val", "valid"):
        put(tmp_path / name / "cat/a.jpg")
    with pytest.raises(DataError, match="two folders for the split val: val and valid"):
        folder_spec("folder:x", str(tmp_path))


def heap(root: Path) -> Path:
    for name, count in (("cat", 10), ("dog", 5), ("emu", 1)):
        for number in range(count):
            put(root / name / f"{number}.png")
    return root


def test_a_heap_is_scored_whole_and_trained_on_without_what_is_held_out(tmp_path: Path) -> None:
    root = heap(tmp_path / "heap")
    whole = opened(root)
    with pytest.warns(UserWarning, match=r"leaves out 3 of 16 samples, test is all of them: .*folder:holdout=0\.2:"):
        train = opened(root, "train")
    held_out = zoo.dataset(f"folder:holdout=0.2:{root}", "test")
    assert (len(whole.ids), Counter(held_out.targets), Counter(train.targets)) == (16, {0: 2, 1: 1}, {0: 8, 1: 4, 2: 1})
    assert sorted([*train.ids, *held_out.ids]) == list(whole.ids)
    assert zoo.dataset(f"folder:holdout=0.2:{root}", "train").ids == train.ids
    assert len({whole.fingerprint, train.fingerprint, held_out.fingerprint}) == 3
    assert held_out.classes == whole.classes == ("cat", "dog", "emu")


def test_what_is_held_out_hangs_on_names_alone(tmp_path: Path) -> None:
    first, again = heap(tmp_path / "one"), heap(tmp_path / "two")
    put(again / "cat/0.png", 9)
    names = [zoo.dataset(f"folder:holdout=0.4:{root}", "test").ids for root in (first, again)]
    assert names[0] == names[1] and len(names[0]) == 6


def test_a_folder_with_splits_of_its_own_holds_nothing_out(tmp_path: Path) -> None:
    put(tmp_path / "pets/train/cat/a.jpg")
    with pytest.raises(DataError, match="has splits of its own: train") as caught:
        zoo.dataset(f"folder:holdout=0.2:{tmp_path / 'pets'}", "train")
    assert f"folder:{tmp_path / 'pets'}" in caught.value.hint


def test_a_run_on_what_is_held_out_sees_nothing_else(tmp_path: Path) -> None:
    root = heap(tmp_path / "heap")

    def model(images: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(images), 3) + torch.tensor([0.0, -1.0, -2.0])

    record = zoo.evaluate(model, f"folder:holdout=0.2:{root}", classes="dataset", key="flat", device="cpu", workers=0)
    assert (record.dataset.samples, record.primary.value) == (3, pytest.approx(2 / 3))


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


def test_jpeg_decoding_agrees_with_pil(real_data: Path) -> None:
    for path in sorted((real_data / "galaxy_zoo1/images").glob("*.jpg"))[:5]:
        with Image.open(path) as read:
            expected = torch.tensor(list(read.convert("RGB").tobytes()), dtype=torch.uint8)
        found = read_image(path).permute(1, 2, 0).flatten()
        assert (found.int() - expected.int()).abs().max() <= 2


def test_a_folder_is_resolved_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "mine/cat/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert list(zoo.dataset("folder:mine").ids) == ["cat/a.jpg"]
    assert zoo_data.zoo_resolve("dataset", "folder:") is None
    assert zoo_data.zoo_resolve("model", "folder:mine") is None
    assert zoo_data.zoo_resolve("dataset", "other:mine") is None
