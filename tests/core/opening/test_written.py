"""A network of one's own by where it is written: class, factory, instance; weights, classes, pixels; and what is wrong there."""

from pathlib import Path

import pytest
import torch

import zoo
from zoo.errors import ModelError, OptionError, WeightsError
from zoo.opening.input_text import read_input
from zoo.opening.written import is_written, open_written

SOURCE = """
import torch
import beside

class Net(torch.nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.fc = torch.nn.Linear(64, num_classes)

    def forward(self, x):
        return beside.same(self.fc(x.flatten(1)))

class Sized(Net):
    def __init__(self, num_classes):
        super().__init__(num_classes)

def made():
    return Net()

def needs(width, depth=2):
    return Net()

def wrong():
    raise ValueError("no such thing")

def number():
    return 3

instance = Net()
constant = 3
"""


@pytest.fixture
def net(tmp_path: Path) -> str:
    (tmp_path / "beside.py").write_text("def same(x):\n    return x\n")
    (tmp_path / "net.py").write_text(SOURCE)
    return str(tmp_path / "net.py")


@pytest.mark.parametrize("attr", ["Net", "made", "instance"])
def test_class_factory_and_instance_are_run(net, attr) -> None:
    record = zoo.evaluate(f"{net}:{attr}", "digits", classes="dataset", limit=20)
    assert record.model.name == f"local/net.py:{attr}" and record.results[0].n == 20
    assert any("no `weights` were given" in note for note in record.model.notes)


def test_parameters_nobody_sets_are_drawn_alike_every_time(net) -> None:
    first, second = (open_written(f"{net}:Net").module.fc.weight for _ in range(2))
    assert torch.equal(first, second)


def test_weights_are_loaded_strictly_and_an_instance_is_left_as_it_was(net, tmp_path) -> None:
    state = {"fc.weight": torch.zeros(10, 64), "fc.bias": torch.arange(10.0)}
    torch.save({"state_dict": state}, tmp_path / "net.pt")
    for attr in ("Net", "instance"):
        record = zoo.evaluate(f"{net}:{attr}", "digits", weights=tmp_path / "net.pt", classes="dataset", limit=50)
        truth = zoo.dataset("digits").targets
        assert record.model.weights_sha256 and record.model.weights_uri.startswith("file:")
        assert record.primary.value == pytest.approx(sum(target == 9 for target in truth) / len(truth), abs=0.05)
    assert not torch.equal(open_written(f"{net}:instance").module.fc.bias, state["fc.bias"])
    torch.save({"fc.weight": torch.zeros(10, 63), "fc.bias": torch.zeros(10)}, tmp_path / "odd.pt")
    with pytest.raises(WeightsError, match=r"not those of net\.py:Net"):
        zoo.evaluate(f"{net}:Net", "digits", weights=tmp_path / "odd.pt", classes="dataset")


def test_a_checkpoint_says_how_many_outputs_there_are(net, tmp_path) -> None:
    torch.save({"fc.weight": torch.zeros(3, 64), "fc.bias": torch.zeros(3)}, tmp_path / "three.pt")
    assert open_written(f"{net}:Net", weights=tmp_path / "three.pt").module.fc.out_features == 3


def test_a_class_that_needs_the_number_of_classes_gets_it(net) -> None:
    assert zoo.evaluate(f"{net}:Sized", "digits", classes="dataset", limit=10).results[0].n == 10
    with pytest.raises(ModelError, match="needs arguments: num_classes"):
        open_written(f"{net}:Sized")


def test_numbers_of_classes_that_differ_are_said(net) -> None:
    with pytest.raises(ModelError, match="no output for 8 of the 10 classes"):
        zoo.evaluate(f"{net}:Net", "digits", classes=["0", "1"])
    with pytest.raises(ModelError, match="expected"):
        zoo.evaluate(f"{net}:instance", "digits", classes=[*map(str, range(10)), "ten"])


