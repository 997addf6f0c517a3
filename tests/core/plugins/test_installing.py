"""Letting plugins in, and the command that installs them."""

import importlib.util
import json
import re
import sys

import pytest

from zoo.doctor import diagnosis
from zoo.errors import OptionError, PluginError
from zoo.plugins import installing, planning
from zoo.plugins.switches import allowed_ids, disable, disabled_ids, enable

PLUGINS = [{"id": "same", "distribution": name} for name in ("one", "two")] + [{"id": "core", "distribution": "deepzoo"}]


def test_disabling_and_enabling_are_kept_and_say_what_they_changed(zoo_home):
    assert disable(PLUGINS, ["same"]) == ["same"]
    assert disable(PLUGINS, ["same", "same@one"]) == []
    assert json.loads((zoo_home / "plugins.json").read_text()) == {"disabled": ["same"]}
    assert enable(PLUGINS, ["same"]) == ["same"]
    assert enable(PLUGINS, ["same"]) == []
    assert disabled_ids() == set()


def test_of_two_distributions_one_is_freed_and_the_other_stays(zoo_home):
    disable(PLUGINS, ["same"])
    assert enable(PLUGINS, ["same@one"]) == ["same@one"]
    assert disabled_ids() == {"same@two"}
    assert enable(PLUGINS, ["same"]) == ["same"]
    assert disabled_ids() == set()


@pytest.mark.parametrize("name", ["core", "sane", "same@three"])
def test_what_cannot_be_disabled_changes_nothing(zoo_home, name):
    with pytest.raises(OptionError):
        disable(PLUGINS, ["same", name])
    assert disabled_ids() == set()


@pytest.mark.parametrize(("value", "expected"), [(None, None), ("", set()), ("a", {"a"}), (" a, b,", {"a", "b"})])
def test_the_list_of_those_let_in(monkeypatch, value, expected):
    monkeypatch.delenv("ZOO_PLUGINS", raising=False)
    if value is not None:
        monkeypatch.setenv("ZOO_PLUGINS", value)
    assert allowed_ids() == expected


def test_uv_installs_where_there_is_no_pip(monkeypatch, tmp_path):
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    uv.chmod(0o755)
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "pip" else real(name, *more))
    with pytest.raises(PluginError, match="neither pip") as caught:
        monkeypatch.setattr(planning.shutil, "which", lambda name: None)
        planning.installer()
    assert "ensurepip" in caught.value.hint
    monkeypatch.setattr(planning.shutil, "which", lambda name: str(uv))
    installing.install(["zoo-some"], upgrade=True)
    tried, done = (tmp_path / "asked").read_text().splitlines()
    held = r"--constraint \S+ --python " + re.escape(sys.executable)
    assert re.fullmatch(rf"pip install {held} --dry-run --only-binary :all: --upgrade zoo-some", tried)
    assert re.fullmatch(rf"pip install {held} --upgrade zoo-some", done)


@pytest.mark.parametrize(
    "store", ["postgresql://me:secret@host/zoo", "postgresql:/me:secret@host", "mysql://host/zoo?password=secret", "secret"]
)
def test_the_diagnosis_tells_no_password_and_makes_nothing(monkeypatch, zoo_home, store):
    monkeypatch.setenv("ZOO_STORE", store)
    said = diagnosis()
    assert "secret" not in json.dumps(said)
    assert {plugin["id"] for plugin in said["index"]["plugins"]} >= {"core", "cnn"}
    assert not (zoo_home / "zoo.db").exists()


@pytest.mark.parametrize("option", ["evil", "-revil.txt", "--requirement=evil.txt", "--editable=./evil"])
def test_no_option_adds_to_what_a_plan_shows(option):
    with pytest.raises(OptionError, match="no plan shows"):
        installing.install(["zoo-some"], more=[option])
