"""Task detect: classes matched by name, boxes verified, predictions stored, read back and drawn."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from zoo.data.dataset import Sample
from zoo.errors import ModelError, PredictionError
from zoo.specs import ImageInput
from zoo.tasks import DataInfo, ModelInfo, task_class
from zoo.tasks.base import Batch
from zoo.tasks.detect import Boxes, Detect

CLASSES = ("ant", "bee", "cat")


def bound(classes="dataset", data_classes=CLASSES, image_input=None):
    return Detect(ModelInfo("local/model", None, classes, image_input), DataInfo("toy", "test", "image", data_classes))


def boxes(*rows, scores=None, **others):
    """Boxes of rows x1 y1 x2 y2 label."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
    scores = None if scores is None else torch.tensor(scores, dtype=torch.float32)
    return Boxes(table[:, :4], table[:, 4].long(), scores, **others)


def batch(*targets, size=(20, 30)):
    images = [torch.zeros(3, *size) for _ in targets]
    return Batch([f"s{i}" for i in range(len(targets))], images, targets, list(range(len(targets))))


def predicted(task, found, size=(20, 30)):
    return task.predict(lambda images: [found for _ in images], batch(boxes(), size=size))[0]


def test_the_task_is_registered():
    assert task_class("detect") is Detect


def test_boxes_are_kept_as_the_model_returns_them():
    rows = [[-5, 2, 40, 25, 0], [31, 3, 40, 9, 1], [4, 4, 4, 9, 2]]
    found = predicted(bound(), boxes(*rows, scores=[0.5, 0.6, 0.7]))
    assert found.boxes.tolist() == [row[:4] for row in rows]
    assert (found.labels.tolist(), found.scores.tolist()) == ([0, 1, 2], pytest.approx([0.5, 0.6, 0.7]))


def test_odd_boxes_are_stored_and_drawn():
    task = bound()
    found = boxes([-5, 2, 40, 25, 0], [31, 3, 40, 9, 1], [4, 4, 4, 9, 2], scores=[0.5, 0.6, 0.7])
    columns = task.decode(pa.table(task.encode([found], batch(boxes([1, 1, 5, 5, 0])))))
    assert columns["boxes"][0][:, :4].tolist() == found.boxes.tolist()
    assert task.draw(Sample("s0", torch.zeros(3, 20, 30), None), columns).size == (30, 20)


def test_classes_are_matched_by_name_and_others_left_out():
    task = bound(classes=("dog", "cat", "ant", "eel", "bee"))
    rows = [[1, 1, 5, 5, label] for label in range(5)]
    found = predicted(task, boxes(*rows, scores=[0.1, 0.2, 0.3, 0.4, 0.5]))
    assert found.labels.tolist() == [2, 0, 1]
    assert found.scores.tolist() == pytest.approx([0.2, 0.3, 0.5])


def test_a_class_that_the_model_lacks_is_named():
    with pytest.raises(ModelError, match="no output for 1 of the 3 classes of toy: bee"):
        bound(classes=("ant", "cat"))


def test_a_dataset_without_classes_is_refused():
    with pytest.raises(ModelError, match="nothing can be detected"):
        bound(data_classes=None)


def test_a_model_that_declares_a_size_would_lose_the_images_pixels():
    with pytest.raises(ModelError, match="boxes are in the image's own"):
        bound(image_input=ImageInput(channels=3, size=(64, 64)))


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (boxes([1, 1, 5, 5, 0]), "without tensors"),
        ({"boxes": torch.zeros(0, 4)}, "dict without tensors"),
        (
            {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long(), "scores": torch.zeros(0)},
            r'expected zoo.tasks.Boxes\(one\["boxes"\]',
        ),
        (boxes([1, 1, 5, 5, 0], scores=[0.5, 0.5]), "shapes"),
        (Boxes(torch.ones(1, 4, dtype=torch.int64), torch.zeros(1).long(), torch.ones(1)), "types"),
        (boxes([1, 1, float("nan"), 5, 0], scores=[0.5]), "NaN or infinite"),
        (boxes([1, 1, 5, 5, 0], scores=[float("inf")]), "NaN or infinite"),
        (boxes([5, 1, 1, 5, 0], scores=[0.5]), "before its left"),
        (boxes([1, 1, 5, 5, 0], scores=[1.5]), r"outside \[0, 1\]"),
        (boxes([1, 1, 5, 5, 3], scores=[0.5]), "none of its 3 classes"),
        (boxes([1, 1, 5, 5, -1], scores=[0.5]), "none of its 3 classes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_detector_may_return_names_the_image(found, problem):
    with pytest.raises(PredictionError, match=problem) as caught:
        predicted(bound(), found)
    assert caught.value.ids == ("s0",)


@pytest.mark.parametrize("returned", [None, [], [boxes(scores=[])] * 3], ids=["none", "empty", "three"])
def test_every_image_needs_its_result(returned):
    with pytest.raises(PredictionError, match="for 2 images"):
        bound().predict(lambda _: returned, batch(boxes(), boxes()))


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        (boxes([1, 1, 5, 5, 0], [1, 1, float("nan"), 5, 0]), r"annotated box 1 \(x1 y1 x2 y2 = 1, 1, nan, 5\) is not finite"),
        (boxes([1, 1, 5, 5, 3]), "none of the 3 classes"),
        (7, "int, not Boxes"),
    ],
)
def test_a_wrong_annotation_makes_a_sample_corrupt(target, problem):
    with pytest.raises(ValueError, match=problem):
        bound().prepare(Sample("a", torch.zeros(3, 20, 30), target))


