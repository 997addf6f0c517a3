"""The bundled plugins: well, light to import, and whole in everything that they name."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.identity.code import code_of
from zoo.identity.sources import core_files
from zoo.lazy import load_target
from zoo.metrics import Metric, build_metric
from zoo.opening.weights import find_weights
from zoo.plugins.discovery import Plugin, discover
from zoo.plugins.index import load_index
from zoo.plugins.registry import Registry
from zoo.specs import ModelSpec, Spec, Weights

HEAVY = (
    "torch",
    "torchvision",
    "numpy",
    "pandas",
    "sklearn",
    "scipy",
    "transformers",
    "timm",
    "diffusers",
    "accelerate",
    "pyarrow",
)
PLUGINS = [plugin for plugin in discover() if plugin.candidate.bundled]
SPECS = [spec for plugin in PLUGINS for _, spec in plugin.specs]
IDS = [plugin.candidate.id for plugin in PLUGINS]


def name_of(spec: Spec) -> str:
    return f"{type(spec).__name__}-{spec.name}"


def targets(spec: Spec) -> set[str]:
    """All lazy targets of a spec."""
    single = {getattr(spec, field, None) for field in ("target", "trainer")}
    by_task = set(spec.tasks.values()) | {spec.options} if isinstance(spec, ModelSpec) else set()
    return {target for target in single | by_task if target}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return zoo.registry()


def test_the_bundled_plugins_are_all_there() -> None:
    assert set(IDS) >= {"core", "data", "intro", "cnn", "sequence", "homework"}


@pytest.mark.parametrize("plugin", PLUGINS, ids=IDS)
def test_a_bundled_plugin_is_well(plugin: Plugin) -> None:
    assert (plugin.state, plugin.reason, plugin.hint) == ("ok", "", "")
    assert plugin.candidate.distribution == "deepzoo"


@pytest.mark.parametrize("plugin", PLUGINS, ids=IDS)
def test_an_entry_module_and_its_hooks_import_nothing_heavy(plugin: Plugin) -> None:
    code = f"""
import importlib, sys
from zoo.plugins.hooks import declared_kinds, manager, named_specs, spec_classes
module = importlib.import_module({plugin.candidate.module!r})
classes = spec_classes(declared_kinds(manager([("x", module)]).hook))
named_specs("x", manager([("x", module)], classes).hook, classes)
print(*sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.strip()) == (0, ""), ran.stderr


def test_bundled_names_are_unique_without_their_plugin() -> None:
    seen = [(type(spec), spec.name.partition("/")[2]) for spec in SPECS]
    assert sorted({name for kind, name in seen if seen.count((kind, name)) > 1}) == []


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_every_lazy_target_is_there(spec: Spec) -> None:
    for target in sorted(targets(spec)):
        assert callable(load_target(target)), target


@pytest.mark.parametrize("target", sorted({target for spec in SPECS for target in targets(spec)}))
def test_every_target_has_a_source_that_runs_are_keyed_by(target: str) -> None:
    module = target.partition(":")[0].replace(".", "/") + ".py"
    known = code_of([target]).files | {str(path) for path in core_files().values()}
    assert [path for path in known if path.endswith((f"/{module}", f"/{module.removesuffix('.py')}/__init__.py"))]


def test_every_benchmark_finds_its_dataset_split_and_metrics(registry: Registry) -> None:
    for benchmark in registry.benchmarks():
        dataset = registry.dataset(benchmark.dataset)
        assert dataset.name == benchmark.dataset, benchmark.name
        assert benchmark.split in dataset.splits, benchmark.name
        assert benchmark.modality == dataset.modality, benchmark.name
        for text in benchmark.metrics:
            spec = registry.metric(text)
            assert spec.task == benchmark.task, (benchmark.name, text)
            metric = build_metric(text, spec)
            assert isinstance(metric, Metric)
            metric.check(dataset.classes or ())
        for model in benchmark.aux.values():
            registry.model(model.partition("@")[0])


def test_every_recipe_finds_its_model_dataset_split_and_metric(registry: Registry) -> None:
    for recipe in registry.recipes():
        registry.metric(recipe.metric)
        if not recipe.model:
            continue  # whoever trains names model and data
        model, dataset = registry.model(recipe.model), registry.dataset(recipe.dataset)
        if recipe.benchmark:
            assert registry.benchmark(recipe.benchmark).task == recipe.task, recipe.name
        assert (model.name, dataset.name) == (recipe.model, recipe.dataset), recipe.name
        assert recipe.split in dataset.splits, recipe.name
        assert recipe.split != "test", recipe.name
        assert recipe.task in model.tasks, recipe.name
        assert model.modality == dataset.modality, recipe.name


def test_every_recipe_of_shipped_weights_is_there(registry: Registry) -> None:
    for model in registry.models():
        for tag, weights in model.weights.items():
            if weights.recipe is not None:
                recipe = registry.recipe(weights.recipe)
                made = {each.sha256 for each in registry.model(recipe.model).weights.values()}  # another model may load them, too
                assert recipe.model == model.name or weights.sha256 in made, f"{model.name}@{tag}"


PACKED = [
    pytest.param(weights, id=f"{spec.name}@{tag}")
    for spec in SPECS
    for tag, weights in getattr(spec, "weights", {}).items()
    if weights.uri.startswith("pkg:zoo_")  # others are in packages of other people
]


@pytest.mark.parametrize("weights", PACKED)
def test_packed_weights_are_there_with_their_hash_and_a_recipe(weights: Weights) -> None:
    path = find_weights(weights)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == weights.sha256
    assert path.suffix == ".safetensors"
    assert weights.recipe, "shipped weights come from a shipped recipe"


def test_no_packed_weights_are_left_over() -> None:
    folders = {Path(folder) for plugin in PLUGINS for file in plugin.files for folder in [Path(file).parent] if folder.name}
    packed = {path for folder in folders for path in folder.glob("weights/*.safetensors")}
    declared = {find_weights(param.values[0]) for param in PACKED}  # type: ignore[arg-type]
    assert packed - declared == set()


def test_a_cold_index_lists_every_bundled_spec() -> None:
    listed = {entry["name"] for entry in load_index(rebuild=True).entries}
    assert {spec.name for spec in SPECS} <= listed
