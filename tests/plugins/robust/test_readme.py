"""The README's commands run as they stand, on few samples; those of the section on fragility have tests of their own."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from zoo_cli.app import zoo

README = Path(find_spec("zoo_robust").origin).with_name("README.md").read_text(encoding="utf-8")
STANDS_FOR = {
    "ATTACK": ("robust/uniform-noise", "robust/fgsm", "robust/deepfool", "robust/pgd", "robust/apgd-ce", "robust/square"),
    "corrupted:DATASET": ("corrupted:mnist",),
    "MODEL": ("cnn/lenet5@mnist",),
}
"""What the tables put for a word of a command."""
SHORTER = {"run": ["--limit", "2"], "train": ["--epochs", "1", "--set", "share=0.02"]}


def commands() -> list[str]:
    """Every command on bundled data, in the text or a block; a word that stands for others is replaced by them."""
    before, _, after = README.partition("## Why accurate models are fragile")
    text = before + after.partition("## To try")[2]
    found = re.findall(r"`(zoo [^`\n]+)`", text) + [line.strip() for line in text.splitlines() if line.strip().startswith("zoo ")]
    found = [command for command in found if "PATH" not in command]
    for word, values in STANDS_FOR.items():
        found = [command.replace(word, value) for command in found for value in (values if word in command else ("",))]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_runs(command: str, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, name, *rest = shlex.split(command)
    done = CliRunner().invoke(zoo, [name, *rest, *SHORTER[name]])
    assert done.exit_code == 0, done.output


def test_the_readme_has_commands_for_its_benchmarks() -> None:
    told = {text.partition("--on ")[2].split()[0].removeprefix("robust/") for text in commands() if "--on " in text}
    assert told >= {"mnist-linf", "mnist-linf-certified", "mnist-l2-certified", "sms-spam-edits", "corrupted:mnist"}
