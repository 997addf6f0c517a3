"""Homework 1 on stand-ins: a file of Galaxy10's structure is read lazily, trained on, and graded."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import zoo
from zoo.errors import DataError, ModelError

h5py = pytest.importorskip("h5py", reason="needs h5py: pip install 'deepzoo[homework]'")

from galaxy_files import LABELS, write_galaxy_zoo, write_large  # noqa: E402

from zoo_homework import GALAXIES, zoo_recipes  # noqa: E402
from zoo_homework.galaxies.network import GalaxyNet  # noqa: E402
from zoo_homework.galaxies.trainer import draw_by_chunk, pretrained_state  # noqa: E402
from zoo_homework.grades.classroom import grade_class  # noqa: E402
from zoo_homework.homework import open_homework  # noqa: E402

MEMORY = """
import re, sys, zoo
data = zoo.dataset("galaxy10:" + sys.argv[1], sys.argv[2])
total = sum(int(data[i].input[0, 0, 0]) for i in range(len(data.ids)))
# Of this program alone: ru_maxrss would begin with what the process that started it held.
print(len(data.ids), total, int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 2**20)
"""


def test_any_file_of_the_structure_is_a_dataset_with_three_splits(real_data: Path, tmp_path: Path) -> None:
    count = write_galaxy_zoo(real_data / "galaxy_zoo1", tmp_path / "g.h5", 10, 64)
    whole, train, test = (zoo.dataset(f"galaxy10:{tmp_path}/g.h5", split) for split in ("all", "train", "test"))
    assert (len(whole.ids), len(train.ids), len(test.ids)) == (count, count - 12, 12)
    assert sorted([*train.ids, *test.ids]) == list(whole.ids)
    assert {whole.targets.count(label) for label in LABELS.values()} == {10}
    assert {test.targets.count(label) for label in LABELS.values()} == {2}
    assert whole.classes == GALAXIES
    assert whole[0].input.shape == (3, 64, 64)
    shutil.copy(tmp_path / "g.h5", tmp_path / "named.h5")
    with h5py.File(tmp_path / "named.h5", "a") as file:
        file.attrs["classes"] = [f"kind {number}" for number in range(9)]
    assert zoo.dataset(f"galaxy10:{tmp_path}/named.h5").classes[8] == "kind 8"
    with pytest.raises(DataError, match="there is no file"):
        zoo.dataset("galaxy10:nowhere.h5")


def test_the_split_hangs_on_the_galaxies_not_on_the_order_of_their_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    columns = {"ans": rng.integers(0, 10, 200).astype(np.uint8), "ra": rng.uniform(0, 360, 200), "dec": rng.uniform(-30, 30, 200)}
    chosen = []
    for name, order in (("a", np.arange(200)), ("b", rng.permutation(200))):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["images"] = np.zeros((200, 8, 8, 3), dtype=np.uint8)
            for column, values in columns.items():
                file[column] = values[order]
        test = zoo.dataset(f"galaxy10:{tmp_path}/{name}.h5", "test")
        chosen.append({columns["ra"][order[int(id_.rpartition("-")[2])]] for id_ in test.ids})
    assert chosen[0] == chosen[1]


def test_the_recipe_trains_and_what_it_trains_is_graded(real_data: Path, tmp_path: Path) -> None:
    """Two epochs of hw1's recipe with a small backbone and without pretrained weights: the path, not the score."""
    write_galaxy_zoo(real_data / "galaxy_zoo1", tmp_path / "g.h5", 8, 64)
    (recipe,) = zoo_recipes()
    changes: dict[str, Any] = {
        "dataset": f"galaxy10:{tmp_path}/g.h5",
        "config": {"backbone": "test_resnet.r160_in1k"},
        "options": {},
        "input": {"channels": 3, "size": (64, 64)},
        "model": "homework/galaxy-net",
        "batch_size": 16,
    }
    recipe = type(recipe).model_validate({**recipe.model_dump(), **changes})
    record = zoo.train(recipe, epochs=2, device="cpu", output=tmp_path / "ada.safetensors")
    assert len(record.history) == 2
    homework = open_homework("hw1", test_set=f"galaxy10:{tmp_path}/g.h5")
    assert (len(homework.ids), homework.public) == (48, False)
    (entry,) = grade_class(homework, [tmp_path / "ada.safetensors"]).entries
    assert (entry.counted.message, str(entry.counted.status)) == ("", "graded")
    assert entry.counted.grade is not None
    assert entry.counted.grade.primary.n == 48  # an instructor's own set is graded whole


def test_pretrained_weights_that_cannot_be_had_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="cannot be had"):
        pretrained_state("no_such_backbone.anywhere")


def test_the_network_says_the_same_of_a_galaxy_however_it_is_turned() -> None:
    torch.manual_seed(0)
    net = GalaxyNet("test_resnet.r160_in1k", 10).eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        expected = net(images)
        for turned in (images.rot90(1, (2, 3)), images.flip(2), images.flip(3).rot90(3, (2, 3))):
            torch.testing.assert_close(net(turned), expected, rtol=1e-4, atol=1e-5)


def test_batches_by_chunk_take_every_sample_once_and_few_chunks_at_a_time() -> None:
    chunk_of = [position // 32 for position in range(20_000)]
    batches = draw_by_chunk(chunk_of, 64, torch.Generator().manual_seed(0))
    assert sorted(torch.cat(batches).tolist()) == list(range(20_000))
    pool = torch.cat(batches[:32]) // 32
    assert len(pool.unique()) <= 2048 // 32 + 1
    assert len((batches[0] // 32).unique()) > 30  # and yet a batch mixes many


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_file_of_3_gb_is_read_in_less_than_half_of_that(tmp_path: Path) -> None:
    count = write_large(tmp_path / "large.h5", 3.0)
    for split in ("all", "test"):
        command = [sys.executable, "-c", MEMORY, str(tmp_path / "large.h5"), split]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "ZOO_HOME": str(tmp_path)})
        read, _, peak = ran.stdout.split()
        print(f"{split}: {read} of {count} images read, peak {float(peak):.2f} GiB")
        assert float(peak) < 1.5e9 / 2**30


def test_a_csv_of_labels_alone_is_a_test_set(tmp_path: Path) -> None:
    rows = [("g1", "Merging"), ("g2", "Disturbed"), ("g3", "Merging")]
    with open(tmp_path / "hidden.csv", "w", newline="") as file:
        csv.writer(file).writerows([("id", "label"), *rows])
    homework = open_homework("hw1", test_set=str(tmp_path / "hidden.csv"))
    (tmp_path / "ada.csv").write_text("id,label\ng3,1\ng1,Merging\ng2,Merging\n")
    (entry,) = grade_class(homework, [tmp_path / "ada.csv"]).entries
    assert entry.counted.grade is not None
    assert (entry.counted.grade.primary.value, entry.points) == (2 / 3, 0)
    assert json.dumps(entry.counted.grade.primary.n) == "3"
