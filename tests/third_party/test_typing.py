"""What `zoo plugins new` writes is clean for the type checkers that authors use."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from zoo.plugins.scaffold import KINDS, new_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untouched project."""
    return new_project("demo", tmp_path_factory.mktemp("authors") / "demo")


def checked(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What a type checker says of the folder, by its own defaults."""
    return subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False, timeout=900)


def test_mypy_strict_finds_nothing_in_a_project_of_any_kind(project: Path) -> None:
    for kind in KINDS[1:]:
        new_project(f"a-{kind}", project.parent / kind, kind)
    done = checked(["mypy", "--strict", "--cache-dir", os.devnull, "."], project.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"no issues found in {len(list(project.parent.rglob('*.py')))} source files" in done.stdout


def test_pyright_finds_nothing(project: Path) -> None:
    done = checked(["pyright", "--outputjson", "--pythonpath", sys.executable, "."], project)
    if not done.stdout.lstrip().startswith("{"):
        pytest.skip(f"pyright cannot run here, as without a network it cannot fetch itself: {done.stderr[-200:]}")
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] == 5
    assert report["generalDiagnostics"] == []


def test_they_do_find_a_field_that_is_missing(project: Path) -> None:
    entry = project / "zoo_demo" / "__init__.py"
    text = entry.read_text(encoding="utf-8")
    try:
        entry.write_text(text.replace('            task="classify",\n', "", 1), encoding="utf-8")
        done = checked(["mypy", "--strict", "--cache-dir", os.devnull, "."], project)
    finally:
        entry.write_text(text, encoding="utf-8")
    assert 'Missing named argument "task"' in done.stdout
