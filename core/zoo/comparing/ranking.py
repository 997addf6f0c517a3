"""Ranks of entries of which some cannot be told apart: as intervals, with groups of ties; and who is best for the money."""

from collections.abc import Sequence

Worse = Sequence[Sequence[bool]]
"""Square: whether entry i is surely worse than entry j."""


def rank_intervals(worse: Worse) -> list[tuple[int, int]]:
    """The ranks that each of n entries may have, 1 the best: 1 + those surely better, to n - those surely worse.

    Where all pairs are tested at once with an error rate of 5 %, all intervals hold at once with 95 %.
    Source: Mogstad, Romano, Shaikh & Wilhelm 2024, "Inference for ranks with applications to mobility across neighbourhoods and
    academic achievement across countries", section 3.
    """
    n = len(worse)
    return [(1 + sum(worse[i]), n - sum(worse[j][i] for j in range(n))) for i in range(n)]


def tie_groups(worse: Worse) -> list[str]:
    """Letters of each entry, in the order of the entries: two share one if and only if they cannot be told apart.

    Source: Piepho 2004, "An algorithm for a letter-based representation of all-pairwise comparisons" (insert and absorb).
    """
    n = len(worse)
    columns = [set(range(n))]
    for i in range(n):
        for j in range(i + 1, n):
            if worse[i][j] or worse[j][i]:
                split = [part for column in columns for part in (_parts(column, i, j))]
                columns = [one for k, one in enumerate(split) if not any(_absorbs(two, one, m, k) for m, two in enumerate(split))]
    columns.sort(key=lambda column: sorted(column))
    return ["".join(_letter(k) for k, column in enumerate(columns) if i in column) for i in range(n)]


def pareto_front(points: Sequence[tuple[float, float] | None]) -> list[bool | None]:
    """Whether no other point is as large in both numbers and larger in one; None where a point is not known."""
    known = [point for point in points if point is not None]

    def beaten(point: tuple[float, float]) -> bool:
        return any(other != point and other[0] >= point[0] and other[1] >= point[1] for other in known)

    return [None if point is None else not beaten(point) for point in points]


def mid_ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value, 1 the largest; equal ones share the mean of theirs."""
    return [1 + sum(other > value for other in values) + (sum(other == value for other in values) - 1) / 2 for value in values]


def _parts(column: set[int], i: int, j: int) -> list[set[int]]:
    """The column, or where it holds both, one without each."""
    return [column - {i}, column - {j}] if {i, j} <= column else [column]


def _absorbs(column: set[int], other: set[int], place: int, others: int) -> bool:
    """Whether a column makes another one needless; of equal ones the first stays."""
    return place != others and other <= column and (other != column or place < others)


def _letter(number: int) -> str:
    """a, b, … z, a1, b1, …"""
    return chr(ord("a") + number % 26) + (str(number // 26) if number >= 26 else "")
