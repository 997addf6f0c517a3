"""The shipped text classifiers pass homework 2 and score what the catalogue claims, whatever the batch size."""

import pytest

import zoo
from zoo.plugins.catalogue import load_catalogue

CLAIMS = [claim for claim in load_catalogue().claims if claim.model.startswith("sequence/")]


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.model for claim in CLAIMS])
def test_shipped_weights_pass_homework_2_as_claimed(claim) -> None:
    record = zoo.evaluate(claim.model, claim.benchmark)
    assert record.primary.metric == claim.metric
    assert record.primary.value == pytest.approx(claim.value, abs=claim.tolerance)
    assert record.passed


def test_the_gru_scores_the_same_at_every_batch_size() -> None:
    records = [zoo.evaluate("sequence/gru", "sms-spam", batch_size=size, fresh=True, limit=150) for size in (1, 7, 256)]
    assert len({record.primary.value for record in records}) == 1
