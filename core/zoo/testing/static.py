"""What can be said of a plugin's specs without running a model."""

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel

from zoo.errors import PluginError, ZooError, reason_of
from zoo.lazy import load_target
from zoo.metrics.base import Metric
from zoo.metrics.build import build_metric
from zoo.opening.weights import find_weights
from zoo.passmark import parse_pass_mark
from zoo.plugins.discovery import Plugin
from zoo.plugins.names import BUNDLED
from zoo.plugins.registry import Registry
from zoo.requirements import check_requirements, requirements_of
from zoo.specs import BenchmarkSpec, CommandSpec, DatasetSpec, MetricSpec, ModelSpec, RecipeSpec, Spec, SuiteSpec
from zoo.sweeps.patterns import is_pattern
from zoo.testing.faces import check_faces
from zoo.testing.findings import Finding
from zoo.testing.tasks import check_words


def check_specs(plugin: Plugin, entries: Registry) -> Iterator[Finding]:
    """Findings on every spec, and on what the plugin imports."""
    taken = {
        (entry["kind"], entry["name"].partition("/")[2])
        for entry in entries.index.entries
        if entry["plugin"] != plugin.candidate.id
    }
    for kind, spec in plugin.specs:
        problems = {
            "described": list(_described(spec)),
            "references": list(_references(spec, entries)),
            "targets": list(_targets(spec)),
        }
        for check, messages in problems.items():
            yield from (Finding(check, "failed", spec.name, *message) for message in messages)
            if not messages:
                yield Finding(check, "ok", spec.name)
        yield from _hashes(spec)
        bare = spec.name.partition("/")[2]
        if not plugin.candidate.bundled and (kind, bare) in taken:
            message = f"there is another {kind} of the bare name {bare!r}, so yours must always be named in full"
            yield Finding("names", "warned", spec.name, message, "take a name of its own, where you still can")
    yield from check_words(plugin, entries)
    yield _declared_imports(plugin, {part["module"].partition(".")[0] for part in entries.index.plugins if part["bundled"]})
    if plugin.candidate.module.partition(".")[0] != "zoo":
        yield check_faces(plugin.files)


def _described(spec: Spec) -> Iterator[tuple[str, str]]:
    if "\n" in spec.summary or len(spec.summary) > 120:
        yield f"its summary has {len(spec.summary)} characters or several lines", "say in one line of at most 120 what it is"
    for name in ("licence", "citation", "reference"):
        if isinstance(value := getattr(spec, name, None), str) and not value.strip():
            yield f"its {name} is empty", f"say its {name}; where there is none, say that"
    for tag, weights in spec.weights.items() if isinstance(spec, ModelSpec) else ():
        for name in ("licence", "source"):
            if not getattr(weights, name).strip():
                yield f"the {name} of its weights {tag!r} is empty", f"say the {name}; where there is none, say that"


def _hashes(spec: Spec) -> Iterator[Finding]:
    weights = spec.weights if isinstance(spec, ModelSpec) else {}
    for tag, own in weights.items():
        entry = f"{spec.name}@{tag}"
        if own.uri.startswith("pkg:"):
            yield _packed(entry, own)
        elif own.sha256 is None:
            yield Finding("hashes", "warned", entry, "its weights have no SHA-256", "declare it, so that nobody runs others")
        else:
            yield Finding("hashes", "ok", entry)
    if isinstance(spec, DatasetSpec):
        without = [file.name for file in spec.files if file.sha256 is None and file.md5 is None]
        fix = "declare each file's SHA-256, so that nobody is scored on other samples"
        yield (
            Finding("hashes", "warned", spec.name, f"no hash: {', '.join(without[:3])}", fix)
            if without
            else Finding("hashes", "ok", spec.name)
        )


def _packed(entry: str, weights: Any) -> Finding:
    try:
        found = hashlib.sha256(find_weights(weights).read_bytes()).hexdigest()
    except (ZooError, OSError) as error:
        if weights.uri.removeprefix("pkg:").startswith("zoo_"):
            return Finding("hashes", "failed", entry, f"{weights.uri} is not there: {reason_of(error)}", "pack it into the wheel")
        return Finding("hashes", "skipped", entry, f"{weights.uri} is not installed here")
    if found != weights.sha256:
        return Finding("hashes", "failed", entry, f"{weights.uri} has the SHA-256 {found}, not the declared one", "declare that")
    return Finding("hashes", "ok", entry)


