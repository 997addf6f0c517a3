"""COCO's scores against pycocotools in one process: `pytest tests/bench --benchmark-only -n 0 -s`. Nothing here asserts a time.

1,000 images with 20 objects of 80 classes and 20 detections each. Both begin with plain arrays and end with the twelve
numbers; what our metric adds, each of the twelve without each of 100 groups of images, is timed beside it.
"""

import contextlib
import io
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zoo.metrics import coco
from zoo.metrics.base import State
from zoo.metrics.coco_matching import Found, Objects, match, weighted_scores

IMAGES, EACH, CLASSES, ROUNDS = 1000, 20, 80, 5


@pytest.fixture(scope="module")
def state() -> State:
    """Objects of 5 to 200 pixels a side; detections are these, shifted, a third of them of a random class."""
    rng = np.random.default_rng(0)
    n = IMAGES * EACH
    low, side = rng.uniform(0, 400, (n, 2)), rng.uniform(5, 200, (n, 2))
    label, score = rng.integers(0, CLASSES, n), rng.random(n)
    found = np.hstack([low, low + side]) + rng.normal(0, 8, (n, 4))
    found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
    named = np.where(rng.random(n) < 2 / 3, label, rng.integers(0, CLASSES, n))
    return {
        "boxes": np.column_stack([found, score, named]).astype(np.float32).astype(np.float64),
        "objects": np.column_stack([low, low + side, label, np.zeros(n), side.prod(axis=1)]),
        "box_counts": np.full(IMAGES, EACH),
        "object_counts": np.full(IMAGES, EACH),
        "odd": np.zeros((IMAGES, 2), np.int64),
    }


def test_coco_scores(benchmark: Any, state: State) -> None:
    results: dict[str, Any] = {}

    def theirs() -> None:
        results["pycocotools"] = _pycocotools(state)

    def ours() -> None:
        found, objects = coco.unpacked(state)
        once = np.ones((1, IMAGES))
        results["zoo"] = [part[0] for part in weighted_scores(match(found, objects), objects, once, CLASSES)]

    def with_intervals() -> None:
        coco._evaluate(state, CLASSES)

    times = _in_turn({"pycocotools": theirs, "zoo": ours, "zoo with intervals": with_intervals})
    precision, recall = results["zoo"]
    stats = np.array([*precision[:, 0].mean(keepdims=True), precision[0, 0], precision[5, 0], *precision[:, 1:].mean(axis=0),
                      *recall[:, 0].mean(axis=0), *recall[:, 1:, 2].mean(axis=0)])  # fmt: skip
    worst = float(np.abs(stats - results["pycocotools"]).max())
    ratio = times["pycocotools"] / times["zoo"]
    benchmark.extra_info.update(times, ratio=ratio, **{"largest difference": worst})
    print(f"\n{times}\n{ratio:.2f} times as fast; {times['pycocotools'] / times['zoo with intervals']:.2f} with intervals")
    print(f"largest difference of the twelve numbers: {worst:.2e}")
    benchmark.pedantic(ours, rounds=1)


def _in_turn(runs: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Median seconds of each, run in turn."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def _pycocotools(state: State) -> np.ndarray[Any, Any]:
    api, evaluation = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    found, objects = coco.unpacked(state)
    annotations = _annotations(objects, iscrowd=objects.crowd.astype(int), area=objects.area)
    results = _annotations(found, score=found.score)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = api.COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(IMAGES)],
            "categories": [{"id": i, "name": str(i)} for i in range(CLASSES)],
            "annotations": annotations,
        }
        truth.createIndex()
        run = evaluation.COCOeval(truth, truth.loadRes(results), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return np.asarray(run.stats)


def _annotations(boxes: Found | Objects, **columns: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    corners = np.concatenate([boxes.boxes[:, :2], boxes.boxes[:, 2:] - boxes.boxes[:, :2]], axis=1)
    every = {"image_id": boxes.image, "category_id": boxes.label, "bbox": corners, **columns}
    lists = (range(1, len(corners) + 1), *(column.tolist() for column in every.values()))
    return [dict(zip(("id", *every), row, strict=True)) for row in zip(*lists, strict=True)]
