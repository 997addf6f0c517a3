"""What runs are compared by: a metric's values per sample have its value as their mean, and resampling is repeating samples."""

import numpy as np
import pytest

from zoo.metric_specs import zoo_metrics
from zoo.metrics import Metric, bare_metric, build_metric
from zoo.tasks import Rows

SPECS = {spec.name: spec for spec in zoo_metrics()}
CLASSES = ("a", "b", "c")
N = 60


class Targets:
    """A dataset that knows targets alone."""

    def __init__(self, targets):
        self.targets = targets

    def target(self, index):
        return self.targets[index]


def objects(items):
    column = np.empty(len(items), dtype=object)
    column[:] = items
    return column


def of_classify(rng):
    target = rng.integers(0, 3, N)
    logits = rng.normal(size=(N, 3)) + 1.5 * np.eye(3)[target]
    logits[:3] = 0  # ties
    return {"logits": logits.astype(np.float32), "target": target}, None


def of_segment(rng):
    maps = [rng.integers(0, 3, (6, 6)).astype(np.uint8) for _ in range(N)]
    said = [np.where(rng.random((6, 6)) < 0.7, own, rng.integers(0, 3, (6, 6))).astype(np.uint8) for own in maps]
    return {"labels": objects(said)}, Targets(maps)


def of_edges(rng):
    drawings = [rng.random((2, 12, 12)) < 0.1 for _ in range(N)]
    said = [(255 * np.clip(own[0] * rng.random() + 0.3 * rng.random((12, 12)), 0, 1)).astype(np.uint8) for own in drawings]
    return {"edges": objects(said)}, Targets(drawings)


def of_detect(rng):
    found, there = [], []
    for _ in range(N):
        k = rng.integers(1, 4)
        corner = rng.uniform(0, 60, (k, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(10, 40, (k, 2))], axis=1)
        label = rng.integers(0, 3, (k, 1))
        area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1, keepdims=True)
        there.append(np.concatenate([boxes, label, np.zeros((k, 1)), area], axis=1))
        near = boxes + rng.normal(0, 2, boxes.shape)
        found.append(np.concatenate([near, rng.random((k, 1)), np.where(rng.random((k, 1)) < 0.8, label, 0)], axis=1))
    side = np.full(N, 100)
    return {"boxes": objects(found), "objects": objects(there), "height": side, "width": side}, None


def of_attack(rng):
    target = rng.integers(0, 3, N)
    clean, adversarial = (rng.normal(size=(N, 3)) + 2 * np.eye(3)[target] for _ in range(2))
    flags = rng.random((3, N)) < 0.5
    counts = rng.integers(1, 50, (2, N))
    columns = {"clean": clean, "adversarial": adversarial, "target": target, "norm": rng.random(N), "within": flags[0]}
    columns |= {"masked": flags[1], "overtaken": flags[2], "forwards": counts[0], "gradients": counts[1]}
    return columns | {"stages": objects([()] * N), "felled_by": objects([""] * N)}, None


def of_certificates(rng):
    target = rng.integers(0, 3, N)
    predicted = np.where(rng.random(N) < 0.7, target, rng.integers(-1, 3, N))
    columns = {"predicted": predicted, "target": target, "radius": rng.random(N), "limit": np.ones(N), "eps": np.full(N, 0.3)}
    return columns, None


def of_texts(rng):
    count = rng.integers(5, 20, N)
    columns = {"nll": rng.gamma(2, 10, N), "context": np.zeros(N, int), "lost": np.zeros(N, int)}
    return columns | {name: count.copy() for name in ("tokens", "characters", "bytes", "words")}, None


def of_pictures(rng):
    targets = [rng.integers(0, 256, (1, 16, 16)).astype(np.uint8) for _ in range(N)]
    return {
        "image": objects([np.clip(own + rng.integers(-9, 9, own.shape), 0, 255).astype(np.uint8) for own in targets])
    }, Targets(targets)


