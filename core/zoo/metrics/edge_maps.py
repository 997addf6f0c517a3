"""Maps of edges made comparable: suppressed to their ridges, thinned to one pixel, matched to what people drew."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

TRIANGLE_1 = np.array([1, 2, 1]) / 4
TRIANGLE_4 = np.array([1, 2, 3, 4, 5, 4, 3, 2, 1]) / 25
SLACK = 1.01
"""How much stronger a neighbour must be to suppress a pixel."""
BORDER = 5
"""Pixels along the border in which edges are trusted less and less."""


def suppressed(edges: Array) -> Array:
    """The map float [h, w] in [0, 1], with 0 wherever a neighbour across the edge is stronger by more than 1 %: float64 [h, w].

    The map is smoothed by a triangle filter of radius 1. The edge's direction comes from the second derivatives of the map
    smoothed with radius 4; its two neighbours lie one pixel off along the normal, interpolated bilinearly. Within 5 pixels
    of the border the map fades to 0.
    Source: Dollár & Zitnick 2015, Fast edge detection using structured forests, section 4, as their published detector does it
    and as evaluations of networks have done since; written from the description.
    """
    from scipy.ndimage import map_coordinates

    edges = _smoothed(edges, TRIANGLE_1)
    dy, dx = np.gradient(_smoothed(edges, TRIANGLE_4))
    dxy, dxx = np.gradient(dx)
    dyy = np.gradient(dy, axis=0)
    side = np.where(dxy > 0, -1, 1)  # not the sign, whose 0 would turn lines that are exactly horizontal
    angle = np.arctan2(dyy * side, dxx + 1e-5) % np.pi
    rows, columns = np.mgrid[: edges.shape[0], : edges.shape[1]]
    strong = edges * SLACK
    kept = edges > 0
    for step in (-1, 1):
        beside = map_coordinates(edges, [rows + step * np.sin(angle), columns + step * np.cos(angle)], order=1, mode="nearest")
        kept &= strong >= beside
    return np.asarray(edges * kept * _faded(edges.shape[0])[:, None] * _faded(edges.shape[1]))


def thinned(stack: Array) -> Array:
    """Binary maps bool [..., h, w], each thinned until it is one pixel wide, and no piece of it vanishes.

    Two passes take turns, each deleting at once all pixels that one rule allows, until none is left to delete.
    Source: Guo & Hall 1989, Parallel thinning with two-subiteration algorithms, as restated by Lam, Lee & Suen 1992, page 879.
    Parity: `skimage.morphology.thin`.
    """
    padded = np.pad(stack, [(0, 0)] * (stack.ndim - 2) + [(1, 1), (1, 1)])
    flat, width = padded.reshape(-1), padded.shape[-1]
    around = np.array([1, 1 - width, -width, -1 - width, -1, width - 1, width, width + 1])  # from the east, counterclockwise
    alive = candidates = np.flatnonzero(flat)
    while len(candidates):
        before = len(alive)
        for table in DELETABLE:
            codes = np.zeros(len(alive), dtype=np.int64)
            for bit, offset in enumerate(around):
                codes |= flat[alive + offset].astype(np.int64) << bit
            gone = table[codes]
            flat[alive[gone]] = False
            alive = alive[~gone]
        if len(alive) == before:
            break
    return padded[..., 1:-1, 1:-1]


def _deletable() -> tuple[Array, Array]:
    """For each of the two passes, whether a pixel goes, by the 8 bits of its neighbours: bool [256] each."""
    x = (np.arange(256)[:, None] >> np.arange(8)) & 1 == 1  # x[:, 0] is x1, the east; then counterclockwise
    after = np.roll(x, -1, axis=1)
    crossings = (~x[:, ::2] & (x[:, 1::2] | after[:, 1::2])).sum(axis=1)  # condition G1
    pairs_1 = (x[:, 0::2] | x[:, 1::2]).sum(axis=1)
    pairs_2 = (x[:, 1::2] | after[:, 1::2]).sum(axis=1)
    least = np.minimum(pairs_1, pairs_2)  # condition G2
    simple = (crossings == 1) & (least >= 2) & (least <= 3)
    first = ~((x[:, 1] | x[:, 2] | ~x[:, 7]) & x[:, 0])  # condition G3
    second = ~((x[:, 5] | x[:, 6] | ~x[:, 3]) & x[:, 4])  # condition G3'
    return simple & first, simple & second


DELETABLE = _deletable()


def _smoothed(map_: Array, kernel: Array) -> Array:
    from scipy.ndimage import convolve1d

    rows = convolve1d(map_.astype(np.float64), kernel, axis=0, mode="reflect")
    return np.asarray(convolve1d(rows, kernel, axis=1, mode="reflect"))


def _faded(length: int) -> Array:
    """A factor for each row or column: 0 at the border, growing to 1 over `BORDER` pixels from it."""
    place = np.arange(length)
    return np.asarray(np.minimum(np.minimum(place, place[::-1]) / BORDER, 1.0))