def _references(spec: Spec, entries: Registry) -> Iterator[tuple[str, str]]:
    def problem(look_up: Any, name: str) -> Iterator[tuple[str, str]]:
        try:
            look_up(name)
        except ZooError as error:
            yield error.message, error.hint

    if isinstance(spec, RecipeSpec) and spec.benchmark:
        yield from problem(entries.benchmark, spec.benchmark)
    if isinstance(spec, (BenchmarkSpec, RecipeSpec)) and spec.dataset:
        unknown = list(problem(entries.dataset, spec.dataset))
        yield from unknown
        if not unknown and spec.split not in (splits := entries.dataset(spec.dataset).splits):
            yield f"{spec.dataset} has no split {spec.split!r}", f"its splits are: {', '.join(splits)}"
    if isinstance(spec, BenchmarkSpec):
        for text in spec.metrics:
            yield from problem(lambda text: build_metric(text, entries.metric(text)), text)
        if spec.pass_mark is not None and (mark := parse_pass_mark(spec.pass_mark)).metric in spec.metrics:
            yield from problem(lambda text: mark.check(spec.name, entries.metric(text).direction), mark.metric)
        for name in spec.aux.values():
            yield from problem(entries.tagged_model, name)
    if isinstance(spec, RecipeSpec):
        yield from problem(entries.model, spec.model) if spec.model else ()
        yield from problem(entries.metric, spec.metric)
    if isinstance(spec, SuiteSpec):
        for run in spec.runs:
            yield from problem(entries.benchmark, run.benchmark)
            yield from problem(entries.tagged_model, run.model) if run.model else ()
        for name in spec.models:
            yield from problem(entries.tagged_model, name) if not is_pattern(name) else ()
    if isinstance(spec, ModelSpec):
        for weights in spec.weights.values():
            if weights.recipe is not None:
                yield from problem(entries.recipe, weights.recipe)
        for name in spec.made_of.values():
            yield from problem(entries.tagged_model, name)


def _targets(spec: Spec) -> Iterator[tuple[str, str]]:
    wanted: list[tuple[str | None, type | None]] = [(spec.trainer, None)] if isinstance(spec, RecipeSpec) else []
    if isinstance(spec, ModelSpec):
        wanted += [(target, None) for target in spec.tasks.values()] + [(spec.options, BaseModel)]
    elif isinstance(spec, (DatasetSpec, MetricSpec, CommandSpec)):
        wanted.append((spec.target, Metric if isinstance(spec, MetricSpec) else None))
    try:
        requirements_of(spec)
    except PluginError as error:
        yield error.message, error.hint
    for target, base in wanted:
        if target is None:
            continue
        try:
            found = load_target(target)
        except ZooError as error:
            if not _lacks(spec):  # else what it requires is absent, which it says itself
                yield error.message, error.hint
            continue
        except Exception as error:
            yield f"importing {target!r} raised {type(error).__name__}: {reason_of(error)}", "mend that module"
            continue
        if base is not None and not (isinstance(found, type) and issubclass(found, base)):
            yield f"{target!r} is no {base.__name__}", f"make it a subclass of {base.__module__}.{base.__name__}"
        elif not callable(found):
            yield f"{target!r} cannot be called", "name a class or a function"


def _lacks(spec: Spec) -> bool:
    """Whether something that the spec requires is not installed."""
    try:
        check_requirements(spec, PluginError)
    except PluginError:
        return True
    return False


def _declared_imports(plugin: Plugin, bundled: set[str]) -> Finding:
    """Whether all third-party modules that its files import come from declared distributions; `bundled` ones are deepzoo's."""
    own = {Path(file).parent.name for file in plugin.files} | {Path(file).stem for file in plugin.files}
    passed = set(sys.stdlib_module_names) | own | bundled | {plugin.candidate.module.partition(".")[0], "zoo"}
    imported = {name: file for file in plugin.files for name in _imports(Path(file)) if name not in passed}
    declared = _closure(BUNDLED) | _names(plugin.candidate.requires)
    declared |= {name for _, spec in plugin.specs for name in _names(spec.requires)}
    providers = metadata.packages_distributions()
    undeclared = {
        name: Path(file).name
        for name, file in sorted(imported.items())
        if not declared & {canonicalize_name(provider) for provider in providers.get(name, [name])}
    }
    if not undeclared:
        return Finding("declared-imports", "ok")
    said = ", ".join(f"{name} in {file}" for name, file in undeclared.items())
    fix = "name its distribution in the project's dependencies, or in `requires` of the specs that need it"
    return Finding("declared-imports", "failed", "", f"nobody requires what is imported: {said}", fix)


def _imports(file: Path) -> Iterator[str]:
    """Top-level modules that a file imports, wherever in it; what stands in a `try` may be absent."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError):
        return
    optional = {
        id(node) for tried in ast.walk(tree) if isinstance(tried, ast.Try) for part in tried.body for node in ast.walk(part)
    }
    for node in ast.walk(tree):
        if id(node) in optional:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _closure(distribution: str) -> set[str]:
    """A distribution, what it requires, and what that requires; its own extras too, but nobody else's."""
    found: set[str] = {distribution}
    waiting = _names(metadata.requires(distribution) or ())
    while waiting:
        found |= waiting
        further: set[str] = set()
        for name in waiting:
            try:
                requirements = [Requirement(text) for text in metadata.requires(name) or ()]
            except (metadata.PackageNotFoundError, InvalidRequirement):
                continue
            further |= {canonicalize_name(r.name) for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})}
        waiting = further - found
    return found


def _names(requirements: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for text in requirements:
        try:
            found.add(canonicalize_name(Requirement(text).name))
        except InvalidRequirement:
            continue
    return found
