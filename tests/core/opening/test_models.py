"""Models by name: which weights, which options, what identity; and the errors on the way."""

import copy
import json
import threading

import pytest
import torch
from pydantic import BaseModel, ConfigDict

import zoo
from zoo.errors import ModelError, OptionError, UnknownNameError, WeightsError
from zoo.opening.composing import named_model
from zoo.opening.models import build_model, checked_options
from zoo.opening.own import own_model
from zoo.opening.weights import save_state
from zoo.opening.weights_choice import Choice, choose_weights
from zoo.plugins.registry import registry
from zoo.specs import ImageInput, ModelSpec, Weights


class Options(BaseModel):
    """Options of a model of the tests."""

    model_config = ConfigDict(extra="forbid")
    steps: int = 3


def weights(**fields):
    return Weights(
        **{"uri": "pkg:zoo_none/w.safetensors", "sha256": "0" * 64, "licence": "CC0-1.0", "source": "nobody", **fields}
    )


def spec(*tags, **fields):
    made = {tag: weights(classes=(tag,)) for tag in tags}
    common = {"name": "x/net", "summary": "Net.", "tasks": {"classify": "torch.nn:Linear"}, "modality": "vector"}
    return ModelSpec(**{**common, "weights": made, **fields})


def test_a_tag_is_taken_before_the_datasets_name_and_that_before_the_only_one():
    assert choose_weights(spec("a", "b"), Choice("a", "data/b"))[0] == "a"
    assert choose_weights(spec("a", "b"), Choice(None, "data/b"))[0] == "b"
    assert choose_weights(spec("a"), Choice(None, "data/b"))[0] == "a"
    assert choose_weights(spec(), Choice(None, "data/b")) == (None, None)


def test_an_unknown_tag_lists_those_there_are():
    with pytest.raises(WeightsError, match="no weights 'c'") as caught:
        choose_weights(spec("a", "b"), Choice("c"))
    assert "a, b" in caught.value.hint


def test_several_weights_and_none_for_the_dataset_ask_for_one():
    with pytest.raises(WeightsError, match="none of them for mnist") as caught:
        choose_weights(spec("a", "b"), Choice(None, "data/mnist"))
    assert "x/net@TAG with TAG of a, b" in caught.value.hint


def test_options_are_completed_and_checked():
    with_options = spec(options=f"{__name__}:Options")
    assert checked_options(with_options, {}) == {"steps": 3}
    assert checked_options(with_options, {"steps": "5"}) == {"steps": 5}
    for wrong in ({"steps": "many"}, {"stride": 1}):
        with pytest.raises(OptionError) as caught:
            checked_options(with_options, wrong)
        assert "steps" in caught.value.hint
    with pytest.raises(OptionError, match="takes no options, so not steps"):
        checked_options(spec(), {"steps": 1})


def test_options_are_part_of_the_identity():
    with_options = spec(options=f"{__name__}:Options")
    few, many = (named_model(with_options, "classify", Choice(), {"steps": steps}) for steps in (1, 100))
    assert few.identity != many.identity
    assert json.loads(json.dumps(few.identity)) == few.identity


def test_a_task_that_the_model_lacks_is_told():
    with pytest.raises(ModelError, match="does not segment"):
        named_model(spec("a"), "segment", Choice("a"))
    with pytest.raises(ModelError, match="does not segment"):
        build_model(spec(), "segment", {})


def test_a_config_that_does_not_fit_is_told():
    with pytest.raises(ModelError, match=r"x/net cannot be built: .*'depth'"):
        build_model(spec(), "classify", {"in_features": 2, "out_features": 2, "depth": 3})


def test_random_weights_are_never_run():
    with pytest.raises(WeightsError, match="random ones are never run"):
        named_model(spec(config={"in_features": 2, "out_features": 2}), "classify", Choice()).load()


def test_a_file_brings_its_own_config_classes_and_preprocessing(tmp_path):
    file = tmp_path / "mine.safetensors"
    linear = torch.nn.Linear(3, 2)
    given = ImageInput(size=(9, 9))
    metadata = {
        "classes": json.dumps(["up", "down"]),
        "config": json.dumps({"in_features": 3, "out_features": 2}),
        "input": given.model_dump_json(),
    }
    sha256 = save_state(file, linear.state_dict(), metadata)
    model = named_model(spec("a"), "classify", Choice(None, "a", file))
    assert model.info.classes == ("up", "down") and model.info.input == given
    assert (model.info.name, model.weights_sha256, model.weights_uri) == ("x/net", sha256, file.as_uri())
    loaded = model.load()
    assert torch.equal(loaded.weight, linear.weight) and not loaded.training


