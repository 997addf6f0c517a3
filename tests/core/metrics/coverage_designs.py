"""Populations whose true score is known, from which `test_coverage` draws datasets for each metric."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from zoo.metric_specs import zoo_metrics
from zoo.metrics import Score, bare_metric, build_metric

Array = np.ndarray[Any, Any]
SPECS = {spec.name: spec for spec in zoo_metrics()}


@dataclass(frozen=True)
class Design:
    """A population to draw datasets from. `draw(rng, n)` is the metric's merged state of one, `truth(n)` what it estimates."""

    metric: str
    draw: Callable[[np.random.Generator, int], dict[str, Array]]
    truth: Callable[[int], float]
    sizes: tuple[int, ...] = (20, 100, 1000)
    classes: tuple[str, ...] = ("a", "b")

    def score(self, state: dict[str, Array]) -> Score:
        built = build_metric(self.metric, SPECS[bare_metric(self.metric)])
        return built.compute(state, self.classes)


# classify


def of_confusion(metric: str, probabilities: Array) -> Design:
    """Samples that fall in the cells of a confusion matrix with these probabilities."""
    c = len(probabilities)
    names = tuple(f"c{i}" for i in range(c))
    built: Any = build_metric(metric, SPECS[bare_metric(metric)])
    tp, said, true = np.diagonal(probabilities), probabilities.sum(axis=0), probabilities.sum(axis=1)
    ratio = {"f1": 2 * tp / (said + true), "precision": tp / said, "recall": tp / true}[bare_metric(metric)]
    value = float((ratio * (true if built.average == "weighted" else 1 / c)).sum())
    return Design(
        metric,
        lambda rng, n: {"matrix": rng.multinomial(n, probabilities.ravel()).reshape(c, c), "tied": np.zeros(1)},
        lambda n: value,
        classes=names,
    )


def confusions(shares: Array, right: float) -> Array:
    """Classes of these shares, each predicted rightly with probability `right`, else as another class by its share."""
    c = len(shares)
    wrong = np.where(np.eye(c) > 0, 0, np.broadcast_to(shares, (c, c)))
    wrong = wrong / wrong.sum(axis=1, keepdims=True)
    return np.asarray(shares[:, None] * (right * np.eye(c) + (1 - right) * wrong))


IMBALANCED = confusions(np.array([0.8, 0.1, 0.05, 0.03, 0.02]), 0.9)
HUNDRED = confusions(np.full(100, 0.01), 0.8)


def synthetic_losses(rng: np.random.Generator, n: int, accuracy: float) -> Array:
    """Mostly small losses of what is right; of what is wrong, 0.7 and a gamma variable of mean 3."""
    small = -np.log1p(-rng.beta(1, 30, n))
    return np.where(rng.random(n) < accuracy, small, 0.7 + rng.gamma(2, 1.5, n))


def unstated(n: int) -> dict[str, Array]:
    """What the state says of outputs that are no probabilities."""
    return {"stated": np.full(n, np.nan), "within": np.zeros(n, bool), "percent": np.zeros(n, bool)}


def of_losses(accuracy: float) -> Design:
    small = -np.log1p(-np.random.default_rng(0).beta(1, 30, 4_000_000)).mean()
    return Design(
        "nll",
        lambda rng, n: {"nll": synthetic_losses(rng, n, accuracy), **unstated(n)},
        lambda n: float(accuracy * small + (1 - accuracy) * 3.7),
    )


def of_predictions(population: Array) -> Design:
    """Losses of a real model, drawn from all that it has."""
    return Design("nll", lambda rng, n: {"nll": rng.choice(population, n), **unstated(n)}, lambda n: float(population.mean()))


def of_calibration(metric: str, over: float, a: float, b: float) -> Design:
    """Confidence 0.1 + 0.9 Beta(a, b); accuracy is lower by `over`, so that 0 is perfectly calibrated."""

    def draw(rng: np.random.Generator, n: int) -> dict[str, Array]:
        confidence = np.minimum(0.1 + 0.9 * rng.beta(a, b, n), 1 - 1e-6).astype(np.float32)
        return {
            "confidence": confidence,
            **unstated(n),
            "correct": rng.random(n) < np.maximum(confidence - over, 0),
        }

    return Design(metric, draw, lambda n: over)


def of_shares(metric: str, share: float) -> Design:
    def draw(rng: np.random.Generator, n: int) -> dict[str, Array]:
        none = np.zeros(1, np.int64)
        others = ("tied", "masked", "attacked", "overtaken", "stated", "unit")
        return {"hits": rng.binomial(n, share, 1), "n": np.array([n]), **dict.fromkeys(others, none)}

    return Design(metric, draw, lambda n: share)


# segment, detect


