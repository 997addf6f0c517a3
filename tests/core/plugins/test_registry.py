"""The registry: typed look-ups and lists, dynamic names, default benchmarks."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zoo
from zoo.errors import AmbiguousNameError, ModelError, OptionError, PluginError, UnknownNameError
from zoo.specs import BenchmarkSpec, DatasetSpec, MetricSpec, ModelSpec, RecipeSpec

BENCHMARKS = """
from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec

@hookimpl
def zoo_benchmarks():
    spec = dict(summary="S.", task="classify", modality="text", dataset="data/sms-spam", metrics=("accuracy",))
    return [BenchmarkSpec(name=name, **spec) for name in ("mine", "digits", "iris")]
"""

HUB = """
from zoo.errors import DataError
from zoo.hookspecs import hookimpl
from zoo.specs import *

@hookimpl
def zoo_namespaces():
    return ["elsewhere"]

@hookimpl
def zoo_resolve(kind, name):
    if "boom" in name:
        raise RuntimeError("offline")
    if "absent" in name:
        raise DataError("no such repository", "check its name")
    if "wrong" in name:
        return {"name": name}
    if kind == "model":
        return ModelSpec(name=name, summary="S.", tasks={"classify": "hub.net:Net"}, modality="image")
"""


@pytest.fixture
def registry() -> zoo.Registry:
    return zoo.registry()


def test_specs_come_typed_under_full_names_by_full_or_bare_name(registry: zoo.Registry) -> None:
    found: list[tuple[Any, type, str]] = [
        (registry.model("cnn/lenet5"), ModelSpec, "cnn/lenet5"),
        (registry.model("lenet5"), ModelSpec, "cnn/lenet5"),
        (registry.dataset("digits"), DatasetSpec, "data/digits"),
        (registry.benchmark("hw2"), BenchmarkSpec, "homework/hw2"),
        (registry.metric("f1:positive=spam"), MetricSpec, "core/f1"),
        (registry.recipe("lenet5-mnist"), RecipeSpec, "cnn/lenet5-mnist"),
    ]
    for spec, kind, name in found:
        assert isinstance(spec, kind)
        assert spec.name == name


def test_lists_are_filtered_and_hold_whole_specs(registry: zoo.Registry) -> None:
    texts = registry.models(task="classify", modality="text")
    assert texts
    assert all(isinstance(spec, ModelSpec) and spec.modality == "text" for spec in texts)
    assert {spec.name.partition("/")[0] for spec in registry.models(plugin="cnn")} == {"cnn"}
    assert {spec.modality for spec in registry.datasets(modality="text")} == {"text"}
    assert registry.models(task="generate", modality="vector") == []
    assert {spec.task for spec in registry.metrics(task="classify")} == {"classify"}
    assert len(registry.models()) == len({spec.name for spec in registry.models()})
    assert all(registry.model(spec.name) == spec for spec in registry.models())


@pytest.mark.parametrize("name", ["mnist", "data/mnist"])
def test_benchmarks_and_recipes_are_found_by_dataset(registry: zoo.Registry, name: str) -> None:
    assert "data/mnist" in [spec.name for spec in registry.benchmarks(dataset=name)]
    assert {"cnn/lenet5-mnist", "generative/vae-mnist"} <= {spec.name for spec in registry.recipes(dataset=name)}
    assert {spec.dataset for spec in registry.recipes(dataset=name)} == {"data/mnist"}
    assert {spec.dataset for spec in registry.benchmarks(dataset=name)} == {"data/mnist"}


def test_recipes_are_found_by_the_modality_of_their_model(registry: zoo.Registry) -> None:
    assert "cnn/lenet5-mnist" in [spec.name for spec in registry.recipes(modality="image")]
    assert "cnn/lenet5-mnist" not in [spec.name for spec in registry.recipes(modality="text")]


@pytest.mark.parametrize(
    "look_up",
    [
        lambda r: r.model("lenet55"),
        lambda r: r.dataset("digts"),
        lambda r: r.benchmark("digts"),
        lambda r: r.metric("acuracy:k=5"),
        lambda r: r.recipe("CNN/lenet5-mnist"),
        lambda r: r.benchmarks(dataset="mnits"),
    ],
)
def test_an_unknown_name_answers_with_candidates(registry: zoo.Registry, look_up: Callable[[zoo.Registry], Any]) -> None:
    with pytest.raises(UnknownNameError) as caught:
        look_up(registry)
    assert caught.value.candidates
    assert caught.value.candidates[0] in caught.value.hint


def test_an_ambiguous_benchmark_is_not_replaced_by_a_dataset_of_that_name(site: Any) -> None:
    site.install("one", BENCHMARKS)
    site.install("two", BENCHMARKS)
    with pytest.raises(AmbiguousNameError) as caught:
        zoo.registry().benchmark("iris")
    assert caught.value.candidates == ("one/iris", "two/iris")


def test_a_bundled_benchmark_wins_by_its_bare_name_and_says_so(site: Any) -> None:
    site.install("one", BENCHMARKS)
    with pytest.warns(UserWarning, match="'digits' is taken as data/digits; there is also one/digits"):
        assert zoo.registry().benchmark("digits").name == "data/digits"
    assert zoo.registry().benchmark("mine").name == "one/mine"


def test_a_dataset_is_its_own_default_benchmark(registry: zoo.Registry, tmp_path: Path) -> None:
    made = registry.benchmark(f"folder:{image_folder(tmp_path)}", tasks=["classify"])
    assert made.dataset.startswith("folder:")
    assert made.task == "classify"
    assert "accuracy" in made.metrics
    with pytest.raises(ModelError, match=r"serves the tasks .*, not detect"):
        registry.benchmark(made.dataset, tasks=["detect"])


def image_folder(root: Path) -> Path:
    from PIL import Image

    for name in ("a", "b"):
        (root / "images" / name).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(root / "images" / name / "0.png")
    return root / "images"


def test_dynamic_names_are_asked_of_the_plugin_that_reserves_them(site: Any) -> None:
    site.install("hub-bridge", HUB, id="bridge")
    registry = zoo.registry()
    assert registry.model("elsewhere/Org/Repo").name == "elsewhere/Org/Repo"
    with pytest.raises(
        UnknownNameError, match=r"plugin 'bridge' \(hub-bridge 1\.0\) knows no dataset named 'elsewhere/Org/Repo'"
    ):
        registry.dataset("elsewhere/Org/Repo")
    with pytest.raises(UnknownNameError):
        registry.model("HF/Org/Repo")


def test_a_path_that_is_there_is_told_how_to_name_it(
    registry: zoo.Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d/dig/zero").mkdir(parents=True)
    (tmp_path / "t.csv").write_text("text,label\na,b\n")
    for name, told in (("d/dig", "folder:d/dig"), ("t.csv", "csv:t.csv")):
        for look_up in (registry.benchmark, registry.dataset):
            with pytest.raises(UnknownNameError, match="has that name") as caught:
                look_up(name)
            assert told in caught.value.hint
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing/.hidden").touch()
    with pytest.raises(UnknownNameError, match="nothing is an empty folder"):
        registry.benchmark("nothing")
    for name in ("x" * 5000, "~nobody-of-that-name", "nul\0"):  # which can be no path
        with pytest.raises(UnknownNameError):
            registry.benchmark(name)


def test_a_plugin_that_fails_to_resolve_is_named(site: Any) -> None:
    site.install("hub-bridge", HUB, id="bridge")
    registry = zoo.registry()
    with pytest.raises(PluginError, match=r"plugin 'bridge' \(hub-bridge 1\.0\): .* RuntimeError: offline") as caught:
        registry.model("elsewhere/boom")
    assert (caught.value.plugin, type(caught.value.__cause__)) == ("bridge", RuntimeError)
    with pytest.raises(zoo.ZooError, match="no such repository"):
        registry.model("elsewhere/absent")
    with pytest.raises(PluginError, match="answered 'elsewhere/wrong' with dict, not a model"):
        registry.model("elsewhere/wrong")


@pytest.mark.parametrize("answer", ["cnn/lenet5", "imposter/another", "imposter/net2"])
def test_an_answer_under_another_name_is_refused(site: Any, answer: str) -> None:
    """Its scores would be taken for those of another model."""
    site.install(
        "imposter-plugin",
        "from zoo.hookspecs import hookimpl\nfrom zoo.specs import ModelSpec\n"
        "@hookimpl\ndef zoo_namespaces(): return ['imposter']\n"
        f"@hookimpl\ndef zoo_resolve(kind, name): return ModelSpec(name={answer!r}, summary='Another', "
        "tasks={'classify': 'json:loads'}, modality='image')\n",
        id="someone",
    )
    with pytest.raises(PluginError, match=f"answered 'imposter/net' with a model named '{answer}'"):
        zoo.registry().model("imposter/net")
    if answer == "imposter/another":
        assert zoo.registry().model("imposter/another").name == answer


@pytest.mark.parametrize("filters", [{"task": "classfy"}, {"modality": "sound"}, {"plugin": "vison"}])
def test_a_filter_that_nothing_has_answers_with_what_there_is(registry: zoo.Registry, filters: dict[str, str]) -> None:
    with pytest.raises(OptionError, match="there is no") as caught:
        registry.models(**filters)
    assert "there are: " in caught.value.hint
    assert registry.models(modality="vector") == []  # a modality that there is, of which no model is here


def test_it_can_be_counted_and_gone_through(registry: zoo.Registry) -> None:
    names = [spec.name for spec in registry]
    assert len(names) == len(registry) and "cnn/lenet5" in names
    assert {"cnn", "vision"} <= set(registry.plugins())
    assert repr(registry) == f"Registry({len(names):,} entries of {len(registry.plugins())} plugins)"


def test_only_plugins_that_observe_are_imported_to_observe(site: Any) -> None:
    site.install("watch", "from zoo.hookspecs import hookimpl\n@hookimpl\ndef zoo_run_finished(record): ...\n")
    site.install_models("other", "net")
    assert [name for name, _ in zoo.registry().observers().list_name_plugin()] == ["watch"]


def test_an_observer_that_cannot_be_imported_any_more_costs_a_warning(site: Any) -> None:
    site.install("watch", "from zoo.hookspecs import hookimpl\n@hookimpl\ndef zoo_run_finished(record): ...\n")
    registry = zoo.registry()
    sys.modules.pop("watch", None)
    site.write("watch/__init__.py", "raise RuntimeError('changed')")
    with pytest.warns(UserWarning, match=r"plugin .watch. \(watch 1\.0\) does not observe: its import raised RuntimeError"):
        assert registry.observers().list_name_plugin() == []


@pytest.mark.parametrize("name", sorted(set(zoo.__all__) - {"__version__"}))
def test_no_module_hides_a_public_name(name: str) -> None:
    """An import of a submodule `zoo.registry` would set `zoo.registry` to the module."""
    assert importlib.util.find_spec(f"zoo.{name}") is None
    assert callable(getattr(zoo, name))


def test_a_command_opens_the_index_once(monkeypatch):
    from zoo.plugins import registry as module

    opened = []
    real = module.load_index
    monkeypatch.setattr(module, "load_index", lambda **options: opened.append(1) or real(**options))
    with module.one_look_up() as first:
        assert zoo.registry() is first
        with module.one_look_up() as second:
            assert second is first
    assert opened == [1]
    assert zoo.registry() is not first


@pytest.mark.parametrize(
    ("model", "fits"),
    [
        ("intro/mlp", ["data/digits", "intro/digits-test"]),
        ("vision/dncnn", ["vision/set12-sigma25", "vision/bsd68-sigma25"]),
        ("vision/fastestdet", ["data/coco"]),
    ],
)
def test_the_benchmarks_that_a_model_fits(model, fits):
    entries = zoo.registry()
    assert set(entries.benchmarks_of(entries.model(model))) & set(fits)
