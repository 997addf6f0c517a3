"""Attacks on vectors: in their own units, in no range but one that is given; attacks of images do it."""

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import DataError, ModelError, OptionError


class Fixed(nn.Module):
    """Logits (0, w·x)."""

    def __init__(self, *weights):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weights))

    def forward(self, vectors):
        assert vectors.ndim == 2
        score = vectors @ self.weight
        return torch.stack([torch.zeros_like(score), score], dim=1)


@pytest.fixture
def table(tmp_path):
    """20 rows at distances 0.5 to 10 of the plane height = 0, in centimetres far from [0, 1]; `up` above it."""
    path = tmp_path / "table.csv"
    rows = [f"{(i + 1) * (1 if i % 2 else -1) / 2},{1000 + i},{'up' if i % 2 else 'down'}" for i in range(20)]
    path.write_text("\n".join(["height,weight,label", *rows]))
    return f"csv:{path}"


def attacked(table, attack="robust/fgsm", **protocol):
    return zoo.evaluate(attack, table, aux={"victim": Fixed(1.0, 0.0)}, classes="dataset", protocol=protocol)


def scores(record):
    return {result.metric: result.value for result in record.results}


@pytest.mark.parametrize("attack", ["robust/fgsm", "robust/pgd", "robust/apgd-ce"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_what_lies_nearer_to_the_boundary_than_eps_falls(table, attack, norm):
    """Across the plane it is |height|, in either norm: 0.5 to 4 are 8 of 20 rows."""
    found = scores(attacked(table, attack, eps=4.25, norm=norm))
    assert found["clean-accuracy"] == 1 and found["robust-accuracy"] == pytest.approx(12 / 20)


def test_deepfool_measures_in_the_units_of_the_vectors(table):
    found = scores(attacked(table, "robust/deepfool", eps=100, norm="l2"))
    assert found["median-norm"] == pytest.approx(5.25 * 1.02, rel=0.01)


@pytest.mark.slow
def test_square_and_worst_of_attack_vectors_too(table):
    for attack in ("robust/square", "robust/worst-of"):
        assert scores(attacked(table, attack, eps=4.25))["robust-accuracy"] == pytest.approx(12 / 20)


def test_a_range_that_is_given_is_kept(table):
    found = scores(attacked(table, eps=4.25, low=-10, high=2000))
    assert found["robust-accuracy"] == pytest.approx(12 / 20)
    with pytest.raises(DataError, match=r"leaves the range \[-1, 2000\]"):
        attacked(table, eps=4.25, low=-1, high=2000)
    with pytest.raises(OptionError, match="more than any two inputs in"):
        attacked(table, eps=3000, low=-10, high=2000)
    with pytest.raises(OptionError, match=r"`protocol.low` 3 is not below `protocol.high` 2"):
        attacked(table, eps=1, low=3, high=2)


def test_eps_has_no_default_and_the_record_tells_its_units(table):
    with pytest.raises(OptionError, match=r"`protocol.eps` has no default"):
        attacked(table)
    record = attacked(table, eps=1)
    assert any("eps 1 (linf) is in the units of the vectors" in said and "no range" in said for said in record.remarks)


def test_what_attacks_texts_does_not_attack_vectors_and_the_other_way_round(table):
    with pytest.raises(ModelError, match=r"robust/char-edits takes text, but csv:.* is vector"):
        attacked(table, "robust/char-edits", eps=1)
    with pytest.raises(OptionError, match=r"norm of the protocol"):
        attacked(table, norm="edits", eps=1)