def segmented(rng: np.random.Generator, n: int) -> dict[str, Array]:
    """Five classes, the last in one image of seven. Images differ in how much of a class they hold, and how well it is found."""
    c, presence = 5, np.array([1.0, 0.9, 0.6, 0.4, 0.15])
    true = rng.gamma(1.0, 2000, (n, c)) * (rng.random((n, c)) < presence)
    quality = 1 / (1 + np.exp(-(rng.normal(1.5, 0.8, (n, 1)) + rng.normal(0, 0.8, (n, c)))))
    hits = true * quality
    missed = true - hits
    extra = missed.sum(axis=1, keepdims=True) * rng.dirichlet(np.full(c, 0.7), n)
    rounded = [np.round(part).astype(np.int64) for part in (hits, true, hits + extra)]
    return dict(zip(("hits", "true", "predicted"), rounded, strict=True))


def of_segments(metric: str) -> Design:
    classes = ("a", "b", "c", "d", "rare")

    def truth(n: int) -> float:
        value = design.score({k: v.sum(axis=0, keepdims=True) for k, v in segmented(np.random.default_rng(0), 400_000).items()})
        assert value.value is not None
        return value.value

    design = Design(metric, segmented, cache(truth), classes=classes)
    return design


def detected(rng: np.random.Generator, n: int, shares: Array) -> dict[str, Array]:
    """Objects of classes of these shares; detections near two of three, in images of different difficulty, and strays."""
    objects, found, object_counts, box_counts = [], [], [], []
    for _ in range(n):
        k = 1 + rng.poisson(3)
        low, side = rng.uniform(0, 400, (k, 2)), rng.uniform(10, 150, (k, 2))
        label = rng.choice(len(shares), k, p=shares)
        corners = np.hstack([low, low + side])
        objects.append(np.column_stack([corners, label, np.zeros(k), side.prod(axis=1)]))
        hard = rng.beta(2, 4)
        seen = rng.random(k) > hard
        near = corners[seen] + rng.normal(0, 0.12, (seen.sum(), 4)) * np.tile(side[seen], 2) * (0.3 + hard)
        strays = rng.poisson(2)
        stray = np.hstack([low := rng.uniform(0, 400, (strays, 2)), low + rng.uniform(10, 150, (strays, 2))])
        score = np.concatenate([rng.beta(5, 2, len(near)), rng.beta(2, 4, strays)])
        named = np.concatenate([label[seen], rng.choice(len(shares), strays, p=shares)])
        boxes = np.vstack([near, stray])
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        found.append(np.column_stack([boxes, score, named]))
        object_counts.append(k)
        box_counts.append(len(boxes))
    return {
        "boxes": np.vstack(found),
        "objects": np.vstack(objects),
        "box_counts": np.array(box_counts),
        "object_counts": np.array(object_counts),
        "odd": np.zeros((n, 2), np.int64),
    }


FOUR = np.array([0.5, 0.27, 0.18, 0.05])
TWENTY, EIGHTY = (1 / np.arange(1, c + 1) / (1 / np.arange(1, c + 1)).sum() for c in (20, 80))


def of_boxes(metric: str, shares: Array) -> Design:
    def truth(n: int) -> float:
        value = design.score(detected(np.random.default_rng(0), 8000, shares)).value
        assert value is not None
        return value

    classes = tuple(f"c{i}" for i in range(len(shares)))
    design = Design(metric, lambda rng, n: detected(rng, n, shares), cache(truth), (20, 100, 400), classes)
    return design


def drawn_edges(rng: np.random.Generator, n: int) -> dict[str, Array]:
    """Counts of right, predicted, found and drawn edge pixels at 99 thresholds; images differ in size and difficulty."""
    t = np.arange(1, 100) / 100
    skill, size = rng.normal(0, 0.6, (n, 1)), rng.gamma(4, 400, (n, 1))
    recall = 1 / (1 + np.exp(8 * (t - 0.5) - skill))
    precision = 1 / (1 + np.exp(-4 * (t - 0.3) - skill))
    found = recall * size
    counts = np.stack([found, found / precision, found, np.broadcast_to(size, found.shape)], axis=-1)
    return {"counts": np.round(counts).astype(np.int64)}


def of_edges(metric: str) -> Design:
    def truth(n: int) -> float:
        many = drawn_edges(np.random.default_rng(0), 20_000)["counts"]
        built: Any = build_metric(metric, SPECS[metric])
        return float(built.statistic(many, np.ones((1, len(many))))[0])

    return Design(metric, drawn_edges, cache(truth), (20, 100))


# embed


def embedded(rng: np.random.Generator, n: int, each: int = 20, width: int = 16) -> dict[str, Array]:
    """n samples of classes drawn anew, `each` of a class: a centre, and a scatter that differs from class to class."""
    c = n // each
    centre, scatter = rng.normal(0, 1, (c, 1, width)), np.exp(rng.normal(-0.3, 0.5, (c, 1, 1)))
    vectors = (centre + scatter * rng.normal(0, 1, (c, each, width))).reshape(n, width).astype(np.float32)
    every = np.ones(n, bool)
    return {
        "vector": vectors,
        "label": np.repeat(np.arange(c), each),
        "query": every,
        "gallery": every,
        "episode": np.full(n, ""),
    }


