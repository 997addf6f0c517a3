"""A finished training is found again only where nothing that made it can have changed; else it is done anew, and says so."""

import importlib
import sys

import pytest

from zoo.specs import RecipeSpec
from zoo.training.run import train

ENTRY = """
from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec


@hookimpl
def zoo_models():
    return [ModelSpec(name="net", summary="A net.", tasks={"classify": "fit_nets.net:Net"}, modality="image")]
"""
NET = """
import torch
from torch import nn
from fit_nets import middle


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(x.flatten(1) * SCALE)
"""
RECIPE = RecipeSpec(name="test/fit", summary="A test", model="fit/net", dataset="data/digits", epochs=1, batch_size=256)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write files of plugin `fit`, which are then imported anew."""
    folder = tmp_path / "site"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] in ("fit", "fit_nets", "fit_tools")]:
            monkeypatch.delitem(sys.modules, name)
        importlib.invalidate_caches()

    def files(scale="middle.scale()", **more):
        texts = {
            "fit.py": ENTRY,
            "fit_nets/__init__.py": "",
            "fit_nets/net.py": NET.replace("SCALE", scale),
            "fit_nets/middle.py": "def scale():\n    from fit_tools.helper import SCALE\n    return SCALE\n",
            "fit_tools/__init__.py": "",
            "fit_tools/helper.py": f"SCALE = {more.get('helper', 1.0)}\n",
            "fit-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: fit\nVersion: 1.0\n",
            "fit-1.0.dist-info/entry_points.txt": "[zoo]\nfit = fit\n",
        }
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        forget()

    yield files
    forget()


def test_a_finished_training_is_found_without_a_word(write, recwarn):
    write()
    first, again = train(RECIPE), train(RECIPE)
    assert [str(warning.message) for warning in recwarn if "used again" in str(warning.message)] == []
    assert again == first


def test_an_edit_of_a_helper_two_imports_away_trains_anew(write):
    write()
    first = train(RECIPE)
    write(helper=3.0)
    again = train(RECIPE)
    assert again.key != first.key and again.weights_sha256 != first.weights_sha256


def test_an_edit_of_the_core_that_trains_is_another_training(write, monkeypatch):
    write()
    first = train(RECIPE)
    monkeypatch.setattr("zoo.training.plan.core_sha256", lambda *_: "edited")
    assert train(RECIPE).key != first.key


def test_a_training_that_reads_a_file_is_done_anew(write, tmp_path):
    scale = tmp_path / "scale.txt"
    scale.write_text("1")
    write(scale=f"float(open({str(scale)!r}).read())")
    with pytest.warns(UserWarning, match=f"nothing of this training is used again: it opens {scale}"):
        first = train(RECIPE)
    scale.write_text("3")
    with pytest.warns(UserWarning, match=f"nothing of this training is used again: it opens {scale}"):
        again = train(RECIPE)
    assert again.weights_sha256 != first.weights_sha256
