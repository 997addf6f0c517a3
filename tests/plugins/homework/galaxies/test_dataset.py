"""homework: its two benchmarks, and Galaxy10 read lazily from a file of its layout."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zoo_homework
from zoo.errors import DataError
from zoo.opening.datasets import open_dataset
from zoo.specs import DatasetSpec

h5py = pytest.importorskip("h5py", reason="needs h5py: pip install 'deepzoo[homework]'")

from zoo_homework.galaxies.dataset import choose_test, same_sky  # noqa: E402

CLASSES = len(zoo_homework.GALAXIES)


def galaxies(folder: Path, **changes: Any) -> DatasetSpec:
    """The spec of galaxy10 with a small file of 60 galaxies in its place; `changes` replace or drop (None) columns."""
    generator = np.random.default_rng(0)
    labels = np.arange(60, dtype=np.uint8) % CLASSES
    columns: dict[str, Any] = {
        "images": generator.integers(0, 256, (60, 256, 256, 3), dtype=np.uint8),
        "ans": labels,
        "ra": np.linspace(0, 359, 60),
        "dec": np.linspace(-30, 30, 60),
    }
    path = folder / "galaxy10/Galaxy10_DECals.h5"
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in (columns | changes).items():
            if values is not None:
                file[name] = values
    (spec,) = zoo_homework.zoo_datasets()
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return spec.model_copy(update={"files": (spec.files[0].model_copy(update={"sha256": found}),)})


def test_galaxies_are_read_with_their_labels_from_both_splits(tmp_path: Path) -> None:
    spec = galaxies(tmp_path)
    train, test = (open_dataset(spec, split, data_dir=tmp_path) for split in ("train", "test"))
    assert (len(train.ids), len(test.ids)) == (50, 10)
    assert sorted([*train.ids, *test.ids]) == [f"galaxy10-{position:05}" for position in range(60)]
    assert sorted(test.targets) == list(range(CLASSES))
    position = int(test.ids[3].removeprefix("galaxy10-"))
    with h5py.File(tmp_path / "galaxy10/Galaxy10_DECals.h5") as file:
        expected = torch.from_numpy(file["images"][position]).permute(2, 0, 1)
    sample = test[3]
    assert torch.equal(sample.input, expected)
    assert (sample.input.shape, sample.target) == ((3, 256, 256), position % CLASSES)
    assert test.classes == zoo_homework.GALAXIES


def test_an_opened_split_can_be_sent_to_a_worker(tmp_path: Path) -> None:
    test = open_dataset(galaxies(tmp_path), "test", data_dir=tmp_path)
    first = test[0]
    sent = pickle.loads(pickle.dumps(test))
    assert torch.equal(sent[0].input, first.input)
    assert sent.fingerprint == test.fingerprint


def test_photographs_of_one_place_stay_in_one_split() -> None:
    arcsecond = 1 / 3600
    ra = np.array([10.0, 359.9999, 10.0, 0.0, 200.0, 10.0])
    dec = np.array([89.0, 0.0, 89.0 + 5 * arcsecond, 0.0, 20.0, 89.0 + 12 * arcsecond])
    assert same_sky(ra, dec) == [0, 1, 0, 1, 4, 0]
    labels = np.zeros(600, dtype=np.int64)
    groups = [position // 2 * 2 for position in range(600)]
    at = [str(group) for group in groups]
    test = choose_test(labels, groups, at)
    assert len(test) == 120
    assert all((position in test) == (groups[position] in test) for position in range(600))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"ra": None}, "no columns ra"),
        ({"images": np.zeros((60, 69, 69, 3), dtype=np.uint8)}, r"images uint8 \[60, 69, 69, 3\]"),
        ({"ans": np.full(60, 10)}, "labels other than 0 to 9"),
        ({"dec": np.full(60, np.nan)}, "without a place"),
        ({"ra": np.zeros(59)}, "60 labels and 59 places"),
    ],
)
def test_a_file_of_another_layout_is_refused(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem):
        open_dataset(galaxies(tmp_path, **changes), "test", data_dir=tmp_path)


def test_a_file_with_the_right_hash_that_is_no_hdf5_names_the_dataset(tmp_path: Path) -> None:
    spec = galaxies(tmp_path)
    (tmp_path / "galaxy10/Galaxy10_DECals.h5").write_bytes(b"no HDF5")
    found = hashlib.sha256(b"no HDF5").hexdigest()
    spec = spec.model_copy(update={"files": (spec.files[0].model_copy(update={"sha256": found}),)})
    with pytest.raises(DataError, match="cannot open split 'test' of galaxy10"):
        open_dataset(spec, "test", data_dir=tmp_path)


def test_both_homeworks_state_their_pass_mark() -> None:
    hw1, hw2 = zoo_homework.zoo_benchmarks()
    assert (hw1.name, hw1.dataset, hw1.pass_mark) == ("hw1", "galaxy10", "accuracy > 0.9")
    assert (hw2.name, hw2.dataset, hw2.pass_mark) == ("hw2", "data/sms-spam", "f1:positive=spam > 0.9")
    assert CLASSES == 10
