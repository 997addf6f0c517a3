"""Batches of P classes x K samples, and losses between the samples of a batch."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zoo
from zoo.errors import OptionError
from zoo.plugins.registry import registry
from zoo_metric.trainer import LOSSES, balanced_batches

pytestmark = pytest.mark.usefixtures("one_thread")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(st.lists(st.integers(0, 6), min_size=20, max_size=80), st.integers(2, 4), st.integers(2, 5), st.integers(1, 12))
def test_a_batch_has_some_of_each_of_several_classes(labels: list[int], per_class: int, classes: int, count: int) -> None:
    held = Counter(labels)
    if len(held) < 2:
        return
    batches = balanced_batches(torch.tensor(labels), classes * per_class, per_class, count, generator())
    assert len(batches) == count
    for batch in batches:
        assert len(set(batch.tolist())) == len(batch)
        drawn = Counter(labels[i] for i in batch.tolist())
        assert len(drawn) <= classes
        assert all(number == min(per_class, held[label]) for label, number in drawn.items())


def test_every_class_comes_before_any_comes_again() -> None:
    labels = torch.arange(12).repeat_interleave(5)
    batches = balanced_batches(labels, 8, 2, 3, generator())
    assert sorted(labels[torch.cat(batches)].unique().tolist()) == list(range(12))


def test_the_same_seed_draws_the_same() -> None:
    labels = torch.arange(9).repeat_interleave(4)
    first, second = (balanced_batches(labels, 8, 2, 5, generator(1)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(torch.cat(first), torch.cat(balanced_batches(labels, 8, 2, 5, generator(2))))


def test_a_batch_without_pairs_is_refused() -> None:
    with pytest.raises(OptionError, match="holds no pairs to learn from"):
        balanced_batches(torch.arange(9).repeat_interleave(4), 4, 4, 1, generator())
    with pytest.raises(OptionError, match="of 1 classes"):
        balanced_batches(torch.zeros(9), 8, 2, 1, generator())


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_falls_where_classes_come_apart(name: str) -> None:
    torch.manual_seed(0)
    loss = LOSSES[name](4, 8)
    labels = torch.arange(4).repeat_interleave(3)
    apart = torch.eye(8)[labels]
    if name == "arcface":
        loss.W.data.copy_(torch.eye(8)[:, :4])
    mixed = torch.nn.functional.normalize(torch.randn(12, 8))
    with torch.no_grad():
        assert float(loss(apart, labels)) < float(loss(mixed, labels))


@pytest.mark.parametrize(
    "options", [{"loss": "hinge"}, {"loss": "triplet", "per_class": 1}, {"loss": "triplet", "margin": 2}, {}]
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], real_data: Path) -> None:
    recipe = registry().recipe("metric/conv4-triplet-omniglot").model_copy(update={"options": options})
    with pytest.raises(OptionError, match=r"options\.(loss|per_class|margin) of metric/conv4-triplet-omniglot"):
        zoo.train(recipe)


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_a_recipe_learns_and_holds_out_whole_classes(loss: str, real_data: Path) -> None:
    recipe = registry().recipe(f"metric/conv4-{loss}-omniglot")
    record = zoo.train(recipe, epochs=1)
    assert record.score > 0.6  # of characters that training did not see; by chance 1/20
    assert record.dataset.trained_on % 20 == record.dataset.validated_on % 20 == 0
