"""Metrics of edges: the BSDS protocol on maps whose score is known, its bounds, and how it is merged."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.data.dataset import Sample
from zoo.errors import DataError, OptionError
from zoo.metrics.edges import EdgeAp, Ods, Ois, area, best_f, edge_counts, harmonic, image_counts, rates
from zoo.tasks.base import Rows

METRICS = ("ods", "ois", "edge-ap")


class Drawings:
    """Targets that are read again by position."""

    classes, fingerprint = None, ""

    def __init__(self, drawings):
        self.targets = drawings
        self.ids = [f"s{i}" for i in range(len(drawings))]
        self.read = 0

    def __getitem__(self, index):
        self.read += 1
        return Sample(self.ids[index], None, self.targets[index])


def rows_of(maps, drawings):
    column = np.empty(len(maps), dtype=object)
    column[:] = [np.round(map_ * 255).astype(np.uint8) for map_ in maps]
    dataset = Drawings(drawings)
    return Rows(dataset.ids, {"edges": column}, (), range(len(maps)), dataset)


def square(size=160, margin=40):
    """The outline of a square: bool [h, w]."""
    drawn = np.zeros((size, size), bool)
    drawn[margin:-margin, margin:-margin] = True
    drawn[margin + 1 : -margin - 1, margin + 1 : -margin - 1] = False
    return drawn


@st.composite
def random_counts(draw):
    """Counts as they may come from images: recall falls and fewer pixels are predicted as the threshold rises."""
    rng = np.random.default_rng(draw(st.integers(0, 100_000)))
    images = draw(st.integers(1, 6))
    predicted = np.sort(rng.integers(0, 400, (images, 99)), axis=1)[:, ::-1]
    right = (predicted * rng.random((images, 99))).astype(np.int64)
    drawn = rng.integers(1, 900, (images, 1)) * np.ones((1, 99), np.int64)
    found = np.sort((drawn * rng.random((images, 99))).astype(np.int64), axis=1)[:, ::-1]
    return np.stack([right, predicted, found, drawn], axis=2)


def test_the_drawing_itself_scores_nearly_all(metric):
    drawn = square()
    rows = rows_of([drawn * 0.9], [np.stack([drawn] * 5)])
    for name in METRICS:
        assert metric(name).compute(metric(name).update(rows), ()).value > 0.96


def test_an_empty_map_scores_nothing(metric):
    rows = rows_of([np.zeros((160, 160))], [square()[None]])
    for name in METRICS:
        assert metric(name).compute(metric(name).update(rows), ()).value == 0.0


def test_a_drawing_without_edges_is_no_division_by_zero(metric):
    rows = rows_of([square() * 0.9], [np.zeros((2, 160, 160), bool)])
    for name in METRICS:
        assert metric(name).compute(metric(name).update(rows), ()).value == 0.0


def test_an_edge_within_the_tolerance_counts_and_one_beyond_does_not():
    drawn = np.zeros((300, 400), bool)
    drawn[150, 50:350] = True  # 0.0075 of the diagonal, 500, is 3.75 pixels
    for shift, share in ((0, 1.0), (3, 1.0), (4, 0.0), (12, 0.0)):
        counts = image_counts(np.roll(drawn, shift, axis=0) * 0.9, drawn[None])
        right, predicted, found, total = counts[20]
        assert predicted > 290 and total == 300
        assert right / predicted == pytest.approx(share, abs=0.02)
        assert found / total == pytest.approx(share, abs=0.02)


def test_a_drawn_pixel_is_matched_once():
    drawn = np.zeros((300, 400), bool)
    drawn[150, 50:350] = True
    doubled = np.roll(drawn, 3, axis=0) | np.roll(drawn, -3, axis=0)
    right, predicted, found, total = image_counts(doubled * 0.9, drawn[None])[20]
    assert predicted > 580
    assert right <= found <= total == 300  # so precision is about a half, for all that both lines are near


def test_a_pixel_is_right_for_any_annotator_and_found_by_each():
    first, second = np.zeros((2, 300, 400), bool)
    first[100, 50:350] = second[200, 50:350] = True
    right, predicted, found, total = image_counts((first | second) * 0.9, np.stack([first, second]))[20]
    assert right == predicted
    assert found == right and total == 600
    right, predicted, found, total = image_counts(first * 0.9, np.stack([first, second]))[20]
    assert right == predicted and found / total == pytest.approx(0.5, abs=0.01)


def test_thick_edges_are_no_better_than_thin_ones():
    drawn = square()
    thick = drawn | np.roll(drawn, 1, 0) | np.roll(drawn, 1, 1)
    assert image_counts(thick * 0.9, drawn[None])[:, 1].max() < 1.15 * drawn.sum()


@settings(max_examples=25, deadline=None)
@given(random_counts())
def test_image_scale_is_never_below_dataset_scale_and_all_are_in_range(counts):
    weights = np.random.default_rng(0).integers(0, 3, (5, len(counts)))
    ods, ois, ap = (metric.statistic(counts, weights) for metric in (Ods(), Ois(), EdgeAp()))
    assert (ois >= ods - 1e-12).all()
    for values in (ods, ois, ap):
        assert (values >= 0).all() and (values <= 1.01).all()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random_counts(), st.integers(0, 6))
def test_scores_do_not_depend_on_the_cut_into_shards(metric, counts, cut):
    for name in METRICS:
        built = metric(name)
        parts = built.merge_all([{"counts": counts[:cut]}, {"counts": counts[cut:]}])
        assert built.compute(parts, ()) == built.compute({"counts": counts}, ())


def test_the_best_f_lies_between_thresholds_as_in_the_reference():
    """maxF of the benchmark's code, written out."""
    precision, recall = np.array([0.2, 0.5, 0.9]), np.array([0.9, 0.8, 0.5])
    best = 0.0
    for i in (1, 2):
        for d in np.linspace(0, 1, 100):
            r, p = recall[i] * d + recall[i - 1] * (1 - d), precision[i] * d + precision[i - 1] * (1 - d)
            best = max(best, 2 * p * r / (p + r))
    assert best_f(precision[None], recall[None])[0] == pytest.approx(best, abs=1e-12)
    assert best > harmonic(precision, recall).max()


