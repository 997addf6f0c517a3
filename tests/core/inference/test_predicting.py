"""Predictions for files without labels: what each task answers, in each format; and files that cannot be read."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch import nn

import zoo
from zoo.errors import DataError, ModelError, OptionError
from zoo.inference import write_rows
from zoo.tasks import Boxes


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Five digits as PNG."""
    folder = tmp_path / "photos"
    folder.mkdir()
    digits = zoo.dataset("digits")
    for row in range(5):
        Image.fromarray((digits[row].input[0] * 255).round().byte().numpy()).save(folder / f"{row}.png")
    return folder


def test_a_classifier_says_what_it_says_in_a_run(pictures) -> None:
    answers = zoo.predict("intro/mlp", pictures, top=3)
    rows = list(answers)
    model, digits = zoo.load("intro/mlp"), zoo.dataset("digits")
    logits = model(torch.stack([(digits[row].input * 255).round() / 255 for row in range(5)]))
    chances = logits.softmax(1)
    assert [row["label"] for row in rows] == [str(label) for label in logits.argmax(1).tolist()]
    assert [row["probability"] for row in rows] == pytest.approx(chances.max(1).values.tolist(), abs=1e-5)
    assert [Path(row["id"]).name for row in rows] == [f"{number}.png" for number in range(5)]
    assert all(row["probability"] >= row["probability_2"] >= row["probability_3"] for row in rows)
    assert not answers.unreadable and answers.inputs == 5


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_rows_are_the_same_in_every_format(pictures, tmp_path, suffix) -> None:
    answers = zoo.predict("intro/mlp", pictures)
    path = write_rows(answers, answers.columns, tmp_path / f"out.{suffix}")
    rows: list[Any] = {
        "csv": lambda: list(csv.DictReader(path.open())),
        "parquet": lambda: pq.read_table(path).to_pylist(),
        "jsonl": lambda: [json.loads(line) for line in path.read_text().splitlines()],
    }[suffix]()
    expected = list(zoo.predict("intro/mlp", pictures))
    assert [(row["id"], row["label"]) for row in rows] == [(row["id"], row["label"]) for row in expected]
    assert [float(row["probability"]) for row in rows] == pytest.approx([row["probability"] for row in expected])


def test_unreadable_files_are_named_and_the_rest_is_predicted(pictures) -> None:
    (pictures / "broken.png").write_bytes(b"no picture")
    answers = zoo.predict("intro/mlp", [pictures, pictures / "0.png", pictures / "nope.png"])
    with pytest.warns(UserWarning, match="named twice"):
        answers = zoo.predict("intro/mlp", [pictures, pictures / "0.png", pictures / "nope.png"])
    rows = list(answers)
    assert len(rows) == 5 and {Path(name).name for name in answers.unreadable} == {"broken.png", "nope.png"}


def test_where_nothing_can_be_read_it_is_an_error_and_no_file(tmp_path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    answers = zoo.predict("intro/mlp", tmp_path / "broken.png")
    with pytest.raises(DataError, match="none of the files can be read"):
        write_rows(answers, answers.columns, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="nothing that ends in"):
        zoo.predict("intro/mlp", tmp_path / "empty")


def test_texts_are_read_from_files_lines_and_tables(tmp_path) -> None:
    (tmp_path / "one.txt").write_text("free prize, call now\nhello\n")
    (tmp_path / "rows.csv").write_text("id,text\na,hello\nb,WINNER claim your prize\n")
    whole = list(zoo.predict("sequence/ngram-bag", tmp_path / "one.txt"))
    lines = list(zoo.predict("sequence/ngram-bag", tmp_path / "one.txt", lines=True))
    rows = list(zoo.predict("sequence/ngram-bag", tmp_path / "rows.csv"))
    assert (len(whole), len(lines), len(rows)) == (1, 2, 2)
    assert lines[1]["id"].endswith("one.txt:2") and rows[0]["id"].endswith("rows.csv:a")
    assert lines[1]["label"] == rows[0]["label"] == "ham" and lines[1]["probability"] == pytest.approx(rows[0]["probability"])


def test_an_embedder_gives_vectors(pictures, tmp_path) -> None:
    answers = zoo.predict("cnn/lenet5@digits", pictures, task="embed")
    path = write_rows(answers, answers.columns, tmp_path / "vectors.csv")
    header = path.read_text().splitlines()[0].split(",")
    width = len(next(iter(zoo.predict("cnn/lenet5@digits", pictures, task="embed")))["vector"])
    assert header == ["id", *(f"vector_{place}" for place in range(width))]


class Detector(nn.Module):
    def forward(self, images: Any) -> list[Boxes]:
        corners = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 8.0, 8.0]])
        found = [Boxes(corners, torch.tensor([1, 0]), torch.tensor([0.9, 0.3])) for _ in images]
        return found if len(images) else []


