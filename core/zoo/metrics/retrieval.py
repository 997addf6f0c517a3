"""Metrics of retrieval: recall at k, mean average precision at R, k-nearest-neighbour and one-shot accuracy.

Similarity, ties, and which queries count: see `zoo.metrics.embed`. Queries of a class stand or fall together, so intervals are
of classes, or episodes, drawn anew: a jackknife over them.

One rule for k: where a query that counts has no more than k items to choose from, recall at k and k-nearest-neighbour accuracy
are not defined. All items would be among the k, so every query would have its match there, and how similar they are would
not matter.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from zoo.metrics.base import Score, State
from zoo.metrics.embed import Array, Block, EmbedMetric, Places, blocks, of_queries, once, places_of, undefined
from zoo.metrics.intervals import Interval, clustered_mean

if TYPE_CHECKING:
    from torch import Tensor


class _OfQueries(EmbedMetric):
    """A mean over the queries that count."""

    def each(self, places: Places) -> Array:
        """What every query comes to, [n]."""
        raise NotImplementedError

    def values(self, state: State) -> Array:
        places = places_of(state)
        found = np.full(len(places), np.nan)
        found[places.counted] = self.each(places)[places.counted]
        return found

    def clusters(self, state: State) -> tuple[Array, str]:
        return _clusters(places_of(state))


class RecallAtK(_OfQueries):
    """Share of queries with an item of their class among the k most similar.

    Source: Jégou et al. 2011, Product quantization for nearest neighbor
    search; as used by Oh Song et al. 2016, arXiv:1511.06452. Parity: pytorch-metric-learning `precision_at_1` for k = 1.
    """

    k: Annotated[int, Field(ge=1, description="How many of the most similar items count.")] = 1

    def of(self, places: Places) -> Score:
        return _too_few_items(places, self.k) or _share(places, lambda: self.each(places))

    def each(self, places: Places) -> Array:
        return np.asarray(first_ranks(places) <= self.k)


class OneShotAccuracy(_OfQueries):
    """Share of queries whose most similar item is of their class, where the gallery shows each class once.

    `detail` has the accuracy of each episode. Source: Lake, Salakhutdinov & Tenenbaum 2015, Human-level
    concept learning through probabilistic program induction, doi:10.1126/science.aab3050, which reports the error, 1 - accuracy.
    """

    def of(self, places: Places) -> Score:
        own, _ = places.counts
        if (own[places.query] > 1).any():
            return undefined("the gallery shows some classes more than once, which is not one-shot")
        score = _share(places, lambda: self.each(places))
        if score.value is None:
            return score
        hits, episode = self.each(places)[places.counted], places.episode[places.counted]
        by_episode = {str(name): float(hits[episode == name].mean()) for name in np.unique(episode)}
        return replace(score, detail={**(score.detail or {}), "by episode": by_episode})

    def each(self, places: Places) -> Array:
        return np.asarray(first_ranks(places) == 1)


class MapAtR(_OfQueries):
    """Mean over queries of the average precision among their R most similar items, R being the size of their class there.

    For each match at rank i ≤ R the precision among the first i is summed, and divided by R.
    Source: Musgrave et al. 2020, A metric learning reality check, arXiv:2003.08505, eq. 7.
    Parity: pytorch-metric-learning `mean_average_precision_at_r`.
    """

    def of(self, places: Places) -> Score:
        if not len(places.counted):
            return undefined(places.undefined)
        values = self.each(places)[places.counted]
        return of_queries(places, float(values.mean()), _interval(places, values))

    def each(self, places: Places) -> Array:
        return average_precisions(places)


class KnnAccuracy(_OfQueries):
    """Share of queries whose class is the most frequent one among the k most similar items, each with one vote.

    Of classes with equally many votes the one with the most similar item wins.
    Source: Cover & Hart 1967, Nearest neighbor pattern classification. Parity: sklearn `KNeighborsClassifier`.
    """

    k: Annotated[int, Field(ge=1, description="How many of the most similar items vote.")] = 5

    def of(self, places: Places) -> Score:
        return _too_few_items(places, self.k) or _share(places, lambda: self.each(places))

    def each(self, places: Places) -> Array:
        return voted(places, self.k)


@once
def first_ranks(places: Places) -> Array:
    """The rank of each query's first match, int64 [n], counted from 1 and after every wrong item as similar; 0 elsewhere."""
    import torch

    ranks = np.zeros(len(places), np.int64)
    for block in blocks(places):
        best = block.similarity.masked_fill(~block.match, -torch.inf).amax(dim=1, keepdim=True)
        wrong = block.similarity.masked_fill_(block.match, -torch.inf)
        ranks[block.queries] = 1 + (wrong >= best).sum(dim=1).numpy()
    return ranks


