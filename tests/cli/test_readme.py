"""The README cannot rot: its commands and its Python run, its transcript is what they print, its names exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import zoo as package
from zoo_cli.app import COMMANDS
from zoo_cli.errors import BUG, INTERRUPTED, USER_ERROR

README = Path(__file__).parents[2] / "README.md"


def blocks(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def masked(text: str) -> str:
    """Text without what differs between runs and machines: digits after the first two of a number, ids, and time."""
    text = re.sub(r"\b[0-9a-f]{8,16}\b", "ID", text)
    text = re.sub(r"[\d.,]+ s, [\d,]+ samples/s", "TIME", text)
    return re.sub(r"(\d\.\d\d)\d+", r"\1", text)


@pytest.fixture(autouse=True)
def without_data(monkeypatch):
    """Whoever follows the README has no data folder."""
    monkeypatch.delenv("ZOO_DATA_DIR", raising=False)


def test_the_first_command_installs_and_scores_a_model(zoo):
    install, scores = blocks("sh")[0].strip().split("pip install . && ")
    assert install.startswith("python3 -m venv .venv")
    assert zoo(*shlex.split(scores)[1:]).code == 0


def test_the_second_command_runs_the_tests():
    assert blocks("sh")[1].strip().endswith("&& pip install -e '.[dev]' && pytest")


def test_the_transcript_is_what_the_commands_print(zoo):
    (transcript,) = blocks("console")
    for part in re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        done = zoo(*shlex.split(command)[1:])
        assert (done.code, done.err) == (0, "")
        assert masked(done.out) == masked(shown)


def test_every_exit_code_is_listed():
    listed = re.findall(r"^\| (\d+) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(code) for code in listed] == [0, 1, USER_ERROR, BUG, INTERRUPTED]


def test_the_python_runs_and_scores(tmp_path):
    (code,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert re.fullmatch(r"accuracy 0\.9\d+ \[0\.\d+, 0\.\d+\]\n", done.stdout)


def test_every_plugin_and_name_in_the_readme_exists():
    text = README.read_text(encoding="utf-8")
    registry = package.registry()
    table = text.partition("## What is inside")[2].partition("## From Python")[0]
    plugins = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert set(plugins) <= {plugin["id"] for plugin in registry.index.plugins}
    names = [name for name in re.findall(r"`([a-z]+/[a-z0-9-]+)(?:@[a-z0-9]+)?`", text) if name.partition("/")[0] in plugins]
    assert len(names) > 10
    for name in names:
        assert any(registry.knows(kind, name) for kind in ("model", "technique", "suite")), name
    known = {*COMMANDS, *(command.name.rpartition("/")[2] for command in registry.commands())}
    assert set(re.findall(r"`zoo ([a-z][a-z-]*)", text)) <= known