def test_a_detector_gives_a_row_a_box_and_an_empty_one_for_none(pictures) -> None:
    rows = list(zoo.predict(Detector(), pictures / "0.png", task="detect", classes=["cat", "dog"]))
    assert [(row["label"], row["x1"], row["y2"]) for row in rows] == [("dog", 1.0, 4.0), ("cat", 0.0, 8.0)]
    assert len(list(zoo.predict(Detector(), pictures, task="detect", classes=["cat", "dog"], threshold=0.5))) == 5
    (none,) = zoo.predict(Detector(), pictures / "0.png", task="detect", classes=["cat", "dog"], threshold=0.95)
    assert none["label"] is None and none["x1"] is None


class Halves(nn.Module):
    """Class 1 on the right half."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        right = torch.zeros(len(images), 1, *images.shape[-2:])
        right[..., images.shape[-1] // 2 :] = 1
        return torch.cat([1 - right, right], dim=1)


def test_a_segmenter_counts_pixels_and_draws_labels(pictures, tmp_path) -> None:
    answers = zoo.predict(Halves(), pictures, task="segment", classes=["left", "right"], pictures=tmp_path / "maps")
    rows = list(answers)
    assert [(row["label"], row["pixels"], row["share"]) for row in rows[:2]] == [("left", 32, 0.5), ("right", 32, 0.5)]
    labels = np.array(Image.open(tmp_path / "maps" / "0.png"))
    assert labels.shape == (8, 8) and set(labels[:, :4].ravel()) == {0} and set(labels[:, 4:].ravel()) == {1}


def test_pictures_are_restored_into_a_folder(pictures, tmp_path) -> None:
    rows = list(zoo.predict("vision/bicubic", pictures, degraded="bicubic:2", pictures=tmp_path / "large"))
    assert {(row["height"], row["width"]) for row in rows} == {(16, 16)}
    assert Image.open(rows[0]["picture"]).size == (16, 16)
    with pytest.raises(OptionError, match="suffer from"):
        zoo.predict("vision/bicubic", pictures, pictures=tmp_path / "large")
    with pytest.raises(OptionError, match="need a folder"):
        zoo.predict("vision/bicubic", pictures, degraded="bicubic:2")


@pytest.mark.parametrize(
    ("model", "settings", "error", "said"),
    [
        ("robust/pgd", {}, ModelError, "says nothing of files without labels"),
        ("cnn/lenet5", {}, zoo.ZooError, "several weights"),
        ("intro/mlp", {"top": 11}, OptionError, "more than the 10 classes"),
        ("intro/mlp", {"top": 0}, OptionError, "at least 1"),
        ("intro/mlp", {"pictures": "x"}, OptionError, "makes no pictures"),
        ("intro/mlp", {"classes": "dataset"}, OptionError, "files have none"),
        ("intro/mlp", {"input": "size=8"}, OptionError, "models of your own"),
        (nn.Flatten(), {}, ModelError, "does not say which class"),
    ],
)
def test_what_cannot_be_predicted_is_said(pictures, model, settings, error, said) -> None:
    with pytest.raises(error, match=said):
        zoo.predict(model, pictures, **settings)


def test_no_file_an_empty_name_and_an_unknown_format_are_refused(pictures, tmp_path) -> None:
    for files, said in ([], "no file is named"), ([""], "an empty name"):
        with pytest.raises(OptionError, match=said):
            zoo.predict("intro/mlp", files)
    answers = zoo.predict("intro/mlp", pictures)
    with pytest.raises(OptionError, match="no table can be written"):
        write_rows(answers, answers.columns, tmp_path / "out.xlsx")


def test_two_files_that_would_give_one_picture_are_refused(pictures, tmp_path) -> None:
    Image.open(pictures / "0.png").convert("RGB").save(pictures / "0.jpg")
    Image.open(pictures / "0.png").save(pictures / "0.jpg.png")
    with pytest.raises(DataError, match="one picture"):
        zoo.predict("vision/bicubic", pictures, degraded="bicubic:2", pictures=tmp_path / "large")
