"""Metrics of task embed: equal to their reference implementations, ruled where there are ties, the same however they are cut."""

import tracemalloc
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from zoo.errors import DataError, OptionError
from zoo.metric_specs.embed import METRICS
from zoo.metrics import Score, bare_metric, build_metric, embed, retrieval, verification
from zoo.metrics.intervals import wilson
from zoo.tasks.base import Rows

SPECS = {spec.name: spec for spec in METRICS}
RETRIEVAL = ("recall-at-k:k=1", "recall-at-k:k=5", "map-at-r", "knn-accuracy:k=5")
PAIRS = ("roc-auc", "eer", "tar-at-far:far=0.01")
ALL = (*RETRIEVAL, "one-shot-accuracy", "nmi", "ami", *PAIRS)


def make_rows(vectors: Any, labels: Any, roles: Sequence[str] | str = "both", episodes: Sequence[str] | str = "") -> Rows:
    n = len(labels)
    columns = {
        "vector": np.asarray(vectors, dtype=np.float32),
        "label": np.asarray(labels, dtype=np.int64),
        "role": np.array([roles] * n if isinstance(roles, str) else roles, dtype=str),
        "episode": np.array([episodes] * n if isinstance(episodes, str) else episodes, dtype=str),
    }
    return Rows([f"s{i:06}" for i in range(n)], columns, ())


def score(text: str, rows: Rows, cuts: Sequence[int] = ()) -> Score:
    metric = build_metric(text, SPECS[bare_metric(text)])
    edges = [0, *sorted(cuts), len(rows)]
    parts = [
        Rows(rows.ids[low:high], {name: column[low:high] for name, column in rows.columns.items()}, ())
        for low, high in pairwise(edges)
    ]
    return metric.compute(metric.merge_all([metric.update(part) for part in parts]), ())


def value(text: str, rows: Rows) -> float | None:
    return score(text, rows).value


@pytest.fixture(scope="module")
def cloud() -> tuple[np.ndarray, np.ndarray]:
    """400 vectors of 12 classes of unlike size, of any length, around centres that overlap."""
    rng = np.random.default_rng(0)
    labels = rng.choice(12, 400, p=np.arange(1, 13) / 78)
    vectors = rng.normal(size=(12, 16))[labels] + 1.2 * rng.normal(size=(400, 16))
    return (vectors * rng.uniform(0.1, 10, (400, 1))).astype(np.float32), labels


