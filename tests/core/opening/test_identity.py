"""What the key of a user's own module sees: everything that may change its predictions."""

import functools
import importlib
import sys
import textwrap
import threading

import pytest
import torch
from torch import nn

from zoo.opening.identity import module_identity
from zoo.opening.models import load


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
    identities = {name: module_identity(make()) for name, make in VARIANTS.items()}
    assert None not in identities.values()
    states = {name: found["state"] for name, found in identities.items()}
    assert len(set(states.values())) == len(states)


@pytest.mark.parametrize("name", VARIANTS)
def test_equal_modules_are_the_same(name):
    assert module_identity(VARIANTS[name]()) == module_identity(VARIANTS[name]())


def test_mode_and_layout_are_no_difference():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout())
    before = module_identity(net.train())
    assert module_identity(net.eval().to(memory_format=torch.channels_last)) == before


def test_what_cannot_be_told_has_no_identity():
    assert module_identity(Net(lock=threading.Lock())) is None
    assert module_identity(threading.Lock().acquire) is None


def test_functions_are_told_by_what_they_hold():
    first, second, again = (module_identity(shifted(by)) for by in (1, 2, 1))
    assert first == again and first is not None
    assert first["state"] != second["state"] and first["source"] == second["source"]


def test_a_module_that_holds_itself_is_described():
    net = Net()
    net.friends = [net]
    assert module_identity(net) is not None


def test_a_base_class_in_another_file_is_part_of_the_source(tmp_path, monkeypatch):
    def sources(body):
        for name in ("base_of_own", "own_with_base"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / "base_of_own.py").write_text(
            f"from torch import nn\nclass Base(nn.Module):\n    def forward(self, x): return {body}\n"
        )
        (tmp_path / "own_with_base.py").write_text("from base_of_own import Base\nclass Own(Base): pass\n")
        importlib.invalidate_caches()
        return module_identity(importlib.import_module("own_with_base").Own())

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    first, second = sources("x"), sources("x + 1")
    assert first["state"] == second["state"]
    assert first["source"] != second["source"]


SURROUNDINGS = {
    "a global": """
        G = {value}
        class Net(nn.Module):
            def forward(self, x): return x * G
    """,
    "a global array": """
        import numpy as np
        G = np.full(3, {value})
        class Net(nn.Module):
            def forward(self, x): return x * G[0]
    """,
    "a global that a function reads inside another": """
        G = {value}
        def scaled(x): return x * G
        class Net(nn.Module):
            def forward(self, x): return [scaled(y) for y in x]
    """,
    "a global that a lambda among lambdas reads": """
        G, H = {value}, 1
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.steps = [lambda x: x * G, lambda x: x * H]
            def forward(self, x): return self.steps[1](self.steps[0](x))
    """,
    "a class attribute": """
        class Net(nn.Module):
            G = {value}
            def forward(self, x): return x * self.G
    """,
    "an attribute of a base class of what a method makes": """
        class Base:
            G = {value}
        class Scale(Base):
            def __call__(self, x): return x * self.G
        class Net(nn.Module):
            def forward(self, x): return Scale()(x)
    """,
    "the closure of a method": """
        def made(g):
            class Net(nn.Module):
                def forward(self, x): return x * g
            return Net
        Net = made({value})
    """,
    "a default of a method": """
        class Net(nn.Module):
            def forward(self, x, g={value}): return x * g
    """,
    "a global behind a property and a decorator": """
        G = {value}
        def twice(method):
            def run(self, x): return method(self, x) * G
            return run
        class Net(nn.Module):
            @property
            def g(self): return 1
            @torch.no_grad()
            @twice
            def forward(self, x): return x * self.g
    """,
    "an attribute of a module of one's own": """
        import settings_of_own
        settings_of_own.inner.G = {value}
        class Net(nn.Module):
            def forward(self, x): return x * settings_of_own.inner.G
    """,
}


@pytest.fixture
def net_of(tmp_path, monkeypatch):
    """The Net of a file with this text, imported anew."""
    (tmp_path / "settings_of_own").mkdir()
    (tmp_path / "settings_of_own" / "__init__.py").write_text("from settings_of_own import inner\n")
    (tmp_path / "settings_of_own" / "inner.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)

    def imported(text):
        monkeypatch.delitem(sys.modules, "own_net", raising=False)
        (tmp_path / "own_net.py").write_text("import torch\nfrom torch import nn\n" + textwrap.dedent(text))
        importlib.invalidate_caches()
        return importlib.import_module("own_net").Net()

    return imported


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_values_that_code_reads_from_around_it_are_seen(name, net_of):
    identities = [module_identity(net_of(SURROUNDINGS[name].format(value=value))) for value in (3, 4, 3)]
    assert None not in identities
    states = [found["state"] for found in identities]
    assert states[0] == states[2] != states[1]


@pytest.mark.parametrize("expression", ["os.environ['HOME']", "os.getenv('HOME')", "sys.argv[0]", "open('scale').read()"])
def test_code_that_reads_the_environment_has_no_identity(expression, net_of):
    body = f"import os, sys\nclass Net(nn.Module):\n    def forward(self, x): return (x, {expression})\n"
    assert module_identity(net_of(body)) is None


def test_settings_in_a_dataclass_are_told(net_of):
    body = """
        import dataclasses, math
        @dataclasses.dataclass
        class Settings:
            scale: float = 1.0
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.settings = Settings({value})
            def forward(self, x): return x * self.settings.scale * math.pi
    """
    first, second = (module_identity(net_of(body.format(value=value))) for value in (1.0, 2.0))
    assert first["state"] != second["state"]


@pytest.mark.parametrize("name", ["cnn/lenet5@mnist", "intro/mlp@digits", "sequence/lstm", "sequence/ngram-bag"])
def test_a_model_of_the_registry_can_be_told(name):
    assert module_identity(load(name)) is not None