@pytest.mark.parametrize(
    "box", [[-0.5, 0, 30.9, 20.2, 1], [3, 3, 3, 9, 0], [9, 9, 4, 12, 0], [1, 1, 90, 5, 0], [-20, 1, 12, 5, 0]], ids=str
)
def test_what_is_annotated_counts_whatever_its_box(box):
    """Without area, the wrong way round, or beyond the image: pycocotools counts it."""
    target = boxes(box)
    prepared = bound().prepare(Sample("a", torch.full((1, 20, 30), 255, dtype=torch.uint8), target))
    assert prepared.target is target
    assert torch.equal(prepared.input, torch.ones(3, 20, 30))


def test_rows_are_read_back_as_they_were():
    task = bound()
    crowd, area = torch.tensor([False, True]), torch.tensor([12.25, 1e6], dtype=torch.float64)
    targets = [boxes([1, 2, 5, 5, 0], [0.25, 0, 30, 20, 2], crowd=crowd, area=area), boxes()]
    found = [boxes(scores=[]), boxes([1, 2, 3, 4, 1], [5, 6, 7, 8, 2], scores=[0.25, 0.75])]
    table = pa.table(task.encode(found, batch(*targets)))
    assert table.schema.types == task.schema.types
    decoded = task.decode(table)
    assert decoded["objects"][0].tolist() == [[1, 2, 5, 5, 0, 0, 12.25], [0.25, 0, 30, 20, 2, 1, 1e6]]
    assert decoded["boxes"][1].tolist() == [[1, 2, 3, 4, 0.25, 1], [5, 6, 7, 8, 0.75, 2]]
    assert (decoded["boxes"][0].shape, decoded["objects"][1].shape) == ((0, 6), (0, 7))
    assert (decoded["height"].tolist(), decoded["width"].tolist()) == ([20, 20], [30, 30])


def test_a_row_alone_is_read_as_it_is_among_others():
    task = bound()
    found = [boxes([1, 2, 3, 4, i % 3], [5, 6, 7, 8, 0], scores=[0.25, 0.5]) for i in range(3)]
    table = pa.table(task.encode(found, batch(*(boxes([1, 1, 2, 2, i]) for i in range(3)))))
    for row in range(3):
        alone = task.decode(table.slice(row, 1))
        assert np.array_equal(alone["boxes"][0], task.decode(table)["boxes"][row])
        assert alone["objects"][0][0, 4] == row


def test_no_rows_are_read_back_as_none():
    decoded = bound().decode(bound().schema.empty_table())
    assert {name: len(column) for name, column in decoded.items()} == dict.fromkeys(("boxes", "objects", "height", "width"), 0)


def test_the_area_of_an_object_is_its_boxs_unless_annotated():
    table = pa.table(bound().encode([boxes(scores=[])], batch(boxes([1, 2, 5, 8, 0]))))
    assert bound().decode(table)["objects"][0][0, 6] == 24


def test_a_drawing_shows_what_is_sure_in_colour():
    task = bound()
    image = torch.zeros(3, 60, 80)
    found = boxes([10, 20, 40, 50, 1], [50, 20, 70, 50, 2], scores=[0.9, 0.1])
    columns = task.decode(pa.table(task.encode([found], batch(boxes([5, 5, 75, 55, 0]), size=(60, 80)))))
    pixels = np.asarray(task.draw(Sample("s0", image, None), columns)).astype(int)
    assert pixels.shape == (60, 80, 3)
    assert pixels[40, 10].max() > 100
    assert pixels[40, 10].min() < 100
    assert pixels[40, 5].tolist() == [255, 255, 255]
    assert pixels[40, 50].max() == 0
