"""The README's commands run as they stand, on few samples."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from zoo_cli.app import zoo

README = Path(find_spec("zoo_generative").origin).with_name("README.md").read_text(encoding="utf-8")
STANDS_FOR = {
    "MODEL": ("generative/noise", "generative/vae@mnist", "generative/ddpm", "generative/gan"),
    "G": ("0", "1"),
}
"""What the tables put for a word of a command."""
SHORTER = {"run": ["--limit", "24"], "sample": ["-n", "1"]}


def commands() -> list[str]:
    """Every command on bundled data, each word that stands for something replaced by all that it stands for."""
    found = [text for text in re.findall(r"`(zoo (?:run|sample) [^`]+)`", README) if not re.search("PATH|FOLDER", text)]
    for word, values in STANDS_FOR.items():
        found = [re.sub(rf"\b{word}\b", value, text) for text in found for value in (values if word in text.split() else ("",))]
    return [*found, "zoo run generative/linear-gaussian --on mnist-dequantised --stretch 1.5"]


@pytest.mark.slow
@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_runs(command: str, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, name, *rest = shlex.split(command)
    done = CliRunner().invoke(zoo, [name, *rest, *SHORTER[name]])
    assert done.exit_code == 0, done.output


def test_the_readme_has_commands_for_every_benchmark() -> None:
    told = {text.partition("--on ")[2].split()[0] for text in commands() if "--on " in text}
    assert told >= {"mnist-samples", "mnist-modes", "mnist-class-samples", "mnist-dequantised", "mnist-binarised"}
