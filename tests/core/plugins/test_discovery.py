"""Plugins: each state with its reason and next command, and a bad one costs its own entries and nothing else."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import StoreError
from zoo.plugins.discovery import STATES, Plugin, discover

HEAD = "from zoo.hookspecs import hookimpl\nfrom zoo.specs import *\n"
MODEL = "ModelSpec(name='net', summary='A net.', tasks={'classify': 'nets:Net'}, modality='vector'"


def returning(value: str, hook: str = "zoo_models") -> str:
    return f"{HEAD}@hookimpl\ndef {hook}():\n    return {value}\n"


BAD: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "bad-id": (
        {"source": "", "id": "Bad_Id"},
        "invalid",
        r"id 'Bad_Id' is not of the form \[a-z\]",
        "zoo plugins install --upgrade bad-id",
    ),
    "bad-entry": (
        {"source": "", "module": "bad_entry:plugin"},
        "invalid",
        "names 'bad_entry:plugin', which is no module",
        "zoo plugins install --upgrade bad-entry",
    ),
    "newer-field": (
        {"source": returning(f"[{MODEL}, wings=2)]")},
        "invalid",
        "ModelSpec has a field 'wings' unknown here: it needs a newer deepzoo",
        "zoo plugins install --upgrade deepzoo",
    ),
    "misspelt-field": (
        {"source": returning(f"[{MODEL}, weigths={{}})]")},
        "invalid",
        "ModelSpec has no field 'weigths', did you mean 'weights'?",
        "zoo plugins install --upgrade misspelt-field",
    ),
    "newer-nested-field": (
        {"source": returning(f"[{MODEL}, input={{'colour': 1}}, modality_='')]")},
        "invalid",
        "ModelSpec has a field 'input.colour' unknown here",
        "zoo plugins install --upgrade deepzoo",
    ),
    "newer-class": (
        {"source": "from zoo.specs import SurveySpec"},
        "invalid",
        "SurveySpec.*: it needs a newer deepzoo",
        "zoo plugins install --upgrade deepzoo",
    ),
    "newer-module": (
        {"source": "import zoo.techniques"},
        "invalid",
        "No module named 'zoo.techniques': it needs a newer deepzoo",
        "zoo plugins install --upgrade deepzoo",
    ),
    "wrong-type": (
        {"source": returning("[ModelSpec(name='net', summary='A net.', tasks={'fly': 'a:B'}, modality='vector')]")},
        "invalid",
        "model 'wrong-type/net' names the task 'fly': is the plugin that declares it missing",
        "zoo plugins install --upgrade wrong-type",
    ),
    "wrong-name": (
        {"source": returning(f"[{MODEL.replace('net', 'My Net', 1)})]")},
        "invalid",
        "model name 'My Net' is not of lower-case letters",
        "zoo plugins install --upgrade wrong-name",
    ),
    "wrong-kind": (
        {"source": returning(f"[{MODEL})]", "zoo_datasets")},
        "invalid",
        "hook zoo_datasets must return DatasetSpec, not ModelSpec",
        "zoo plugins install --upgrade wrong-kind",
    ),
    "subclass": (
        {"source": f"{HEAD}class Mine(ModelSpec):\n    wings: int = 2\n{returning(MODEL.replace('ModelSpec', '[Mine') + ')]')}"},
        "invalid",
        "has a field 'wings' unknown here",
        "zoo plugins install --upgrade deepzoo",
    ),
    "unchecked": (
        {"source": returning("[ModelSpec.model_construct(name='net', tasks={})]")},
        "invalid",
        r"ModelSpec\.summary: Field required",
        "zoo plugins install --upgrade unchecked",
    ),
    "no-json": (
        {"source": returning(f"[{MODEL}, config={{'f': object()}})]")},
        "invalid",
        "model 'net' holds what is not JSON",
        "zoo plugins install --upgrade no-json",
    ),
    "no-list": (
        {"source": f"{HEAD}@hookimpl\ndef zoo_models():\n    yield {MODEL})\n"},
        "invalid",
        "zoo_models must return a list, not generator",
        "zoo plugins install --upgrade no-list",
    ),
    "twice": (
        {"source": returning(f"[{MODEL}), {MODEL})]")},
        "invalid",
        "two models are named 'net'",
        "zoo plugins install --upgrade twice",
    ),
    "misspelt-hook": (
        {"source": returning("[]", "zoo_modles")},
        "invalid",
        "unknown hook 'zoo_modles', did you mean 'zoo_models'?",
        "zoo plugins install --upgrade misspelt-hook",
    ),
    "misspelt-argument": (
        {"source": f"{HEAD}@hookimpl\ndef zoo_resolve(kind, nmae): ...\n"},
        "invalid",
        "hook zoo_resolve takes no argument 'nmae': it takes kind, name",
        "zoo plugins install --upgrade misspelt-argument",
    ),
    "bad-namespace": (
        {"source": returning("'folder'", "zoo_namespaces")},
        "invalid",
        "zoo_namespaces must return a list, not str",
        "zoo plugins install --upgrade bad-namespace",
    ),
    "capital-namespace": (
        {"source": returning("['Mine']", "zoo_namespaces")},
        "invalid",
        "namespace 'Mine' is not of the form",
        "zoo plugins install --upgrade capital-namespace",
    ),
    "own-namespace": (
        {"source": returning("['own-namespace']", "zoo_namespaces")},
        "invalid",
        "namespace 'own-namespace' is the plugin's own id",
        "zoo plugins install --upgrade own-namespace",
    ),
    "thief": (
        {"source": returning("['data']", "zoo_namespaces")},
        "conflict",
        r"namespace 'data' belongs to plugin 'data' \(deepzoo\)",
        "zoo plugins uninstall thief",
    ),
    "usurper": (
        {"source": "raise AssertionError('never imported')", "id": "data"},
        "conflict",
        "id 'data' is reserved by deepzoo",
        "zoo plugins uninstall usurper",
    ),
    "future": (
        {"source": "raise AssertionError('never imported')", "requires": ["numpy", "deepzoo[dev]>=99"]},
        "incompatible",
        "needs deepzoo >=99, this is ",
        "zoo plugins install --upgrade deepzoo future",
    ),
    "lacking": (
        {"source": "import module_that_is_nowhere", "requires": ["numpy", "distribution-that-is-nowhere>=2"]},
        "missing-deps",
        "needs the module 'module_that_is_nowhere', which is not installed",
        "pip install 'distribution-that-is-nowhere>=2'",
    ),
    "lacking-undeclared": (
        {"source": "import module_that_is_nowhere.part"},
        "missing-deps",
        "needs the module 'module_that_is_nowhere', which is not installed",
        "pip install module_that_is_nowhere",
    ),
    "halved": (
        {"source": "import halved.rest"},
        "error",
        "cannot be imported: No module named 'halved.rest'",
        "pip install --force-reinstall halved",
    ),
    "raises": (
        {"source": "raise RuntimeError('two\\nlines')"},
        "error",
        "^RuntimeError: two lines$",
        "zoo plugins install --upgrade raises",
    ),
    "does-not-parse": ({"source": "def"}, "error", "^SyntaxError: ", "zoo plugins install --upgrade does-not-parse"),
    "exits": ({"source": "raise SystemExit(3)"}, "error", "^SystemExit: 3$", "zoo plugins install --upgrade exits"),
    "hook-raises": (
        {"source": returning("1 / 0")},
        "error",
        "^ZeroDivisionError: division by zero$",
        "zoo plugins install --upgrade hook-raises",
    ),
    "hook-exits": (
        {"source": returning("exit(0)", "zoo_recipes")},
        "error",
        "^SystemExit: 0$",
        "zoo plugins install --upgrade hook-exits",
    ),
}
"""Distribution: how it is installed, and the state, reason and hint that it gets."""


def test_a_plugin_that_its_author_edits_is_corrected_where_it_lies(site) -> None:
    site.install(
        "mine", "1 / 0", files={"mine-1.0.dist-info/direct_url.json": '{"dir_info": {"editable": true}, "url": "file:x"}'}
    )
    (plugin,) = by_distribution().values()
    assert plugin.hint == f"correct {site.folder / 'mine/__init__.py'}"


@pytest.mark.parametrize(
    ("given", "reason", "hint"),
    [
        ("", "all plugins by others are left out", "unset ZOO_PLUGINS"),
        ("other", "not named in ZOO_PLUGINS", "add mine to"),
    ],
)
def test_a_plugin_that_is_not_let_in_says_by_what(site, monkeypatch, given, reason, hint) -> None:
    monkeypatch.setenv("ZOO_PLUGINS", given)
    site.install_models("mine", "net")
    (plugin,) = by_distribution().values()
    assert (plugin.state, plugin.reason) == ("disabled", reason)
    assert plugin.hint.startswith(hint)


def by_distribution() -> dict[str, Plugin]:
    return {plugin.candidate.distribution: plugin for plugin in discover() if not plugin.candidate.bundled}


def bundled() -> list[Plugin]:
    return [plugin for plugin in discover() if plugin.candidate.bundled]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_plugin_gets_its_state_reason_and_next_command(site: Any, name: str) -> None:
    settings, state, reason, hint = BAD[name]
    site.install(name, **settings)
    plugin = by_distribution()[name]
    assert plugin.state == state
    assert re.search(reason, plugin.reason), plugin.reason
    assert plugin.hint == hint
    assert (plugin.candidate.distribution, plugin.candidate.version) == (name, "1.0")
    assert "\n" not in plugin.reason
    assert not plugin.specs
    assert not plugin.namespaces


def test_good_and_bundled_plugins_work_beside_every_bad_one(site: Any) -> None:
    before = [(plugin.candidate.id, plugin.state, plugin.specs) for plugin in bundled()]
    for name, (settings, *_) in BAD.items():
        site.install(name, **settings)
    site.install_models("good", "net")
    found = by_distribution()
    assert {name: plugin.state for name, plugin in found.items()} == {"good": "ok"} | {name: BAD[name][1] for name in BAD}
    assert all(plugin.state in STATES for plugin in found.values())
    assert [spec.name for _, spec in found["good"].specs] == ["good/net"]
    assert [(plugin.candidate.id, plugin.state, plugin.specs) for plugin in bundled()] == before


def test_the_id_is_not_tied_to_the_name_of_the_distribution(site: Any) -> None:
    site.install_models("some-distribution", "net", id="my-id")
    assert [spec.name for _, spec in by_distribution()["some-distribution"].specs] == ["my-id/net"]


def test_bundled_plugins_come_first(site: Any) -> None:
    site.install_models("aaa", "net")
    plugins = discover()
    assert [plugin.candidate.bundled for plugin in plugins] == sorted((p.candidate.bundled for p in plugins), reverse=True)
    assert plugins[-1].candidate.id == "aaa"


def test_two_distributions_of_one_id_conflict_until_one_is_disabled(site: Any, zoo_home: Path) -> None:
    site.install_models("first", "net", id="same")
    site.install_models("second", "net", id="same")
    found = by_distribution()
    assert {plugin.state for plugin in found.values()} == {"conflict"}
    assert found["first"].reason == "second has the plugin id 'same' too"
    assert found["second"].hint == "zoo plugins disable same@second"
    disable(zoo_home, "same@first")
    assert {name: plugin.state for name, plugin in by_distribution().items()} == {"first": "disabled", "second": "ok"}


def test_a_disabled_plugin_is_listed_and_not_imported(site: Any, zoo_home: Path) -> None:
    site.install("quiet", "raise AssertionError('imported')")
    disable(zoo_home, "quiet")
    plugin = by_distribution()["quiet"]
    assert plugin.state == "disabled"
    assert plugin.hint == "zoo plugins enable quiet"


def test_a_bundled_plugin_can_be_disabled_and_its_id_stays_reserved(site: Any, zoo_home: Path) -> None:
    site.install_models("usurper", "net", id="intro")
    disable(zoo_home, "intro@deepzoo")
    assert next(plugin.state for plugin in bundled() if plugin.candidate.id == "intro") == "disabled"
    assert by_distribution()["usurper"].state == "conflict"


@pytest.mark.parametrize("content", ["", "[]", '{"disabled": "cnn"}', '{"disabled": [1]}', "{'disabled': []}", "\xff"])
def test_a_malformed_list_of_disabled_plugins_is_named(zoo_home: Path, content: str) -> None:
    zoo_home.mkdir()
    (zoo_home / "plugins.json").write_text(content, encoding="latin-1")
    with pytest.raises(StoreError, match=r"plugins\.json does not read") as caught:
        discover()
    assert caught.value.hint


def test_a_distribution_found_twice_counts_once_as_the_first(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install_models("over-lay", "old")
    over = type(site)(tmp_path / "over")
    over.install_models("over-lay", "new", version="2.0")
    (over.folder / "over_lay-2.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: Over_Lay\nVersion: 2.0\n")
    monkeypatch.syspath_prepend(str(over.folder))
    found = by_distribution()
    sys.modules.pop("over_lay", None)
    assert found.keys() == {"Over_Lay"}
    assert found["Over_Lay"].candidate.version == "2.0"
    assert [spec.name for _, spec in found["Over_Lay"].specs] == ["over-lay/new"]


def test_the_first_of_two_decides_even_where_it_is_no_plugin(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install_models("former", "net")
    over = type(site)(tmp_path / "over")
    over.install_models("former", "net", version="2.0")
    (over.folder / "former-2.0.dist-info" / "entry_points.txt").write_text("[console_scripts]\nf = former:main\n")
    monkeypatch.syspath_prepend(str(over.folder))
    assert by_distribution() == {}


def test_broken_distributions_do_not_hide_the_others(site: Any) -> None:
    site.install_models("good", "net")
    site.write("leftover-1.0.dist-info/entry_points.txt", "[zoo]\nleftover = leftover\n")
    site.write("other-1.0.dist-info/METADATA", "Name: other\nVersion: 1.0\n")
    site.write("other-1.0.dist-info/entry_points.txt", "[console_scripts]\nno equals sign\n")
    site.write("unreadable-1.0.dist-info/METADATA", "Name: unreadable\nVersion: 1.0\n")
    site.write("unreadable-1.0.dist-info/entry_points.txt", "[zoo]\nno equals sign\n")
    found = by_distribution()
    assert {name: plugin.state for name, plugin in found.items()} == {"good": "ok", "unreadable": "invalid"}
    assert found["unreadable"].hint == "zoo plugins install --upgrade unreadable"


def test_a_range_that_this_version_fits_loads(site: Any) -> None:
    for position, text in enumerate(
        ["deepzoo", "DeepZoo>=0.0.1", "deepzoo>=99; python_version < '3'", "deepzoo>=99; extra == 'x'"]
    ):
        site.install(f"fits{position}", "", requires=["not a requirement!", text])
    assert {plugin.state for plugin in by_distribution().values()} == {"ok"}


def test_two_plugins_that_reserve_one_namespace_conflict(site: Any, zoo_home: Path) -> None:
    site.install("one", returning("['shared']", "zoo_namespaces"))
    site.install("two", returning("['shared']", "zoo_namespaces"))
    assert {plugin.state for plugin in by_distribution().values()} == {"conflict"}
    disable(zoo_home, "two")
    assert by_distribution()["one"].namespaces == ("shared",)


@pytest.mark.parametrize(("id", "reason"), [("https", "addresses"), ("c", "drive"), ("local", "the user's own")])
def test_an_id_that_means_something_already_is_refused(site: Any, id: str, reason: str) -> None:
    site.install("shadow", "", id=id)
    site.install("caster", returning(f"[{id!r}]", "zoo_namespaces"))
    found = by_distribution()
    for name in ("shadow", "caster"):
        assert found[name].state == "invalid" and reason in found[name].reason


def test_an_id_that_is_a_bundled_namespace_is_a_conflict(site: Any) -> None:
    site.install("shadow", "", id="timm")
    site.install("caster", returning("['hf']", "zoo_namespaces"))
    site.install("late", returning("['caster']", "zoo_namespaces"))
    found = by_distribution()
    assert {found[name].state for name in ("shadow", "caster", "late")} == {"conflict"}
    assert "namespace 'timm' belongs to plugin 'hub' (deepzoo)" in found["shadow"].reason


def test_a_broken_plugin_is_watched_like_a_good_one(site: Any) -> None:
    site.install("raises", "raise RuntimeError", files={"raises/more.py": ""})
    files = {Path(name).name for name in by_distribution()["raises"].files}
    assert files == {"__init__.py", "more.py", "raises"}  # a new file in the folder, too


def test_a_plugin_of_a_single_module_is_watched(site: Any) -> None:
    site.install("single", "", module="lone_module", files={"lone_module.py": returning("[]")})
    assert by_distribution()["single"].files == (str(site.folder / "lone_module.py"),)


def disable(home: Path, *names: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "plugins.json").write_text(json.dumps({"disabled": names}))
