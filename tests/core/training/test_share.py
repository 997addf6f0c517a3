"""A share of the data: of every class alike, drawn by the seed, part of the key, and in the record."""

from collections import Counter
from pathlib import Path

import pytest
import torch

import zoo
from zoo.data.dataset import ArrayDataset
from zoo.errors import OptionError
from zoo.plugins.registry import registry
from zoo.specs import Optimizer, RecipeSpec
from zoo.training.data import training_data
from zoo.training.plan import Asked, plan_training
from zoo.training.run import train

RECIPE = RecipeSpec(
    name="test/mlp-share",
    summary="A test",
    model="intro/mlp",
    dataset="data/digits",
    epochs=2,
    optimizer=Optimizer(lr=0.005),
)


def drawn(share: float, seed: int = 0) -> ArrayDataset:
    recipe = RECIPE.model_copy(update={"share": share, "seed": seed})
    return training_data(registry().dataset("digits"), recipe)[0]


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_every_class_gives_its_share(share: float) -> None:
    whole, some = Counter(drawn(1.0).targets), Counter(drawn(share).targets)
    assert some.keys() == whole.keys()
    assert all(abs(some[label] - share * whole[label]) <= 0.5 for label in whole)


def test_the_seed_draws_and_a_larger_share_holds_a_smaller_one() -> None:
    small = set(drawn(0.05).ids)
    assert small == set(drawn(0.05).ids)
    assert small < set(drawn(0.3).ids) < set(drawn(1.0).ids)
    assert small != set(drawn(0.05, seed=1).ids)


def test_the_validation_samples_are_of_the_share_and_the_record_tells() -> None:
    record = train(RECIPE, overrides={"share": 0.2})
    used = record.dataset.trained_on + record.dataset.validated_on
    assert used == len(drawn(0.2).ids) < 300
    assert record.recipe.share == 0.2
    assert record.overrides == {"share": 0.2}


def test_each_share_is_a_training_of_its_own() -> None:
    keys = {plan_training(registry(), RECIPE, Asked({"share": share}, "cpu")).key for share in (0.1, 0.2, 1.0)}
    assert len(keys) == 3


@pytest.mark.parametrize("share", [0, -0.1, 1.5, "half"])
def test_what_is_no_share_is_refused(share: object) -> None:
    with pytest.raises(OptionError, match="share of test/mlp-share"):
        train(RECIPE, overrides={"share": share})


def test_groups_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ArrayDataset(
        torch.rand(60, 64),
        [i % 2 for i in range(60)],
        [f"s{i}" for i in range(60)],
        ("a", "b"),
        groups=[i // 10 for i in range(60)],
    )
    monkeypatch.setattr("zoo.training.data.open_dataset", lambda *_: data)
    some = drawn(0.3)
    assert set(Counter(some.groups).values()) == {10}


def test_of_ones_own_data_the_held_out_samples_are_the_same_at_any_share(tmp_path: Path) -> None:
    rows = [f"{'spam' if i % 4 == 0 else 'ham'},{'win now' if i % 4 == 0 else 'see you'} {i}" for i in range(80)]
    (tmp_path / "own.csv").write_text("\n".join(["label,text", *rows]) + "\n")
    recipe = RECIPE.model_copy(update={"dataset": f"csv:{tmp_path}/own.csv"})
    spec = zoo.registry().dataset(recipe.dataset)
    (whole, held_out), (half, still) = (training_data(spec, recipe.model_copy(update={"share": share})) for share in (1.0, 0.5))
    assert held_out == still
    assert len(half.ids) == len(whole.ids) // 2
    assert set(half.ids) < set(whole.ids)
    assert not set(half.ids) & set(held_out)
