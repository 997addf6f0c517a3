"""Tasks and modalities that plugins declare: their names, who may use them, and what is said where nobody declares one."""

from typing import Any

import pytest

import zoo
from zoo.errors import ModelError, OptionError, PluginError
from zoo.plugins.discovery import Plugin, discover
from zoo.plugins.index import load_index
from zoo.tasks import TASKS, task_class
from zoo.tasks.by_name import declared_modality, declared_task, served_by
from zoo.tasks.declared import MODALITIES, TASK_SPECS

HEAD = "from zoo.hookspecs import hookimpl\nfrom zoo.specs import *\n"
TASK = (
    "@hookimpl\ndef zoo_tasks():\n    return [TaskSpec(name={name!r}, summary='S.', target={target!r}, targets_of='classify')]\n"
)
MODALITY = "@hookimpl\ndef zoo_modalities():\n    return [ModalitySpec(name={name!r}, summary='S.')]\n"
NET = "ModelSpec(name='m', summary='S.', tasks={{{task!r}: 'a:B'}}, modality={modality!r}, parts={parts!r})"
MODELS = f"@hookimpl\ndef zoo_models():\n    return [{NET}]\n"
CLASS = """
from zoo.tasks import Task

class Tag(Task):
    name = "tag"
    version = 1

class Nameless(Task):
    pass

class NoTask:
    name = "tag"
    version = 1
"""


def declares(*words: str, target: str = "library.tag:Tag") -> str:
    made = {"tag": TASK.format(name="tag", target=target), "table": MODALITY.format(name="table")}
    return HEAD + "".join(made[word] for word in words)


def model(task: str, modality: str) -> str:
    return MODELS.format(task=task, modality=modality, parts={})


def found() -> dict[str, Plugin]:
    return {plugin.candidate.distribution: plugin for plugin in discover() if not plugin.candidate.bundled}


def test_the_core_s_tasks_are_declared_as_a_plugin_s_are() -> None:
    assert set(TASKS) == set(TASK_SPECS) == {spec.name for spec in zoo.registry().tasks()}
    for name in TASKS:
        assert task_class(name).name == name
        assert declared_task(name).target == TASKS[name]
    assert [spec.name for spec in zoo.registry().modalities()] == list(MODALITIES) == ["image", "text", "vector"]


@pytest.mark.parametrize("name", ["author", "zauthor"])
def test_entries_of_other_plugins_may_name_what_a_plugin_declares(site: Any, name: str) -> None:
    site.install("library", declares("tag", "table"), files={"library/tag.py": CLASS})
    site.install(name, HEAD + model(task="tag", modality="table"))
    assert {plugin.state for plugin in found().values()} == {"ok"}
    registry = zoo.registry()
    assert [spec.name for spec in registry.models(task="tag", modality="table")] == [f"{name}/m"]
    assert [spec.name for spec in registry.tasks()][-1] == "tag" and registry.modalities()[-1].name == "table"
    assert task_class("tag").name == "tag" and declared_modality("table").summary == "S."
    assert served_by("tag", ["classify"]) and not served_by("tag", ["detect"])
    assert load_index().tasks["tag"]["target"] == "library.tag:Tag"


WRONG = [
    (model(task="clasify", modality="image"), "names the task 'clasify': did you mean 'classify'?"),
    (model(task="sing", modality="image"), "names the task 'sing': is the plugin that declares it missing?"),
    (model(task="classify", modality="imge"), "names the modality 'imge': did you mean 'image'?"),
    (model(task="Classify", modality="image"), "ModelSpec.tasks"),
    (TASK.format(name="classify", target="a:B"), "it declares the task 'classify', which is the core's own"),
    (MODALITY.format(name="text"), "it declares the modality 'text', which is the core's own"),
    ("@hookimpl\ndef zoo_tasks():\n    return [1]\n", "hook zoo_tasks must return TaskSpec, not int"),
    ("@hookimpl\ndef zoo_tasks():\n    pass\n", "hook zoo_tasks returned None"),
    (
        "@hookimpl\ndef zoo_modalities():\n    return 2 * [ModalitySpec(name='table', summary='S.')]\n",
        "it declares the modality 'table' twice",
    ),
    (
        "@hookimpl\ndef zoo_datasets():\n    return [DatasetSpec(name='d', summary='S.', modality='image', tasks=('tga',), "
        "target='a:B', splits={'test': 1}, licence='x', citation='x')]\n",
        "/d' names the task 'tga'",
    ),
    (MODELS.format(task="classify", modality="image", parts={"base": "clasify"}), "names the task 'clasify'"),
]
"""The source of a plugin, and what is said of it."""