COMPARED = {
    "accuracy": of_classify,
    "accuracy:k=2": of_classify,
    "abstentions": of_classify,
    "f1:average=macro": of_classify,
    "f1:average=weighted": of_classify,
    "f1:average=micro": of_classify,
    "f1:positive=b": of_classify,
    "precision:average=macro": of_classify,
    "recall:positive=c": of_classify,
    "nll": of_classify,
    "miou": of_segment,
    "dice": of_segment,
    "pixel-accuracy": of_segment,
    "iou:of=b": of_segment,
    "ods": of_edges,
    "ois": of_edges,
    "edge-ap": of_edges,
    "coco-ap": of_detect,
    "coco-ap:iou=0.5": of_detect,
    "coco-ar:max=10": of_detect,
    "robust-accuracy": of_attack,
    "clean-accuracy": of_attack,
    "success-rate": of_attack,
    "forwards": of_attack,
    "gradients": of_attack,
    "certified-accuracy": of_certificates,
    "mean-radius": of_certificates,
    "abstention-rate": of_certificates,
    "perplexity": of_texts,
    "bits-per-character": of_texts,
    "bits-per-byte": of_texts,
    "word-perplexity": of_texts,
    "psnr-gray": of_pictures,
    "ssim-gray": of_pictures,
}
REFUSED = {"ece": of_classify, "median-norm": of_attack}


def built(text) -> Metric:
    return build_metric(text, SPECS[bare_metric(text)])


def rows_of(made, taken=None):
    columns, dataset = made
    taken = np.arange(N) if taken is None else taken
    return Rows(
        [f"s{i}" for i in range(len(taken))], {name: column[taken] for name, column in columns.items()}, CLASSES, taken, dataset
    )


@pytest.mark.parametrize("text", COMPARED)
def test_every_sample_some_times_scores_as_it_is_resampled(text):
    rng = np.random.default_rng(0)
    metric, made = built(text), COMPARED[text](rng)
    times = rng.integers(0, 3, N)
    state = metric.per_sample(rows_of(made))
    whole, repeated = (
        metric.compute(metric.update(rows), CLASSES).value for rows in (rows_of(made), rows_of(made, np.arange(N).repeat(times)))
    )
    values = metric.values(state)
    if values is None:
        found = metric.resampled(state, np.stack([np.ones(N), times]).astype(float), CLASSES)
    else:
        assert values.shape == (N,)
        found = np.nanmean(values), np.nanmean(values.repeat(times))
    assert found == pytest.approx([whole, repeated], rel=1e-9)


@pytest.mark.parametrize("text", COMPARED)
def test_samples_that_are_taken_away_leave_the_score_of_the_others(text):
    """So a state may be of two runs, of which either is weighted by 0."""
    rng = np.random.default_rng(1)
    metric = built(text)
    states = [metric.per_sample(rows_of(COMPARED[text](rng))) for _ in range(2)]
    if metric.values(states[0]) is not None:
        pytest.skip("a mean is of its values")
    both = metric.join(states)
    ones = np.ones((1, N))
    for state, weights in zip(states, ([ones, 0 * ones], [0 * ones, ones]), strict=True):
        found = metric.resampled(both, np.concatenate(weights, axis=1), CLASSES)
        assert found == pytest.approx(metric.resampled(state, ones, CLASSES), rel=1e-9)


@pytest.mark.parametrize("text", COMPARED)
def test_the_outcome_of_a_sample_is_one_number(text):
    metric = built(text)
    state = metric.per_sample(rows_of(COMPARED[text](np.random.default_rng(2))))
    assert metric.outcomes(state, CLASSES).shape == (N,)


@pytest.mark.parametrize("text", REFUSED)
def test_a_metric_without_an_honest_comparison_says_why(text):
    metric = built(text)
    state = metric.per_sample(rows_of(REFUSED[text](np.random.default_rng(3))))
    assert metric.incomparable(state, state)


def test_every_metric_can_be_compared_or_says_why_not():
    """But those that have no single value, and those of generated images, which are compared as a whole or not at all."""
    told = {bare_metric(text) for text in (*COMPARED, *REFUSED)}
    retrieval = {"recall-at-k", "one-shot-accuracy", "map-at-r", "knn-accuracy", "nmi", "ami", "roc-auc", "eer", "tar-at-far"}
    single = {"confusion", "iou", "certified-curve", "mode-coverage", "class-shares"}
    other = {"frechet-distance", "sample-precision", "sample-recall", "class-consistency", "psnr-rgb", "psnr-y", "ssim-y"}
    likelihood = {name for name in SPECS if name.startswith(("elbo", "iwae"))}
    assert set(SPECS) == told | retrieval | single | other | likelihood


def test_texts_of_other_tokens_are_not_compared_by_perplexity():
    rng = np.random.default_rng(4)
    columns, _ = of_texts(rng)
    both = [(columns | {"tokens": columns["tokens"] + more}, None) for more in (0, 1)]
    states = [built("perplexity").per_sample(rows_of(made)) for made in both]
    others = [built("bits-per-character").per_sample(rows_of(made)) for made in both]
    assert "their tokens are not the same" in built("perplexity").incomparable(*states)
    assert not built("bits-per-character").incomparable(*others)
