"""The shipped weights score what the catalogue claims: classifiers pass homework 2, language models foresee Shakespeare."""

import pytest

import zoo
from zoo.plugins.catalogue import load_catalogue

CLAIMS = [claim for claim in load_catalogue().claims if claim.model.startswith("sequence/")]
SPAM = [claim for claim in CLAIMS if claim.benchmark == "homework/hw2"]
SHAKESPEARE = [claim for claim in CLAIMS if claim.benchmark == "data/tiny-shakespeare"]


@pytest.mark.parametrize("claim", SPAM, ids=[claim.model for claim in SPAM])
def test_shipped_weights_pass_homework_2_as_claimed(claim) -> None:
    record = zoo.evaluate(claim.model, claim.benchmark)
    assert record.primary.metric == claim.metric
    assert record.primary.value == pytest.approx(claim.value, abs=claim.tolerance)
    assert record.passed


def test_the_gru_scores_the_same_at_every_batch_size() -> None:
    records = [zoo.evaluate("sequence/gru", "sms-spam", batch_size=size, fresh=True, limit=150) for size in (1, 7, 256)]
    assert len({record.primary.value for record in records}) == 1


def test_a_shipped_language_model_foresees_shakespeare(real_data):
    assert zoo.evaluate("sequence/char-gru", "tiny-shakespeare", limit=64).primary.value < 2.4  # single characters need 4.8


@pytest.mark.slow
@pytest.mark.parametrize("claim", SHAKESPEARE, ids=[claim.model for claim in SHAKESPEARE])
def test_shipped_language_models_foresee_shakespeare_as_claimed(claim, real_data):
    record = zoo.evaluate(claim.model, claim.benchmark)
    assert record.primary.metric == claim.metric
    assert record.primary.value == pytest.approx(claim.value, abs=claim.tolerance)
