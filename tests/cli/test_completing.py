"""Completion in bash, asked as bash asks: names of models and benchmarks come from the index."""

import os
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def complete(tmp_path):
    """Candidates for a line that is being typed, by the script that `zoo` prints, in a bash of its own."""
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    script = tmp_path / "zoo"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m zoo_cli "$@"\n')
    script.chmod(0o755)

    def call(*words: str) -> list[str]:
        typed = " ".join(f'"{word}"' for word in words)
        code = f"""
eval "$(_ZOO_COMPLETE=bash_source zoo)"
COMP_WORDS=(zoo {typed}); COMP_CWORD={len(words)}
_zoo_completion zoo
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
        environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, env=environment, check=True)
        return done.stdout.split()

    return call


def test_names_of_models_and_benchmarks_are_completed(complete):
    assert complete("run", "intro/") == ["intro/logistic", "intro/mlp", "intro/mlp-numpy", "intro/mlp-wide"]
    assert "cnn/lenet5" in complete("run", "")
    assert complete("run", "lenet") == ["lenet5", "lenet5-numpy"]
    assert "mnist-linf" in complete("run", "robust/pgd", "--on", "mnist-l")
    assert complete("list", "--plugin", "intr") == ["intro"]


def test_commands_are_completed_with_those_of_plugins(complete, toy):
    assert complete("gre") == ["greet"]
    assert complete("plugins", "un") == ["uninstall"]


def test_kinds_and_entries_that_plugins_add_are_completed(complete):
    assert complete("list", "home") == ["homeworks"]
    assert complete("show", "homework/hw") == ["homework/hw1", "homework/hw2"]


def test_parts_of_a_model_are_completed_behind_its_bracket():
    from zoo.plugins.index import load_index
    from zoo_cli.completing import _parts

    def offered(typed: str) -> set[str]:
        return set(_parts(load_index(strict=False), typed))

    assert "robust/smoothed(intro/mlp@digits)" in offered("robust/smoothed(intro/m")
    assert "robust/smoothed(robust/denoised(" in offered("robust/smoothed(robust/d")
    both = offered("robust/denoised(")
    assert {"base=", "denoiser="} <= {name.removeprefix("robust/denoised(") for name in both}
    assert "robust/denoised(base=intro/mlp@digits, " in offered("robust/denoised(base=intro/ml")
    last = offered("robust/denoised(base=intro/mlp@digits, denoiser=vision/dn")
    assert "robust/denoised(base=intro/mlp@digits, denoiser=vision/dncnn@sigma25)" in last
    assert not any("cnn/lenet5" in name for name in last)
    inner = offered("robust/smoothed(robust/denoised(intro/mlp, vision/dn")
    assert "robust/smoothed(robust/denoised(intro/mlp, vision/dncnn@sigma25)" in inner
    assert offered("cnn/lenet5(") == set()
