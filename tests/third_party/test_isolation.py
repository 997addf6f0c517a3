"""Broken distributions, really installed: each costs its own entries and one line; everything else works."""

import json
import re

import pytest

from zoo.version import __version__

BROKEN = {
    "zoo-bad-spec": ("invalid", "names the task 'fly'", "zoo plugins install --upgrade zoo-bad-spec"),
    "zoo-broken-import": ("error", "RuntimeError: out of order", "zoo plugins install --upgrade zoo-broken-import"),
    "zoo-colliding-id": ("conflict", "id 'intro' is reserved by deepzoo", "zoo plugins uninstall zoo-colliding-id"),
    "zoo-incompatible": ("incompatible", "needs deepzoo >=99", "zoo plugins install --upgrade deepzoo zoo-incompatible"),
    "zoo-lacking": ("missing-deps", "needs the module 'module_that_is_nowhere'", "pip install 'distribution-that-is-nowhere>=2'"),
    "zoo-raising-hook": ("error", "LookupError: no models today", "zoo plugins install --upgrade zoo-raising-hook"),
    "zoo-twin-one": ("conflict", "zoo-twin-two has the plugin id 'twin' too", "zoo plugins disable twin@zoo-twin-one"),
    "zoo-twin-two": ("conflict", "zoo-twin-one has the plugin id 'twin' too", "zoo plugins disable twin@zoo-twin-two"),
}
GOOD = {"zoo-good", "zoo-greeter", "zoo-examiner", "zoo-seminar", "zoo-colliding-name", "zoo-heavy", "zoo-faulty", "zoo-ensemble"}
GOOD |= {"zoo-momentum", "zoo-technique", "zoo-audio"}


def test_every_broken_distribution_is_named_with_its_reason_and_the_next_command(crowded):
    found = {plugin["distribution"]: plugin for plugin in crowded.zoo("plugins", "list", "--json").json if not plugin["bundled"]}
    assert found.keys() == BROKEN.keys() | GOOD
    for name, (state, reason, hint) in BROKEN.items():
        assert (found[name]["state"], found[name]["hint"]) == (state, hint)
        assert reason in found[name]["reason"]
    assert {found[name]["state"] for name in GOOD} == {"ok"}
    lines = crowded.zoo("plugins", "list").out.splitlines()
    for name, (state, reason, hint) in BROKEN.items():
        (line,) = [line for line in lines if f"\t{name}\t" in line]
        assert state in line and reason in line and hint in line


@pytest.mark.parametrize("arguments", [("list",), ("show", "cnn/lenet5"), ("results",), ("data", "list")])
def test_commands_work_beside_them_with_one_warning_line_each(crowded, arguments):
    done = crowded.zoo(*arguments, "--json")
    assert done.code == 0
    assert done.json or arguments == ("results",)
    warnings = done.err.splitlines()
    assert len(warnings) in (0, len(BROKEN))  # what does not open the index says nothing
    if arguments == ("list",):
        assert [re.search(r"\((zoo-[a-z-]+) 1\.0\)", line)[1] for line in warnings] == sorted(BROKEN, key=order)
        assert {entry["plugin"] for entry in done.json} >= {"cnn", "intro", "good", "colliding-name", "heavy", "faulty"}


def order(name: str) -> tuple[str, str]:
    """Plugins are listed by id, then by distribution."""
    return {"zoo-colliding-id": "intro"}.get(name, name.removeprefix("zoo-").partition("-one")[0].partition("-two")[0]), name


@pytest.mark.slow
def test_a_bundled_model_is_scored_beside_them_and_wins_its_bare_name(crowded):
    done = crowded.zoo("run", "lenet5", "--on", "digits", "--json")
    assert done.code == 0 and done.json["model"] == "cnn/lenet5@digits"
    assert done.json["results"][0]["value"] > 0.98
    assert "'lenet5' is taken as cnn/lenet5; there is also colliding-name/lenet5" in done.err
    assert crowded.zoo("show", "colliding-name/lenet5", "--json").json[0]["plugin"] == "colliding-name"


@pytest.mark.slow
def test_a_foreign_model_is_scored_beside_them_and_observers_are_told(crowded):
    done = crowded.zoo("run", "good/density", "--on", "digits", "--json")
    assert done.code == 0 and 0 < done.json["results"][0]["value"] < 0.5
    assert re.search(r"^seen [0-9a-f]{16}$", done.err, re.MULTILINE)
    provided = {f"{one['distribution']} {one['version']}": one["entries"] for one in done.json["record"]["providers"]}
    assert provided["zoo-good 1.0"] == ["model good/density"] and "dataset data/digits" in provided[f"deepzoo {__version__}"]