@pytest.mark.parametrize(
    ("attr", "said"),
    [
        (":Nett", "has no 'Nett'\ndid you mean Net"),
        (":needs", "needs arguments: width\n"),
        (":wrong", "line 24, raised ValueError: no such thing"),
        (":number", "made a int, which is no network"),
        (":constant", "is of int, and no network"),
        ("", "which of its networks is meant"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(net, attr, said) -> None:
    with pytest.raises(ModelError) as caught:
        open_written(f"{net}{attr}")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nowhere_to_be_found", "line 1, raised ModuleNotFoundError"),
        ("x = (", "is no valid Python, line 1"),
        ("1 / 0", "raised ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)", "SystemExit"),
    ],
)
def test_errors_of_the_file_are_told_as_its_own(tmp_path, source, said) -> None:
    (tmp_path / "broken.py").write_text(source)
    with pytest.raises(ModelError, match=r"broken\.py") as caught:
        open_written(f"{tmp_path / 'broken.py'}:Net")
    assert said in str(caught.value)


def test_an_edited_file_is_read_anew(tmp_path) -> None:
    path = tmp_path / "value.py"
    for value in (1, 2):
        path.write_text(f"import torch\nclass Net(torch.nn.Module):\n    value = {value}\n    def forward(self, x): return x\n")
        assert open_written(f"{path}:Net").module.value == value


def test_a_module_is_found_in_the_working_directory(net, tmp_path, monkeypatch) -> None:
    (tmp_path / "mine_of_test").mkdir()
    (tmp_path / "mine_of_test" / "nets.py").write_text("import torch\nNet = torch.nn.Identity\n")
    monkeypatch.chdir(tmp_path)
    assert open_written("mine_of_test.nets:Net").name == "mine_of_test.nets:Net"
    with pytest.raises(ModelError, match="there is no module 'nowhere'"):
        open_written("nowhere.nets:Net")


def test_it_may_be_the_victim_of_an_attack_with_its_weights(net, tmp_path) -> None:
    torch.save({"fc.weight": torch.zeros(10, 64), "fc.bias": torch.arange(10.0)}, tmp_path / "net.pt")
    attacked = zoo.evaluate(
        "robust/fgsm", "digits", aux={"victim": f"{net}:Net"}, weights=tmp_path / "net.pt", classes="dataset", limit=10
    )
    assert attacked.aux["victim"].name == "local/net.py:Net" and attacked.aux["victim"].weights_sha256


def test_predictions_are_used_again_under_a_key_until_code_or_weights_change(net, tmp_path) -> None:
    def computed() -> int:
        return zoo.evaluate(f"{net}:Net", "digits", classes="dataset", key="k", limit=10).shards.computed

    assert [computed(), computed()] == [1, 0]
    Path(net).write_text(SOURCE + "\nmore = 1\n")
    assert computed() == 1


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("./net.py:Net", True),
        ("a.b:Net", True),
        ("net:Net", True),
        ("cnn/lenet5", False),
        ("timm:resnet18", False),
        ("folder:x", False),
    ],
)
def test_which_names_say_where_a_network_is_written(text, is_one) -> None:
    assert is_written(text) is is_one


def test_pixels_are_read_from_one_line() -> None:
    want = read_input("size=224,crop_pct=.875,mean=.485,.456,.406,std=.229,.224,.225")
    assert want == zoo.ImageInput(
        size=(224, 224), crop_pct=0.875, crop_mode="center", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    )
    assert read_input("size=32x64,channels=1").size == (32, 64) and read_input("size=8,16").size == (8, 16)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sise=3", "has no 'sise'\ndid you mean size"),
        ("224", "begins without a name"),
        ("size=a", "`input`, size"),
        ("crop_pct=2", "crop_pct"),
        ("mean=.5", "belong together"),
        ("size=3,size=4", "says size twice"),
        (",", "is empty"),
        ("mean=123,117,104,std=1,1,1", "divide those of 0 to 255"),
    ],
)
def test_pixels_that_cannot_be_are_said(text, said) -> None:
    with pytest.raises(OptionError) as caught:
        read_input(text)
    assert said in str(caught.value)
