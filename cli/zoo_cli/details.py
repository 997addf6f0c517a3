"""What `zoo show` says of an entry of each kind, as labels and values."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from zoo.data.places import dataset_here, weights_here
from zoo.errors import UnknownNameError
from zoo.plugins.composed import entry_of_name, pattern, untagged
from zoo.plugins.entries import Entry, Index
from zoo.runs.glance import runs_by_benchmark, runs_by_model
from zoo_cli.render import interval, number, pairs

Fields = list[tuple[str, str]]
EXTRAS = ("label_smoothing", "class_weights", "ema", "clip_norm")
"""Settings of a recipe that are shown where they are switched on."""
BARS = "▁▂▃▄▅▆▇█"


def _model(entry: Entry, index: Index) -> Fields:
    spec, name = entry["spec"], entry["name"]
    recipes = [recipe for recipe in index.select("recipe") if _full(index, "model", recipe["spec"]["model"]) == name]
    benchmarks = _benchmarks_of(entry, index)
    return [
        ("plugin", entry["plugin"]),
        ("tasks", ", ".join(entry["tasks"])),
        ("takes", _input(spec)),
        ("settings", pairs(spec["config"])),
        ("parts", "\n".join(_part(role, task, spec["made_of"].get(role)) for role, task in spec["parts"].items())),
        ("options", _options(spec["options"])),
        ("paper", spec["paper"]),
        ("needs", ", ".join(spec["requires"])),
        ("computes", _computes(spec)),
        ("weights", "\n".join(_weights(tag, weights) for tag, weights in spec["weights"].items()) or _no_weights(spec)),
        (
            "claims",
            _claims(lambda claim: any(name in (untagged(of), entry_of_name(of)) for of in (claim.model, *claim.aux.values()))),
        ),
        ("recipes", ", ".join(recipe["name"] for recipe in recipes)),
        ("benchmarks", ", ".join(benchmarks)),
        ("scored here", _scored_here("model", name, runs_by_model())),
        ("run it", _how_to_run(name, spec, benchmarks)),
        ("train it", "\n".join(f"zoo train {recipe['name']}" for recipe in recipes[:3])),
    ]


def _dataset(entry: Entry, index: Index) -> Fields:
    spec, name = entry["spec"], entry["name"]
    benchmarks = [b["name"] for b in index.select("benchmark") if _full(index, "dataset", b["spec"]["dataset"]) == name]
    splits = [f"{split}: {count:,} samples" if count is not None else split for split, count in spec["splits"].items()]
    classes = spec["classes"] or ()
    return [
        ("plugin", entry["plugin"]),
        ("modality", spec["modality"]),
        ("splits", "\n".join(splits)),
        ("classes", f"{len(classes)}: {_some(classes)}" if classes else ""),
        ("files", "\n".join(_file(file) for file in spec["files"])),
        ("here", HERE[dataset_here(spec)].format(get=f"zoo data get {name}")),
        ("licence", spec["licence"]),
        ("citation", spec["citation"]),
        ("homepage", spec["homepage"]),
        ("needs", ", ".join(spec["requires"])),
        ("benchmarks", ", ".join(benchmarks)),
        ("run on it", f"zoo run MODEL --on {benchmarks[0] if benchmarks else name}"),
        ("is it here", f"zoo data check {name}"),
    ]


def _benchmark(entry: Entry, index: Index) -> Fields:
    from zoo.plugins.fitting import suits

    spec, name = entry["spec"], entry["name"]
    suited = [
        m["name"] for m in index.select("model", task=spec["task"], modality=spec["modality"]) if suits(index, m["spec"], spec)
    ]
    claimed = [untagged(claim.model) for claim in _claims_that(lambda claim: claim.benchmark == name)]
    models = list(dict.fromkeys([*suited, *claimed]))
    return [
        ("plugin", entry["plugin"]),
        ("task", f"{spec['task']} ({spec['modality']})"),
        ("dataset", f"{index.find('dataset', spec['dataset'])}, split {spec['split']}"),
        ("metrics", "\n".join([f"{spec['metrics'][0]} (primary)", *spec["metrics"][1:]])),
        ("pass mark", spec["pass_mark"] or ""),
        ("protocol", pairs(spec["protocol"])),
        ("with", pairs(spec["aux"])),
        ("claims", _claims(lambda claim: claim.benchmark == name)),
        ("models", ", ".join(models)),
        ("scored here", _scored_here("benchmark", name, runs_by_benchmark())),
        ("run on it", f"zoo run {models[0] if models else 'MODEL'} --on {name}"),
    ]


def _metric(entry: Entry, index: Index) -> Fields:
    spec = entry["spec"]
    low, high = (f"{bound:g}" if bound is not None else "unbounded" for bound in spec["range"])
    return [
        ("plugin", entry["plugin"]),
        ("task", spec["task"]),
        ("better", spec["direction"]),
        ("range", f"{low} to {high}{' ' + spec['unit'] if spec['unit'] else ''}"),
        ("options", _options(spec["target"])),
        ("reference", spec["reference"]),
        ("benchmarks", ", ".join(_scored_by(entry["name"], index))),
    ]


def _recipe(entry: Entry, index: Index) -> Fields:
    spec, optimizer = entry["spec"], dict(entry["spec"]["optimizer"])
    yours = "yours: --dataset NAME, such as folder:PATH or csv:PATH"
    missing = "".join(f" --{field} NAME" for field in ("model", "dataset") if not spec[field])
    extras = {
        key: spec[key] for key in ("label_smoothing", "class_weights", "ema", "clip_norm") if spec[key] not in (None, 0, "none")
    }
    return [
        ("plugin", entry["plugin"]),
        ("model", _full(index, "model", spec["model"]) if spec["model"] else "yours: --model NAME"),
        ("dataset", f"{index.find('dataset', spec['dataset'])}, split {spec['split']}" if spec["dataset"] else yours),
        ("benchmark", spec["benchmark"] or ""),
        ("epochs", f"{spec['epochs']}, batches of {spec['batch_size']}"),
        ("optimizer", f"{optimizer.pop('name')} ({pairs(optimizer)}), {spec['schedule']} schedule"),
        ("techniques", ", ".join(spec["techniques"])),
        ("augment", ", ".join(spec["augment"])),
        ("also", pairs({**extras, **spec["options"]})),
        ("selected by", f"{spec['metric']} on {spec['validation']:.0%} of {spec['split']}"),
        ("seed", str(spec["seed"])),
        ("train it", f"zoo train {entry['name']}{missing}"),
    ]


def _suite(entry: Entry, index: Index) -> Fields:
    spec, name = entry["spec"], entry["name"]
    return [
        ("plugin", entry["plugin"]),
        ("models", ", ".join(spec["models"]) or "yours: zoo run MODEL --on " + name),
        ("runs", "\n".join(map(_suite_run, spec["runs"]))),
        ("needs", ", ".join(spec["requires"])),
        ("run it", f"zoo run {'' if spec['models'] else 'MODEL '}--on {name}"),
    ]


def _suite_run(run: dict[str, Any]) -> str:
    who = f"{run['model']} on {run['benchmark']}" if run["model"] else run["benchmark"]
    role = f"the model is the {run['role']}" if run["role"] else ""
    limit = f"{run['limit']:,} samples" if run["limit"] else ""
    return ", ".join(filter(None, (who, role, limit, pairs({**run["options"], **run["protocol"]}))))


def _technique(entry: Entry, index: Index) -> Fields:
    spec, name = entry["spec"], entry["name"]
    return [
        ("plugin", entry["plugin"]),
        ("kind", spec["kind"]),
        ("settings", pairs(spec["config"])),
        ("options", _options(spec["target"], spec["config"])),
        ("rate", _curve(spec["target"], spec["config"]) if spec["kind"] == "schedule" else ""),
        ("not with", ", ".join(spec["excludes"])),
        ("paper", spec["paper"]),
        ("needs", ", ".join(spec["requires"])),
        ("use it", f"zoo train RECIPE --with {name}" + (" --processes 2" if spec["kind"] == "parallel" else "")),
    ]


def _curve(target: str, config: dict[str, Any]) -> str:
    """The learning rate over a training, by its defaults: a bar for each of 60 steps."""
    from zoo.lazy import load_target

    schedule = load_target(target)(**config)
    factors = [schedule.factor(step, 60) for step in range(60)]
    return "".join(BARS[round(factor * (len(BARS) - 1))] for factor in factors)


DETAILS: dict[str, Callable[[Entry, Index], Fields]] = {
    "model": _model,
    "dataset": _dataset,
    "benchmark": _benchmark,
    "metric": _metric,
    "recipe": _recipe,
    "suite": _suite,
    "technique": _technique,
}


def of_plugin_kind(entry: Entry, index: Index) -> Fields:
    """Of an entry of a kind that a plugin adds: every field that says something."""
    fields = {name: value for name, value in entry["spec"].items() if name not in ("name", "summary")}
    return [("plugin", entry["plugin"]), *((name.replace("_", " "), _value(value)) for name, value in fields.items())]


def _value(value: Any) -> str:
    """A field of any JSON type; empty where it says nothing."""
    if isinstance(value, dict):
        return pairs(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _input(spec: dict[str, Any]) -> str:
    """What a model takes, in words."""
    wanted = spec["input"]
    if not wanted:
        return str(spec["modality"])
    channels = {1: "grey ", 3: "RGB ", None: ""}[wanted["channels"]]
    if not wanted["size"]:
        return f"{channels}{spec['modality']} of any size"
    height, width = wanted["size"]
    cut = f"centre crop of {wanted['crop_pct']:.3g}" if wanted["crop_mode"] == "center" else "squashed"
    return f"{channels}{spec['modality']} of {height} x {width} pixels ({cut}, {wanted['interpolation']})"


def _benchmarks_of(entry: Entry, index: Index) -> list[str]:
    if not entry["spec"]["made_of"]:
        from zoo.plugins.fitting import benchmarks_of

        return benchmarks_of(index, entry)
    from zoo.plugins.registry import registry

    entries = registry()
    return entries.benchmarks_of(entries.model(entry["name"]))


def _part(role: str, task: str, name: str | None) -> str:
    return f"{role}: {name}" if name else f"{role}: any model that does {task}"


def _computes(spec: dict[str, Any]) -> str:
    """Where and on what, of a model that is no torch module; an index of an earlier version says nothing of it."""
    if spec.get("remote"):
        return "at a service: nothing of a run is used again"
    arrays = spec.get("inputs") == "numpy"
    return "on the CPU, with NumPy arrays" if arrays else "on the CPU" if spec.get("device") == "cpu" else ""


def _no_weights(spec: dict[str, Any]) -> str:
    if spec.get("remote"):
        return "the service's own"
    return "those of its parts" if spec["parts"] else "none are shipped"


def _weights(tag: str, weights: dict[str, Any]) -> str:
    where = {"yes": "here", "no": "to be downloaded", "partly": "partly here", "?": "not known whether it is here"}
    return f"@{tag}: {weights['source']}; {weights['licence']}; {where[weights_here(weights)]}"


HERE = {"yes": "yes", "no": "no; {get}", "partly": "partly; {get}", "?": "not known"}
"""Whether the files of a dataset are here, and what to do."""
SCORED = 5
"""Runs that are shown."""


def _scored_here(kind: str, name: str, runs: Mapping[str, int]) -> str:
    """The newest own runs of an entry, one a line, where there are any."""
    if not runs[name]:
        return ""
    from zoo.browsing.found import results
    from zoo.units import time_in_words

    named: dict[str, Any] = {kind: name}
    found = results(limit=SCORED, **named)
    now = datetime.now(UTC)
    lines = []
    for row in found:
        bounds = (row.value, row.ci_low, row.ci_high)
        what = row.benchmark if kind == "model" else row.model
        score = f"{row.metric} {number(*bounds)} {interval(*bounds)}".rstrip()
        settings = f", {pairs(row.settings)}" if row.settings else ""
        age = time_in_words((now - datetime.fromisoformat(row.created)).total_seconds())
        lines.append(f"{row.run_id[:8]}  {what}: {score}{settings}, {age} ago")
    more = [f"and {found.more:,} older: zoo results --{kind} {name}"] if found.more else []
    return "\n".join([*lines, *more])


def _file(file: dict[str, Any]) -> str:
    size = f", {file['size']:,} bytes" if file["size"] else ""
    where = "bundled" if any(url.startswith("pkg:") for url in file["urls"]) else next(iter(file["urls"]), "no address")
    return f"{file['name']}{size}, {where}"


def _options(target: str | None, fixed: Collection[str] = ()) -> str:
    """The fields of a pydantic class, those that are fixed left out, one a line, with what they may be. Imports it."""
    if not target:
        return ""
    from zoo.lazy import load_target
    from zoo.options import described_settings

    return "\n".join(described_settings(load_target(target), fixed))


def _claims_that(fits: Callable[[Any], bool]) -> list[Any]:
    from zoo.plugins.catalogue import load_catalogue

    return [claim for claim in load_catalogue().claims if fits(claim)]


def _claims(fits: Callable[[Any], bool]) -> str:
    return "\n".join(
        f"{claim.model} on {claim.where}: {claim.metric} {claim.value:g} ± {claim.tolerance:g}, {claim.kind}, {claim.source}"
        for claim in _claims_that(fits)
    )


def _how_to_run(name: str, spec: dict[str, Any], benchmarks: list[str]) -> str:
    if spec["parts"]:
        name = f"'{name if spec['made_of'] else pattern(name, spec['parts'])}'"
    if not (spec["weights"] or spec["parts"] or benchmarks or spec.get("remote")):
        return f"zoo run {name} --weights FILE --on BENCHMARK"
    return "\n".join(f"zoo run {name} --on {benchmark}" for benchmark in benchmarks[:3]) or f"zoo run {name} --on BENCHMARK"


def _scored_by(metric: str, index: Index) -> list[str]:
    from zoo.metrics.names import bare_metric

    return [
        b["name"]
        for b in index.select("benchmark")
        if metric in {index.find("metric", bare_metric(m)) for m in b["spec"]["metrics"]}
    ]


def _full(index: Index, kind: str, name: str) -> str:
    """The full name of what an entry refers to; as written where it is not to be had, because its plugin is not well."""
    try:
        return index.find(kind, name)
    except UnknownNameError:
        return name


def _some(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
