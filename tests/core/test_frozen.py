"""What a spec holds never changes, can be hashed, and is read, written and pickled as before."""

import copy
import json
import pickle

import pytest

import zoo
from zoo.frozen import FrozenDict, FrozenList, frozen, thawed
from zoo.specs import BenchmarkSpec, ModelSpec, RecipeSpec

CONFIG = {"widths": [64, [32]], "inner": {"kernel": (3, 3), "names": ["a"]}}


def model(**fields):
    return ModelSpec(name="net", summary="A net.", tasks={"classify": "nets:Net"}, modality="image", **fields)


def test_every_entry_can_be_hashed_and_is_equal_to_its_copies():
    for spec in zoo.registry():
        again = type(spec).model_validate(spec.model_dump(mode="json"))
        assert again == spec and hash(again) == hash(spec)
        assert copy.deepcopy(spec) == spec and pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec.config.update(x=1),
        lambda spec: spec.config["inner"].__setitem__("kernel", 5),
        lambda spec: spec.config["inner"].pop("kernel"),
        lambda spec: spec.config.setdefault("x", 1),
        lambda spec: spec.config["widths"].__setitem__(0, 1),
        lambda spec: spec.config["widths"][1].append(1),
        lambda spec: spec.tasks.clear(),
        lambda spec: spec.config.__ior__({"x": 1}),
    ],
)
def test_nothing_in_a_spec_changes_at_any_depth(change):
    spec = model(config=CONFIG)
    with pytest.raises((TypeError, AttributeError)):
        change(spec)
    assert spec.config == CONFIG


def test_it_is_written_as_a_dict_with_lists():
    spec = model(config=CONFIG)
    assert json.loads(spec.model_dump_json())["config"] == {"widths": [64, [32]], "inner": {"kernel": [3, 3], "names": ["a"]}}
    assert json.dumps(spec.config) == json.dumps(CONFIG)


def test_what_its_maker_holds_may_change_later_and_does_not_change_it():
    config = {"widths": [1]}
    spec = model(config=config)
    config["widths"].append(2)
    assert spec.config == {"widths": [1]}


def test_a_copy_with_other_fields_is_frozen_too():
    spec = model().model_copy(update={"config": {"widths": [1]}})
    assert type(spec.config) is FrozenDict and type(spec.config["widths"]) is FrozenList
    assert hash(spec) == hash(model(config={"widths": [1]}))


def test_a_target_gets_plain_dicts_and_lists():
    assert thawed(frozen(CONFIG)) == CONFIG
    given = thawed(frozen(CONFIG))
    assert [type(given), type(given["widths"]), type(given["inner"]["kernel"])] == [dict, list, tuple]


def test_specs_with_lists_where_tuples_stand_are_equal():
    asked = {"name": "b", "summary": "B.", "task": "classify", "modality": "text", "dataset": "d", "metrics": ["accuracy"]}
    assert BenchmarkSpec(**asked, protocol={"ks": [1, 5]}) == BenchmarkSpec(**asked, protocol={"ks": [1, 5]})
    assert hash(RecipeSpec(name="r", summary="R.", options={"a": {"b": []}})) is not None