@pytest.mark.slow
def test_a_model_that_fails_beside_them_is_told_by_its_distribution_and_version(crowded):
    done = crowded.zoo("run", "faulty/raising", "--on", "digits", "--limit", "4", "--json")
    assert done.code == 2
    assert done.json["error"]["message"].startswith("plugin 'faulty' (zoo-faulty 1.0): faulty/raising raised RuntimeError on 4")
    assert "zoo -p no:faulty ... leaves the plugin out" in done.json["error"]["hint"]


def test_what_a_spec_needs_is_asked_for_before_anything_runs(crowded):
    done = crowded.zoo("run", "good/wanting", "--on", "digits", "--json")
    assert done.code == 2
    assert "good/wanting needs distribution-that-is-nowhere>=2" in done.json["error"]["message"]
    assert done.json["error"]["hint"] == "pip install 'distribution-that-is-nowhere>=2'"


def test_a_name_of_a_broken_plugin_says_why_there_is_none(crowded):
    done = crowded.zoo("run", "lacking/net", "--on", "digits", "--json")
    assert done.code == 2
    assert "plugin 'lacking' (zoo-lacking 1.0) is not used (missing-deps)" in done.json["error"]["message"]


def test_a_plugin_s_command_is_there_and_its_help_comes_from_the_index(crowded):
    assert "Greet somebody by name." in crowded.zoo("--help").out
    assert crowded.zoo("greet", "you", "--loud").out == "HELLO YOU\n"


def test_plugins_can_be_left_out_or_let_in(crowded):
    def others(*arguments: str, **variables: str) -> set[str]:
        done = crowded.zoo(*arguments, "list", "--json", **variables)
        assert done.code == 0 and done.err == ""
        return {entry["plugin"] for entry in done.json} - bundled

    bundled = {plugin["id"] for plugin in crowded.zoo("plugins", "list", "--json").json if plugin["bundled"]}
    assert others("--no-plugins") == set()
    assert others(ZOO_PLUGINS="") == set()
    assert others(ZOO_PLUGINS="good, faulty") == {"good", "faulty"}
    assert crowded.zoo("--no-plugins", "greet", "you").code == 2


@pytest.mark.slow
def test_strictness_fails_on_a_plugin_that_is_not_well_but_lets_it_be_removed(crowded):
    done = crowded.zoo("list", ZOO_STRICT_PLUGINS="1")
    assert done.code == 2 and "is not used" in done.err
    assert crowded.zoo("plugins", "list", ZOO_STRICT_PLUGINS="1").code == 0
    assert crowded.zoo("list", ZOO_STRICT_PLUGINS="1", ZOO_PLUGINS="good").code == 0


@pytest.mark.slow
def test_broken_plugins_can_be_disabled_and_removed(fresh, wheels):
    fresh.install(*(wheels[name] for name in ("zoo-twin-one", "zoo-twin-two", "zoo-broken-import", "zoo-colliding-id")))
    assert fresh.zoo("plugins", "disable", "twin@zoo-twin-one", "broken-import").code == 0
    states = {plugin["distribution"]: plugin["state"] for plugin in fresh.zoo("plugins", "list", "--json").json}
    assert (states["zoo-twin-one"], states["zoo-twin-two"], states["zoo-broken-import"]) == ("disabled", "ok", "disabled")
    ambiguous = fresh.zoo("plugins", "uninstall", "twin")
    assert ambiguous.code == 2 and "zoo-twin-one, zoo-twin-two" in ambiguous.err
    done = fresh.zoo("plugins", "uninstall", "--json", "broken-import", "zoo-twin-one", "zoo-colliding-id")
    assert done.code == 0
    gone = {plugin["distribution"] for plugin in done.json["removed"]}
    assert gone == {"zoo-broken-import", "zoo-twin-one", "zoo-colliding-id"}
    left = [plugin["distribution"] for plugin in fresh.zoo("plugins", "list", "--json").json if not plugin["bundled"]]
    assert left == ["zoo-twin-two"]
    assert json.loads((fresh.home / "plugins.json").read_text()) == {"disabled": []}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("uninstall", "cnn"), "is part of deepzoo and stays with it"),
        (("uninstall", "gret"), "there is no plugin 'gret'"),
        (("disable", "core"), "'core' cannot be disabled"),
        (("disable", "greter"), "did you mean greeter"),
        (("enable", "twin@zoo-three"), "it is of: zoo-twin-one, zoo-twin-two"),
        (("install",), "nothing to install"),
    ],
)
def test_a_name_that_cannot_be_is_a_user_s_error(crowded, arguments, says):
    done = crowded.zoo("plugins", *arguments)
    assert (done.code, done.out) == (2, "")
    assert says in done.err and len(done.err.splitlines()) <= 2
