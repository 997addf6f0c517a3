"""The README's experiment of the gradient check runs as it stands, and its table says what is found."""

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import zoo
from zoo_cli.app import zoo as command
from zoo_cnn import layers_numpy as layers
from zoo_cnn import lenet_numpy

README = Path(find_spec("zoo_cnn").origin).with_name("README.md").read_text(encoding="utf-8")
NAMES = [f"{layer}.{kind}" for layer in ("c1", "c3", "c5", "f6", "output") for kind in ("weight", "bias")]


def shared(pool: layers.MaxPool2d, d_y: np.ndarray) -> np.ndarray:
    (_, _, height, width), shape = pool._shapes
    share = d_y[..., None, None] / (shape[4] * shape[5])
    return pool.windows.put_back(np.broadcast_to(share, shape), height, width)


def overwritten(windows: layers.Windows, d_windows: np.ndarray, height: int, width: int) -> np.ndarray:
    """For windows of stride and dilation 1 without padding."""
    out_h, out_w, kernel_h, kernel_w = d_windows.shape[2:]
    d_x = np.zeros((*d_windows.shape[:2], height, width))
    for i in range(kernel_h):
        for j in range(kernel_w):
            d_x[:, :, i : i + out_h, j : j + out_w] = d_windows[..., i, j]
    return d_x


backward, put_back, cross_entropy = layers.Conv2d.backward, layers.Windows.put_back, layers.cross_entropy


def without_bias(conv: layers.Conv2d, d_y: np.ndarray) -> np.ndarray:
    d_x = backward(conv, d_y)
    conv.d_bias = np.zeros_like(conv.d_bias)
    return d_x


def undivided(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    loss, d_logits = cross_entropy(logits, labels)
    return loss, d_logits * len(labels)


BUGS: dict[str, tuple[Any, str, Callable[..., Any]] | None] = {
    "none": None,
    "`ReLU.backward` returns": (layers.ReLU, "backward", lambda relu, d_a: d_a),
    "`MaxPool2d.backward` gives": (layers.MaxPool2d, "backward", shared),
    "`Windows.put_back` writes": (
        layers.Windows,
        "put_back",
        lambda windows, *given: (overwritten if windows.stride == (1, 1) else put_back)(windows, *given),
    ),
    "`Conv2d.backward` leaves": (layers.Conv2d, "backward", without_bias),
    "`cross_entropy` does not": (lenet_numpy, "cross_entropy", undivided),
}


@pytest.mark.parametrize("bug", BUGS)
def test_the_check_finds_what_the_table_says(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (named,) = re.findall(rf"^\| {re.escape(bug)}.*\| (.+?) \|$", README, re.MULTILINE)
    expected = NAMES if named == "all" else [name for name in NAMES if any(part in name for part in re.findall("`(.+?)`", named))]
    if (change := BUGS[bug]) is not None:
        monkeypatch.setattr(*change)
    check = zoo.gradcheck("cnn/lenet5-digits", model="cnn/lenet5-numpy")
    assert [parameter.name for parameter in check.parameters if parameter.error > check.tolerance] == expected


def test_the_python_of_the_experiment_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(layers.ReLU, "backward", layers.ReLU.backward)  # put back afterwards
    (code,) = (block for block in re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL) if "gradcheck" in block)
    exec(compile(code, "README.md", "exec"), {})
    right, wrong = capsys.readouterr().out.splitlines()
    assert right == "[]"
    assert wrong == str(NAMES[:8])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", re.findall(r"^zoo train (\S+-fashion-mnist)$", README, re.MULTILINE))
def test_each_recipe_on_clothes_takes_its_first_steps(recipe: str, real_data: Path) -> None:
    done = CliRunner().invoke(command, ["train", recipe, "--profile", "8", "--data-dir", str(real_data)])
    assert done.exit_code == 0, done.output


@pytest.mark.slow
def test_an_epoch_of_the_smallest_recipe_on_clothes_learns(real_data: Path) -> None:
    record = zoo.train("cnn/two-conv-fashion-mnist", epochs=1, data_dir=real_data)
    score = zoo.evaluate(record.recipe.model, "fashion-mnist", weights=record.weights, data_dir=real_data).primary
    assert (record.dataset.trained_on, score.n) == (54_000, 10_000)
    assert score.value > 0.8
