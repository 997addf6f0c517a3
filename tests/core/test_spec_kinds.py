"""Kinds of entry that a plugin declares: valid for every plugin, never one of the core's, never of two plugins."""

from typing import Any

import pytest

import zoo
from zoo.errors import UnknownNameError
from zoo.plugins.discovery import Plugin, discover
from zoo.plugins.index import load_index

HEAD = "from zoo.hookspecs import hookimpl\nfrom zoo.specs import *\n"
DECLARES = HEAD + "@hookimpl\ndef zoo_spec_kinds():\n    return [SpecKind(name={name!r}, spec={spec!r}, summary='S.')]\n"
CLASS = """
from pydantic import Field
from zoo.specs import Frozen, Spec

class Part(Frozen):
    weight: int = Field(1, description="W.")

class EssaySpec(Spec):
    topic: str = Field(description="T.")
    tasks: int = Field(3, description="Not the core's word.")
    weights: tuple[int, ...] = Field((1, 2), description="Nor this.")
    model: dict[str, int] = Field(default_factory=dict, description="Nor this.")
    parts: tuple[Part, ...] = Field((), description="P.")
"""
OFFERS = (
    HEAD
    + "from library.essays import EssaySpec, Part\n@hookimpl\ndef zoo_essays():\n"
    + "    return [EssaySpec(name='first', summary='E.', topic='t'{more})]\n"
)


def install_library(site: Any) -> None:
    site.install("library", DECLARES.format(name="essay", spec="library.essays:EssaySpec"), files={"library/essays.py": CLASS})


def found() -> dict[str, Plugin]:
    return {plugin.candidate.distribution: plugin for plugin in discover() if not plugin.candidate.bundled}


@pytest.mark.parametrize("name", ["author", "zauthor"])
def test_another_plugin_offers_entries_of_a_declared_kind(site: Any, name: str) -> None:
    install_library(site)
    site.install(name, OFFERS.format(more=""))
    registry = zoo.registry()
    essay: Any = registry.entry("essay", "first")
    assert (type(essay).__name__, essay.name, essay.topic, essay.weights) == ("EssaySpec", f"{name}/first", "t", (1, 2))
    assert registry.entries("essay") == registry.entries("essay", plugin=name) == [essay]
    assert registry.entries("essay", plugin="library") == []
    assert load_index().kinds["essay"]["spec"] == "library.essays:EssaySpec"
    with pytest.raises(UnknownNameError, match="there is no essay named 'frist'") as caught:
        registry.entry("essay", "frist")
    assert caught.value.candidates == (f"{name}/first",)
    with pytest.raises(UnknownNameError, match=f"{name}/first is an? essay, not a model"):
        registry.model("first")


def test_entries_of_the_core_s_kinds_are_found_by_kind_too(site: Any) -> None:
    registry = zoo.registry()
    assert registry.entry("model", "lenet5") == registry.model("lenet5")
    assert registry.entries("dataset") == registry.datasets()


@pytest.mark.parametrize(
    ("name", "spec", "reason"),
    [
        ("model", "library.essays:EssaySpec", "the kind 'model', whose hook zoo_models is the core's own"),
        ("namespace", "library.essays:EssaySpec", "the kind 'namespace', whose hook zoo_namespaces is the core's own"),
        ("Essay", "library.essays:EssaySpec", "SpecKind.name"),
        ("essay", "library.essays:Nowhere", "has no 'Nowhere'"),
        ("essay", "pathlib:Path", "is no subclass of zoo.specs.Spec"),
    ],
)
def test_a_kind_that_cannot_be_is_the_declarer_s_fault(site: Any, name: str, spec: str, reason: str) -> None:
    site.install("library", DECLARES.format(name=name, spec=spec), files={"library/essays.py": CLASS})
    plugin = found()["library"]
    assert plugin.state in ("invalid", "error") and reason in plugin.reason, plugin.reason
    assert plugin.kinds == ()


