"""Models that are made of models: opened, keyed, loaded, told, and what is refused."""

import copy
import re

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import ModelError, OptionError, UnknownNameError, WeightsError
from zoo.opening.composing import named_model
from zoo.opening.parts import OwnTensors
from zoo.opening.weights_choice import Choice
from zoo.plugins.catalogue import load_catalogue
from zoo.plugins.registry import registry
from zoo.runs.verifying import select_claims
from zoo.specs import ImageInput, ModelSpec

PLUGIN = """
import torch
from pydantic import BaseModel
from torch import nn

from zoo.hookspecs import hookimpl
from zoo.specs import ImageInput, ModelSpec, Weights


LETTERS = tuple("abcdefghij")


def made(name, target, **fields):
    common = {"summary": "Made of others.", "tasks": {"classify": f"wrappers:{target}"}, "modality": "image"}
    return ModelSpec(name=name, **{**common, **fields})


@hookimpl
def zoo_models():
    shipped = Weights(uri="file:HEAD", sha256="HASH", licence="CC0-1.0", source="made up")
    return [
        made("scaled", "Scaled", parts={"base": "classify"}, options="wrappers:Options"),
        made("mean", "Mean", parts={"first": "classify", "second": "classify"}),
        made("tall", "Scaled", parts={"base": "classify"}, input=ImageInput(channels=1, size=(12, 8)), classes=LETTERS),
        made("headed", "Headed", parts={"base": "classify"}, weights={"plain": shipped}),
        made("headless", "Headed", parts={"base": "classify"}),
        made("left", "Scaled", parts={"base": "classify"}, made_of={"base": "right"}),
        made("right", "Scaled", parts={"base": "classify"}, made_of={"base": "wrappers/left"}),
        made("ready", "Scaled", parts={"base": "classify"}, made_of={"base": "intro/mlp@digits"}),
        made("listening", "Scaled", parts={"base": "classify"}, modality="text"),
        made("clashing", "Scaled", parts={"factor": "classify"}, options="wrappers:Options"),
    ]


class Options(BaseModel):
    factor: float = 2.0


class Scaled(nn.Module):
    def __init__(self, base, factor=1.0):
        super().__init__()
        self.base, self.factor = base, factor

    def forward(self, inputs):
        return self.base(inputs) * self.factor


class Mean(nn.Module):
    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, inputs):
        return (self.first(inputs) + self.second(inputs)) / 2


class Headed(Scaled):
    def __init__(self, base):
        super().__init__(base)
        self.head = nn.Linear(10, 10)

    def forward(self, inputs):
        return self.head(self.base(inputs))
"""


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """The weights of a head, where they lie, and their hash."""
    from zoo.opening.weights import save_state

    path, weights = (
        tmp_path_factory.mktemp("head") / "head.safetensors",
        {"head.weight": 3 * torch.eye(10), "head.bias": torch.ones(10)},
    )
    return weights, path, save_state(path, weights)


@pytest.fixture
def wrappers(lasting, head):
    """A third party's plugin of composed models; returns the weights of one's head."""
    weights, path, sha256 = head
    lasting("wrappers", PLUGIN.replace("HEAD", str(path)).replace("HASH", sha256))
    return weights


