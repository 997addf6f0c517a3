"""The README's section on fragility cannot rot: its commands run, and a subset repeats its tables."""

import json
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

README = Path(find_spec("zoo_robust").origin).with_name("README.md").read_text(encoding="utf-8")
SECTION = README.partition("## Why accurate models are fragile")[2]
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL) for line in block.splitlines()]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in SECTION.splitlines() if line.startswith("|")]
SHORTER = {
    "fragility": ["--limit", "24"],
    "intrinsic-dimension": ["--limit", "200"],
    "concentration": ["--samples", "40", "--pairs", "2000"],
    "stealth-attack": ["--limit", "500"],
    "run": ["--limit", "200"],
    "verify": [],
}
"""What makes a command take seconds."""


def zoo(command, *more, cwd):
    program, name, *rest = shlex.split(command)
    assert program == "zoo"
    return subprocess.run([sys.executable, "-m", "zoo_cli", name, *rest, *more], capture_output=True, text=True, cwd=cwd)


def of(name, kind):
    """The README's command of a kind for a victim."""
    return next(line for line in COMMANDS if line.startswith(f"zoo {kind} {name}"))


def first_number(cell):
    return float(re.search(r"[\d.]+", cell.replace(",", ""))[0])


def row(table, name):
    """A row of the table whose first column is headed so."""
    start = next(number for number, cells in enumerate(ROWS) if cells[0] == table)
    return next(cells for cells in ROWS[start:] if cells[0].strip("`") == name)


@pytest.mark.slow
def test_every_command_of_the_section_runs(real_data, tmp_path):
    assert {command.split()[1] for command in COMMANDS} == set(SHORTER)
    for command in COMMANDS:
        done = zoo(command, *SHORTER[command.split()[1]], cwd=tmp_path)
        assert done.returncode == 0, (command, done.stderr)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("victim", ["cnn/lenet5@mnist", "robust/small-convnet@mnist-convex", "intro/mlp-wide@fashion-mnist"])
def test_a_subset_repeats_the_norms(victim, real_data, tmp_path):
    done = zoo(of(victim, "fragility"), "--limit", "30", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)["scores"]
    cells = row("victim", victim)
    for name, cell in zip(("robust/deepfool", "robust/fab", "noise", "ratio"), cells[1:], strict=False):
        wide = 0.25 * scores[name]["value"]  # of 30 samples
        assert scores[name]["ci_low"] - wide <= first_number(cell) <= scores[name]["ci_high"] + wide, (name, scores[name])


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["cnn/lenet5@mnist", "robust/small-convnet@mnist-convex", "intro/mlp-wide@fashion-mnist"])
def test_the_stealth_attack_hits_as_often_on_a_subset(victim, real_data, tmp_path):
    cells = row("attacked", victim)
    done = zoo(of(victim, "stealth-attack"), "--limit", "2000", "--json", cwd=tmp_path)
    scores = json.loads(done.stdout)["scores"]
    assert f"{round(20 * scores['success']['value'])} of 20" == cells[2]
    assert round(20 * scores["untouched"]["value"]) >= int(cells[3].split()[0])  # of fewer samples no fewer stay as they were
