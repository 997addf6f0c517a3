"""A few steps tell what training costs, and leave nothing behind."""

from pathlib import Path

import pytest

import zoo
from zoo.errors import OptionError
from zoo.specs import RecipeSpec


def test_each_technique_is_profiled_and_all_together(zoo_home: Path) -> None:
    found = zoo.profile_training("intro/mlp-digits", techniques=["bf16", "sgd"], steps=4)
    assert [one.name for one in found.trainings] == ["adamw, cosine", "adamw, cosine, bf16", "sgd, cosine", "sgd, cosine, bf16"]
    for one in found.trainings:
        assert one.cost is not None and one.steps is not None and (one.key, one.score, one.differs) == ("", None, ())
        assert one.cost.steps == len(one.steps.losses) == 4
        assert one.cost.step_seconds is not None and one.cost.step_seconds > 0
        assert one.cost.expected["optimizer"].bytes == one.cost.optimizer_bytes
    assert not list(zoo_home.glob("trained/*/*"))


def test_steps_go_on_into_further_epochs() -> None:
    """1,294 samples are two batches an epoch. The trainer is not blamed for passing over a technique that it has taken."""
    plain, made = zoo.profile_training(
        "intro/logistic-digits", steps=5, overrides={"batch_size": 1000}, techniques=["gradient-accumulation"]
    ).trainings
    assert plain.cost is not None and plain.cost.steps == 5
    assert made.cost is not None and made.cost.steps == 5


def test_what_the_recipe_has_can_be_left_out() -> None:
    recipe = RecipeSpec(name="own/tiny", summary="A test", model="intro/logistic", dataset="digits", techniques=("bf16",))
    found = zoo.profile_training(recipe, without=["bf16"], steps=4)
    assert [one.name for one in found.trainings] == ["adamw, cosine, bf16", "adamw, cosine"]


def test_what_cannot_be_profiled_is_refused() -> None:
    with pytest.raises(OptionError, match=r"`steps` is 3, and the first 3 do not count"):
        zoo.profile_training("intro/mlp-digits", steps=3)
    with pytest.raises(OptionError, match=r"no zoo\.training\.Loop, so that its steps are not known"):
        zoo.profile_training("intro/mlp-numpy-digits")
    with pytest.raises(OptionError, match="each a training's only optimizer"):
        zoo.profile_training("intro/mlp-digits", techniques=["sgd", "lion"], steps=4)
