"""Metrics of drawn images as a set: pinned to their references, and folded in parts as at once."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.linalg import sqrtm

from zoo.errors import DataError
from zoo.metrics.frechet import FrechetDistance, frechet_distance
from zoo.metrics.manifold import SamplePrecision, SampleRecall, balls
from zoo.tasks.base import Rows


def rows(features, real, another=None, space="toy"):
    columns = {"features": features, "real": real, "another": real if another is None else another}
    return Rows([f"s{i}" for i in range(len(real))], {**columns, "space": np.full(len(real), space)}, ())


def folded(metric, whole, cuts=()):
    edges = [0, *cuts, len(whole)]
    parts = [Rows(whole.ids[a:b], {name: column[a:b] for name, column in whole.columns.items()}, ()) for a, b in pairwise(edges)]
    return metric.compute(metric.merge_all([metric.update(part) for part in parts]), ())


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(6, 6))
    features = (rng.normal(size=(200, 6)) @ mixing + 3).astype(np.float32)
    return rows(features, rng.normal(size=(200, 6)).astype(np.float32), rng.normal(size=(200, 6)).astype(np.float32))


def reference(a, b):
    """As the authors of FID write it: sqrtm of the product of the covariances, np.cov, the real part."""
    m, n = a.mean(0), b.mean(0)
    c, d = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    return ((m - n) ** 2).sum() + np.trace(c + d - 2 * sqrtm(c @ d).real)


def test_the_frechet_distance_is_that_of_the_reference(drawn):
    made, real = drawn.columns["features"].astype(float), drawn.columns["real"].astype(float)
    score = folded(FrechetDistance(), drawn)
    assert score.value == pytest.approx(reference(made, real), rel=1e-8)
    assert f"have {reference(drawn.columns['another'].astype(float), real):.4g}" in score.note
    assert score.ci_low is None and score.interval.startswith("none:")


@pytest.mark.parametrize("cuts", [(1,), (50, 51, 199), tuple(range(16, 200, 16))])
def test_shards_do_not_change_the_frechet_distance(drawn, cuts):
    assert folded(FrechetDistance(), drawn, cuts).value == pytest.approx(folded(FrechetDistance(), drawn).value, rel=1e-10)


def test_a_far_mean_costs_no_digits(drawn):
    far = rows(*(drawn.columns[name].astype(float) + 1e6 for name in ("features", "real", "another")))
    assert folded(FrechetDistance(), far, (50, 120)).value == pytest.approx(folded(FrechetDistance(), drawn).value, rel=1e-5)


def test_gaussians_of_known_distance():
    """Diagonal covariances commute: |m - n|² + Σ (s - t)²."""
    m, n, s, t = np.array([1.0, 0, 2]), np.array([0.0, 0, 0]), np.array([1.0, 2, 3]), np.array([2.0, 2, 1])
    assert frechet_distance(m, np.diag(s**2), n, np.diag(t**2)) == pytest.approx(5 + 1 + 0 + 4, rel=1e-12)
    assert frechet_distance(m, np.diag(s**2), m, np.diag(s**2)) == pytest.approx(0, abs=1e-12)


def test_singular_covariances_are_no_trouble():
    """More dimensions than samples, as with Inception: sqrtm warns or returns complex numbers, this does not."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(10, 40)), rng.normal(size=(10, 40))
    value = folded(FrechetDistance(), rows(a, b)).value
    same = folded(FrechetDistance(), rows(a, a)).value
    assert np.isfinite(value) and value > 1
    assert same == pytest.approx(0, abs=1e-6)


def brute_force(points, others, k):
    """Point by point, by the definition."""
    found = []
    for point in points:
        inside = False
        for place, other in enumerate(others):
            radius = sorted(np.linalg.norm(other - third) for at, third in enumerate(others) if at != place)[k - 1]
            inside |= bool(np.linalg.norm(point - other) <= radius)
        found.append(inside)
    return np.array(found)


@pytest.mark.parametrize("k", [1, 3])
def test_the_manifold_is_that_of_brute_force(k):
    rng = np.random.default_rng(2)
    points, others = rng.normal(size=(40, 3)) * 1.5, rng.normal(size=(30, 3))
    found = balls(points, others, k)[0] > 0
    assert 0 < found.sum() < 40
    np.testing.assert_array_equal(found, brute_force(points, others, k))


def test_blocks_do_not_change_the_manifold(monkeypatch):
    rng = np.random.default_rng(3)
    points, others = rng.normal(size=(40, 3)), rng.normal(size=(30, 3))
    whole = balls(points, others, 3)[0]
    monkeypatch.setattr("zoo.metrics.manifold.BLOCK", 7)
    np.testing.assert_array_equal(balls(points, others, 3)[0], whole)


def test_precision_sees_fidelity_and_recall_diversity():
    rng = np.random.default_rng(4)
    real = rng.normal(size=(300, 2))
    narrow, wide = 0.05 * rng.normal(size=(300, 2)), 10 * rng.normal(size=(300, 2))
    narrow_rows, wide_rows = rows(narrow, real), rows(wide, real)
    assert folded(SamplePrecision(), narrow_rows).value == 1.0
    assert folded(SampleRecall(), narrow_rows).value < 0.1
    assert folded(SamplePrecision(), wide_rows).value < 0.2
    assert folded(SampleRecall(), wide_rows).value > 0.9


def test_precision_and_recall_change_places_with_the_sets(drawn):
    made, real = drawn.columns["features"], drawn.columns["real"]
    there, back = rows(made, real), rows(real, made)
    assert folded(SamplePrecision(k=2), there).value == folded(SampleRecall(k=2), back).value
    assert folded(SamplePrecision(k=2), there, (30, 90)) == folded(SamplePrecision(k=2), there)


@pytest.mark.parametrize(
    "metric", [FrechetDistance(features="toy"), SamplePrecision(features="toy"), SampleRecall(features="toy")]
)
def test_a_named_space_is_insisted_on(metric, drawn):
    assert folded(metric, drawn).value is not None
    with pytest.raises(DataError, match="features of other, not of toy"):
        folded(metric, rows(*(drawn.columns[name] for name in ("features", "real", "another")), space="other"))


def test_too_few_samples_have_no_score():
    one = rows(np.zeros((1, 2)), np.zeros((1, 2)))
    assert folded(FrechetDistance(), one).value is None
    assert folded(SamplePrecision(), rows(np.zeros((3, 2)), np.zeros((3, 2)))).value is None