def test_a_word_that_nobody_declares_or_that_is_taken_makes_its_plugin_invalid(site: Any) -> None:
    for place, (source, _) in enumerate(WRONG):
        site.install(f"author-{place}", HEAD + source.replace("author/", f"author-{place}/"))
    plugins = found()
    for place, (_, reason) in enumerate(WRONG):
        plugin = plugins[f"author-{place}"]
        assert plugin.state == "invalid" and reason in plugin.reason, plugin.reason
    assert zoo.registry().models(plugin="intro")


def test_two_plugins_that_declare_one_word_conflict(site: Any) -> None:
    site.install("library", declares("tag"), files={"library/tag.py": CLASS})
    site.install("second", declares("tag"))
    site.install("third", declares("table") + model(task="classify", modality="table"))
    plugins = found()
    assert {name: plugin.state for name, plugin in plugins.items()} == {
        "library": "conflict",
        "second": "conflict",
        "third": "ok",
    }
    assert plugins["library"].reason == "task 'tag' belongs to plugin 'second' (second)"
    assert "tag" not in load_index().tasks


def test_a_declarer_whose_own_specs_are_wrong_does_not_cost_the_entries_of_others(site: Any) -> None:
    broken = "@hookimpl\ndef zoo_models():\n    return 1\n"
    site.install("library", declares("tag", "table") + broken, files={"library/tag.py": CLASS})
    site.install("author", HEAD + model(task="tag", modality="table"))
    assert {name: plugin.state for name, plugin in found().items()} == {"library": "invalid", "author": "ok"}


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("library.tag:NoTask", "is no subclass of zoo.tasks.Task"),
        ("library.tag:Nameless", "must have the name 'tag' and a whole number as its version"),
        ("library.tag:Gone", "has no 'Gone'"),
        ("library.gone:Tag", "not installed"),
        ("library.odd:Tag", "raised ZeroDivisionError"),
    ],
)
def test_a_task_whose_class_is_none_is_laid_to_its_plugin(site: Any, target: str, reason: str) -> None:
    site.install("library", declares("tag", target=target), files={"library/tag.py": CLASS, "library/odd.py": "1 / 0"})
    with pytest.raises(PluginError, match=r"plugin 'library' \(library 1\.0\)") as caught:
        task_class("tag")
    assert reason in caught.value.message


def test_a_task_or_modality_that_nobody_declares_is_an_error_with_the_nearest() -> None:
    with pytest.raises(
        ModelError, match="no task 'clasify': did you mean 'classify'\\? Or is the plugin that declares it missing"
    ):
        task_class("clasify")
    with pytest.raises(ModelError, match="no modality 'audio': is the plugin that declares it missing"):
        declared_modality("audio")
    with pytest.raises(OptionError, match="there is no task 'clasify'"):
        zoo.registry().models(task="clasify")


def test_what_a_namespace_answers_may_name_only_what_is_declared(site: Any) -> None:
    resolves = (
        "@hookimpl\ndef zoo_namespaces():\n    return ['tunes']\n@hookimpl\ndef zoo_resolve(kind, name):\n"
        "    return ModelSpec(name=name, summary='S.', tasks={'sing': 'a:B'}, modality='image')\n"
    )
    site.install("author", HEAD + resolves)
    with pytest.raises(PluginError, match=r"plugin 'author' .*names the task 'sing'"):
        zoo.registry().model("tunes/x")
