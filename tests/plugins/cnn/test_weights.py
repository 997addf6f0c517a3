"""The shipped weights score what the catalogue claims."""

from itertools import product
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import zoo
from zoo.plugins.catalogue import load_catalogue

LENET = {claim.model: claim for claim in load_catalogue().claims if claim.model.startswith("cnn/lenet5@")}


def test_lenet_on_digits_scores_what_is_claimed() -> None:
    claim = LENET["cnn/lenet5@digits"]
    assert zoo.evaluate(claim.model, claim.benchmark).primary.value == pytest.approx(claim.value, abs=claim.tolerance)


def test_lenet_on_mnist_scores_what_is_claimed_and_at_least_099(real_data: Path) -> None:
    claim = LENET["cnn/lenet5@mnist"]
    score = zoo.evaluate("cnn/lenet5", "mnist", data_dir=real_data).primary
    assert score.n == 10_000
    assert score.value == pytest.approx(claim.value, abs=claim.tolerance)
    assert score.value >= 0.99


@pytest.mark.parametrize(("model", "least"), [("cnn/two-conv", 0.915), ("cnn/resnet14", 0.925)])
def test_networks_on_clothes_score_what_is_claimed(model: str, least: float, real_data: Path) -> None:
    score = zoo.evaluate(model, "fashion-mnist", data_dir=real_data).primary
    claims = [claim for claim in load_catalogue().claims if claim.model == f"{model}@fashion-mnist"]
    assert score.n == 10_000
    assert score.value >= least
    assert "measured" in {claim.kind for claim in claims}
    for claim in claims:
        assert score.value == pytest.approx(claim.value, abs=claim.tolerance)


@pytest.mark.parametrize("limit", [600, pytest.param(None, marks=pytest.mark.slow)])  # 600 are two shards; None: all 10,000
def test_lenet_on_mnist_does_not_depend_on_batches_and_workers(limit: int | None, real_data: Path, zoo_home: Path) -> None:
    def predicted(batch_size: int, workers: int) -> tuple[float, list[str], np.ndarray]:
        record = zoo.evaluate(
            "cnn/lenet5", "mnist", data_dir=real_data, limit=limit, batch_size=batch_size, workers=workers, fresh=True
        )
        assert (record.execution.batch_size, record.execution.workers, record.shards.reused) == (batch_size, workers, 0)
        table = pq.read_table(zoo_home / "runs" / record.key / "shards")
        return record.primary.value, table["id"].to_pylist(), np.array(table["logits"].to_pylist())

    accuracy, ids, logits = predicted(64, 0)
    assert len(ids) == (limit or 10_000)
    for batch_size, workers in product((1, 7, 256), (0, 1, 2)):
        again = predicted(batch_size, workers)
        assert again[:2] == (accuracy, ids)
        np.testing.assert_allclose(again[2], logits, rtol=0, atol=1e-4)
        assert (again[2].argmax(1) == logits.argmax(1)).all()
