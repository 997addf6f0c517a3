"""Task segment: classes matched by name, maps brought to the label's size, verified, stored and read back."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.dataset import Sample
from zoo.errors import ModelError, OptionError, PredictionError
from zoo.specs import ImageInput
from zoo.tasks import DataInfo, ModelInfo, task_class
from zoo.tasks.base import Batch
from zoo.tasks.segment import IGNORE, Segment, palette

CLASSES = ("sky", "road", "car")


def bound(classes="dataset", data_classes=CLASSES, protocol=None, want=None):
    return Segment(ModelInfo("local/model", None, classes, want), DataInfo("toy", "test", "image", data_classes), protocol)


def edges():
    return bound(classes=None, data_classes=None, protocol={"kind": "edges"})


def batch(images, targets):
    return Batch([f"s{i}" for i in range(len(targets))], images, targets, list(range(len(targets))))


def mask(height, width):
    return np.zeros((height, width), dtype=np.uint8)


def one_hot(labels, classes=3):
    return torch.nn.functional.one_hot(torch.as_tensor(labels).long(), classes).movedim(-1, 1).float()


def test_the_task_is_registered():
    assert task_class("segment") is Segment


def test_the_class_of_the_largest_logit_is_taken():
    labels = torch.randint(3, (2, 5, 7), generator=torch.Generator().manual_seed(0))
    maps = bound().predict(lambda _: one_hot(labels), batch(torch.zeros(2, 3, 5, 7), [mask(5, 7)] * 2))
    assert [m.tolist() for m in maps] == labels.tolist()


def test_logits_are_resized_before_the_largest_is_taken_not_labels_after():
    logits = torch.tensor([[[0.0, 10.0]], [[6.0, 6.0]], [[9.0, 0.0]]])[None]
    found = bound().predict(lambda _: logits, batch(torch.zeros(1, 3, 1, 6), [mask(1, 6)]))[0]
    resized = torch.nn.functional.interpolate(logits, (1, 6), mode="bilinear", align_corners=False)
    assert found.tolist() == resized.argmax(1)[0].tolist()
    assert 1 in found  # which never has the largest logit at the model's own resolution


def test_each_sample_is_predicted_at_the_size_of_its_own_label():
    images = [torch.zeros(3, 4, 6), torch.zeros(3, 6, 4), torch.ones(3, 4, 6)]
    targets = [mask(8, 12), mask(6, 4), mask(3, 3)]
    sizes = []

    def model(inputs):
        sizes.append(tuple(inputs.shape))
        return one_hot(inputs[:, 0] + 1)

    maps = bound().predict(model, batch(images, targets))
    assert [tuple(m.shape) for m in maps] == [(8, 12), (6, 4), (3, 3)]
    assert [int(m.unique()) for m in maps] == [1, 1, 2]
    assert sizes == [(2, 3, 4, 6), (1, 3, 6, 4)]  # one call for each size


def test_permuted_classes_are_matched_by_name():
    logits = torch.zeros(1, 4, 2, 2)
    logits[:, 3] = 2.0
    logits[:, 1] = 1.0
    task = bound(classes=("car", "tree", "sky", "road"))
    assert task.predict(lambda _: logits, batch(torch.zeros(1, 3, 2, 2), [mask(2, 2)]))[0].tolist() == [[1, 1], [1, 1]]


def test_a_pixel_of_a_class_that_the_data_lacks_has_a_label_of_its_own():
    logits = torch.zeros(1, 5, 1, 3)
    logits[0, 1, 0, 0] = logits[0, 4, 0, 1] = logits[0, 3, 0, 2] = 1.0
    names = ("car", "tree", "sky", "road", "dog")
    one = batch(torch.zeros(1, 3, 1, 3), [mask(1, 3)])
    assert bound(names).predict(lambda _: logits, one)[0].tolist() == [[3, 3, 1]]
    alone = bound(names, protocol={"outputs": "dataset"}).predict(lambda _: logits, one)[0]
    assert alone.tolist() == [[0, 0, 1]]


def test_a_missing_class_is_named():
    with pytest.raises(ModelError, match="no output for 1 of the 3 classes of toy: car"):
        bound(classes=("sky", "road", "tree"))


def test_datasets_without_classes_or_with_too_many_cannot_be_labelled():
    with pytest.raises(ModelError, match="no classes"):
        bound(data_classes=None)
    with pytest.raises(ModelError, match="256 classes, more than the 255"):
        bound(data_classes=tuple(map(str, range(256))))


def test_a_model_of_classes_is_no_edge_detector():
    with pytest.raises(ModelError, match="asks for a map of edges"):
        bound(classes=CLASSES, data_classes=None, protocol={"kind": "edges"})


def test_an_unknown_kind_is_refused():
    with pytest.raises(OptionError, match="no kind 'depth'"):
        bound(protocol={"kind": "depth"})


@pytest.mark.parametrize("want", [ImageInput(size=(8, 8), crop_pct=0.9), ImageInput(size=(8, 8), crop_mode="center")])
def test_a_model_that_crops_is_refused(want):
    with pytest.raises(ModelError, match="crops its images"):
        bound(want=want)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (torch.zeros(2, 4, 2, 2), r"logits of shape \[2, 4, 2, 2\]"),
        (torch.zeros(2, 3, 2), r"logits of shape \[2, 3, 2\]"),
        (torch.zeros(2, 3, 0, 2), r"logits of shape \[2, 3, 0, 2\]"),
        (torch.zeros(2, 3, 2, 2, dtype=torch.int64), r"returned torch.int64 for s0, s1"),
        ([[1.0]], "returned list for s0, s1"),
    ],
)
def test_what_is_no_map_is_refused(maps, message):
    with pytest.raises(PredictionError, match=message) as caught:
        bound().predict(lambda _: maps, batch(torch.zeros(2, 3, 2, 2), [mask(2, 2)] * 2))
    assert caught.value.ids == ("s0", "s1")


def test_a_map_that_is_not_finite_names_its_sample():
    maps = torch.zeros(2, 3, 2, 2)
    maps[1, 0, 0, 0] = float("nan")
    with pytest.raises(PredictionError, match="NaN or infinite logits for 1 samples: s1") as caught:
        bound().predict(lambda _: maps, batch(torch.zeros(2, 3, 2, 2), [mask(2, 2)] * 2))
    assert caught.value.ids == ("s1",)


def test_edges_outside_of_0_to_1_name_their_sample():
    maps = torch.zeros(2, 1, 2, 2)
    maps[0] = 1.5
    with pytest.raises(PredictionError, match=r"outside \[0, 1\] for 1 samples: s0"):
        edges().predict(lambda _: maps, batch(torch.zeros(2, 3, 2, 2), [np.zeros((1, 2, 2), bool)] * 2))


def test_edges_are_kept_in_256_steps_at_the_target_size():
    maps = torch.linspace(0, 1, 12).reshape(1, 1, 3, 4)
    found = edges().predict(lambda _: maps, batch(torch.zeros(1, 3, 3, 4), [np.zeros((5, 3, 4), bool)]))[0]
    assert torch.allclose(found.float() / 255, maps[0, 0], atol=0.5 / 255 + 1e-6)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_stored_maps_come_back_bit_for_bit(sizes, random):
    task = bound()
    maps = [torch.tensor([[random.randrange(256) for _ in range(w)] for _ in range(h)], dtype=torch.uint8) for h, w in sizes]
    columns = task.encode(maps, batch(None, [mask(*size) for size in sizes]))
    decoded = task.decode(pa.table(columns, schema=task.schema))["labels"]
    assert [m.tolist() for m in decoded] == [m.tolist() for m in maps]


def test_no_rows_are_an_empty_column():
    assert len(bound().decode(bound().schema.empty_table())["labels"]) == 0
    assert len(edges().decode(edges().schema.empty_table())["edges"]) == 0


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        (mask(2, 2) + 3, "its label map has 3, and labels are 0 to 2, or 255"),
        (mask(2, 2).astype(np.int64) - 1, "its label map has -1"),
        (np.array([[0.0, 1.0]]), "its label map is float64, not whole numbers"),
    ],
)
def test_a_label_map_of_anything_but_labels_is_corrupt(target, problem):
    with pytest.raises(ValueError, match=problem):
        bound().prepare(Sample("a", torch.zeros(3, 2, 2), target))
    whole = bound().prepare(Sample("a", torch.zeros(3, 2, 2), np.array([[0, 2], [255, 1]])))
    assert whole.target.tolist() == [[0, 2], [255, 1]]


def test_a_target_of_another_kind_is_corrupt():
    image = torch.zeros(3, 2, 2)
    with pytest.raises(ValueError, match=r"a label map \[h, w\], not \[\]"):
        bound().prepare(Sample("a", image, 3))
    with pytest.raises(ValueError, match=r"boundary maps \[annotators, h, w\], not \[2, 2\]"):
        edges().prepare(Sample("a", image, mask(2, 2)))


def test_the_drawing_lays_colours_over_the_image():
    labels = mask(4, 6)
    labels[:, 3:] = 1
    picture = np.array(bound().draw(Sample("a", torch.zeros(3, 2, 3, dtype=torch.uint8), labels), {"labels": [labels]}))
    assert picture.shape == (4, 6, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 2


def test_edges_are_drawn_black_on_white():
    picture = edges().draw(Sample("a", torch.zeros(3, 2, 2), None), {"edges": [np.array([[0, 255]], dtype=np.uint8)]})
    assert np.array(picture).tolist() == [[255, 0]]


def test_every_label_has_a_colour_of_its_own():
    colours = palette()
    assert colours.shape == (256, 3) and len(np.unique(colours, axis=0)) == 256
    assert colours[IGNORE].tolist() == [0, 0, 0]
    assert colours[0].any()


def test_a_model_without_classes_is_told_to_be_an_edge_detector():
    model = ModelInfo("vision/canny", "image", None)
    with pytest.raises(ModelError, match="canny has no classes, as edge detectors have none") as caught:
        Segment(model, DataInfo("toys", "test", "image", CLASSES))
    assert "`benchmark=bsds500`" in caught.value.hint
