"""COCO's scores: equal to pycocotools on whatever it can be given, and what their intervals rest on."""

import contextlib
import io
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zoo.errors import OptionError
from zoo.metric_specs.detect import COCO_METRICS
from zoo.metric_specs.detect import METRICS as SPECS
from zoo.metrics import bare_metric, build_metric, coco
from zoo.metrics.coco_matching import AREAS, MOST, RECALLS, THRESHOLDS, match, weighted_scores
from zoo.tasks.base import Rows

CLASSES = tuple("abcdef")


def made(seed: int, images: int = 12, classes: int = 4, most: int = 8, crowds: float = 0.15, shift: float = 6.0) -> Rows:
    """Random objects, and detections near some of them; some images have none of either, class 0 has no objects."""
    rng = np.random.default_rng(seed)
    found, objects = [], []
    for _ in range(images):
        n = rng.integers(0, most) * (rng.random() > 0.2)
        low, side = rng.uniform(0, 300, (n, 2)), rng.choice([12.0, 50.0, 160.0], (n, 1)) * rng.uniform(0.6, 1.6, (n, 2))
        label = rng.integers(1, classes, n)
        corners = np.hstack([low, low + side]).astype(np.float32).astype(np.float64)
        area = side.prod(axis=1) * rng.uniform(0.3, 1, n)
        objects.append(np.column_stack([corners, label, rng.random(n) < crowds, area]))
        picked = rng.integers(0, n, rng.integers(0, 2 * most)) if n and rng.random() > 0.1 else np.zeros(0, int)
        near = corners[picked] + rng.normal(0, shift, (len(picked), 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        near_label = np.where(rng.random(len(picked)) < 0.8, label[picked], rng.integers(0, classes, len(picked)))
        score = rng.choice([0.1, 0.25, 0.5, 0.75, 0.9], len(picked))  # many ties
        found.append(np.column_stack([near.astype(np.float32), score, near_label]).astype(np.float64))
    return as_rows(found, objects)


def as_rows(found, objects) -> Rows:
    """Rows of images of 800 x 800 pixels."""
    columns = {"boxes": np.empty(len(found), object), "objects": np.empty(len(found), object)}
    columns |= {"width": np.full(len(found), 800), "height": np.full(len(found), 800)}
    for i, (mine, theirs) in enumerate(zip(found, objects, strict=True)):
        columns["boxes"][i] = np.asarray(mine, float).reshape(-1, 6)
        columns["objects"][i] = np.asarray(theirs, float).reshape(-1, 7)
    return Rows([f"i{i}" for i in range(len(found))], columns, CLASSES)


def part(rows: Rows, low: int, high: int) -> Rows:
    return Rows(rows.ids[low:high], {name: column[low:high] for name, column in rows.columns.items()}, rows.classes)


def metric(text: str):
    return build_metric(text, next(spec for spec in SPECS if spec.name == bare_metric(text)))


def score(text: str, rows: Rows, *cuts: int):
    edges = [0, *cuts, len(rows)]
    built = metric(text)
    states = [built.update(part(rows, low, high)) for low, high in pairwise(edges)]
    return built.compute(built.merge_all(states), rows.classes)


def coco_files(rows: Rows, api) -> list:
    """Annotations and results as a COCO library holds them. Of zero, an id would mean unmatched."""
    annotations, results = [], []
    for image, (found, objects) in enumerate(zip(rows.columns["boxes"], rows.columns["objects"], strict=True)):
        for x1, y1, x2, y2, label, crowd, area in objects:
            box = {"image_id": image, "bbox": [x1, y1, x2 - x1, y2 - y1], "category_id": int(label)}
            annotations.append({**box, "id": len(annotations) + 1, "iscrowd": int(crowd), "area": area})
        for x1, y1, x2, y2, confidence, label in found:
            box = {"image_id": image, "bbox": [x1, y1, x2 - x1, y2 - y1], "category_id": int(label)}
            results.append({**box, "id": len(results) + 1, "score": confidence, "area": (x2 - x1) * (y2 - y1), "iscrowd": 0})
    made = []
    for entries in (annotations, results):
        made.append(api())
        images, categories = [{"id": i} for i in range(len(rows))], [{"id": i, "name": c} for i, c in enumerate(CLASSES)]
        made[-1].dataset = {"images": images, "categories": categories, "annotations": entries}
        made[-1].createIndex()
    return made


def pycocotools_stats(rows: Rows) -> np.ndarray:
    """The twelve numbers, -1 where there is none."""
    api, evaluation = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        run = evaluation.COCOeval(*coco_files(rows, api.COCO), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return np.asarray(run.stats)


def whole_scores(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Average precision [10, 4] and recall [10, 4, 3] of the rows as they are."""
    found, objects = coco.unpacked(coco.gathered(rows))
    precision, recall = weighted_scores(match(found, objects), objects, np.ones((1, len(rows))), len(CLASSES))
    return precision[0], recall[0]


def faster_coco_eval_scores(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """The same by faster-coco-eval, NaN where no object is of a size."""
    reference = pytest.importorskip("faster_coco_eval")
    evaluation = reference.COCOeval_faster(*coco_files(rows, reference.COCO), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    shape = len(CLASSES), len(AREAS), len(MOST)
    precision = np.asarray(evaluation.eval["precision"]).reshape(len(THRESHOLDS), len(RECALLS), *shape)[..., -1].mean(axis=1)
    scores = precision, np.asarray(evaluation.eval["recall"]).reshape(len(THRESHOLDS), *shape)
    with np.errstate(invalid="ignore"):
        return tuple((np.where(one >= 0, one, 0)).sum(axis=1) / (one >= 0).sum(axis=1) for one in scores)


def ours(rows: Rows) -> np.ndarray:
    """The same from our metrics."""
    values = [score(text, rows).value for text in COCO_METRICS]
    return np.array([-1.0 if value is None else value for value in values])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    images=st.integers(1, 12),
    classes=st.integers(2, 6),
    crowds=st.sampled_from([0.0, 0.2, 1.0]),
    shift=st.sampled_from([0.0, 3.0, 10.0]),
)
@example(seed=1, images=1, classes=2, crowds=0.0, shift=0.0)
def test_all_twelve_numbers_are_those_of_pycocotools(seed, images, classes, crowds, shift):
    rows = made(seed, images, classes, crowds=crowds, shift=shift)
    assert np.abs(ours(rows) - pycocotools_stats(rows)).max() <= 1e-6


def test_more_than_a_hundred_detections_of_a_class_are_cut_off_as_pycocotools_does():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 500, (150, 2)).round()
    corners = np.hstack([low, low + 40])
    rows = as_rows(
        [np.column_stack([corners, np.linspace(0.1, 0.9, 150), np.ones(150)])],
        [np.column_stack([corners, np.ones(150), np.zeros(150), np.full(150, 1600.0)])],
    )
    assert ours(rows) == pytest.approx(pycocotools_stats(rows), abs=1e-6)
    assert score("coco-ar:max=100", rows).value < 0.7


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), crowds=st.sampled_from([0.0, 0.2, 1.0]))
def test_every_score_of_every_size_and_overlap_is_that_of_faster_coco_eval(seed, crowds):
    rows = made(seed, crowds=crowds)
    for mine, reference in zip(whole_scores(rows), faster_coco_eval_scores(rows), strict=True):
        assert np.array_equal(np.isnan(mine), np.isnan(reference))
        assert np.nanmax(np.abs(mine - reference), initial=0) <= 1e-9


def test_weighting_an_image_twice_is_having_it_twice():
    rows = made(3)
    weights = np.random.default_rng(0).integers(0, 3, len(rows))
    repeated = as_rows(*(np.repeat(rows.columns[name], weights) for name in ("boxes", "objects")))
    found, objects = coco.unpacked(coco.gathered(rows))
    weighted = weighted_scores(match(found, objects), objects, weights[None].astype(float), len(CLASSES))
    expected = whole_scores(repeated)
    assert weighted[0][0] == pytest.approx(expected[0], abs=1e-9, nan_ok=True)
    assert weighted[1][0] == pytest.approx(expected[1], abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("text", COCO_METRICS)
def test_the_score_does_not_depend_on_shards(text):
    rows = made(7, images=20)
    assert score(text, rows) == score(text, rows, 3, 3, 11)


# Detections as odd as they come, and numbers that lie exactly on a limit: (objects, detections) of single images.
def square(x, y, side, *rest):
    return [x, y, x + side, y + side, *rest]


FLAT = ([square(10, 10, 40, 1, 0, 1600)] * 1, [square(0, 0, 0, 0.9, 1), square(10, 10, 40, 0.8, 1)])
ODD = {
    "no area, surest": FLAT,
    "no width": (FLAT[0], [[30, 10, 30, 50, 0.9, 1], square(10, 10, 40, 0.8, 1)]),
    "no area, many": (FLAT[0], [[5 * i, 9, 5 * i, 9, 0.9, 1] for i in range(120)] + [square(10, 10, 40, 0.8, 1)]),
    "over the left edge": ([square(0, 0, 50, 1, 0, 2500)], [[-30, -30, 50, 50, 0.9, 1]]),
    "over the edge, medium or large": (
        [square(740, 740, 60, 1, 0, 3600)],
        [square(740, 740, 96.5, 0.9, 1), square(741, 740, 60, 0.5, 1)],
    ),
    "beyond the image": (FLAT[0], [square(900, 900, 40, 0.9, 1), square(10, 10, 40, 0.8, 1)]),
    "an object of no height": ([[10, 10, 60, 10, 1, 0, 0.0], square(10, 10, 40, 1, 0, 1600)], [square(10, 10, 40, 0.8, 1)]),
    "an object and a detection of no area": ([[10, 10, 60, 10, 1, 0, 0.0]], [[10, 10, 60, 10, 0.8, 1]]),
    "a crowd and no area": ([square(10, 10, 40, 1, 1, 1600), *FLAT[0]], FLAT[1]),
}
EXACT = {
    **{f"overlap {w / 100}": ([[0, 0, 100, 100, 1, 0, 10_000]], [[0, 0, w, 100, 0.9, 1]]) for w in range(50, 100, 5)},
    **{f"overlap just below {w / 100}": ([[0, 0, 100, 100, 1, 0, 1e4]], [[0, 0, w - 2**-10, 100, 0.9, 1]]) for w in (50, 75, 95)},
    **{
        f"crowd {w / 100}": ([[0, 0, 100, 100, 1, 0, 1e4], [0, 0, w, 100, 1, 1, 1e4]], [[0, 0, 100, 100, 0.9, 1]] * 2)
        for w in (50, 75)
    },
    **{
        f"object of area {area}": ([square(0, 0, 40, 1, 0, area)], [square(0, 0, 40, 0.9, 1)])
        for area in (1023.9, 1024, 1024.1, 9216, 9216.1)
    },
    **{
        f"stray of side {side} beside {other}": (
            [square(300, 300, other, 1, 0, other**2)],
            [square(0, 0, side, 0.9, 1), square(300, 300, other, 0.8, 1)],
        )
        for side in (32, 32.0625, 96, 96.0625)
        for other in (20, 50, 120)
    },
}


@pytest.mark.parametrize("case", [*ODD.values(), *EXACT.values()], ids=[*ODD, *EXACT])
def test_what_is_odd_or_exactly_at_a_limit_scores_as_in_pycocotools(case):
    objects, found = case
    rows = as_rows([found, [square(5, 5, 30, 0.7, 2)]], [objects, [square(5, 5, 30, 2, 0, 900)]])
    assert ours(rows) == pytest.approx(pycocotools_stats(rows), abs=1e-9)


def test_limits_of_overlap_and_size_are_inclusive():
    at_half = as_rows(*([one] for one in reversed(EXACT["overlap 0.5"])))
    assert score("coco-ap:iou=0.5", at_half).value == pytest.approx(1)
    assert score("coco-ap:iou=0.55", at_half).value == 0
    at_limit = as_rows([[square(0, 0, 32, 0.9, 1)]], [[square(0, 0, 32, 1, 0, 1024)]])
    assert score("coco-ap:area=small", at_limit).value == pytest.approx(1)
    assert score("coco-ap:area=medium", at_limit).value == pytest.approx(1)


def test_a_detection_of_no_area_costs_what_it_costs_in_pycocotools_and_is_counted():
    """Five sure boxes of no area before ten right ones: dropped, they would leave a perfect score."""
    objects = [[square(10, 10, 40, 1, 0, 1600)]] * 10
    found = [[square(10, 10, 40, 0.8, 1), *([square(0, 0, 0, 0.9, 1)] if i < 5 else [])] for i in range(10)]
    found[9].append([-30, 0, 30, 30, 0.1, 1])
    rows = as_rows(found, objects)
    scored = score("coco-ap", rows)
    assert scored.value == pytest.approx(pycocotools_stats(rows)[0])
    assert scored.value < 0.7
    assert scored.note == "of 16 detections, 5 of no area and 1 reaching over the image's edge, scored as they are"
    assert score("coco-ap", as_rows([[square(0, 0, 800.5, 0.8, 1)]], [objects[0]])).note == ""


@pytest.mark.parametrize("text", ["coco-ap", "coco-ap:iou=0.5", "coco-ar:max=10"])
def test_every_score_of_enough_images_has_an_interval_that_contains_it(text):
    found = score(text, made(7, images=60))
    assert 0 <= found.ci_low < found.value < found.ci_high <= 1
    assert found.interval == "jackknife over 60 images"
    assert found.n == 60
    few = score(text, made(7, images=40))
    assert (few.ci_low, few.interval) == (None, "none: 40 images are too few")
    rare = score(text, made(7, images=60, most=2, classes=6))
    assert rare.ci_low is None
    assert re.fullmatch("none: [0-9]+ objects of [0-9] classes are too few", rare.interval)


def test_twelve_scores_take_one_evaluation(monkeypatch):
    calls = []
    monkeypatch.setattr(coco, "match", lambda *arguments: calls.append(1) or match(*arguments))
    rows = made(11)
    for text in COCO_METRICS:
        score(text, rows)
    assert len(calls) == 1


def test_nothing_to_find_has_no_score():
    empty = as_rows([[[1, 1, 9, 9, 0.5, 1]], []], [[], []])
    found = score("coco-ap", empty)
    assert (found.value, found.n, found.ci_low) == (None, 2, None)
    assert found.interval == "none: there are no annotations"
    large = as_rows([[[0, 0, 200, 200, 0.5, 1]]], [[[0, 0, 200, 200, 1, 0, 40000]]])
    assert score("coco-ap:area=small", large).interval == "none: no object is small (below 32x32 pixels)"
    crowd = as_rows([[[0, 0, 200, 200, 0.5, 1]]], [[[0, 0, 200, 200, 1, 1, 40000]]])
    assert score("coco-ap", crowd).interval == "none: every annotation is of a crowd"
    assert score("coco-ap", part(empty, 0, 0)).interval == "none: no samples"


def test_nothing_found_scores_zero():
    assert score("coco-ap", as_rows([[], []], [[[1, 1, 9, 9, 1, 0, 64]], []])).value == 0


def test_a_perfect_detector_scores_one_where_there_are_objects():
    objects = [[[1, 1, 9, 9, 1, 0, 64], [20, 20, 90, 90, 2, 0, 4900]]]
    rows = as_rows([[[1, 1, 9, 9, 0.9, 1], [20, 20, 90, 90, 0.3, 2]]], objects)
    assert score("coco-ap", rows).value == pytest.approx(1)
    assert score("coco-ap:area=small", rows).value == pytest.approx(1)
    assert score("coco-ap:area=large", rows).value is None


@pytest.mark.parametrize("text", ["coco-ap:iou=0.52", "coco-ap:iou=1", "coco-ar:max=5", "coco-ap:area=tiny", "coco-ap:max=1"])
def test_options_that_coco_does_not_have_are_refused(text):
    with pytest.raises(OptionError):
        metric(text)
