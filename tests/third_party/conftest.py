"""A fresh environment with real distributions in it: built as wheels, installed by pip, nothing heavy installed again."""

import json
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
DISTRIBUTIONS = HERE / "distributions"


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


class Environment:
    """An environment of its own, which sees the packages of the running one; what is installed into it stays in it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home
        if not folder.exists():
            venv.create(folder, with_pip=False)
            outer = {*site.getsitepackages(), sysconfig.get_path("purelib")}
            lines = "".join(f"import site; site.addsitedir({path!r})\n" for path in sorted(outer))
            (self.packages / "outer.pth").write_text(lines)
            for command, module in {"zoo": "zoo_cli", "pytest": "pytest", "pip": "pip"}.items():
                script = folder / "bin" / command
                script.write_text(f'#!/bin/sh\nexec "$(dirname "$0")/python" -m {module} "$@"\n')
                script.chmod(0o755)

    @property
    def packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *arguments: str, cwd: Path | None = None, **variables: str) -> Done:
        environment = {**os.environ, "ZOO_HOME": str(self.home), "PIP_NO_INPUT": "1", **variables}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            [str(self.python), *arguments], capture_output=True, text=True, env=environment, cwd=cwd or self.folder, timeout=300
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def shell(self, script: str, cwd: Path, **variables: str) -> Done:
        """Lines of a shell, as a user would type them, without a network; stops at the first that fails."""
        offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "ZOO_HOME": str(self.home), "PATH": path, **offline, **variables}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            ["bash", "-euc", script], capture_output=True, text=True, env=environment, cwd=cwd, timeout=900, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def zoo(self, *arguments: str, cwd: Path | None = None, **variables: str) -> Done:
        return self.run("-m", "zoo_cli", *arguments, cwd=cwd, **variables)

    def pip(self, *arguments: str) -> Done:
        return self.run("-m", "pip", "--disable-pip-version-check", *arguments)

    def install(self, *wheels: Path) -> None:
        done = self.pip("install", "--no-index", "--no-deps", "--quiet", *map(str, wheels))
        assert done.code == 0, done.err

    def copy(self, folder: Path, home: Path) -> "Environment":
        """The same again, to change as one likes. Its interpreter finds its packages by where it stands."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Environment(folder, home)

    def age(self) -> None:
        """Let all that is installed have been so for a minute, so that the index can be kept."""
        before = time.time() - 60
        for path in [self.packages, *self.packages.rglob("*")]:
            os.utime(path, (before, before))


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Distribution to its wheel."""
    folder = tmp_path_factory.mktemp("wheels")
    sources = tmp_path_factory.mktemp("sources") / "distributions"
    shutil.copytree(DISTRIBUTIONS, sources)
    names = sorted(path.name for path in sources.iterdir())
    subprocess.run([sys.executable, HERE / "build.py", folder, *(sources / name for name in names)], check=True, timeout=300)
    return {name: next(folder.glob(f"{name.replace('-', '_')}-*.whl")) for name in names}


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with nothing installed; not to be changed."""
    base = tmp_path_factory.mktemp("pristine")
    return Environment(base / "environment", base / "home")


@pytest.fixture(scope="session")
def crowded(pristine: Environment, wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with every distribution of ours, broken ones and good ones. Tests leave it as it is."""
    base = tmp_path_factory.mktemp("crowded")
    made = pristine.copy(base / "environment", base / "home")
    made.install(*wheels.values())
    made.age()
    return made


@pytest.fixture
def fresh(pristine: Environment, tmp_path: Path) -> Environment:
    """An environment with nothing installed, of the test's own."""
    return pristine.copy(tmp_path / "environment", tmp_path / "home")
