"""What the key of a user's own module sees: its tensors, its attributes, and the source files of its classes."""

import functools
import importlib
import sys
import threading

import pytest
import torch
from torch import nn

from zoo.identity.own import UntoldError, own_code
from zoo.opening.loading import load


def told(module):
    state, code = own_code(module)
    return {**state, "source": code.sha256}


class Net(nn.Module):
    def __init__(self, act=torch.relu, **attributes):
        super().__init__()
        self.linear = nn.Linear(4, 2)
        self.act = act
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.fill_(0.5)
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, x):
        return self.act(self.linear(x))


class Child(Net):
    pass


def shift(by, x):
    return x + by


def shifted(by):
    return lambda x: x + by


def buffered(value):
    net = Net()
    net.register_buffer("scale", torch.tensor([value]), persistent=False)
    return net


def hooked(by):
    net = Net()
    net.register_forward_hook(lambda module, inputs, output: output + by)
    return net


VARIANTS = {
    "plain": lambda: Net(),
    "another parameter": lambda: _filled(0.25),
    "a builtin function": lambda: Net(torch.neg),
    "a python function": lambda: Net(nn.functional.gelu),
    "a submodule": lambda: Net(nn.ReLU()),
    "a partial": lambda: Net(functools.partial(shift, 1)),
    "another partial": lambda: Net(functools.partial(shift, 2)),
    "a closure": lambda: Net(shifted(1)),
    "another closure": lambda: Net(shifted(2)),
    "a list": lambda: Net(scales=[1, 2]),
    "another list": lambda: Net(scales=[1, 3]),
    "a dict of tensors": lambda: Net(scales={"a": torch.ones(2)}),
    "another dict of tensors": lambda: Net(scales={"a": torch.zeros(2)}),
    "a non-persistent buffer": lambda: buffered(1.0),
    "another non-persistent buffer": lambda: buffered(2.0),
    "a hook": lambda: hooked(1),
    "another hook": lambda: hooked(2),
    "a subclass": lambda: Child(),
    "used once": lambda: nn.Sequential(Net(), *[nn.Tanh()] * 1),
    "used twice": lambda: nn.Sequential(Net(), *[nn.Tanh()] * 2),
}


def _filled(value):
    net = Net()
    nn.init.constant_(net.linear.bias, value)
    return net


def test_every_difference_in_what_a_module_holds_is_seen():
    identities = {name: told(make()) for name, make in VARIANTS.items()}
    states = {name: found["state"] for name, found in identities.items()}
    assert len(set(states.values())) == len(states)


@pytest.mark.parametrize("name", VARIANTS)
def test_equal_modules_are_the_same(name):
    assert told(VARIANTS[name]()) == told(VARIANTS[name]())


def test_mode_and_layout_are_no_difference():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout())
    before = told(net.train())
    assert told(net.eval().to(memory_format=torch.channels_last)) == before


def test_what_cannot_be_told_is_named():
    for untold in (Net(lock=threading.Lock()), threading.Lock().acquire):
        with pytest.raises(UntoldError, match="lock"):
            own_code(untold)


def test_functions_are_told_by_what_they_hold():
    first, second, again = (told(shifted(by)) for by in (1, 2, 1))
    assert first == again
    assert first["state"] != second["state"] and first["source"] == second["source"]


def test_a_module_that_holds_itself_is_described():
    net = Net()
    net.friends = [net]
    assert told(net)


def test_a_base_class_in_another_file_is_part_of_the_source(tmp_path, monkeypatch):
    def sources(body):
        for name in ("base_of_own", "own_with_base"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / "base_of_own.py").write_text(
            f"from torch import nn\nclass Base(nn.Module):\n    def forward(self, x): return {body}\n"
        )
        (tmp_path / "own_with_base.py").write_text("from base_of_own import Base\nclass Own(Base): pass\n")
        importlib.invalidate_caches()
        return told(importlib.import_module("own_with_base").Own())

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    first, second = sources("x"), sources("x + 1")
    assert first["state"] == second["state"]
    assert first["source"] != second["source"]


@pytest.mark.parametrize("name", ["cnn/lenet5@mnist", "intro/mlp@digits", "sequence/lstm", "sequence/ngram-bag"])
def test_a_model_of_the_registry_can_be_told(name):
    assert told(load(name))


def test_what_a_library_keeps_in_objects_of_its_own_is_told_by_what_it_saves():
    from sklearn.tree import DecisionTreeClassifier

    trees = [DecisionTreeClassifier(random_state=0).fit([[0], [1], [2]], labels) for labels in ([0, 1, 1], [0, 0, 1])]
    states = [told(Net(tree=tree))["state"] for tree in (*trees, trees[0])]
    assert states[0] == states[2] != states[1]


def test_code_that_no_file_holds_is_told_by_itself():
    def typed(body):
        names = {"__name__": "typed_in", "nn": nn}
        exec(f"class Typed(nn.Module):\n    def forward(self, x): return {body}\n", names)
        return told(names["Typed"]())

    assert typed("x + 1") == typed("x + 1") != typed("x + 2")


def test_a_helper_two_imports_away_is_part_of_the_source(tmp_path, monkeypatch):
    (tmp_path / "own_top.py").write_text("from torch import nn\nfrom own_mid import f\nclass Own(nn.Module):\n    pass\n")
    (tmp_path / "own_mid.py").write_text("def f(x):\n    import own_deep\n    return own_deep.g(x)\n")
    (tmp_path / "own_deep.py").write_text("def g(x): return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    net = importlib.import_module("own_top").Own()
    before = told(net)
    (tmp_path / "own_deep.py").write_text("def g(x): return x + 1\n")
    assert told(net) != before
    assert told(net)["state"] == before["state"]
