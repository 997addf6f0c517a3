"""Suppressing to ridges and thinning: against a plain loop, against scikit-image, and by properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, label
from skimage.morphology import thin

from zoo.metrics.edge_maps import suppressed, thinned


def blobs(seed, height=24, width=31):
    """A smooth random map, cut at a random level: bool [h, w] with pieces of all shapes."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.random((height, width)), rng.uniform(0.3, 3))
    return field > np.quantile(field, rng.random())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000))
def test_thinning_is_that_of_scikit_image(seed):
    map_ = blobs(seed)
    assert (thinned(map_) == thin(map_)).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=4))
def test_a_stack_is_thinned_map_by_map(seeds):
    stack = np.stack([blobs(seed) for seed in seeds])
    assert (thinned(stack) == np.stack([thinned(map_) for map_ in stack])).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000))
def test_thinning_is_idempotent_and_keeps_every_piece(seed):
    map_ = blobs(seed)
    lines = thinned(map_)
    assert not (lines & ~map_).any()
    assert (thinned(lines) == lines).all()
    pieces, count = label(map_, np.ones((3, 3)))
    assert len(np.unique(pieces[lines])) == count
    assert label(lines, np.ones((3, 3)))[1] == count


def test_nothing_is_thinned_to_nothing():
    assert not thinned(np.zeros((3, 4, 5), bool)).any()


def test_a_ridge_becomes_a_line_one_pixel_wide():
    columns = np.arange(61)
    ridge = np.tile(0.8 * np.exp(-((columns - 30) ** 2) / 18), (51, 1))
    kept = suppressed(ridge)
    inside = kept[10:-10] > 0.1
    assert (inside.sum(axis=1) == 1).all() and inside[:, 30].all()


@pytest.mark.parametrize("angle", [0, 20, 45, 70, 90, 110, 135, 160])
def test_ridges_of_all_directions_survive_alone(angle):
    y, x = np.mgrid[:81, :81] - 40
    across = x * np.sin(np.radians(angle)) - y * np.cos(np.radians(angle))
    kept = suppressed(0.8 * np.exp(-(across**2) / 12)) > 0.2
    kept[:8] = kept[-8:] = kept[:, :8] = kept[:, -8:] = False
    assert np.abs(across[kept]).max() <= 1.0
    assert kept.sum() >= 55  # the line is there over its length


def test_suppression_is_that_of_a_plain_loop():
    edges = gaussian_filter(np.random.default_rng(0).random((20, 23)), 1.5)
    assert suppressed(edges) == pytest.approx(by_loop(edges), abs=1e-12)


def by_loop(edges):
    """The description, pixel by pixel, with its own smoothing, derivatives and interpolation."""

    def smooth(map_, kernel):
        radius = len(kernel) // 2
        padded = np.pad(map_, radius, mode="symmetric")
        taps = np.outer(kernel, kernel)
        rows, columns = map_.shape
        span = range(2 * radius + 1)
        return sum(taps[i, j] * padded[i : i + rows, j : j + columns] for i in span for j in span)

    def slope(map_, axis):
        return np.gradient(map_)[axis]

    edges = smooth(edges, np.array([1, 2, 1]) / 4)
    broad = smooth(edges, np.array([1, 2, 3, 4, 5, 4, 3, 2, 1]) / 25)
    dx = slope(broad, 1)
    dxx, dxy, dyy = slope(dx, 1), slope(dx, 0), slope(slope(broad, 0), 0)
    height, width = edges.shape

    def at(y, x):
        y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
        y0, x0 = min(int(y), height - 2), min(int(x), width - 2)
        a, b = y - y0, x - x0
        top = edges[y0, x0] * (1 - b) + edges[y0, x0 + 1] * b
        return top * (1 - a) + (edges[y0 + 1, x0] * (1 - b) + edges[y0 + 1, x0 + 1] * b) * a

    kept = np.zeros_like(edges)
    for y in range(height):
        for x in range(width):
            side = -1 if dxy[y, x] > 0 else 1
            angle = np.arctan(dyy[y, x] * side / (dxx[y, x] + 1e-5)) % np.pi
            beside = [at(y + step * np.sin(angle), x + step * np.cos(angle)) for step in (-1, 1)]
            fade = 1.0
            for place, last in ((y, height - 1), (x, width - 1)):
                fade *= min(1, place / 5, (last - place) / 5)
            kept[y, x] = edges[y, x] * fade if edges[y, x] * 1.01 >= max(beside) else 0
    return kept