def test_two_plugins_that_declare_one_kind_conflict_and_a_bundled_one_keeps_its_own(site: Any) -> None:
    install_library(site)
    site.install("second", DECLARES.format(name="essay", spec="library.essays:EssaySpec"))
    site.install("usurper", DECLARES.format(name="homework", spec="library.essays:EssaySpec"))
    plugins = found()
    assert {name: plugin.state for name, plugin in plugins.items()} == dict.fromkeys(plugins, "conflict")
    assert plugins["library"].reason == "kind 'essay' belongs to plugin 'second' (second)"
    assert plugins["usurper"].reason == "kind 'homework' belongs to plugin 'homework' (deepzoo)"
    assert zoo.registry().entries("homework")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (OFFERS.replace("zoo_essays", "zoo_esays").format(more=""), "unknown hook 'zoo_esays', did you mean 'zoo_essays'?"),
        (OFFERS.format(more=", topics=1"), "EssaySpec has no field 'topics', did you mean 'topic'?"),
        (OFFERS.format(more=", wings=1"), "EssaySpec has a field 'wings' unknown here: it needs a newer plugin"),
        (OFFERS.format(more=", parts=(Part(wieght=1),)"), "Part has no field 'wieght', did you mean 'weight'?"),
        (OFFERS.replace("EssaySpec(", "ModelSpec(").format(more=""), "ModelSpec"),
        (HEAD + "@hookimpl\ndef zoo_essays():\n    return [1]\n", "hook zoo_essays must return EssaySpec, not int"),
    ],
)
def test_what_is_wrong_with_an_entry_of_a_declared_kind_is_said(site: Any, source: str, reason: str) -> None:
    install_library(site)
    site.install("author", source)
    plugin = found()["author"]
    assert plugin.state == "invalid" and reason in plugin.reason, plugin.reason
    assert found()["library"].state == "ok"


def test_where_nobody_declares_a_kind_its_hook_is_unknown_unless_it_is_optional(site: Any) -> None:
    hook = "def zoo_essays():\n    return [1]\n"
    spec = "ModelSpec(name='net', summary='A.', tasks={'classify': 'a:B'}, modality='image')"
    models = f"@hookimpl\ndef zoo_models():\n    return [{spec}]\n"
    site.install("strict", f"{HEAD}@hookimpl\n{hook}{models}")
    site.install("lenient", f"{HEAD}@hookimpl(optionalhook=True)\n{hook}{models}")
    plugins = found()
    assert plugins["strict"].state == "invalid" and "a plugin that declares this kind of entry" in plugins["strict"].reason
    assert [spec.name for _, spec in plugins["lenient"].specs] == ["lenient/net"]


def test_a_declarer_whose_own_specs_are_wrong_does_not_cost_the_entries_of_others(site: Any) -> None:
    install_library(site)
    source = (site.folder / "library/__init__.py").read_text()
    site.write("library/__init__.py", source + "@hookimpl\ndef zoo_models():\n    return 1\n")
    site.install("author", OFFERS.format(more=""))
    assert {name: plugin.state for name, plugin in found().items()} == {"library": "invalid", "author": "ok"}
    assert zoo.registry().entry("essay", "first").name == "author/first"


def test_an_unknown_kind_is_an_error_that_names_those_that_there_are() -> None:
    with pytest.raises(UnknownNameError, match="there is no kind of entry named 'essay'") as caught:
        zoo.registry().entries("essay")
    assert "model" in caught.value.hint and "homework" in caught.value.hint


def test_a_hook_that_is_optional_is_asked_where_its_kind_is_declared(site: Any) -> None:
    site.install(
        "author", OFFERS.format(more="").replace("@hookimpl", "@hookimpl(optionalhook=True)").replace("from library", "# ")
    )
    assert found()["author"].state == "ok" and not found()["author"].specs
    site.install("writer", OFFERS.format(more="").replace("@hookimpl", "@hookimpl(optionalhook=True)"))
    install_library(site)
    assert [spec.name for _, spec in found()["writer"].specs] == ["writer/first"]
