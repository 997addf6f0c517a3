"""`zoo show`: everything about the entries of one name, and the command to run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import AmbiguousNameError, OptionError, UnknownNameError
from zoo.plugins.composed import is_composed
from zoo.plugins.entries import Entry, Index, entry_of
from zoo.plugins.names import is_path, namespace_of, nearest, split_tag
from zoo_cli.completing import names_of
from zoo_cli.details import DETAILS, of_plugin_kind
from zoo_cli.groups import Command
from zoo_cli.render import print_fields, print_json, say, say_wrapped, styled
from zoo_cli.warned_index import open_index

if TYPE_CHECKING:
    from zoo.specs import DatasetSpec

KINDS = ("model", "dataset", "benchmark", "metric", "recipe", "suite", "technique")


@click.command(cls=Command, examples=("zoo show cnn/lenet5", "zoo show mnist", "zoo show intro/mlp --json"))
@click.argument("name", shell_complete=names_of())
@click.option("--json", "as_json", is_flag=True, help="Print the entries whole, as JSON.")
def show(name: str, as_json: bool) -> None:
    """Show everything about NAME: a model, dataset, benchmark, metric, recipe, suite or technique, or what a
    plugin adds.

    A name that stands for several, such as a dataset and its benchmark, shows each.
    """
    from zoo.plugins.blame import in_plugin

    index = open_index()
    base, tag = split_tag(name)
    if tag is not None and index.dynamic_plugin(name):
        from zoo.plugins.registry import registry

        spec, tag = registry().tagged_model(name)
        base = spec.name
    if is_composed(base) and not index.dynamic_plugin(base):
        entries = [_composed(base)]
    else:
        entries = _find(index, base) if ":" not in base or index.dynamic_plugin(base) else [_metric(index, base)]
    if tag is not None:
        _check_tag(entries, base, tag)
    if as_json:
        print_json(entries)
        return
    for position, entry in enumerate(entries):
        if position:
            say()
        say(f"{styled(entry['name'], bold=True)}  {styled(entry['kind'], fg='cyan')}")
        say_wrapped(entry["spec"]["summary"], hang=0)
        say()
        with in_plugin(entry["name"]):  # its options are read from its code
            fields = DETAILS.get(entry["kind"], of_plugin_kind)(entry, index)
        print_fields(fields)


def _find(index: Index, name: str) -> list[Entry]:
    """The entries of a name, one a kind. Raises UnknownNameError with the nearest names of the kind that has the nearest."""
    found: list[Entry] = []
    near: dict[str, Sequence[str]] = {}
    ambiguous, plugin = None, index.dynamic_plugin(name)
    for kind in (*KINDS, *index.kinds):
        try:
            found.append(_dynamic(kind, name, plugin["id"]) if plugin else index.entry(kind, name))
        except AmbiguousNameError as error:
            ambiguous = error
        except UnknownNameError as error:
            near[kind] = error.candidates
    if found:
        return found
    if ambiguous:
        raise ambiguous
    if is_path(name):
        from zoo.plugins.registry import registry

        registry().dataset(name)  # which says how to name it
    best = nearest(name, [candidate for candidates in near.values() for candidate in candidates], 1)
    candidates = next((candidates for candidates in near.values() if set(best) & set(candidates)), ())
    hint = f"did you mean {' or '.join(candidates)}?" if candidates else "zoo list shows what there is"
    raise UnknownNameError(f"nothing is named {name!r}", hint, candidates)


def _composed(name: str) -> Entry:
    """The entry that a model is which is made of those in the brackets of its name."""
    from zoo.plugins.registry import registry

    spec = registry().model(name)
    return entry_of(namespace_of(spec.name), "model", spec.model_dump(mode="json"))


def _metric(index: Index, text: str) -> Entry:
    """The metric of `name:option=value`, whose options are checked."""
    from zoo.metrics import bare_metric, build_metric
    from zoo.specs import MetricSpec

    entry = index.entry("metric", bare_metric(text))
    build_metric(text, MetricSpec.model_validate(entry["spec"]))
    return entry


def _dynamic(kind: str, name: str, plugin: str) -> Entry:
    """The entry of a name that its plugin makes on demand, such as `folder:PATH`."""
    from zoo.plugins.registry import registry

    if kind not in ("model", "dataset"):
        raise UnknownNameError(f"there is no {kind} named {name!r}")
    entries = registry()
    spec: dict[str, Any] = (entries.model(name) if kind == "model" else entries.dataset(name)).model_dump(mode="json")
    if spec.get("path"):
        spec |= _found_in(entries.dataset(name))
    return {
        "kind": kind,
        "name": name,
        "plugin": "",
        "tasks": list(spec.get("tasks", ())),
        "modality": spec["modality"],
        "spec": spec,
    }


def _found_in(spec: "DatasetSpec") -> dict[str, Any]:
    """Classes and number of samples of the user's own data, which nobody has declared. Raises DataError where it is not well."""
    from zoo.opening.datasets import open_dataset

    opened = {split: open_dataset(spec, split) for split in spec.splits}
    classes = next(iter(opened.values())).classes
    return {"splits": {split: len(found.ids) for split, found in opened.items()}, "classes": list(classes) if classes else None}


def _check_tag(entries: list[Entry], name: str, tag: str) -> None:
    tags = [known for entry in entries for known in entry["spec"].get("weights", ())]
    if tag not in tags:
        raise OptionError(f"{name} has no weights {tag!r}", f"its tags are: {', '.join(tags)}" if tags else f"zoo show {name}")
