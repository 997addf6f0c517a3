"""BSDS500: photographs and drawings from folders or the official archive, and files that are damaged."""

import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from zoo.data.dataset import Dataset
from zoo.errors import DataError
from zoo.opening.datasets import open_dataset
from zoo_data.bsds import parse_drawings
from zoo_data.segmentation_specs import DATASETS

BSDS = next(spec for spec in DATASETS if spec.name == "bsds500")


@pytest.fixture(autouse=True)
def no_other_data(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever data this machine has, only what a test makes is found, unless it asks for real data."""
    if "real_data" not in request.fixturenames:
        monkeypatch.delenv("ZOO_DATA_DIR", raising=False)


def drawing(maps: list[np.ndarray]) -> bytes:
    """A MATLAB file as the benchmark has it: a cell for each annotator, with Segmentation and Boundaries."""
    cells = np.empty((1, len(maps)), dtype=object)
    for place, map_ in enumerate(maps):
        cells[0, place] = {"Segmentation": map_.astype(np.uint16), "Boundaries": map_.astype(np.uint8)}
    buffer = BytesIO()
    savemat(buffer, {"groundTruth": cells})
    return buffer.getvalue()


def photograph(height: int, width: int) -> bytes:
    buffer = BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def lines(height: int, width: int, *rows: int) -> np.ndarray:
    map_ = np.zeros((height, width), bool)
    map_[list(rows)] = True
    return map_


FILES = {
    "images/2.jpg": photograph(6, 9),
    "images/1.jpg": photograph(9, 6),
    "groundTruth/2.mat": drawing([lines(6, 9, 1), lines(6, 9, 2, 3)]),
    "groundTruth/1.mat": drawing([lines(9, 6, 4)]),
    "images/Thumbs.db": b"x",
}


def put(root: Path, files: dict[str, bytes], split: str = "") -> Path:
    for name, content in files.items():
        folder, _, file = name.partition("/")
        path = root / "bsds500" / folder / split / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def opened(root: Path, split: str = "test") -> Dataset:
    return open_dataset(BSDS, split, root)


def expect_two(dataset: Dataset) -> None:
    assert list(dataset.ids) == ["1", "2"]
    sample = dataset[1]
    assert tuple(sample.input.shape) == (3, 6, 9)
    assert sample.target.dtype == bool and sample.target.shape == (2, 6, 9)
    assert [int(map_.sum()) for map_ in sample.target] == [9, 18]
    assert dataset.target(0).shape == (1, 9, 6)  # type: ignore[attr-defined]


@pytest.mark.parametrize("split", ["", "test"])
def test_photographs_and_drawings_are_found_in_folders(tmp_path: Path, split: str) -> None:
    expect_two(opened(put(tmp_path, FILES, split)))


def test_the_official_archive_is_read_without_unpacking_it(tmp_path: Path) -> None:
    (tmp_path / "bsds500").mkdir()
    with tarfile.open(tmp_path / "bsds500/BSR_bsds500.tgz", "w:gz") as tar:
        for name, content in FILES.items():
            folder, _, file = name.partition("/")
            for split in ("test", "val"):
                entry = tarfile.TarInfo(f"BSR/BSDS500/data/{folder}/{split}/{file if split == 'test' else 'v' + file}")
                entry.size = len(content)
                tar.addfile(entry, BytesIO(content))
    expect_two(opened(tmp_path))
    assert list(opened(tmp_path, "val").ids) == ["v1", "v2"]


def test_folders_without_splits_are_the_test_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(DataError, match=r"BSR_bsds500\.tgz of .*bsds500 is absent") as caught:
        opened(put(tmp_path, FILES), "train")
    assert "berkeley.edu" in caught.value.hint


def test_the_fingerprint_follows_the_drawings(tmp_path: Path) -> None:
    before = opened(put(tmp_path, FILES)).fingerprint
    assert opened(tmp_path).fingerprint == before
    put(tmp_path, {"groundTruth/1.mat": drawing([lines(9, 6, 5)])})
    assert opened(tmp_path).fingerprint != before


def test_a_photograph_without_a_drawing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"1 of 3 photographs .* have no drawing; the first is images/3\.jpg"):
        opened(put(tmp_path, {**FILES, "images/3.jpg": photograph(5, 5)}))


def test_a_drawing_of_another_size_is_named(tmp_path: Path) -> None:
    dataset = opened(put(tmp_path, {**FILES, "groundTruth/1.mat": drawing([lines(6, 9, 1)])}))
    with pytest.raises(DataError, match=r"groundTruth/1\.mat in .* is \[6, 9\] \(height, width\), its photograph \[9, 6\]"):
        dataset[0]


def test_a_photograph_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    dataset = opened(put(tmp_path, {**FILES, "images/1.jpg": b"no picture"}))
    with pytest.raises(DataError, match=r"cannot decode the photograph .*images/1\.jpg"):
        dataset[0]


def damaged() -> list[bytes]:
    other = BytesIO()
    savemat(other, {"something": np.zeros(3)})
    sizes = drawing([lines(6, 9, 1), lines(9, 6, 1)])
    return [b"", b"no matlab", FILES["groundTruth/1.mat"][:300], other.getvalue(), sizes]


@pytest.mark.parametrize("content", damaged())
def test_a_damaged_drawing_is_named(content: bytes) -> None:
    with pytest.raises(DataError, match=r"a\.mat holds no"):
        parse_drawings(content, "a.mat")


def test_bsds_as_published(real_data: Path) -> None:
    dataset = open_dataset(BSDS, "test", real_data)
    sample = dataset[0]
    assert sorted(sample.input.shape[1:]) == [321, 481]
    assert len(sample.target) >= 4
    assert 0.001 < sample.target.mean() < 0.1
