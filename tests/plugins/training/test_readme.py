"""The README's commands run as they stand, cut short."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from zoo_cli.app import zoo

README = Path(find_spec("zoo_training").origin).with_name("README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S) for line in block.splitlines()]


MARKED = [
    pytest.param(each, marks=[pytest.mark.slow] if re.search("--processes|--with compile", each) else [])
    for each in COMMANDS
    if each.startswith("zoo train")
]


@pytest.mark.parametrize("command", MARKED)
def test_a_command_of_the_readme_trains(command: str) -> None:
    if "-8bit" in command:
        pytest.importorskip("torchao")
    shorter = [] if "--profile" in command else ["--epochs", "1"]
    done = CliRunner().invoke(zoo, [*shlex.split(command)[1:], *shorter])
    assert done.exit_code == 0, done.output
    assert "memory" in done.output and "activations" in done.output


@pytest.mark.parametrize("command", [each for each in COMMANDS if not each.startswith("zoo train")])
def test_every_other_command_of_the_readme_is_there(command: str) -> None:
    """What they measure is tested on less: lessons, the range test and runs in int8 have tests of their own."""
    words = [word for word in shlex.split(command)[1:] if not word.startswith("-")]
    asked = words[:2] if words[0] == "lesson" else words[:1]
    done = CliRunner().invoke(zoo, [*asked, "--help"])
    assert done.exit_code == 0 and asked[-1] in done.output
