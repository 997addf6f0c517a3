"""Matching predicted edge pixels to drawn ones, one to one, at every threshold of a soft map."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

FREE = -1


def neighbours(drawn: Array, predicted: Array, radius: float) -> list[list[int]]:
    """For each predicted pixel, the drawn ones at most `radius` pixels away, nearest first.

    `drawn` int [m, 2] and `predicted` int [n, 2] are rows and columns of pixels.
    """
    from scipy.spatial import cKDTree

    if not len(drawn) or not len(predicted):
        return [[] for _ in range(len(predicted))]
    pairs = cKDTree(predicted).sparse_distance_matrix(cKDTree(drawn), radius + 1e-9, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs["j"], pairs["v"], pairs["i"]))]
    ends = np.cumsum(np.bincount(pairs["i"], minlength=len(predicted)))
    far = pairs["j"].tolist()
    return [far[start:end] for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)]


class Matching:
    """A matching of maximum size between predicted pixels that come and go and drawn ones that stay.

    `near[p]` are the drawn pixels that predicted pixel p may be matched to. After every change the matching is made as large
    as can be by searching for an augmenting path from where the change was, which is all that is needed (Berge 1957): so a
    whole series of thresholds costs little more than one of them. A predicted pixel that is matched stays so as long as it is
    there, so those that come first, which are the surest, are preferred.
    """

    def __init__(self, near: Sequence[Sequence[int]], drawn: int) -> None:
        self.near = near
        self.drawn_near: list[list[int]] = [[] for _ in range(drawn)]
        for p, far in enumerate(near):
            for g in far:
                self.drawn_near[g].append(p)
        self.partner = [FREE] * len(near)
        """Drawn partner of each predicted pixel."""
        self.drawn_partner = [FREE] * drawn
        self.size = 0
        self._absent = [True] * len(near)

    def change(self, gone: Sequence[int], come: Sequence[int]) -> None:
        """Take away and add predicted pixels, and match as many as can be."""
        left = []
        for p in gone:
            self._absent[p] = True
            if (g := self.partner[p]) != FREE:
                self.partner[p] = self.drawn_partner[g] = FREE
                self.size -= 1
                left.append(g)
        seen = self._absent.copy() if left else []
        for g in left:
            self.size += augment(g, self.drawn_near, self.drawn_partner, self.partner, seen)
        seen = [False] * len(self.drawn_near)
        for p in come:
            self._absent[p] = False
            self.size += augment(p, self.near, self.partner, self.drawn_partner, seen)


def augment(start: int, near: Sequence[Sequence[int]], partner: list[int], far_partner: list[int], seen: list[bool]) -> bool:
    """Match `start`, which is free, if that can be, changing partners of others but leaving none of them without.

    Searches breadth first for a free pixel on the far side along edges that are in turn out of and in the matching. Far
    pixels that are `seen` are passed over. Those that a search in vain has seen stay so, since from them no free one can be
    reached, nor by later searches as long as no far pixel becomes free; a search that succeeds leaves no trace in `seen`.
    """
    queue, came_from, visited = [start], {}, []
    for here in queue:
        for far in near[here]:
            if seen[far]:
                continue
            seen[far] = True
            visited.append(far)
            came_from[far] = here
            if far_partner[far] == FREE:
                _flip(far, came_from, partner, far_partner)
                for other in visited:
                    seen[other] = False
                return True
            queue.append(far_partner[far])
    return False


def _flip(end: int, came_from: dict[int, int], partner: list[int], far_partner: list[int]) -> None:
    """Take the edges of a path that were out of the matching into it, and those that were in it out."""
    far = end
    while far != FREE:
        here = came_from[far]
        before = partner[here]
        partner[here], far_partner[far] = far, here
        far = before


def matched(present: Array, near: Sequence[Sequence[int]], drawn: int) -> tuple[Array, Array]:
    """At each threshold, which predicted pixels are matched, bool [thresholds, predicted], and how many drawn ones, int64.

    `present` bool [thresholds, predicted] says which pixels are predicted at each threshold, the highest first.
    """
    matching = Matching(near, drawn)
    hits, sizes = np.zeros(present.shape, dtype=bool), np.zeros(len(present), dtype=np.int64)
    before = np.zeros(present.shape[1], dtype=bool)
    for step, here in enumerate(present):
        matching.change(np.flatnonzero(before & ~here).tolist(), np.flatnonzero(here & ~before).tolist())
        hits[step], sizes[step], before = np.array(matching.partner) != FREE, matching.size, here
    return hits, sizes
