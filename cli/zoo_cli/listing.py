"""`zoo list`: what there is, read from the index without importing a plugin."""

import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import click

from zoo.data.places import dataset_here, weights_here
from zoo.errors import OptionError
from zoo.plugins.entries import Entry, Index
from zoo.plugins.namespaces import select
from zoo.runs.glance import runs_by_benchmark, runs_by_model
from zoo_cli.completing import names_of, plugin_ids
from zoo_cli.groups import Command
from zoo_cli.render import note, print_json, print_list, say, styled
from zoo_cli.types import Kind, Open
from zoo_cli.warned_index import open_index

KINDS = ("models", "datasets", "metrics", "benchmarks", "recipes", "suites", "techniques")
TASKS = ("classify", "detect", "segment", "embed", "attack", "generate")
MODALITIES = ("image", "text", "vector")
FILTERS = {
    "models": ("task", "modality", "plugin"),
    "datasets": ("modality", "plugin"),
    "metrics": ("task", "plugin"),
    "benchmarks": ("task", "modality", "plugin", "dataset"),
    "recipes": ("task", "modality", "plugin", "dataset"),
    "suites": ("plugin",),
    "techniques": ("plugin",),
}
"""Which filters a kind of entry knows; what a plugin adds is filtered by plugin."""


@click.command(
    cls=Command,
    examples=(
        "zoo list",
        "zoo list benchmarks --modality text",
        "zoo list models --task classify --json",
        "zoo list models --plugin timm",
        "zoo list | cut -f1",
    ),
)
@click.argument("kind", type=Kind(KINDS), default="models")
@click.option("--task", type=Open(TASKS, lambda index: index.tasks), help="Only entries of this task.")
@click.option("--modality", type=Open(MODALITIES, lambda index: index.modalities), help="Only entries that take this.")
@click.option(
    "--plugin",
    metavar="ID",
    shell_complete=plugin_ids,
    help="Only entries of this plugin, or all names in a namespace such as timm.",
)
@click.option("--dataset", metavar="NAME", shell_complete=names_of("dataset"), help="Only benchmarks or recipes on this dataset.")
@click.option("--rebuild", is_flag=True, help="Ask the library anew for the names in a namespace.")
@click.option("--json", "as_json", is_flag=True, help="Print the entries whole, as JSON.")
def list_entries(kind: str, as_json: bool, rebuild: bool, **filters: str | None) -> None:
    """List models, or entries of another KIND: datasets, metrics, benchmarks, recipes, suites, techniques, or what
    a plugin adds.

    HERE says whether weights or data are on this machine, RUNS how often you have run it. In a pipe: one entry a line,
    tab-separated.
    """
    _check_filters(kind, filters)
    index = open_index()
    found = select(index, kind.removesuffix("s"), filters, rebuild=rebuild)
    entries = sorted(found, key=lambda entry: entry["name"])
    if as_json:
        print_json(entries)
        return
    header, row = COLUMNS.get(kind) or ((kind.removesuffix("s").upper(), "SUMMARY"), lambda entry: [])
    if kind in RUNS:
        runs = RUNS[kind]()
        entries = [{**entry, "runs": runs[entry["name"]]} for entry in entries]
    print_list(header, [[styled(e["name"], bold=True), *row(e), e["spec"]["summary"]] for e in entries])
    if not entries:
        note(f"no {kind} match")
    elif sys.stdout.isatty():
        _print_footer(index, kind, len(entries))


def _check_filters(kind: str, filters: dict[str, str | None]) -> None:
    for name, value in filters.items():
        if value is not None and name not in FILTERS.get(kind, ("plugin",)):
            known = ", ".join(other for other, names in FILTERS.items() if name in names)
            raise OptionError(f"{kind} have no --{name}", f"it filters {known}")


def _model(entry: Entry) -> list[str]:
    weights = entry["spec"]["weights"]
    return [", ".join(entry["tasks"]), entry["modality"], ", ".join(weights) or "-", _here(weights), _runs(entry)]


def _here(weights: dict[str, Any]) -> str:
    """Whether a model's weights are here: `yes`, `no`, or the tags of those that are."""
    found = {tag: weights_here(one) for tag, one in weights.items()}
    if len(set(found.values())) < 2:
        return next(iter(found.values()), "-")
    return ", ".join(tag for tag, state in found.items() if state == "yes") or "no"


def _runs(entry: Entry) -> str:
    return f"{entry['runs']:,}" if entry["runs"] else "-"


def _dataset(entry: Entry) -> list[str]:
    spec = entry["spec"]
    splits = ", ".join(f"{name} {count:,}" if count is not None else name for name, count in spec["splits"].items())
    return [entry["modality"], str(len(spec["classes"])) if spec["classes"] else "-", splits, dataset_here(spec)]


def _metric(entry: Entry) -> list[str]:
    return [", ".join(entry["tasks"]), entry["spec"]["direction"]]


def _benchmark(entry: Entry) -> list[str]:
    spec = entry["spec"]
    return [spec["task"], f"{spec['dataset']} {spec['split']}", spec["pass_mark"] or spec["metrics"][0], _runs(entry)]


def _recipe(entry: Entry) -> list[str]:
    spec = entry["spec"]
    return [spec["model"] or "yours", spec["dataset"] or "yours", str(spec["epochs"])]


def _suite(entry: Entry) -> list[str]:
    spec = entry["spec"]
    return [", ".join(spec["models"]) or "yours", str(len(spec["runs"]))]


def _technique(entry: Entry) -> list[str]:
    return [entry["spec"]["kind"]]


COLUMNS: dict[str, tuple[tuple[str, ...], Callable[[Entry], list[str]]]] = {
    "models": (("MODEL", "TASK", "MODALITY", "WEIGHTS", "HERE", "RUNS", "SUMMARY"), _model),
    "datasets": (("DATASET", "MODALITY", "CLASSES", "SPLITS", "HERE", "SUMMARY"), _dataset),
    "metrics": (("METRIC", "TASK", "BETTER", "SUMMARY"), _metric),
    "benchmarks": (("BENCHMARK", "TASK", "DATA", "SCORE", "RUNS", "SUMMARY"), _benchmark),
    "recipes": (("RECIPE", "MODEL", "DATASET", "EPOCHS", "SUMMARY"), _recipe),
    "suites": (("SUITE", "MODELS", "RUNS", "SUMMARY"), _suite),
    "techniques": (("TECHNIQUE", "KIND", "SUMMARY"), _technique),
}

RUNS = {"models": runs_by_model, "benchmarks": runs_by_benchmark}
"""Of which kinds own runs are counted."""


def _print_footer(index: Index, kind: str, count: int) -> None:
    """What else there is."""
    kinds = [*KINDS, *(f"{other}s" for other in index.kinds)]
    totals: dict[str, Any] = {other: sum(1 for _ in index.select(other.removesuffix("s"))) for other in kinds if other != kind}
    others = ", ".join(f"{total} {other}" for other, total in totals.items() if total)
    dynamic = ", ".join(f"{name}:…" for plugin in index.plugins for name in plugin["namespaces"])
    say()
    say(styled(_wrapped(f"{count} {kind}; also {others}"), dim=True))
    say(styled("One in full: zoo show NAME", dim=True))
    if dynamic and kind in ("models", "datasets"):
        say(styled(_wrapped(f"Made on demand from a name: {dynamic}"), dim=True))


def _wrapped(text: str) -> str:
    """Lines no longer than the terminal is wide."""
    return textwrap.fill(text, shutil.get_terminal_size().columns, break_long_words=False, break_on_hyphens=False)
