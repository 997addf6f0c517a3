"""What metrics of task embed share: gathered places, their similarities block by block, and which queries count.

Similarity is the cosine c of the angle between two vectors; a vector of zeros is orthogonal to all. It is computed in float64,
and in float32 where that would take more than seconds: rounding may then exchange items that are as similar to 1e-6, and the
score's note says so. Of codes, whose numbers are whole up to a factor, it is c |c|, which ranks alike and is a fraction of whole
numbers: equal cosines are equal to the last bit, and others differ.

One rule for ties, everywhere: of equally similar items, wrong ones come first. So constant embeddings score nothing, whatever
the order of the samples. Equal vectors tie exactly, since their similarity is computed once.

One rule for queries: one counts if the gallery of its episode, without itself, has an item of its class and one of another.
The others have nothing to find, or nothing to confuse it with; they are left out, and the score's `detail` and `note` say
how many.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, ParamSpec, TypeVar

import numpy as np

from zoo.errors import DataError
from zoo.metrics.base import Metric, Score, State
from zoo.metrics.intervals import Interval
from zoo.tasks.base import Rows

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]
P = ParamSpec("P")
T = TypeVar("T")

ELEMENTS = 2**23
"""Similarities held at a time: 32 MiB of float32."""
PRECISE = 2**37
"""Multiplications of all similarities up to which they are done in float64: about five seconds on two cores."""


@dataclass(frozen=True)
class Places:
    """All samples of a run: `vectors` float32 [n, d], `labels` int64 [n], `query` and `gallery` bool [n], `episode` str [n]."""

    vectors: Array
    labels: Array
    query: Array
    gallery: Array
    episode: Array

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def precise(self) -> bool:
        """Whether similarities are computed in float64."""
        return bool(len(self) ** 2 * self.vectors.shape[1] <= PRECISE)

    @property
    def rounding(self) -> str:
        """What a reader must know of how exact similarities are; empty where they are as exact as can be."""
        return "" if self.precise or self.codes is not None else "similarities rounded to float32"

    @cached_property
    def codes(self) -> tuple[Array, Array] | None:
        """Vectors of whole numbers, each times a factor of its own: these numbers, float32 [n, d], and their squared lengths,
        float64 [n], which are small enough for exact products; None where the vectors are no such codes."""
        for some in (self.vectors[:16], self.vectors):  # most are none, which a few of them show
            numbers = np.rint(some)
            if not np.array_equal(numbers, some):
                factor = np.abs(some).min(axis=1, keepdims=True, where=some != 0, initial=np.inf)
                factor[np.isinf(factor)] = 1
                numbers = np.rint(some / factor)
                if not np.array_equal(numbers * factor, some):
                    return None
            squares = np.einsum("nd,nd->n", numbers, numbers, dtype=np.float64)
            if squares.max(initial=0) >= 2**24:
                return None
        return numbers + np.float32(0), squares  # so that -0 and 0 are the same bytes

    @cached_property
    def unit(self) -> Array:
        """The vectors at length 1, [n, d], float64 or float32; zeros stay zeros."""
        precise = self.precise
        length = np.sqrt(np.einsum("nd,nd->n", self.vectors, self.vectors, dtype=np.float64))
        unit: Array = np.array(self.vectors, dtype=np.float64 if precise else np.float32)
        np.divide(unit, np.where(length > 0, length, 1)[:, None], out=unit, casting="same_kind")
        return np.add(unit, 0, out=unit)  # so that -0 and 0 are the same bytes

    @cached_property
    def digest(self) -> bytes:
        """Hash of all of it."""
        found = hashlib.blake2b(str((self.vectors.shape, self.episode.dtype)).encode())
        for column in (self.vectors, self.labels, self.query, self.gallery, self.episode):
            found.update(np.ascontiguousarray(column).view(np.uint8).data)
        return found.digest()

    def episodes(self) -> Iterator[tuple[Array, Array]]:
        """Positions of the queries, and of the gallery, of each episode; ascending."""
        for name in np.unique(self.episode):
            inside = self.episode == name
            yield np.flatnonzero(inside & self.query), np.flatnonzero(inside & self.gallery)

    @cached_property
    def counts(self) -> tuple[Array, Array]:
        """For each sample, int64 [n]: items of its class in its gallery without itself, and items of other classes."""
        own, other = np.zeros(len(self), np.int64), np.zeros(len(self), np.int64)
        for queries, gallery in self.episodes():
            labels, held = np.unique(self.labels[gallery], return_counts=True)
            where = np.searchsorted(labels, self.labels[queries]).clip(max=max(0, len(labels) - 1))
            same = np.where(labels[where] == self.labels[queries], held[where], 0) if len(labels) else 0 * where
            own[queries], other[queries] = same - self.gallery[queries], len(gallery) - same
        return own, other

    @property
    def counted(self) -> Array:
        """Positions of the queries that count."""
        own, other = self.counts
        return np.flatnonzero(self.query & (own > 0) & (other > 0))

    @property
    def left_out(self) -> dict[str, int]:
        """How many queries do not count, by reason; empty where all do."""
        own, other = self.counts
        reasons = {
            "without a match": int((self.query & (own <= 0)).sum()),
            "without a wrong item": int((self.query & (own > 0) & (other <= 0)).sum()),
        }
        return {reason: count for reason, count in reasons.items() if count}

    @property
    def undefined(self) -> str:
        """Why no query counts, where none does."""
        if not self.query.any():
            return "there are no queries"
        if not self.gallery.any():
            return "there is no gallery"
        if len(np.unique(self.labels[self.gallery])) == 1:
            return "the gallery has one class, so nothing can be told apart"
        return "no query has both a match and a wrong item in its gallery"


def of_queries(places: Places, value: float, interval: Interval) -> Score:
    """A score of the queries that count, which says how many do not."""
    left_out = places.left_out
    numbers = ", ".join(f"{number} {reason}" for reason, number in left_out.items())
    notes = [f"queries left out: {numbers}" if numbers else "", places.rounding]
    return Score(value, len(places.counted), *interval, left_out or None, "; ".join(filter(None, notes)))


def undefined(reason: str, n: int = 0) -> Score:
    """A score without a value, and why."""
    return Score(None, n, interval=f"none: {reason}")


class EmbedMetric(Metric):
    """A metric of all vectors at once; shards are gathered in id order."""

    gathers: ClassVar[bool] = True

    def update(self, rows: Rows) -> State:
        columns = rows.columns
        return {
            "vector": columns["vector"],
            "label": columns["label"],
            "query": columns["role"] != "gallery",
            "gallery": columns["role"] != "query",
            "episode": columns["episode"],
        }

    def merge(self, first: State, second: State) -> State:
        return self.merge_all([first, second])

    def merge_all(self, states: "Any") -> State:
        filled = [state for state in states if len(state["label"])] or states[:1]
        widths = sorted({state["vector"].shape[1] for state in filled})
        if len(widths) > 1:
            raise DataError(f"vectors differ in length: {', '.join(map(str, widths))}", "compute the shards anew: `fresh`")
        return {name: np.concatenate([state[name] for state in filled]) for name in filled[0]}

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        return self.of(places_of(state))

    def of(self, places: Places) -> Score:
        """The score of all places."""
        raise NotImplementedError


def places_of(state: State) -> Places:
    """The places of a merged state."""
    return Places(state["vector"], state["label"], state["query"], state["gallery"], state["episode"])


class Block(NamedTuple):
    """Some queries of an episode against its gallery, by positions [b] and [g].

    `similarity` float64 or float32 [b, g], within rounding in [-1, 1], -inf where a query meets itself; `match` bool [b, g],
    whether the classes are equal, False there too. Both are the receiver's to change.
    """

    queries: Array
    gallery: Array
    similarity: "Tensor"
    match: "Tensor"


def blocks(places: Places) -> Iterator[Block]:
    """Every query once, in blocks of at most ELEMENTS similarities: no n x n matrix is ever held."""
    import torch

    labels = torch.from_numpy(places.labels)
    rows, squares = places.codes or (places.unit, None)
    for queries, gallery in places.episodes():
        if not len(gallery):
            continue
        # Equal vectors get one column, and so one similarity: in a matrix product of their own they might differ in a bit.
        shown, of = _distinct(rows[gallery])
        items = torch.from_numpy(shown).T
        size = max(1, ELEMENTS // len(gallery))
        for start in range(0, len(queries), size):
            part = queries[start : start + size]
            similarity = torch.from_numpy(rows[part]) @ items
            if of is not None:
                similarity = similarity[:, torch.from_numpy(of)]
            if squares is not None:
                both = torch.from_numpy(np.maximum(squares[part, None] * squares[gallery], 1))
                similarity = similarity.double()
                similarity = similarity * similarity.abs() / both
            match = labels[part][:, None] == labels[gallery][None]
            row = np.flatnonzero(places.gallery[part])
            column = np.searchsorted(gallery, part[row])
            similarity[row, column], match[row, column] = -torch.inf, False
            yield Block(part, gallery, similarity, match)


def once(function: Callable[P, T]) -> Callable[P, T]:
    """Remember the last result, by the content of the places: several metrics of a run read one pass over all pairs."""
    last: dict[Any, T] = {}

    @wraps(function)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal last
        key = tuple(arg.digest if isinstance(arg, Places) else arg for arg in (*args, *kwargs.items()))
        held = last
        if key not in held:
            held = last = {key: function(*args, **kwargs)}
        return held[key]

    return remembered


def _distinct(vectors: Array) -> tuple[Array, Array | None]:
    """The distinct rows, and which of them each row is; None where all are distinct."""
    seen: dict[bytes, int] = {}
    of = [seen.setdefault(hashlib.blake2b(row.data, digest_size=16).digest(), len(seen)) for row in vectors]
    if len(seen) == len(vectors):
        return vectors, None
    numbers = np.array(of)
    return vectors[np.unique(numbers, return_index=True)[1]], numbers
