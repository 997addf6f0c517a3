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


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_trains(command: str) -> None:
    done = CliRunner().invoke(zoo, [*shlex.split(command)[1:], "--epochs", "1"])
    assert done.exit_code == 0, done.output
    assert "memory" in done.output and "activations" in done.output
