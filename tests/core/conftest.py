"""Plugins for tests: real distributions, a package and its metadata, in a temporary folder on the search path."""

import importlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

MODEL_PLUGIN = """
from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec


@hookimpl
def zoo_models():
    return [ModelSpec(name=name, summary="A net.", tasks={"classify": "nets:Net"}, modality="vector") for name in NAMES]
"""


class Site:
    """A folder like `site-packages`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)

    def install(
        self,
        name: str,
        source: str,
        *,
        id: str = "",
        module: str = "",
        version: str = "1.0",
        requires: Sequence[str] = (),
        files: Mapping[str, str] | None = None,
    ) -> None:
        """Distribution `name` with a package of that name, whose `__init__.py` is the plugin `id` (default: `name`)."""
        package = name.replace("-", "_")
        info = self.folder / f"{package}-{version}.dist-info"
        wanted = "".join(f"Requires-Dist: {text}\n" for text in requires)
        self.write(f"{package}/__init__.py", source)
        self.write(f"{info.name}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wanted}")
        self.write(f"{info.name}/entry_points.txt", f"[zoo]\n{id or name} = {module or package}\n")
        self.write(f"{info.name}/RECORD", "")
        for path, text in (files or {}).items():
            self.write(path, text)

    def install_models(self, name: str, *names: str, **settings: str) -> None:
        """A good plugin with models of these names."""
        self.install(name, MODEL_PLUGIN.replace("NAMES", repr(names)), **settings)

    def uninstall(self, name: str) -> None:
        package = name.replace("-", "_")
        for path in self.folder.glob(f"{package}*"):
            shutil.rmtree(path)
        importlib.invalidate_caches()

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")
        importlib.invalidate_caches()

    def age(self) -> None:
        """Let all this have happened a minute ago."""
        before = time.time() - 60
        for path in [self.folder, *self.folder.rglob("*")]:
            os.utime(path, (before, before))
        time.sleep(0.1)  # which no clock can set back is the time of the inode


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty folder on `sys.path`. What is imported from it is forgotten at the end."""
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(str(made.folder))
    yield made
    _forget(made.folder)


@pytest.fixture(scope="session")
def lasting_sites(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folders like `site-packages`, each with one plugin, by what is installed in them: see `lasting`."""
    made: dict[str, Path] = {}

    def folder(*names: str, **settings: Any) -> Path:
        told = repr((names, settings))
        if told not in made:
            site = Site(tmp_path_factory.mktemp("lasting") / "site")
            site.install(*names, **settings)
            time.sleep(0.1)  # only then are their stamps trusted
            made[told] = site.folder
        return made[told]

    return folder


@pytest.fixture
def lasting(lasting_sites: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a plugin that no test changes, as `Site.install` does: once for all tests, so that it is asked once."""
    folders: list[Path] = []

    def install(*names: str, **settings: Any) -> None:
        folders.append(lasting_sites(*names, **settings))
        monkeypatch.syspath_prepend(str(folders[-1]))
        _forget(folders[-1])

    yield install
    for folder in folders:
        _forget(folder)


def _forget(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(folder)):
            del sys.modules[name]
    importlib.invalidate_caches()