@pytest.fixture
def net():
    """A module of the user's own, for digits."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).eval()


def digits(n=8):
    dataset = zoo.dataset("digits")
    return torch.stack([dataset[i].input for i in range(n)]).float() / 255


def opened(name, dataset="", options=None):
    spec, tag = registry().tagged_model(name)
    return named_model(spec, "classify", Choice(tag, dataset), options)


def test_a_name_with_parts_loads_the_whole_and_each_part_keeps_its_weights(wrappers):
    whole, base = zoo.load("wrappers/scaled(intro/mlp@digits)"), zoo.load("intro/mlp@digits")
    assert torch.equal(whole(digits()), 2 * base(digits()))
    assert not whole.training and not whole.base.training


def test_classes_and_preprocessing_are_those_of_the_part_unless_the_whole_says_otherwise(wrappers):
    base, whole, other = (
        opened(name).info for name in ("intro/mlp@digits", "wrappers/scaled(intro/mlp@digits)", "wrappers/tall(intro/mlp@digits)")
    )
    assert (whole.classes, whole.input) == (base.classes, base.input)
    assert whole.input is not None
    assert (other.classes, other.input) == (tuple("abcdefghij"), ImageInput(channels=1, size=(12, 8)))


def test_bare_names_blanks_and_the_datasets_tag_are_spelled_out_in_the_record(wrappers):
    for text in ("wrappers/scaled(intro/mlp@digits)", "scaled( mlp )", "wrappers/scaled(base = intro/mlp)"):
        assert opened(text, "data/digits").info.name == "wrappers/scaled(intro/mlp@digits)"
    both = opened("mean(mlp@digits, second=intro/mlp@digits)")
    assert both.info.name == "wrappers/mean(first=intro/mlp@digits, second=intro/mlp@digits)"


def test_the_identity_follows_the_parts_and_not_how_they_are_spelled(wrappers):
    one, same = opened("scaled(mlp@digits)"), opened("wrappers/scaled(base=intro/mlp@digits)")
    assert one.identity == same.identity
    others = [opened("scaled(intro/logistic@digits)"), opened("scaled(scaled(mlp@digits))"), opened("mlp@digits")]
    assert all(other.identity != one.identity for other in others)
    assert opened("scaled(mlp@digits)", options={"factor": 3}).identity != one.identity


def test_a_changed_weight_of_a_part_changes_the_identity_of_the_whole(wrappers, tmp_path, net):
    from zoo.opening.own import own_model

    whole = zoo.load("wrappers/scaled", base=net)
    kept = own_model(whole, key="k").identity
    assert own_model(zoo.load("wrappers/scaled", base=net), key="k").identity == kept
    with torch.no_grad():
        net[1].bias[0] += 1
    assert own_model(whole, key="k").identity == kept  # it was copied
    assert own_model(zoo.load("wrappers/scaled", base=net), key="k").identity != kept


def test_parts_within_parts_resolve_at_any_depth(wrappers):
    whole = opened("scaled(mean(scaled(mlp@digits), second=mlp@digits))")
    assert whole.info.name == ("wrappers/scaled(wrappers/mean(first=wrappers/scaled(intro/mlp@digits), second=intro/mlp@digits))")
    base = zoo.load("intro/mlp@digits")
    assert torch.allclose(whole.load()(digits()), 2 * 1.5 * base(digits()), atol=1e-5)


def test_a_run_records_the_parts_and_the_same_run_is_found_again(wrappers):
    name = "wrappers/scaled(intro/mlp)"
    record = zoo.evaluate(name, "digits", limit=60, options={"factor": 5})
    assert record.model.name == "wrappers/scaled(intro/mlp@digits)"
    assert record.model.options == {"factor": 5.0}
    part = record.model.parts["base"]
    assert (part.name, len(part.weights_sha256)) == ("intro/mlp@digits", 64)
    again = zoo.evaluate("scaled( mlp@digits )", "digits", limit=60, options={"factor": 5})
    assert (again.key, again.shards.computed) == (record.key, 0)
    assert zoo.evaluate(name, "digits", limit=60).key != record.key
    alone = zoo.evaluate("intro/mlp", "digits", limit=60)
    assert alone.primary.value == record.primary.value


def test_the_benchmark_follows_from_the_tag_of_the_part(wrappers):
    assert zoo.evaluate("wrappers/scaled(intro/mlp@digits)", limit=20).benchmark == "data/digits"
    spec = registry().model("wrappers/scaled(intro/mlp@digits)")
    assert registry().benchmarks_of(spec) == registry().benchmarks_of(registry().model("intro/mlp"))


def test_a_module_of_ones_own_is_a_part_and_its_name_stands_in_the_record(wrappers, net):
    whole = zoo.load("wrappers/scaled", base=net, options={"factor": 4}, classes="dataset")
    assert torch.equal(whole(digits()), 4 * net(digits()))
    record = zoo.evaluate(whole, "digits", limit=40)
    assert record.model.name == "wrappers/scaled(local/Sequential)"
    assert record.doubt
    keyed = [zoo.evaluate(whole, "digits", limit=40, key="one", name="mine") for _ in range(2)]
    assert keyed[1].model.name == "wrappers/scaled(local/mine)"
    assert (keyed[1].shards.computed, keyed[1].doubt) == (0, "")
    assert record.primary.value == zoo.evaluate(net, "digits", limit=40, classes="dataset").primary.value


def test_a_part_may_be_given_by_name_or_as_loaded_and_then_the_whole_has_a_name(wrappers):
    for base in ("intro/mlp@digits", zoo.load("intro/mlp@digits")):
        record = zoo.evaluate(zoo.load("wrappers/scaled", base=base), "digits", limit=20)
        assert record.model.name == "wrappers/scaled(intro/mlp@digits)"
        assert not record.doubt


def test_what_the_user_then_changes_of_the_whole_is_no_model_by_name(wrappers):
    whole = zoo.load("wrappers/scaled(intro/mlp@digits)")
    whole.factor = 0.0
    assert zoo.evaluate(whole, "digits", limit=20).model.name == "local/Scaled"


def test_a_part_that_normalises_is_not_normalised_twice(wrappers):
    class Timm(nn.Module):
        """A module that declares its pixels as those of timm do."""

        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
            self.pretrained_cfg = {"input_size": (1, 8, 8), "mean": (0.3,), "std": (0.2,), "interpolation": "bilinear"}

        def forward(self, inputs):
            return self.net(inputs)

    torch.manual_seed(0)
    net = Timm().eval()
    whole = zoo.load("wrappers/scaled", base=net, classes="dataset")
    expected = 2 * net((digits() - 0.3) / 0.2)
    assert torch.allclose(whole(digits()), expected, atol=1e-5)
    record, alone = (zoo.evaluate(model, "digits", limit=60, classes="dataset") for model in (whole, net))
    assert record.primary.value == alone.primary.value
    assert record.model.preprocessing["mean"] is None
    with pytest.raises(OptionError, match="parts normalise what they see") as caught:
        zoo.evaluate(whole, "digits", input=ImageInput(mean=(0.3,), std=(0.2,)))
    assert "zoo.imaging.Normalised" in caught.value.hint


def test_what_a_whole_adds_to_its_parts_has_weights_of_its_own(wrappers):
    whole = opened("wrappers/headed(intro/mlp@digits)@plain")
    assert whole.info.name == "wrappers/headed(intro/mlp@digits)@plain"
    assert len(whole.weights_sha256) == 64
    base = zoo.load("intro/mlp@digits")
    assert torch.allclose(whole.load()(digits()), 3 * base(digits()) + 1, atol=1e-5)
    with pytest.raises(WeightsError, match="has parameters but no weights here"):
        opened("wrappers/headless(intro/mlp@digits)").load()


def test_own_tensors_are_loaded_strictly_and_leave_the_parts_alone(wrappers):
    base = nn.Linear(2, 2)
    whole = nn.ModuleDict({"base": base, "head": nn.Linear(2, 2)})
    own = OwnTensors(whole, [base])
    assert list(own.state_dict()) == ["head.weight", "head.bias"]
    before = copy.deepcopy(base.state_dict())
    own.load_state_dict({"head.weight": torch.eye(2), "head.bias": torch.zeros(2)})
    assert torch.equal(whole["head"].weight, torch.eye(2))
    assert all(torch.equal(before[key], value) for key, value in base.state_dict().items())
    with pytest.raises(RuntimeError, match="differ"):
        own.load_state_dict({"head.weight": torch.eye(2)})


def test_a_plugin_may_put_a_model_together_itself_and_brackets_change_its_parts(wrappers):
    ready, other = opened("wrappers/ready"), opened("ready(intro/logistic@digits)")
    assert ready.info.name == "wrappers/ready"
    assert ready.parts["base"].info.name == "intro/mlp@digits"
    assert other.info.name == "wrappers/ready(intro/logistic@digits)"


@pytest.mark.parametrize(
    ("name", "error", "why", "hint"),
    [
        ("wrappers/scaled", OptionError, "needs a base: a model that does classify", r"wrappers/scaled\(MODEL\)"),
        ("wrappers/scaled()", OptionError, "needs a base", "MODEL"),
        ("wrappers/mean(mlp)", OptionError, "needs a second", "first=MODEL, second=MODEL"),
        ("wrappers/scaled(nose=mlp)", OptionError, "has no part 'nose'", "base"),
        ("wrappers/scaled(mlp, mlp)", OptionError, "has 1 parts, not 2", "MODEL"),
        ("wrappers/scaled(mlp", OptionError, "not closed", "for example"),
        ("intro/mlp(intro/mlp)", OptionError, "intro/mlp is not made of parts", "write intro/mlp"),
        ("wrappers/scaled(robust/pgd)", OptionError, "pgd does attack; the base of wrappers/scaled must do classify", "list"),
        ("wrappers/scalde(mlp)", UnknownNameError, "no model named 'wrappers/scalde'", "wrappers/scaled"),
        ("wrappers/scaled(intro/mpl)", UnknownNameError, "no model named 'intro/mpl', as the base of", "intro/mlp"),
        ("wrappers/scaled(intro/mlp@mars)", WeightsError, "intro/mlp has no weights 'mars'", "its tags are"),
        ("wrappers/left", OptionError, "in a circle: wrappers/left is made of wrappers/right is made of wrappers/left", "part"),
        ("wrappers/scaled(wrappers/right)", OptionError, "in a circle", "another part"),
        ("wrappers/listening(intro/mlp)", ModelError, "takes image", ""),
        ("wrappers/clashing(intro/mlp)", ModelError, "calls a part and an option 'factor'", "rename"),
    ],
)
def test_what_cannot_be_put_together_says_why_and_what_to_write(wrappers, name, error, why, hint):
    with pytest.raises(error, match=why) as caught:
        opened(name)
    assert re.search(hint, caught.value.hint)


def test_a_circle_is_met_whoever_asks(wrappers):
    for ask in (lambda: zoo.evaluate("wrappers/left"), lambda: registry().benchmarks_of(registry().model("wrappers/left"))):
        with pytest.raises(OptionError, match="in a circle"):
            ask()


def test_a_part_without_weights_for_the_dataset_is_told(wrappers):
    with pytest.raises(WeightsError, match=r"cnn/resnet18, the base of wrappers/scaled.*, ships without weights"):
        zoo.evaluate("wrappers/scaled(cnn/resnet18)", "digits", limit=5)
    with pytest.raises(WeightsError, match="robust/small-convnet has several weights, none of them for digits"):
        zoo.evaluate("wrappers/scaled(robust/small-convnet)", "digits", limit=5)


def test_a_file_of_weights_is_of_no_part_in_particular(wrappers, tmp_path):
    with pytest.raises(WeightsError, match="does not say of which") as caught:
        zoo.evaluate("wrappers/scaled(intro/mlp)", "digits", weights=tmp_path / "mine.safetensors")
    assert "zoo.load" in caught.value.hint


def test_parts_in_python_are_checked_as_those_in_a_name(wrappers, net):
    with pytest.raises(OptionError, match="has no part 'nose'"):
        zoo.load("wrappers/scaled", nose=net)
    with pytest.raises(OptionError, match="is no model"):
        zoo.load("wrappers/scaled", base=nn.Linear)
    with pytest.raises(OptionError, match="intro/mlp has no part 'base'"):
        zoo.load("intro/mlp", base=net)
    features = zoo.load("wrappers/scaled", base=net)
    features.zoo_loaded["task"] = "embed"
    with pytest.raises(OptionError, match="was loaded to embed, and must do classify"):
        zoo.load("wrappers/scaled", base=features)


def test_a_module_that_holds_itself_is_refused(wrappers):
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    net.itself = nn.Sequential()
    net.itself.outer = net
    with pytest.raises(OptionError, match="circle"):
        zoo.load("wrappers/scaled", base=net)


def test_a_spec_cannot_call_a_part_as_loading_or_its_config_calls_something():
    common = {"name": "w", "summary": "W.", "tasks": {"classify": "a:B"}, "modality": "image"}
    for fields in ({"parts": {"weights": "classify"}}, {"parts": {"depth": "classify"}, "config": {"depth": 3}}):
        with pytest.raises(ValueError, match="an argument already"):
            ModelSpec(**common, **fields)
    with pytest.raises(ValueError, match="none of the parts"):
        ModelSpec(**common, made_of={"base": "a/b"})


def test_a_composed_model_is_not_trained(wrappers, tmp_path, monkeypatch):
    with pytest.raises(OptionError, match="is made of base, and a recipe trains one model"):
        zoo.train("intro/mlp-digits", overrides={"model": "wrappers/scaled(intro/mlp)"})


def test_claims_on_a_composed_model_are_selected_verified_and_checked(wrappers, tmp_path, monkeypatch):
    value = zoo.evaluate("intro/mlp", "digits").primary.value
    claims = [
        ("wrappers/scaled(intro/mlp@digits)", value),
        ("wrappers/scaled(intro/mlp@mars)", 0.5),
        ("wrappers/scaled(mars/mlp)", 0.5),
        ("wrappers/scaled(", 0.5),
        ("wrappers/scaled", 0.5),
        ("wrappers/left", 0.5),
    ]
    lines = "".join(
        f"- {{model: '{model}', benchmark: data/digits, metric: accuracy, value: {value}, tolerance: 0.0001, kind: measured, "
        "source: here}\n"
        for model, value in claims
    )
    (tmp_path / "own.yaml").write_text(f"version: 1\nclaims:\n{lines}")
    monkeypatch.setenv("ZOO_REGISTRY", str(tmp_path / "own.yaml"))
    mine = [claim for claim in load_catalogue().claims if claim.model.startswith("wrappers/")]
    assert select_claims(model="wrappers/scaled") == mine[:5]
    assert len(select_claims(model="scaled( mlp@digits )")) == 1
    verdicts = {verdict.claim.model: verdict for verdict in zoo.verify(mine)}
    found = [verdicts[model].status for model, _ in claims if model in verdicts]
    assert found == ["reproduced", "misspelt", "not runnable", "misspelt", "misspelt", "misspelt"]
    record = zoo.evaluate("wrappers/scaled(base=mlp@digits)", "digits")
    assert [check.passed for check in record.checks if check.kind == "measured"] == [True]
