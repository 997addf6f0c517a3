"""Metrics of label maps: parity with scikit-learn over all pixels, and the traps of averaging and ignoring."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, jaccard_score

from zoo.data.dataset import Sample
from zoo.errors import DataError, OptionError
from zoo.tasks.base import Rows
from zoo.tasks.segment import IGNORE

CLASSES = ("sky", "road", "car", "tree")


class Masks:
    """Targets that are read again by position, as a run's dataset does."""

    def __init__(self, targets):
        self.targets = targets
        self.ids = [f"s{i}" for i in range(len(targets))]
        self.classes, self.fingerprint = CLASSES, ""
        self.read = 0

    def target(self, index):
        self.read += 1
        return self.targets[index]

    def __getitem__(self, index):
        return Sample(self.ids[index], None, self.targets[index])


def maps_of(arrays):
    column = np.empty(len(arrays), dtype=object)
    column[:] = arrays
    return {"labels": column}


def scored(built, targets, predictions, cuts=(), classes=CLASSES):
    """The score of maps, cut into shards at the given positions."""
    dataset = Masks(targets)
    edges = [0, *sorted(cuts), len(targets)]
    states = []
    for low, high in pairwise(edges):
        rows = Rows(dataset.ids[low:high], maps_of(predictions[low:high]), classes, range(low, high), dataset)
        states.append(built.update(rows))
    return built.compute(built.merge_all(states), classes)


def random_maps(seed, images=3, classes=4, ignored=0.2):
    rng = np.random.default_rng(seed)
    sizes = [tuple(rng.integers(3, 12, 2)) for _ in range(images)]
    targets = [rng.integers(0, classes, size).astype(np.uint8) for size in sizes]
    predictions = [np.where(rng.random(t.shape) < 0.5, t, rng.integers(0, classes, t.shape)).astype(np.uint8) for t in targets]
    for target in targets:
        target[rng.random(target.shape) < ignored] = IGNORE
    return targets, predictions


def flat(targets, predictions):
    true, said = np.concatenate([t.ravel() for t in targets]), np.concatenate([p.ravel() for p in predictions])
    return true[true != IGNORE], said[true != IGNORE]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000))
def test_scores_agree_with_sklearn_over_all_pixels(metric, seed):
    targets, predictions = random_maps(seed)
    true, said = flat(targets, predictions)
    matrix = confusion_matrix(true, said, labels=range(4))
    hits = np.diagonal(matrix)
    iou = (hits / (matrix.sum(0) + matrix.sum(1) - hits)).mean()
    assert scored(metric("miou"), targets, predictions).value == pytest.approx(iou, abs=1e-9)
    assert scored(metric("miou"), targets, predictions).value == pytest.approx(jaccard_score(true, said, average="macro"))
    accuracy = accuracy_score(true, said)
    assert scored(metric("pixel-accuracy"), targets, predictions).value == pytest.approx(accuracy, abs=1e-9)
    assert scored(metric("dice"), targets, predictions).value == pytest.approx(f1_score(true, said, average="macro"), abs=1e-9)
    each = jaccard_score(true, said, average=None)
    assert scored(metric("iou"), targets, predictions).detail["iou"] == pytest.approx(list(each), abs=1e-9)
    assert scored(metric("iou:of=car"), targets, predictions).value == pytest.approx(each[2], abs=1e-9)
    car = f1_score(true, said, average=None)[2]
    assert scored(metric("dice:of=car"), targets, predictions).value == pytest.approx(car, abs=1e-9)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.lists(st.integers(0, 5), max_size=3))
def test_scores_do_not_depend_on_the_cut_into_shards(metric, seed, cuts):
    targets, predictions = random_maps(seed, images=5)
    for text in ("miou", "iou", "dice", "pixel-accuracy"):
        assert scored(metric(text), targets, predictions, cuts) == scored(metric(text), targets, predictions)