def test_the_area_is_that_of_the_reference():
    """Area_PR of the benchmark's code: interp1 at 0:0.01:1, NaN outside as 0."""
    precision, recall = np.array([0.4, 0.4, 0.8, 1.0]), np.array([0.8, 0.8, 0.5, 0.2])
    at = np.arange(101) / 100
    expected = np.where((at >= 0.2 - 1e-12) & (at <= 0.8 + 1e-12), np.interp(at, [0.2, 0.5, 0.8], [1.0, 0.8, 0.4]), 0)
    assert area(precision, recall) == pytest.approx(expected.sum() * 0.01, abs=0.011)
    assert area(np.array([0.5, 0.5]), np.array([0.3, 0.3])) == 0.0


def test_rates_of_nothing_are_nothing():
    assert [float(rate) for rate in rates(np.array([0, 0, 0, 0]))] == [0.0, 0.0]


def test_drawings_are_matched_once_for_all_metrics(metric):
    rows = rows_of([square() * 0.9] * 2, [square()[None]] * 2)
    for name in METRICS:
        metric(name).update(rows)
    assert rows.dataset.read == 2


def test_several_images_have_an_interval_about_the_value(metric):
    rng = np.random.default_rng(0)
    maps = [np.clip(square() * rng.uniform(0.2, 0.9) + 0.1 * rng.random((160, 160)), 0, 1) for _ in range(6)]
    rows = rows_of(maps, [square()[None]] * 6)
    for name in METRICS:
        score = metric(name).compute(metric(name).update(rows), ())
        assert score.n == 6 and score.ci_low <= score.value <= score.ci_high


def test_a_drawing_of_another_size_is_named():
    with pytest.raises(DataError, match=r"the drawing of sample s0 is \[5, 5\], its prediction \[160, 160\]"):
        edge_counts(rows_of([square() * 0.5], [np.zeros((1, 5, 5), bool)]))


def test_labels_are_no_edges(metric):
    with pytest.raises(OptionError, match="scores maps of edges"):
        metric("ods").update(Rows((), {"labels": np.empty(0, dtype=object)}, ("a",)))
    nothing = Rows((), {"edges": np.empty(0, dtype=object)}, ())
    assert metric("ods").compute(metric("ods").update(nothing), ()).value is None
