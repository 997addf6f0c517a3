"""The README's commands and its Python run as they stand; trainings are cut short."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from zoo_cli.app import zoo

README = Path(find_spec("zoo_vit").origin).with_name("README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_python_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    exec(compile(code, "README.md", "exec"), {})
    blocks_read, reaching = capsys.readouterr().out.split()
    assert blocks_read == "5"
    assert 0 < float(re.sub(r"[^\d.]", "", reaching)) < 1


@pytest.mark.slow
def test_the_commands_of_the_readme_run(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert sum(command.startswith("zoo train") for command in commands) == 5
    for command in commands:
        short = ["--epochs", "1", "--set", "share=0.01"] if command.startswith("zoo train") else ["--limit", "20"]
        done = CliRunner().invoke(zoo, [*shlex.split(command)[1:], *short])
        assert done.exit_code == 0, f"{command}: {done.output}"
        assert "--save-figures" not in command or "4 figures in" in done.output
