"""The experiment of the README runs as it stands."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest


def test_the_experiment_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    readme = Path(find_spec("zoo_intro").origin).with_name("README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    scores = [float(line.split("] ")[1].split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert scores[0] < scores[1]
