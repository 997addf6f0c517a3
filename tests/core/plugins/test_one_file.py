"""A plugin may be one file in a folder of the user's, isolated as any other."""

from pathlib import Path

import pytest

import zoo
from zoo.errors import OptionError
from zoo.plugins.discovery import Plugin, discover
from zoo.plugins.index import load_index
from zoo.plugins.installing import uninstall
from zoo.plugins.switches import disable

SOURCE = """
from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec

@hookimpl
def zoo_models():
    return [ModelSpec(name="zero", summary="The first class.", tasks={"classify": f"{__name__}:make"}, modality="image")]

def make():
    import torch
    class Zero(torch.nn.Module):
        def forward(self, images):
            return torch.eye(10)[:1].repeat(len(images), 1)
    return Zero()
"""


def found() -> dict[str, Plugin]:
    return {plugin.candidate.id: plugin for plugin in discover() if plugin.candidate.file}


@pytest.fixture
def folder(zoo_home: Path) -> Path:
    made = zoo_home / "plugins"
    made.mkdir(parents=True)
    return made


def test_it_is_seen_scored_and_gone_again(folder: Path) -> None:
    assert found() == {}
    (folder / "my_first.py").write_text(SOURCE)
    assert [spec.name for _, spec in found()["my-first"].specs] == ["my-first/zero"]
    assert found()["my-first"].candidate.distribution == "my_first.py"
    record = zoo.evaluate("my-first/zero", "digits", classes="dataset")
    assert record.results[0].value == pytest.approx(0.1, abs=0.03)
    (folder / "my_first.py").unlink()
    assert "my-first" not in zoo.registry().plugins()


def test_folders_of_a_path_list_count_too(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "other.py").write_text(SOURCE)
    (more / "_shared.py").write_text("raise AssertionError")
    (more / "notes.txt").write_text("")
    monkeypatch.setenv("ZOO_PLUGIN_PATH", f"{more}:{tmp_path / 'absent'}")
    assert found().keys() == {"other"}


@pytest.mark.parametrize(
    ("name", "content", "state", "reason"),
    [
        ("broken.py", "1 / 0", "error", "ZeroDivisionError"),
        ("leaving.py", "import os; os._exit(0)", "error", "exit code 0"),
        ("json.py", "", "invalid", "a module 'json' is there already"),
        ("click.py", "", "invalid", "a module 'click' is there already"),
        ("Bad-Name.py", "", "invalid", "is not of the form"),
        ("cnn.py", "", "conflict", "is reserved by deepzoo"),
    ],
)
def test_a_bad_one_costs_itself(folder: Path, name: str, content: str, state: str, reason: str) -> None:
    (folder / name).write_text(content)
    (plugin,) = found().values()
    assert plugin.state == state and reason in plugin.reason
    assert str(folder / name) in plugin.hint


def test_an_edit_is_another_version(folder: Path) -> None:
    (folder / "mine.py").write_text(SOURCE)
    before = found()["mine"].candidate.version
    (folder / "mine.py").write_text(SOURCE.replace("zero", "none"))
    assert found()["mine"].candidate.version != before


def test_it_is_switched_off_like_any_other_and_not_uninstalled(folder: Path) -> None:
    (folder / "mine.py").write_text(SOURCE)
    disable(load_index().plugins, ["mine"])
    assert found()["mine"].state == "disabled"
    with pytest.raises(OptionError, match="is a file") as caught:
        uninstall(["mine"])
    assert caught.value.hint == f"delete {folder / 'mine.py'}"
