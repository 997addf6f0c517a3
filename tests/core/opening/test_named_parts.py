"""Models that an option names: found before a run, part of its key and record, handed over loaded, and refused by name."""

import pytest

import zoo
from zoo.errors import ModelError, OptionError, UnknownNameError
from zoo.opening.composing import named_model
from zoo.opening.weights_choice import Choice
from zoo.options import NamedModel
from zoo.plugins.registry import registry

PLUGIN = """
from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec

def spec(name, task, modality="vector"):
    return ModelSpec(name=name, summary="A net.", tasks={task: f"nets:{name.title()}"}, modality=modality,
                     options=f"nets:{name.title()}", classes=("a", "b"))

@hookimpl
def zoo_models():
    return [spec("vote", "classify"), spec("one", "classify"), spec("pair", "classify"), spec("loop", "classify"),
            spec("words", "classify", "text"), spec("flat", "embed")]
"""
NETS = """
from typing import Annotated, ClassVar
import torch
from pydantic import BeforeValidator, Field
from zoo.options import NamedModel, split_named
from zoo.specs import Frozen
from consts import SCALE

class Net(NamedModel):
    task: ClassVar[str] = "classify"

class One(Frozen):
    scale: float = 1.0
    def __call__(self, vectors):
        return self.scale * SCALE * torch.stack([vectors[:, 0], -vectors[:, 0]], dim=1)

class Words(One): pass
class Flat(One): pass

class Vote(Frozen):
    nets: Annotated[tuple[Net, ...], BeforeValidator(lambda v: split_named(v) if isinstance(v, str) else v)] = Field(
        default=("one",), validate_default=True, min_length=1)
    def __call__(self, vectors):
        return sum(net.model(vectors) for net in self.nets)

class Pair(Frozen):
    net: Net = Field(default="one", validate_default=True)
    def __call__(self, vectors):
        return self.net.model(vectors)

class Loop(Frozen):
    net: Net = Field(default="mine/loop", validate_default=True)
"""


@pytest.fixture
def opened(site):
    """Opens a model of the plugin with options."""
    site.install("mine", PLUGIN, files={"nets.py": NETS, "consts.py": "SCALE = 1.0\n"})
    site.age()
    return lambda name, **options: named_model(registry().model(f"mine/{name}"), "classify", Choice(), options)


def test_they_are_handed_over_loaded(opened):
    import torch

    made = opened("vote", nets="one,mine/one:scale=2+one:4+mine/pair:net=mine/one:scale=3").load()
    assert made(torch.tensor([[1.0], [2.0]])).tolist() == [[10.0, -10.0], [20.0, -20.0]]
    assert all(net._loaded is not None for net in made.nets)


def test_key_and_record_know_their_options_code_and_distributions(opened, site):
    first = opened("vote", nets="one,mine/one:scale=2")
    assert list(first.parts) == ["nets.0", "nets.1"]
    assert [part.info.options for part in first.parts.values()] == [{"scale": 1.0}, {"scale": 2.0}]
    assert {part.distribution for part in first.parts.values()} == {first.distribution} == {"mine 1.0"}
    same, other = opened("vote", nets=["mine/one:scale=1.0", "one:2"]), opened("vote", nets="one,mine/one:scale=3")
    assert other.identity != first.identity and same.identity["parts"] == first.identity["parts"]
    site.write("consts.py", "SCALE = 2.0\n")
    assert opened("vote", nets="one,mine/one:scale=2").identity["parts"] != first.identity["parts"]
    assert any(path.endswith("consts.py") for path in first.files)


def test_one_of_a_single_option_is_a_part_too(opened):
    assert opened("pair", net="one:2").parts["net"].info.options == {"scale": 2.0}
    assert opened("pair").has_defaults and not opened("pair", net="one:2").has_defaults


@pytest.mark.parametrize(
    ("name", "options", "error", "says"),
    [
        ("vote", {"nets": "two"}, UnknownNameError, "no model named 'two'"),
        ("vote", {"nets": "one:scal=1"}, OptionError, "mine/one has no option 'scal'"),
        ("vote", {"nets": "one:scale=x"}, OptionError, "scale of mine/one"),
        ("vote", {"nets": "one:1:2"}, OptionError, "too many values for mine/one"),
        ("vote", {"nets": ""}, OptionError, "it has no name"),
        ("vote", {"nets": "one,"}, OptionError, "it has no name"),
        ("pair", {"net": 3}, OptionError, "must be the name of a model"),
        ("pair", {"net": "mine/words"}, ModelError, "mine/words takes text, and mine/pair, which is to use it, vector"),
        ("pair", {"net": "mine/flat"}, ModelError, "mine/flat does not classify"),
        ("loop", {}, ModelError, "mine/loop is a part of itself"),
    ],
)
def test_what_cannot_be_a_part_is_refused_by_name(opened, name, options, error, says):
    with pytest.raises(error, match=says):
        opened(name, **options)


def test_a_doubt_of_a_part_is_one_of_the_whole(opened, site):
    opened("one").load()
    site.write("consts.py", "SCALE = 3.0\n")  # the module in memory is the old one
    assert "consts.py was edited after" in opened("pair").doubt


def test_without_a_run_it_loads_when_it_is_asked_for():
    class Attack(NamedModel):
        task = "attack"

    named = Attack("robust/pgd:steps=3")
    assert named == "robust/pgd:steps=3" and named.model.steps == 3 and named.model is named.model
    assert zoo.load("robust/pgd", task="attack").steps == 20
