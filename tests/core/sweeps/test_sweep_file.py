"""A sweep as a YAML file says it."""

from pathlib import Path

import pytest

from zoo.errors import OptionError
from zoo.sweeps import read_sweep


def written(folder: Path, text: str) -> Path:
    path = folder / "sweep.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_models_benchmarks_and_settings_are_read(tmp_path) -> None:
    path = written(tmp_path, "models: ['intro/*', mlp]\nbenchmarks: digits\nlimit: 9\nmetrics: nll\nprotocol: {eps: 0.1}\n")
    assert read_sweep(path) == (["intro/*", "mlp"], ["digits"], {"limit": 9, "protocol": {"eps": 0.1}, "metrics": ["nll"]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("modles: [a]", "no key 'modles'\ndid you mean models"),
        ("on: digits", "reads as true"),
        ("models: 3", "models must be a list of names"),
        ("models: [1]", "models must be a list of names"),
        ("options: [a]", "options must be a mapping"),
        ("- a", "holds no mapping"),
        ("models: [*]", "line 1 is no YAML"),
        ("a: [", "is no YAML"),
    ],
)
def test_what_is_wrong_in_it_is_named(tmp_path, text, said) -> None:
    with pytest.raises(OptionError) as caught:
        read_sweep(written(tmp_path, text))
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path) -> None:
    with pytest.raises(OptionError, match="cannot read"):
        read_sweep(tmp_path / "nope.yaml")
