"""What a report shows of each task, on small data of one's own: pictures, labels and facts are those of the predictions."""

import base64
import json
import shutil
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.runs import stored_predictions
from zoo.tasks import Boxes


def decoded(seen):
    """The picture that is shown, RGB uint8 [h, w, 3]."""
    assert seen["a"], "a picture says what it shows"
    found = Image.open(BytesIO(base64.b64decode(seen["p"].partition(",")[2]))).convert("RGB")
    assert found.size == (seen["w"], seen["h"])
    return np.asarray(found).astype(int)


@pytest.fixture
def pictures(tmp_path):
    """A folder of four grey pictures of 24x32 pixels."""
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(4):
        Image.new("RGB", (32, 24), (40 + 50 * i,) * 3).save(folder / f"p{i}.png")
    return folder


@pytest.fixture
def show(read, tmp_path):
    return lambda *runs: read(zoo.report(list(runs), tmp_path / "report.html"))


@pytest.fixture
def show_without(show, pictures):
    """The report once the pictures are gone."""

    def call(*runs):
        shutil.rmtree(pictures)
        page = show(*runs)
        assert "The samples themselves are not shown: there is no folder" in page.text
        return page

    return call


class Finder(torch.nn.Module):
    """Sees one dog at the left of every picture."""

    def forward(self, images):
        box = torch.tensor([[2.0, 2.0, 12.0, 12.0]])
        return [Boxes(box, torch.tensor([1]), torch.tensor([0.75])) for _ in images]


def test_detections_are_drawn_over_the_picture(pictures, show, show_without, tmp_path):
    images = [{"id": i, "file_name": f"p{i}.png", "width": 32, "height": 24} for i in range(4)]
    boxes = [
        {"id": i + 1, "image_id": i, "category_id": 1 + i % 2, "bbox": [2, 2, 10, 10], "area": 100, "iscrowd": 0}
        for i in range(4)
    ]
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    (tmp_path / "boxes.json").write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    run = zoo.evaluate(Finder(), f"coco:{pictures}:{tmp_path}/boxes.json", classes=["cat", "dog"], key="finder")
    page = show(run)
    data = page.data
    assert data["labels"] == ["cat", "dog"] and data["holds"] == [[0], [1], [0], [1]]
    assert data["runs"][0]["score"] == [0.0, 1.0, 0.0, 1.0] and data["runs"][0]["right"] is None
    assert data["measure"] == "outcome by coco-ap", "that of an image is not a part of the mean"
    (one,) = data["seen"]["0"]["o"]
    assert one["f"] == ["annotated: 1 cat", "found with a score of 0.5 or more: 1 dog"]
    picture = decoded(one["s"])
    assert picture.shape == (24, 32, 3) and (picture[20, 28] == 40).all() and (picture[12, 6] != 40).any()
    rows = {row[0]: row for row in page.tables()["Average precision of each class, IoU 0.50 to 0.95"]}
    assert rows["cat"][1:4] == ["2", "0", "0"] and rows["dog"][1:3] == ["2", "4"]
    gone = show_without(run).data
    assert gone["holds"] == data["holds"] and gone["runs"] == data["runs"] and gone["labels"] == ["class 0", "class 1"]