def of_vectors(metric: str) -> Design:
    @cache
    def truth(n: int) -> float:
        values = [design.score(embedded(np.random.default_rng([9, i]), n)).value for i in range(40_000 // (n // 20) // 2)]
        return float(np.mean([value for value in values if value is not None]))

    design = Design(metric, embedded, truth, (200, 400, 600, 1200))
    return design


# generate


def spans(rng: np.random.Generator, n: int, alike: float) -> dict[str, Array]:
    """Spans of about 100 characters whose nats per character are an AR(1) process of the given autocorrelation."""
    from scipy.signal import lfilter

    start = rng.normal(0, 1)
    noise = rng.normal(0, (1 - alike**2) ** 0.5, n)
    noise[0] = start
    level = lfilter([1], [1, -alike], noise)
    count = rng.integers(90, 111, n)
    return {"nll": (1.6 + 0.3 * level) * count, "count": count, "window": count, "lost": 0 * count, "stride": count}


def of_texts(alike: float) -> Design:
    return Design("bits-per-character", lambda rng, n: spans(rng, n, alike), lambda n: float(1.6 / np.log(2)))


def of_values(metric: str, mean: float, spread: float) -> Design:
    return Design(metric, lambda rng, n: {"values": rng.normal(mean, spread, n)}, lambda n: mean)


def on_manifolds(metric: str) -> Design:
    """Drawn images of twice the variance of the real ones, in 8 dimensions."""

    def draw(rng: np.random.Generator, n: int) -> dict[str, Array]:
        return {"features": rng.normal(0, 1.4, (n, 8)), "real": rng.normal(0, 1, (n, 8)), "another": rng.normal(0, 1, (n, 8))}

    @cache
    def truth(n: int) -> float:
        values = [design.score(draw(np.random.default_rng([9, i]), n)).value for i in range(200_000 // n // 2)]
        return float(np.mean([value for value in values if value is not None]))

    design = Design(metric, draw, truth)
    return design


DESIGNS: dict[str, Design] = {
    "accuracy .90": of_shares("accuracy", 0.9),
    "accuracy .99": of_shares("accuracy", 0.99),
    "robust accuracy .45": of_shares("robust-accuracy", 0.45),
    "F1 macro, imbalanced": of_confusion("f1:average=macro", IMBALANCED),
    "F1 macro, 100 classes": of_confusion("f1:average=macro", HUNDRED),
    "F1 weighted, imbalanced": of_confusion("f1:average=weighted", IMBALANCED),
    "precision macro, imbalanced": of_confusion("precision:average=macro", IMBALANCED),
    "recall macro, imbalanced": of_confusion("recall:average=macro", IMBALANCED),
    "nll, accuracy .98": of_losses(0.98),
    "nll, accuracy .995": of_losses(0.995),
    "nll, accuracy .80": of_losses(0.80),
    "ECE, calibrated": of_calibration("ece", 0, 4, 1),
    "ECE, calibrated and sure": of_calibration("ece", 0, 40, 1),
    "ECE, overconfident by .08": of_calibration("ece", 0.08, 4, 1),
    "ECE l2, calibrated": of_calibration("ece:norm=l2", 0, 4, 1),
    "ECE max, calibrated": of_calibration("ece:norm=max", 0, 4, 1),
    "mIoU": of_segments("miou"),
    "IoU of a rare class": of_segments("iou:of=rare"),
    "Dice": of_segments("dice"),
    "pixel accuracy": of_segments("pixel-accuracy"),
    "COCO AP, 4 classes": of_boxes("coco-ap", FOUR),
    "COCO AP, 20 classes": of_boxes("coco-ap", TWENTY),
    "COCO AP, 80 classes": of_boxes("coco-ap", EIGHTY),
    "COCO AR, 4 classes": of_boxes("coco-ar:max=100", FOUR),
    "edges' ODS": of_edges("ods"),
    "edges' OIS": of_edges("ois"),
    "edges' AP": of_edges("edge-ap"),
    "recall@1, classes drawn anew": of_vectors("recall-at-k:k=1"),
    "MAP@R, classes drawn anew": of_vectors("map-at-r"),
    "5-NN, classes drawn anew": of_vectors("knn-accuracy:k=5"),
    "bits per character, alike .3": of_texts(0.3),
    "bits per character, alike .8": of_texts(0.8),
    "PSNR": of_values("psnr-y", 30, 3),
    "sample precision": on_manifolds("sample-precision"),
    "sample recall": on_manifolds("sample-recall"),
}
