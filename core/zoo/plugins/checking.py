"""Checking names against the index alone, before anything heavy is imported, so that a name mistyped is answered at once.

What only a plugin, or the user's own files and code, can tell passes here, and is met later by whoever resolves it.
"""

import warnings
from collections.abc import Collection, Sequence
from contextlib import suppress

from zoo.errors import AmbiguousNameError, UnknownNameError, WeightsError
from zoo.plugins.composed import assigned, is_composed, read_composed
from zoo.plugins.entries import Entry, Index
from zoo.plugins.names import is_path, split_tag

USES = {
    ("model", "benchmark"): "zoo run MODEL --on {name}",
    ("model", "dataset"): "zoo run MODEL --on {name}",
    ("model", "recipe"): "zoo train {name}, or run its model: zoo run {model} --on {dataset}",
    ("model", "suite"): "zoo run MODEL --on {name}",
    ("dataset", "suite"): "zoo run MODEL --on {name}",
    ("model", "metric"): "zoo run MODEL --on BENCHMARK --metric {name}",
    ("benchmark", "model"): "zoo run {name} --on BENCHMARK",
    ("benchmark", "recipe"): "zoo train {name}",
    ("dataset", "benchmark"): "its dataset is {dataset}",
}
"""What to do with an entry of the second kind, where one of the first was asked for."""
WITH_OPTIONS = ("metric", "technique")
"""Kinds whose names may be followed by options: `f1:positive=spam`."""


def check_name(index: Index, kinds: Sequence[str], name: str) -> None:
    """Raise what resolving the name would, where no entry of these kinds can have it; the first kind is the one that is meant.

    UnknownNameError with the nearest names, AmbiguousNameError, WeightsError for a tag that a model has not, OptionError for
    brackets that cannot be read.
    """
    if not name.strip():
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whoever resolves the name warns
        if kinds[0] == "model":
            _check_model(index, kinds, name)
        else:
            _check(index, kinds, name.partition(":")[0] if kinds[0] in WITH_OPTIONS else name)


def of_another_kind(index: Index, kind: str, name: str, error: UnknownNameError) -> UnknownNameError:
    """The error that says what a name is instead, and what that is for; the error as it is where it is nothing."""
    for other in ("model", "benchmark", "dataset", "recipe", "suite", "metric", "technique", *index.kinds):
        with suppress(UnknownNameError):
            spec = index.entry(other, name)["spec"]
            near = error.hint if error.candidates else f"zoo show {spec['name']}"
            hint = USES[kind, other].format(**spec) if (kind, other) in USES else near
            return UnknownNameError(f"{spec['name']} is a {other}, not a {kind}", hint, error.candidates)
    return error


def no_such_weights(name: str, tag: str, tags: Collection[str]) -> WeightsError:
    """The error of a tag that a model has not."""
    hint = f"its tags are: {', '.join(tags)}" if tags else f"it ships without weights; zoo show {name}"
    return WeightsError(f"{name} has no weights {tag!r}", hint)


def _check_model(index: Index, kinds: Sequence[str], name: str) -> None:
    base, tag = split_tag(name)
    if _is_elsewhere(index, base):
        return
    if is_composed(base):
        entry, parts = read_composed(base)
        found = _check(index, kinds, entry)
        for role, part in assigned(found["name"], found["spec"]["parts"], parts).items() if found else ():
            _check_part(index, found["name"] if found else entry, role, part)
        return
    found = _check(index, kinds, base)
    if tag is None or found is None or found["kind"] != "model" or found["spec"]["parts"]:
        return
    if tag not in found["spec"]["weights"]:
        raise no_such_weights(found["name"], tag, found["spec"]["weights"])


def _check_part(index: Index, whole: str, role: str, name: str) -> None:
    try:
        _check_model(index, ("model",), name)
    except AmbiguousNameError:
        raise
    except UnknownNameError as error:
        raise part_error(error, role, whole) from None


def part_error(error: UnknownNameError, role: str, whole: str) -> UnknownNameError:
    """The same error of a part, which says whose part it was to be."""
    return UnknownNameError(f"{error.message}, as the {role} of {whole}", error.hint, error.candidates)


def _check(index: Index, kinds: Sequence[str], name: str) -> Entry | None:
    """The entry of the first of the kinds that has the name; None where something else may know it."""
    if _is_elsewhere(index, name):
        return None
    unknown: UnknownNameError | None = None
    for kind in kinds:
        try:
            return index.entry(kind, name)
        except AmbiguousNameError:
            raise
        except UnknownNameError as error:
            unknown = unknown or error
    assert unknown is not None
    raise of_another_kind(index, kinds[0], name, unknown)


def _is_elsewhere(index: Index, name: str) -> bool:
    """Whether a name is none of an entry: a plugin makes it on demand, or it says where data or code of the user's own lie."""
    return bool(index.dynamic_plugin(name)) or ":" in name or name.endswith(".py") or is_path(name)
