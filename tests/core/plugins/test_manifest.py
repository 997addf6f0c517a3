"""Static manifests: written beside the code, read instead of it, and worth nothing once the code is another."""

import json
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import OptionError, PluginError
from zoo.plugins.discovery import discover
from zoo.plugins.manifesting import make_manifest

HEAD = "from zoo.hookspecs import hookimpl\n"
MARK = "open({path!r}, 'a').close()\n"


def plugin(name: str = "mine") -> Any:
    return next(plugin for plugin in discover() if plugin.candidate.id == name)


@pytest.fixture
def imported(site: Any, tmp_path: Path) -> Path:
    """A file that the plugin makes when it is imported; its manifest is written, and the file is gone again."""
    mark = tmp_path / "imported"
    site.install_models("mine", "net")
    source = site.folder / "mine" / "__init__.py"
    source.write_text(source.read_text() + f"import os\nif os.path.isdir({str(tmp_path)!r}): {MARK.format(path=str(mark))}")
    assert make_manifest("mine") == (site.folder / "mine" / "zoo-manifest.json", False)
    assert mark.exists()
    mark.unlink()
    return mark


def test_a_plugin_with_a_manifest_is_listed_without_being_imported(imported: Path) -> None:
    found = plugin()
    assert found.state == "ok" and [spec.name for _, spec in found.specs] == ["mine/net"]
    assert not imported.exists()
    assert make_manifest("mine", check=True)[1]


def test_after_a_change_of_the_code_the_plugin_is_asked_again(site: Any, imported: Path) -> None:
    source = site.folder / "mine" / "__init__.py"
    source.write_text(source.read_text().replace("'net'", "'edited'"))
    assert [spec.name for _, spec in plugin().specs] == ["mine/edited"]
    assert imported.exists()
    assert not make_manifest("mine", check=True)[1]
    make_manifest("mine")
    assert make_manifest("mine", check=True)[1]


@pytest.mark.parametrize(
    "change",
    [
        {"plugin": "cnn"},
        {"format": 99},
        {"offered": [["model", {"name": "cnn/lenet5"}]]},
        {"offered": [["model", {"name": "cnn/lenet5", "summary": "S.", "tasks": {"classify": "a:B"}, "modality": "image"}]]},
        {"offered": [["nothing", {}]]},
        {"namespaces": ["https"]},
        {"kinds": [{"name": "model"}]},
    ],
    ids=str,
)
def test_a_manifest_that_says_what_no_plugin_may_is_not_believed(site: Any, imported: Path, change: dict[str, Any]) -> None:
    file = site.folder / "mine" / "zoo-manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    assert [spec.name for _, spec in plugin().specs] == ["mine/net"]
    assert imported.exists()


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"null", b"{" * 10_000])
def test_a_damaged_manifest_is_not_believed(site: Any, imported: Path, content: bytes) -> None:
    (site.folder / "mine" / "zoo-manifest.json").write_bytes(content)
    assert [spec.name for _, spec in plugin().specs] == ["mine/net"]


def test_what_depends_on_more_than_code_gets_no_manifest(site: Any) -> None:
    site.install("asks", "import os\nos.environ.get('WHICH')\n")
    with pytest.raises(PluginError, match="depends on more than its code: the variable WHICH"):
        make_manifest("asks")
    site.install("raises", "1 / 0\n")
    with pytest.raises(PluginError, match="is not well"):
        make_manifest("raises")
    site.install("guest", f"{HEAD}@hookimpl(optionalhook=True)\ndef zoo_essays():\n    return []\n")
    with pytest.raises(PluginError, match="of a kind that another plugin declares"):
        make_manifest("guest")
    with pytest.raises(OptionError, match="there is no plugin 'nobody'"):
        make_manifest("nobody")