@pytest.mark.parametrize(("key", "text"), [("classes", "[up"), ("classes", "3"), ("config", "[]"), ("input", '{"size": "big"}')])
def test_a_file_whose_metadata_are_broken_is_refused(key, text, tmp_path):
    save_state(tmp_path / "mine.safetensors", torch.nn.Linear(3, 2).state_dict(), {key: text})
    with pytest.raises(WeightsError, match=f"mine.safetensors: its metadata '{key}' cannot be read"):
        named_model(spec("a"), "classify", Choice(file=tmp_path / "mine.safetensors"))


@pytest.mark.parametrize(
    "state", [{"weight": (2, 3)}, {"weight": (2, 3), "bias": (2,), "more": (1,)}, {"weight": (3, 3), "bias": (2,)}]
)
def test_weights_that_do_not_fit_are_refused(state, tmp_path):
    file = tmp_path / "other.safetensors"
    save_state(file, {name: torch.zeros(shape) for name, shape in state.items()})
    with pytest.raises(WeightsError, match="not those of x/net"):
        named_model(spec(config={"in_features": 3, "out_features": 2}), "classify", Choice(file=file)).load()


def test_a_file_that_is_absent_is_told_before_anything_runs(tmp_path):
    with pytest.raises(WeightsError, match="cannot read the weights"):
        zoo.evaluate("intro/logistic", "digits", weights=tmp_path / "none.safetensors")


def test_a_file_that_changes_before_it_is_loaded_is_refused(tmp_path):
    file = tmp_path / "mine.safetensors"
    linear = torch.nn.Linear(3, 2)
    save_state(file, linear.state_dict())
    model = named_model(spec(config={"in_features": 3, "out_features": 2}), "classify", Choice(file=file))
    save_state(file, torch.nn.Linear(3, 2).state_dict())
    with pytest.raises(WeightsError, match="not the file that was declared"):
        model.load()


def test_a_pickle_is_opened_only_where_the_user_says_so_and_the_record_tells(tmp_path):
    file = tmp_path / "whole.pt"
    torch.save(zoo.load("intro/logistic@digits"), file)
    with pytest.raises(WeightsError, match="pickle"):
        zoo.evaluate("intro/logistic", "digits", weights=file)
    record = zoo.evaluate("intro/logistic", "digits", weights=file, allow_pickle=True)
    assert record.model.unsafe == ("allow-pickle",)
    assert zoo.evaluate("intro/logistic", "digits").primary.value == record.primary.value


def test_loading_by_name_gives_a_model_in_eval_mode_that_knows_itself():
    model = zoo.load("logistic@digits")
    assert not model.training
    assert model.zoo_info.name == "intro/logistic@digits"
    assert model.zoo_info.classes == tuple("0123456789")
    with pytest.raises(UnknownNameError, match="logisstic") as caught:
        zoo.load("intro/logisstic")
    assert "intro/logistic" in caught.value.candidates


def test_input_key_and_name_are_for_own_models():
    for option in ({"input": ImageInput()}, {"key": "k"}, {"name": "n"}):
        with pytest.raises(OptionError, match="models of your own"):
            zoo.evaluate("intro/logistic", "digits", **option)


def test_a_key_stands_for_what_lies_outside_of_a_module_and_not_for_what_it_holds():
    torch.manual_seed(0)
    net = torch.nn.Linear(2, 2)
    first = own_model(net, key="k")
    assert first.doubt == "" and first.identity == own_model(copy.deepcopy(net), key="k").identity
    assert first.identity != own_model(net, key="l").identity
    assert first.identity != own_model(torch.nn.Linear(2, 2), key="k").identity


@pytest.mark.parametrize("model", [torch.nn.Identity(), threading.Lock().acquire])
def test_a_module_without_a_key_is_in_doubt(model):
    assert own_model(model).doubt


def test_what_cannot_be_told_is_stood_for_by_the_key_and_said():
    opened = own_model(threading.Lock().acquire, key="k")
    assert opened.doubt == "" and "`key` alone stands for" in opened.notes[-1] and "lock" in opened.notes[-1]


def test_a_name_of_ones_own_is_the_one_in_the_record():
    assert own_model(torch.nn.Identity()).info.name == "local/Identity"
    assert own_model(torch.nn.Identity(), name="mine").info.name == "local/mine"


def test_what_was_loaded_is_the_model_by_name_until_it_is_changed():
    loaded, by_name = (
        zoo.load("intro/mlp@digits"),
        named_model(registry().model("intro/mlp"), "classify", Choice("digits")),
    )
    assert own_model(loaded).identity == by_name.identity and own_model(loaded).info.name == "intro/mlp@digits"
    next(iter(loaded.parameters())).data.mul_(1.5)  # which leaves the version of the tensor as it was
    assert own_model(loaded).info.name == f"local/{type(loaded).__name__}" and own_model(loaded).own