def test_recall_and_map_equal_pytorch_metric_learning(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, labels = cloud
    theirs = reference(vectors, labels)
    assert value("recall-at-k:k=1", make_rows(vectors, labels)) == pytest.approx(theirs["precision_at_1"], abs=1e-6)
    assert value("map-at-r", make_rows(vectors, labels)) == pytest.approx(theirs["mean_average_precision_at_r"], abs=1e-6)


def test_so_they_do_for_queries_apart_from_their_gallery(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, labels = cloud
    roles = np.where(np.arange(400) % 4 == 0, "query", "gallery")
    theirs = reference(
        vectors[roles == "query"], labels[roles == "query"], vectors[roles == "gallery"], labels[roles == "gallery"]
    )
    rows = make_rows(vectors, labels, roles.tolist())
    assert value("recall-at-k:k=1", rows) == pytest.approx(theirs["precision_at_1"], abs=1e-6)
    assert value("map-at-r", rows) == pytest.approx(theirs["mean_average_precision_at_r"], abs=1e-6)


def reference(*columns: np.ndarray) -> dict[str, float]:
    """pytorch-metric-learning's scores, by cosine, of queries and labels, perhaps with references and labels."""
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    calculator = AccuracyCalculator(
        include=("precision_at_1", "mean_average_precision_at_r"), k="max_bin_count", knn_func=CustomKNN(CosineSimilarity())
    )
    found: dict[str, float] = calculator.get_accuracy(*(torch.from_numpy(column) for column in columns))
    return found


@pytest.mark.parametrize("k", [1, 5, 20])
def test_nearest_neighbours_vote_as_in_scikit_learn(cloud: tuple[np.ndarray, np.ndarray], k: int) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    vectors, labels = cloud[0].astype(np.float64), cloud[1] % 2  # of two classes and odd k there is no draw
    roles = np.where(np.arange(400) % 4 == 0, "query", "gallery")
    known = KNeighborsClassifier(k | 1, metric="cosine").fit(vectors[roles == "gallery"], labels[roles == "gallery"])
    theirs = known.score(vectors[roles == "query"], labels[roles == "query"])
    assert value(f"knn-accuracy:k={k | 1}", make_rows(vectors, labels, roles.tolist())) == theirs


def test_a_draw_of_votes_goes_to_the_class_of_the_nearest_item() -> None:
    shown, far = [[1, 0.1], [1, 0.3], [1, 0.2], [1, 0.4]], [-1, 0]
    equal = [[1, 0.1], [1, 0.1], [1, 0.4], [1, 0.4]]
    roles = ["query"] + ["gallery"] * 5
    assert value("knn-accuracy:k=4", make_rows([[1, 0], *shown, far], [0, 0, 0, 1, 1, 2], roles)) == 1
    assert value("knn-accuracy:k=4", make_rows([[1, 0], *shown, far], [0, 1, 1, 0, 0, 2], roles)) == 0
    assert value("knn-accuracy:k=4", make_rows([[1, 0], *equal, far], [0, 0, 1, 0, 1, 2], roles)) == 0


@pytest.mark.parametrize("metric", ["recall-at-k", "knn-accuracy"])
def test_k_that_takes_in_a_whole_gallery_has_no_score(metric: str) -> None:
    rows = make_rows(np.random.default_rng(3).normal(size=(6, 4)), [0, 0, 0, 1, 1, 1])  # each has five others
    assert value(f"{metric}:k=4", rows) is not None
    for k in (5, 6, 99):
        found = score(f"{metric}:k={k}", rows)
        assert (found.value, found.ci_low, found.n) == (None, None, 6)
        assert found.interval == f"none: k = {k} takes in the whole gallery where a query has 5 items to choose from"
    # and the smallest gallery of a query that counts decides
    episodes = ["a"] * 20 + ["b"] * 4
    rows = make_rows(np.random.default_rng(3).normal(size=(24, 4)), [0, 1] * 12, episodes=episodes)
    assert value(f"{metric}:k=2", rows) is not None
    assert "has 3 items" in score(f"{metric}:k=3", rows).interval


def test_where_all_queries_score_the_same_each_class_counts_once() -> None:
    found = score("map-at-r", make_rows([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], [0, 0, 1, 1]))
    assert (found.value, found.ci_low) == (1.0, None)
    assert found.interval == "none: 2 of the classes are too few to tell how much they differ"
    angle = 2 * np.pi * np.repeat(np.arange(25), 2) / 25
    perfect = score("map-at-r", make_rows(np.stack([np.cos(angle), np.sin(angle)], axis=1), np.repeat(np.arange(25), 2)))
    assert (perfect.value, perfect.ci_high, perfect.interval) == (1.0, 1.0, "Wilson over 25 classes")
    assert perfect.ci_low == pytest.approx(wilson(25, 25).low)


def all_pairs(vectors: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each pair is genuine, and its cosine in float64."""
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = np.triu_indices(len(labels), 1)
    return labels[first] == labels[second], (unit @ unit.T)[first, second]


def test_verification_equals_scikit_learn(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    from scipy.interpolate import interp1d
    from scipy.optimize import brentq
    from sklearn.metrics import roc_auc_score, roc_curve

    rows = make_rows(*cloud)
    genuine, similarity = all_pairs(*cloud)
    accepted, right, _ = roc_curve(genuine, similarity, drop_intermediate=False)
    assert value("roc-auc", rows) == pytest.approx(roc_auc_score(genuine, similarity), abs=1e-6)
    assert value("eer", rows) == pytest.approx(brentq(lambda x: 1 - x - interp1d(accepted, right)(x), 0, 1), abs=1e-5)
    for far in (0.1, 0.01, 0.001):
        assert value(f"tar-at-far:far={far}", rows) == pytest.approx(right[accepted <= far].max(), abs=2e-4)  # one genuine pair
    assert score("roc-auc", rows).n == 400 * 399 // 2


def test_clusters_are_scored_as_in_scikit_learn(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score

    vectors, labels = cloud
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = KMeans(12, n_init=1, random_state=3).fit_predict(unit)
    rows = make_rows(vectors, labels)
    assert value("nmi:seed=3", rows) == pytest.approx(normalized_mutual_info_score(labels, found), abs=0.02)
    assert value("ami:seed=3", rows) == pytest.approx(adjusted_mutual_info_score(labels, found), abs=0.02)
    assert value("nmi:seed=3", rows) == value("nmi:seed=3", rows)
    assert value("nmi:seed=3", rows) != value("nmi:seed=4", rows)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_retrieval_metric_equals_its_definition(data: st.DataObject) -> None:
    """Few directions, at right angles, so that there are many exact ties; small classes, some with one item."""
    n = data.draw(st.integers(2, 14))
    labels = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    directions = np.array(data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)))
    roles = data.draw(st.lists(st.sampled_from(["query", "gallery", "both"]), min_size=n, max_size=n))
    episodes = data.draw(st.lists(st.sampled_from(["a", "b"]), min_size=n, max_size=n))
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -2, 0]])[directions]
    rows = make_rows(vectors, labels, roles, episodes)
    lists = [ranking(i, vectors, labels, roles, episodes) for i in range(n) if roles[i] != "gallery"]
    counted = [matches for matches in lists if any(matches) and not all(matches)]
    enough = all(len(matches) > 3 for matches in counted)
    expected = {
        "recall-at-k:k=1": [matches[0] for matches in counted],
        "recall-at-k:k=3": [any(matches[:3]) for matches in counted],
        "map-at-r": [average_precision(matches) for matches in counted],
    }
    for text, values in expected.items():
        found = score(text, rows)
        assert found.n == len(counted)
        defined = counted and (enough or "k=3" not in text)
        assert found.value == (pytest.approx(np.mean(values), abs=1e-12) if defined else None)


def ranking(i: int, vectors: np.ndarray, labels: np.ndarray, roles: Sequence[str], episodes: Sequence[str]) -> list[bool]:
    """Whether each item of the query's list is a match; wrong items first among equally similar ones."""
    unit = vectors / np.abs(vectors).sum(axis=1, keepdims=True)
    others = [j for j in range(len(labels)) if j != i and roles[j] != "query" and episodes[j] == episodes[i]]
    others.sort(key=lambda j: (-float(unit[i] @ unit[j]), labels[j] == labels[i]))
    return [bool(labels[j] == labels[i]) for j in others]


def average_precision(matches: list[bool]) -> float:
    r = sum(matches)
    return sum(sum(matches[: i + 1]) / (i + 1) for i in range(r) if matches[i]) / r


def test_constant_embeddings_score_nothing() -> None:
    rows = make_rows(np.full((300, 7), 0.3), np.arange(300) % 3)
    for text in RETRIEVAL:
        assert value(text, rows) == 0, text
    assert value("nmi", rows) == pytest.approx(0)
    assert value("roc-auc", rows) == value("eer", rows) == 0.5
    assert value("tar-at-far:far=0.01", rows) == 0


def codes(kind: str, rng: np.random.Generator, n: int = 80) -> np.ndarray:
    """Whole numbers, [n, d], whose cosines coincide often; of small integers, one vector is zero."""
    if kind == "signs":
        return rng.choice([-1, 1], (n, 24))
    if kind == "bits":
        return rng.integers(0, 2, (n, 18)) | np.eye(n, 18, dtype=int)
    return rng.integers(-3, 4, (n, 3)) * (np.arange(n) > 0)[:, None]


@pytest.mark.parametrize(
    ("kind", "scaled"),
    [("signs", 1.0), ("signs", 0.1), ("signs", None), ("bits", 1.0), ("bits", 0.1), ("bits", None), ("small integers", 1.0)],
)
def test_equal_cosines_of_codes_tie_exactly(kind: str, scaled: float | None) -> None:
    """Against fractions of Python's integers, of codes times a factor, or of length 1 (None)."""
    rng = np.random.default_rng(5)
    whole, labels = codes(kind, rng), rng.integers(0, 8, 80)
    vectors = whole * np.float32(scaled) if scaled else (whole / np.linalg.norm(whole, axis=1, keepdims=True)).astype(np.float32)
    products = [[int(a @ b) for b in whole] for a in whole]
    likeness = [
        [Fraction(abs(p) * p, max(1, products[i][i] * products[j][j])) for j, p in enumerate(row)]
        for i, row in enumerate(products)
    ]
    place = {one: i for i, one in enumerate(sorted({one for row in likeness for one in row}))}
    ranks = np.array([[place[one] for one in row] for row in likeness])
    match = labels[:, None] == labels
    nearest_own = np.where(match & ~np.eye(80, dtype=bool), ranks, -1).max(axis=1)
    first, second = np.triu_indices(80, 1)
    rows = make_rows(vectors, labels)
    assert value("recall-at-k:k=1", rows) == (nearest_own > np.where(match, -1, ranks).max(axis=1)).mean()
    assert value("roc-auc", rows) == pytest.approx(roc_auc_score(match[first, second], ranks[first, second]), abs=1e-12)
    assert len(place) < 800  # of 3,160 pairs: ties there are


def test_cosines_that_differ_by_less_than_a_millionth_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 30)
    vectors = (1 + 4e-4 * (rng.normal(size=(10, 32))[labels] + 0.7 * rng.normal(size=(300, 32)))).astype(np.float32)
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    first, second = np.triu_indices(300, 1)
    likeness = (unit @ unit.T)[first, second]
    assert np.ptp(likeness) < 3e-6
    expected = roc_auc_score(labels[first] == labels[second], likeness)
    rows = make_rows(vectors, labels)
    assert value("roc-auc", rows) == pytest.approx(expected, abs=1e-9)
    assert score("roc-auc", rows).note == ""
    monkeypatch.setattr(verification, "HELD", 100)
    rows = make_rows(vectors[::-1], labels[::-1])  # others, so that no earlier pass is remembered
    assert abs(value("roc-auc", rows) - expected) > 1e-3
    assert score("roc-auc", rows).note == "similarities counted in steps of 4.8e-07"


@pytest.mark.parametrize("block", [64, 2**23])
def test_equal_vectors_tie_exactly_wherever_they_stand(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(embed, "ELEMENTS", block)
    rng = np.random.default_rng(1)
    shown = rng.normal(size=(40, 33))
    rows = make_rows(np.repeat(shown, 2, axis=0), np.arange(80))  # every item has a copy of another class
    labels = np.arange(80)
    labels[1::2] = 1000 + np.arange(40) % 7
    assert value("recall-at-k:k=1", make_rows(np.repeat(shown, 2, axis=0), labels)) == 0
    assert score("recall-at-k:k=1", rows).value is None


def test_a_query_is_not_its_own_neighbour() -> None:
    rows = make_rows([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], [0, 1, 0, 1])
    assert value("recall-at-k:k=1", rows) == 0


def test_length_does_not_matter(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    vectors, labels = cloud
    longer = vectors * np.linspace(0.01, 1000, len(vectors))[:, None]
    for text in (*RETRIEVAL, *PAIRS):
        assert value(text, make_rows(longer, labels)) == pytest.approx(value(text, make_rows(vectors, labels)), abs=3e-4), text


def test_a_zero_vector_is_orthogonal_to_all() -> None:
    rows = make_rows([[0, 0], [1, 0], [1, 0.1], [-1, 0]], [0, 1, 1, 0])
    # To the zero vector all are as similar, so wrong ones come first; the last one's nearest item is the zero vector, its match.
    assert value("recall-at-k:k=1", rows) == 0.75


def test_queries_that_have_no_match_are_left_out_and_counted() -> None:
    rows = make_rows([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [-1, 0]], [0, 0, 1, 1, 2])
    found = score("recall-at-k:k=1", rows)
    assert (found.value, found.n, found.detail) == (1.0, 4, {"without a match": 1})
    assert found.note == "queries left out: 1 without a match"


def test_queries_with_nothing_to_be_confused_with_are_left_out_too() -> None:
    rows = make_rows([[1, 0], [1, 0], [0, 1], [1, 0], [0, 1]], [0, 0, 1, 1, 0], episodes=["a", "a", "b", "b", "b"])
    found = score("recall-at-k:k=1", rows)
    assert found.detail == {"without a match": 1, "without a wrong item": 2}
    assert found.n == 2


@pytest.mark.parametrize("text", ALL)
def test_a_gallery_of_one_class_is_not_scored(text: str) -> None:
    found = score(text, make_rows(np.random.default_rng(0).normal(size=(5, 3)), [4] * 5))
    assert found.value is None
    assert found.interval.startswith("none: ")
    assert not found.note  # which would say the same


@pytest.mark.parametrize("text", ALL)
def test_no_samples_have_no_score(text: str) -> None:
    assert score(text, make_rows(np.zeros((0, 0)), [])).value is None


def test_a_gallery_of_one_class_says_so() -> None:
    rows = make_rows([[1, 0], [0, 1], [1, 1]], [0, 1, 1], ["query", "gallery", "gallery"])
    assert "the gallery has one class" in score("recall-at-k:k=1", rows).interval
    rows = make_rows([[1, 0], [0, 1]], [0, 1], "query")
    assert "there is no gallery" in score("recall-at-k:k=1", rows).interval
    rows = make_rows([[1, 0], [0, 1]], [0, 1], "gallery")
    assert "there are no queries" in score("recall-at-k:k=1", rows).interval


@pytest.mark.parametrize("text", ALL)
def test_how_samples_are_cut_into_shards_does_not_matter(text: str, cloud: tuple[np.ndarray, np.ndarray]) -> None:
    rows = make_rows(*cloud)
    assert score(text, rows) == score(text, rows, cuts=(1, 17, 300)) == score(text, rows, cuts=(0, 0, 400))


@pytest.mark.parametrize("text", [*RETRIEVAL, *PAIRS])
def test_blocks_do_not_matter(text: str, cloud: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = value(text, make_rows(*cloud))
    monkeypatch.setattr(embed, "ELEMENTS", 1000)
    # In another order, so that nothing is remembered. A matrix product rounds a little otherwise in another shape.
    assert value(text, make_rows(cloud[0][::-1], cloud[1][::-1])) == pytest.approx(whole, abs=1e-7)


def test_vectors_of_unlike_length_are_refused() -> None:
    metric = build_metric("map-at-r", SPECS["map-at-r"])
    states = [metric.update(make_rows(np.ones((2, d)), [0, 1])) for d in (3, 4)]
    with pytest.raises(DataError, match="vectors differ in length: 3, 4"):
        metric.merge_all(states)


def test_an_episode_is_a_world_of_its_own() -> None:
    vectors = [[1, 0], [1, 0.1], [0, 1], [1, 0], [0.9, 0], [0.1, 1]]
    labels, roles = [0, 0, 1, 2, 3, 2], ["query", "gallery", "gallery"] * 2
    found = score("one-shot-accuracy", make_rows(vectors, labels, roles, ["run1"] * 3 + ["run2"] * 3))
    assert (found.value, found.n) == (0.5, 2)
    assert found.detail == {"by episode": {"run1": 1.0, "run2": 0.0}}


def test_one_shot_needs_a_gallery_that_shows_each_class_once(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    found = score("one-shot-accuracy", make_rows(*cloud))
    assert found.value is None
    assert "more than once" in found.interval


def test_pairs_of_both_kinds_of_roles_are_counted_once() -> None:
    vectors, labels = [[1, 0], [0.9, 0.1], [0, 1]], [0, 0, 1]
    assert score("roc-auc", make_rows(vectors, labels)).n == 3
    assert score("roc-auc", make_rows(vectors, labels, ["query", "gallery", "gallery"])).n == 2
    assert score("roc-auc", make_rows(vectors, labels, ["both", "gallery", "both"])).n == 3


def test_too_few_impostors_cannot_show_a_small_rate(cloud: tuple[np.ndarray, np.ndarray]) -> None:
    found = score("tar-at-far:far=0.00001", make_rows(*cloud))
    assert found.value is None
    assert "impostor pairs are too few" in found.interval


@pytest.mark.parametrize("text", ["recall-at-k:k=0", "tar-at-far:far=1", "knn-accuracy:k=x", "nmi:seed=-1"])
def test_options_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(OptionError):
        build_metric(text, SPECS[bare_metric(text)])


def test_several_metrics_share_one_pass(cloud: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    found = embed.blocks
    monkeypatch.setattr(retrieval, "blocks", lambda places: passes.append(1) or found(places))
    rows = make_rows(cloud[0] + 1, cloud[1])
    for k in (1, 2, 5):
        score(f"recall-at-k:k={k}", rows)
    assert len(passes) == 1


def test_large_sets_are_compared_in_float32(cloud: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make_rows(cloud[0] * 2, cloud[1])
    precise = {text: value(text, rows) for text in (*RETRIEVAL, *PAIRS)}
    assert places_of(rows).unit.dtype == np.float64
    monkeypatch.setattr(embed, "PRECISE", 0)
    rows = make_rows(cloud[0] * 4, cloud[1])
    assert places_of(rows).unit.dtype == np.float32
    for text, expected in precise.items():
        assert value(text, rows) == pytest.approx(expected, abs=5e-3), text  # one sample of 400 is 2.5e-3
        assert score(text, rows).note.endswith("similarities rounded to float32")


def test_no_matrix_of_all_pairs_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "ELEMENTS", 2**16)
    rng = np.random.default_rng(2)
    rows = make_rows(rng.normal(size=(4000, 8)), rng.integers(0, 400, 4000))
    largest = 0
    for block in embed.blocks(places_of(rows)):
        largest = max(largest, block.similarity.numel())
    assert largest <= 2**16
    tracemalloc.start()
    score("recall-at-k:k=1", rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4000 * 4000  # not even a byte a pair


def places_of(rows: Rows) -> embed.Places:
    state = build_metric("map-at-r", SPECS["map-at-r"]).update(rows)
    return embed.Places(state["vector"], state["label"], state["query"], state["gallery"], state["episode"])