@once
def average_precisions(places: Places) -> Array:
    """Average precision at R of each query, float64 [n]; 0 where it has no match."""
    import torch

    values = np.zeros(len(places))
    for block in blocks(places):
        r = torch.from_numpy(places.counts[0][block.queries])
        most = int(r.max())
        if not most:
            continue
        match, _, _, before = _ranked(block, most)
        nth = torch.arange(1, match.shape[1] + 1)
        rank = nth + before
        inside = (nth <= r[:, None]) & (rank <= r[:, None])
        precision = torch.where(inside, nth.double() / rank, 0)
        values[block.queries] = (precision.sum(dim=1) / r.clamp(min=1)).numpy()
    return values


@once
def voted(places: Places, k: int) -> Array:
    """Whether the k most similar items vote for each query's class, bool [n]."""
    import torch

    right = np.zeros(len(places), bool)
    labels = torch.from_numpy(places.labels)
    for block in blocks(places):
        match, wrong, column, before = _ranked(block, k)
        kept = torch.arange(1, match.shape[1] + 1) + before <= k
        votes = (kept & match.isfinite()).sum(dim=1)
        nth = torch.arange(wrong.shape[1])
        voting = (nth < k - votes[:, None]) & wrong.isfinite()
        named = torch.where(voting, labels[block.gallery][column], -1)
        against = (named[:, :, None] == named[:, None, :]).sum(dim=2).masked_fill_(~voting, 0)
        most = against.amax(dim=1)
        # Of the wrong classes with most votes, the similarity of the nearest item.
        nearest = wrong.masked_fill(~voting | (against < most[:, None]), -torch.inf).amax(dim=1)
        wins = (votes > most) | ((votes == most) & (votes > 0) & (match[:, 0] > nearest))
        right[block.queries] = wins.numpy()
    return right


def _ranked(block: Block, most: int) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
    """The best matches and the best wrong items of each query, in order, as many as are asked for or there are.

    Similarities of matches [b, m] and wrong items [b, w], -inf past the last; columns of these wrong items; and how many
    of these wrong items come before each match, int64 [b, m].
    """
    import torch

    most = min(most, block.match.shape[1])
    match = block.similarity.masked_fill(~block.match, -torch.inf).topk(most, dim=1).values
    wrong, column = block.similarity.masked_fill_(block.match, -torch.inf).topk(most, dim=1)
    before = torch.searchsorted(-wrong, -match, right=True)  # wrong items that are as similar or more so
    return match, wrong, column, before


def _too_few_items(places: Places, k: int) -> Score | None:
    """No score, where the gallery of a query that counts holds no more than k items beside the query; else None."""
    own, other = places.counts
    counted = places.counted
    fewest = int((own + other)[counted].min(initial=k + 1))
    if fewest > k:
        return None
    return undefined(f"k = {k} takes in the whole gallery where a query has {fewest} items to choose from", len(counted))


def _share(places: Places, right: Callable[[], Array]) -> Score:
    """The share of the queries that count for which `right()`, bool [n], says so."""
    counted = places.counted
    if not len(counted):
        return undefined(places.undefined)
    hits = right()[counted].astype(np.float64)
    return of_queries(places, float(hits.mean()), _interval(places, hits))


def _interval(places: Places, values: Array) -> Interval:
    """The interval of the mean over the queries that count: of episodes drawn anew where there are several, else of classes."""
    cluster, called = _clusters(places)
    return clustered_mean(values, cluster[places.counted], called)


def _clusters(places: Places) -> tuple[Array, str]:
    """What is drawn anew, of each sample [n]: its episode, or its class."""
    several = len(np.unique(places.episode)) > 1
    return (places.episode, "episodes") if several else (places.labels, "classes")
