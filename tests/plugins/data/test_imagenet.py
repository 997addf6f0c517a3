"""imagenet-sample: classes by the ids in the names of its files, all 1,000 of them."""

from pathlib import Path

import pytest
from PIL import Image

from zoo.errors import DataError
from zoo.opening.datasets import open_dataset
from zoo.plugins.registry import registry


def sample(folder: Path, *names: str) -> Path:
    (folder / "imagenet_sample/images").mkdir(parents=True)
    for name in names:
        Image.new("L", (8, 6), 100).save(folder / "imagenet_sample/images" / name, "JPEG")
    return folder


def test_labels_are_ranks_among_all_ids(tmp_path: Path) -> None:
    root = sample(tmp_path, "n01443537_goldfish.JPEG", "n01440764_tench.JPEG", "n15075141_toilet_tissue.JPEG")
    found = open_dataset(registry().dataset("imagenet-sample"), "test", root)
    assert found.targets == [0, 1, 999] and len(found.classes) == 1000
    assert found[0].input.shape == (3, 6, 8)  # grey becomes RGB


@pytest.mark.parametrize(("names", "said"), [((), "has no images"), (("n00000001_thing.JPEG",), "is of none of ImageNet's")])
def test_what_is_no_sample_says_so(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        open_dataset(registry().dataset("imagenet-sample"), "test", sample(tmp_path, *names))


def test_labels_are_those_that_come_with_it(real_data: Path) -> None:
    import csv

    dataset = open_dataset(registry().dataset("imagenet-sample"), "test", real_data)
    with open(real_data / "imagenet_sample/labels.csv", encoding="utf-8") as file:
        labels = {row["file"].removeprefix("images/"): int(row["class_index"]) for row in csv.DictReader(file)}
    assert dict(zip(dataset.ids, dataset.targets, strict=True)) == labels