class Halves(torch.nn.Module):
    """Says that the left half is sea, and the right half land."""

    def forward(self, images):
        b, _, h, w = images.shape
        logits = torch.zeros(b, 2, h, w)
        logits[:, 1, :, w // 2 :] = 9
        logits[:, 0, :, : w // 2] = 9
        return logits


def test_masks_lie_over_the_picture_beside_what_was_annotated(pictures, show, show_without, tmp_path):
    (tmp_path / "masks").mkdir()
    for i in range(4):
        mask = np.zeros((24, 32), np.uint8)
        mask[:, 16 - 4 * i :] = 1
        Image.fromarray(mask).save(tmp_path / f"masks/p{i}.png")
    (tmp_path / "masks/classes.txt").write_text("sea\nland\n")
    run = zoo.evaluate(Halves(), f"masks:{pictures}:{tmp_path}/masks", classes=["sea", "land"], key="halves")
    page = show(run)
    pixels = page.tables()["Pixels by true class (row) and predicted class (column)"]
    sea = sum(24 * (16 - 4 * i) for i in range(4))
    assert pixels[1:] == [["sea", f"{sea}", "·"], ["land", f"{24 * 64 - sea}", f"{24 * 64:,}"]]
    drawn = decoded(page.data["seen"]["3"]["o"][0]["s"])
    assert drawn.shape == (24, 3 * 32 + 8, 3)
    photo, predicted, annotated = drawn[:, :32], drawn[:, 36:68], drawn[:, 72:]
    assert (photo == 190).all()
    assert (predicted[0, 2] != predicted[0, 30]).any() and (annotated[0, 2] == predicted[0, 2]).all()
    assert (annotated[0, 8] == predicted[0, 30]).all()
    gone = show_without(run)
    assert gone.data["ids"] == page.data["ids"] and gone.data["runs"][0]["score"] is None
    assert gone.tables()["iou"] == page.tables()["iou"]


def test_restored_pictures_stand_between_what_was_given_and_the_original(pictures, show, show_without):
    run = zoo.evaluate("vision/identity", f"images:noise25:{pictures}")
    page = show(run)
    assert "as it was given, as it was restored, and the original" in page.data["caption"]
    drawn = decoded(page.data["seen"]["1"]["o"][0]["s"])
    given, restored, original = (drawn[:, 32 * i : 32 * i + 32] for i in range(3))
    assert (given == restored).all() and given.std() > 5 and (original == 90).all()
    assert all(18 < score < 24 for score in page.data["runs"][0]["score"])
    gone = show_without(run).data
    assert (decoded(gone["seen"]["1"]["o"][0]["s"]) == restored).all() and gone["caption"] == ""


def test_queries_stand_above_their_nearest_neighbours(show):
    run = zoo.evaluate(lambda x: x.flatten(1), "digits", task="embed", limit=60, key="flat", name="pixels")
    data = show(run).data
    stored = stored_predictions(run)
    vectors = np.array(stored["vector"].to_pylist())
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -1)
    nearest = similar.argmax(axis=1)
    labels = np.array(stored["label"].to_pylist())
    assert data["runs"][0]["right"] == (labels == labels[nearest]).astype(int).tolist()
    for place, seen in ((int(place), seen) for place, seen in data["seen"].items()):
        mark = "✓" if labels[nearest[place]] == labels[place] else "✗"
        assert seen["s"]["w"] == 8
        assert seen["o"][0]["f"][0] == f"{mark} {labels[nearest[place]]}, cosine {similar[place].max():.3f}"
        assert f"nearest to {data['ids'][place]}: {data['ids'][nearest[place]]}, " in seen["o"][0]["s"]["a"]


def test_an_attack_is_shown_as_clean_change_and_adversarial(show):
    how = {"eps": 0.3, "save_inputs": True}
    run = zoo.evaluate("robust/fgsm", "digits", aux={"victim": "intro/mlp"}, protocol=how, limit=20)
    page = show(run)
    held = run.primary.value
    assert page.data["words"] == ["falls", "holds"]
    assert sum(page.data["runs"][0]["right"]) == round(20 * held)
    shown = ((int(place), seen["o"][0]) for place, seen in page.data["seen"].items())
    place, seen = next((place, one) for place, one in shown if "norm of the change 0.3" in one["f"][1])
    drawn = decoded(seen["s"])
    clean, change, made = (drawn[:, 8 * i : 8 * i + 8] for i in range(3))
    sample = zoo.dataset("digits")[list(zoo.dataset("digits").ids).index(page.data["ids"][place])]
    assert (
        np.abs(clean[:, :, 0] - (sample.input[0].float() * (255 if sample.input.is_floating_point() else 1)).numpy()).max() <= 1
    )
    assert 60 < np.abs(made - clean).max() <= 77 and set(np.unique(change)) >= {0, 255}


def test_adversarial_pictures_that_are_not_stored_are_said_not_to_be(show):
    page = show(zoo.evaluate("robust/fgsm", "digits", aux={"victim": "intro/mlp"}, protocol={"eps": 0.3}, limit=10))
    seen = next(iter(page.data["seen"].values()))
    assert seen["s"]["w"] == 8 and seen["o"][0]["s"] is None
    assert "the adversarial input is not stored: `protocol.save_inputs=true` keeps it" in seen["o"][0]["f"]


def test_texts_are_shown_with_what_is_said_of_them(show, tmp_path):
    (tmp_path / "play.txt").write_text("ROMEO: But soft, what light through yonder window breaks?\n" * 8)
    record = zoo.evaluate("sequence/char-rnn", f"text:{tmp_path}/play.txt")
    page = show(record)
    first, run = page.data["seen"]["0"], page.data["runs"][0]
    assert first["s"]["t"].startswith("▸ROMEO: But soft")
    assert page.data["measure"] == "bits a character" and not page.data["higher"]
    nats, characters = (np.array(stored_predictions(record)[name].to_pylist()) for name in ("nll", "characters"))
    np.testing.assert_allclose(run["score"], nats / np.log(2) / characters, rtol=1e-4)
    whole = next(result.value for result in record.results if result.metric == "bits-per-character")
    assert np.average(run["score"], weights=characters) == pytest.approx(whole, rel=1e-3)
    assert "▸" in page.data["caption"]


@pytest.mark.slow
def test_a_training_is_shown_by_its_curves_and_its_memory(read, tmp_path):
    trained = zoo.train("cnn/lenet5-digits", epochs=2)
    page = read(zoo.report(trained, tmp_path / "training.html"))
    assert [title for title in ("training loss", "learning rate", "memory of a process by kind") if title not in page.text] == []
    row = page.tables()["Memory by kind, and time"][1]
    assert row[7] == f"{trained.cost.steps:,}" and row[1].endswith("MB")
    run = zoo.evaluate("cnn/lenet5", "digits", weights=trained.weights)
    assert "Training of the weights" in read(zoo.report(run, tmp_path / "run.html")).text
