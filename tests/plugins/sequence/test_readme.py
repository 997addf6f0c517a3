"""The README cannot rot: its commands run, on a part of the data and for a moment, and its experiment runs as it stands."""

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

README = Path(find_spec("zoo_sequence").origin).with_name("README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines()]
SHORTER = {
    "run": ["--limit", "24"],
    "train": ["--epochs", "1", "--set", "options.steps=3"],
    "gradient-norms": ["--back", "10", "--places", "4"],
}
"""What makes a command take seconds."""


def run(*arguments, cwd):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=cwd)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_runs(command, real_data, tmp_path):
    program, name, *rest = shlex.split(command)
    done = run("-m", "zoo_cli", name, *rest, *SHORTER[name], cwd=tmp_path)
    assert program == "zoo"
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_experiment_of_the_readme_runs(tmp_path):
    (code,) = (block for language, block in BLOCKS if language == "python")
    done = run("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sgd, adamw = (float(line.split()[1]) for line in done.stdout.splitlines())
    assert sgd > adamw
