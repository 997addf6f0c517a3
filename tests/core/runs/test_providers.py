"""Records name the distributions of all that a score depends on, with the versions of what each requires."""

from importlib import metadata

import zoo
from zoo.identity.installed import required
from zoo.runs.providers import providers
from zoo.version import __version__


def test_a_run_names_model_dataset_benchmark_and_every_metric(one_run):
    (ours,) = one_run.providers
    assert (ours.distribution, ours.version) == ("deepzoo", __version__)
    assert ours.entries[:3] == ("benchmark data/digits", "dataset data/digits", "model intro/logistic@digits")
    assert {"metric core/accuracy", "metric core/nll"} <= set(ours.entries)
    assert ours.requires["torch"] == metadata.version("torch")
    assert ours.words.endswith("metric core/confusion")  # the environment tells the rest


def test_plugins_by_others_stand_beside_ours_and_the_user_s_own_nowhere(toy):
    record = zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", key="toy")
    theirs, ours = record.providers
    assert (theirs.label, theirs.entries) == ("zoo_toy 1.0", ("benchmark toy/vectors", "dataset toy/vectors"))
    assert ours.distribution == "deepzoo" and not any(entry.startswith("model ") for entry in ours.entries)


def test_a_training_names_recipe_model_dataset_metric_and_techniques():
    record = zoo.train("intro/logistic-digits", epochs=1)
    (ours,) = record.providers
    assert ours.entries[:4] == (
        "recipe intro/logistic-digits",
        "model intro/logistic",
        "dataset data/digits",
        f"metric core/{record.recipe.metric}",
    )
    assert any(entry.startswith("technique training/") for entry in ours.entries)


def test_models_of_dynamic_names_are_their_plugin_s_and_unknown_ones_nobody_s():
    (ours,) = providers([("model", "timm/resnet18.a1_in1k"), ("dataset", "folder:/tmp/x"), ("model", "local/Net"), ("part", "a")])
    assert ours.entries == ("model timm/resnet18.a1_in1k", "dataset folder:/tmp/x")


def test_what_is_required_is_told_as_it_is_installed():
    assert required("nothing-of-this-name") == {}
    assert required("torch")["filelock"] == metadata.version("filelock")
