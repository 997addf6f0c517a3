"""A recipe that names its benchmark: task, protocol and other models come from there, into validation and into the key."""

import pytest

import zoo
from zoo.errors import ModelError, OptionError
from zoo.specs import RecipeSpec
from zoo.tasks.generate.likelihood import ImageLikelihood
from zoo.tasks.generate.restore import Generate
from zoo.tasks.generate.samples import Sampling
from zoo.training.job import TrainingJob
from zoo.training.plan import Asked, plan_training

SET5 = RecipeSpec(name="test/x3", summary="A test", model="vision/espcn", benchmark="vision/set5-x3", dataset="data/photographs",
                  config={"scale": 3}, metric="psnr-y:border=3", validation=0.2)  # fmt: skip
VAE = RecipeSpec(name="test/vae", summary="A test", model="generative/vae", benchmark="generative/mnist-binarised",
                 dataset="data/digits", config={"side": 8}, metric="elbo-binarised")  # fmt: skip


def planned(recipe: RecipeSpec, **overrides: object) -> TrainingJob:
    return plan_training(zoo.registry(), recipe, Asked(overrides, "cpu"))


def test_task_and_protocol_are_the_benchmarks() -> None:
    job = planned(SET5)
    assert isinstance(job.task, Generate)
    assert (job.recipe.task, job.task.protocol["degrade"], job.task.data.name) == ("generate", "bicubic:3", "data/photographs")


def test_the_dataset_is_the_benchmarks_where_the_recipe_names_none() -> None:
    recipe = RecipeSpec(name="test/plain", summary="A test", model="intro/mlp", benchmark="data/digits")
    job = planned(recipe)
    assert (job.recipe.dataset, job.recipe.task, len(job.train.ids) + len(job.validation.ids)) == (
        "data/digits",
        "classify",
        1437,
    )


def test_a_recipe_may_change_the_protocol_and_the_key_knows() -> None:
    job, other = planned(VAE), planned(VAE, **{"protocol.draws": 4})
    assert isinstance(job.task, ImageLikelihood)
    assert (job.task.how.draws, other.task.how.draws) == (50, 4)  # type: ignore[attr-defined]
    assert job.key != other.key


def test_a_protocol_that_the_benchmark_has_not_is_refused() -> None:
    with pytest.raises(OptionError, match=r"drawn.*\n.*draws"):
        planned(VAE, **{"protocol.drawn": 4})
    with pytest.raises(OptionError, match="no benchmark whose protocol"):
        planned(VAE, benchmark=None, protocol={"draws": 4}, task="generate")


def test_other_models_are_bound_before_anything_is_predicted(real_data: object) -> None:
    job = planned(zoo.registry().recipe("generative/ddpm-mnist"))
    assert isinstance(job.task, Sampling)
    assert job.task.space.name == "cnn/lenet5@mnist" and not job.task.aux_models
    assert set(job.aux_models) == {"features"} and not job.aux_models["features"].training


def test_a_network_of_another_scale_than_the_benchmark_is_refused() -> None:
    recipe = zoo.registry().recipe("vision/espcn-x3")
    with pytest.raises(ModelError, match="this ESPCN enlarges by 2, not by 3"):
        zoo.train(recipe, epochs=1, overrides={"config.scale": 2}, device="cpu")