def test_images_are_summed_not_averaged(metric):
    """Where torchmetrics' MeanIoU, which averages over images, says something else."""
    from torchmetrics.segmentation import MeanIoU

    large, small = np.zeros((10, 10), np.uint8), np.zeros((2, 2), np.uint8)
    targets, predictions = [large, small], [large, small + 1]
    value = scored(metric("miou"), targets, predictions, classes=("sky", "road")).value
    assert value == pytest.approx((100 / 104 + 0) / 2)
    averaged = MeanIoU(num_classes=2, input_format="index")
    for target, predicted in zip(targets, predictions, strict=True):
        averaged.update(torch.from_numpy(predicted)[None].long(), torch.from_numpy(target)[None].long())
    assert abs(float(averaged.compute()) - value) > 0.1


def test_ignored_pixels_are_dropped_before_anything_is_counted(metric):
    target = np.array([[0, 0, IGNORE, IGNORE]], np.uint8)
    said = np.array([[0, 0, 1, 2]], np.uint8)
    assert scored(metric("miou"), [target], [said]).value == 1.0  # so road and car are not predicted anywhere
    assert scored(metric("pixel-accuracy"), [target], [said]).value == 1.0


def test_a_class_that_is_nowhere_is_left_out_and_one_only_predicted_scores_nothing(metric):
    target = np.array([[0, 0, 0, 1]], np.uint8)
    said = np.array([[0, 0, 2, 1]], np.uint8)
    assert scored(metric("miou"), [target], [said]).value == pytest.approx((2 / 3 + 1 + 0) / 3)
    each = scored(metric("iou"), [target], [said]).detail
    assert each["iou"] == pytest.approx([2 / 3, 1, 0, None])
    nowhere = scored(metric("iou:of=tree"), [target], [said])
    assert nowhere.value is None and "no pixel is tree" in nowhere.interval


def test_nothing_but_ignored_pixels_is_no_score(metric):
    target = np.full((2, 2), IGNORE, np.uint8)
    for text in ("miou", "pixel-accuracy", "dice", "iou", "iou:of=sky"):
        found = scored(metric(text), [target], [np.zeros((2, 2), np.uint8)])
        assert (found.value, found.detail, found.n, found.interval) == (None, None, 1, "none: every pixel is ignored")
        assert scored(metric(text), [], []).n == 0


def test_intervals_contain_their_value_and_narrow_with_more_images(metric):
    wide = scored(metric("miou"), *random_maps(1, images=6))
    narrow = scored(metric("miou"), *random_maps(1, images=60))
    for score in (wide, narrow):
        assert score.ci_low <= score.value <= score.ci_high and "jackknife" in score.interval
    assert narrow.ci_high - narrow.ci_low < wide.ci_high - wide.ci_low
    again = scored(metric("miou"), *random_maps(1, images=6))
    assert again == wide


def test_one_image_has_no_interval(metric):
    score = scored(metric("miou"), *random_maps(1, images=1))
    assert score.ci_low is None and score.interval.startswith("none")


def test_masks_are_read_once_for_all_metrics(metric):
    targets, predictions = random_maps(3)
    dataset = Masks(targets)
    rows = Rows(dataset.ids, maps_of(predictions), CLASSES, range(3), dataset)
    for text in ("miou", "iou", "dice", "pixel-accuracy"):
        metric(text).update(rows)
    assert dataset.read == 3


def test_a_mask_that_was_replaced_is_named(metric):
    with pytest.raises(DataError, match="the target of sample s0 is"):
        scored(metric("miou"), [np.zeros((2, 3), np.uint8)], [np.zeros((2, 2), np.uint8)])
    with pytest.raises(DataError, match="sample s0 has a label 9"):
        scored(metric("miou"), [np.full((2, 2), 9, np.uint8)], [np.zeros((2, 2), np.uint8)])


def test_an_unknown_class_is_named_with_its_neighbours(metric):
    with pytest.raises(OptionError, match="of=cat: no class has that name") as caught:
        metric("iou:of=cat").check(CLASSES)
    assert "car" in caught.value.hint


def test_maps_of_edges_have_no_labels(metric):
    with pytest.raises(OptionError, match="scores label maps"):
        metric("miou").update(Rows((), {"edges": np.empty(0, dtype=object)}, CLASSES))
