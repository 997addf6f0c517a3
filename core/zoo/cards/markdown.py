"""The text of a model card: scores with intervals, how they came about, of what, and what nobody knows.

Whatever comes from outside (names, notes, paths) is escaped: it is text in whatever reads Markdown, never markup.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from zoo.runs.record import ModelInfoRecord, Result, RunRecord

_SPECIAL = re.compile(r"([\\`*_\[\]#~$!|])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
UNKNOWN = "unknown"


def escaped(text: object) -> str:
    """One line of plain text, whatever is in it: no markup, no link, no line break, no cell of a table."""
    line = _CONTROL.sub(" ", str(text)).strip()
    line = re.sub("[&<>]", lambda found: _ENTITIES[found[0]], line)
    line = _SPECIAL.sub(r"\\\1", line)
    line = line.replace("://", "&#58;//").replace("www.", "www&#46;")
    return re.sub(r"^([-+=]|\d+(?=[.)]))", lambda found: f"&#{ord(found[0][0])};{found[0][1:]}", line)


def body(records: "Sequence[RunRecord]", known: Mapping[str, str], unwritten: Sequence[str]) -> str:
    """The card below its header. `known` is what the registry says of the model, `unwritten` what stands in no other file."""
    model = records[0].model
    parts = [f"# {escaped(model.label)}", "", escaped(known.get("summary") or "What this model is, nobody has described."), ""]
    parts += ["## Scores", "", _scores(records), ""]
    for number, record in enumerate(records, 1):
        parts += [f"## Protocol {number}: {escaped(record.benchmark)}", "", *_bullets(_protocol(record)), ""]
    parts += ["## What it takes", "", *_bullets(_complexity(records)), ""]
    parts += ["## Provenance", "", *_bullets(_provenance(records, known)), ""]
    doubts = list(dict.fromkeys(doubt for record in records for doubt in _doubts(record)))
    parts += [
        "## To be known beside the scores",
        "",
        *(f"- {escaped(doubt)}" for doubt in doubts or ["nothing was remarked"]),
        "",
    ]
    parts += ["## Unknown", "", *(f"- {escaped(one)}" for one in [*_unknown(records, known), *unwritten]), ""]
    return "\n".join(parts)


def place_of(uri: str | None) -> str:
    """Where weights come from; of a file on this machine its name alone, since folders are nobody else's affair."""
    if not uri:
        return UNKNOWN
    if uri.startswith("file:"):
        return f"the file {PurePosixPath(unquote(urlsplit(uri).path)).name}"
    return uri


def _scores(records: "Sequence[RunRecord]") -> str:
    header = ("protocol", "benchmark", "metric", "value", "95 % interval", "n", "interval by")
    rows: list[tuple[str, ...]] = [header, ("---",) * len(header)]
    for number, record in enumerate(records, 1):
        for result in record.results:
            if result.value is not None:
                by = escaped(result.interval or UNKNOWN)
                unit = f" ({result.unit})" if result.unit else ""
                value = (escaped(result.metric + unit), _number(result.value), _between(result), f"{result.n:,}", by)
                rows.append((str(number), escaped(record.benchmark), *value))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _number(value: float) -> str:
    return f"{value:.6g}"


def _between(result: "Result") -> str:
    if result.ci_low is None or result.ci_high is None:
        return "none"
    return f"{_number(result.ci_low)} to {_number(result.ci_high)}"


def _protocol(record: "RunRecord") -> dict[str, str]:
    data, how, model = record.dataset, record.execution, record.model
    settings = {key: value for key, value in record.protocol.items() if key not in ("version", "aux") and value is not None}
    limit = None if data.limit is None else f"{data.limit:,} of all, taken {data.sampled or 'from the start'}"
    left = f", {len(data.skipped):,} corrupt ones left out" if data.skipped else ""
    return {
        "task": f"{record.task}, version {record.protocol.get('version', UNKNOWN)}",
        "data": f"{data.samples:,} samples of {data.name}, split {data.split}{left}",
        "sampled": limit or "all of the split",
        "settings": _pairs(settings),
        "other models": "; ".join(f"{role}: {_named(other)}" for role, other in record.aux.items()),
        "altered": ", ".join(record.altered),
        "classes": model.classes + (f", {model.left_out:,} outputs left out" if model.left_out else ""),
        "preprocessing": _pairs(model.preprocessing or {}) or "none: inputs as they are" * (record.task != "generate"),
        "options": _pairs(model.options),
        "run": f"{record.run_id}, {record.created}, seed {how.seed}, {how.precision} on {how.device}",
        "marks": "; ".join(f"{one.kind} {one.expected}: {'met' if one.passed else 'NOT met'}" for one in record.checks),
    }


def _complexity(records: "Sequence[RunRecord]") -> dict[str, str]:
    found = next((record.complexity for record in records if record.complexity is not None), None)
    if found is None:
        return {"parameters": UNKNOWN, "operations": UNKNOWN}
    operations = f"{found.flops:,} of sample {found.sample}, in products and convolutions" if found.flops is not None else UNKNOWN
    parameters = UNKNOWN if found.parameters is None else f"{found.parameters:,}"
    return {"parameters": parameters, "operations": operations, "note": found.note}


def _provenance(records: "Sequence[RunRecord]", known: Mapping[str, str]) -> dict[str, str]:
    first = records[0]
    model, where = first.model, first.environment
    told = {
        "weights": f"{place_of(model.weights_uri)}, SHA-256 {model.weights_sha256 or UNKNOWN}",
        "trained": known.get("source", UNKNOWN),
        "licence of the weights": known.get("licence", UNKNOWN),
        "code": f"{model.distribution or 'of the user'}, SHA-256 {model.source_sha256 or UNKNOWN}",
        "paper": known.get("paper", ""),
        **{f"part {role}": _named(part) for role, part in model.parts.items()},
    }
    for record in records:
        told[f"data {record.dataset.name}, split {record.dataset.split}"] = f"fingerprint {record.dataset.fingerprint}"
    others = [one.words for record in records for one in record.providers if one.distribution != "deepzoo"]
    told["plugins"] = "; ".join(dict.fromkeys(others))
    packages = ", ".join(f"{name} {version}" for name, version in where.packages.items())
    told["versions"] = f"deepzoo {where.deepzoo}, Python {where.python}, {packages}, {where.platform}"
    if where.git_commit:
        told["git"] = f"commit {where.git_commit}{' with changes' if where.git_dirty else ''} of the folder it was run in"
    return told


def _doubts(record: "RunRecord") -> Iterable[str]:
    yield from record.model.notes
    for role, other in record.aux.items():
        yield from (f"{role}: {note}" for note in other.notes)
    yield from record.remarks
    yield from (f"{result.metric}: {result.note}" for result in record.results if result.note)
    yield from ([record.guard.note] if record.guard and record.guard.note else [])
    yield from ([f"its predictions are not used again: {record.doubt}"] if record.doubt else [])
    yield from ([f"checks that were switched off: {', '.join(record.model.unsafe)}"] if record.model.unsafe else [])
    if record.execution.precision not in ("fp32",):
        yield f"computed in {record.execution.precision}, not in full precision"


def _unknown(records: "Sequence[RunRecord]", known: Mapping[str, str]) -> Iterable[str]:
    if not known.get("licence"):
        yield "the licence of the weights"
    if not known.get("source"):
        yield "on what the weights were trained, and so whether the samples scored here were among it"
    if records[0].model.weights_sha256 is None:
        yield "the hash of the weights: they are not in a file"
    for record in records:
        for result in record.results:
            if result.value is not None and result.ci_low is None:
                yield f"an interval of {result.metric} on {record.benchmark}: {result.interval or 'no reason is known'}"
    yield "for what it is fit, and whom its errors harm: scores do not say"


def _named(model: "ModelInfoRecord") -> str:
    return f"{model.label}, weights SHA-256 {model.weights_sha256 or UNKNOWN}"


def _pairs(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value:.6g}" if isinstance(value, float) else f"{key}={value}" for key, value in settings.items())


def _bullets(told: Mapping[str, str]) -> list[str]:
    return [f"- **{escaped(label)}:** {escaped(value)}" for label, value in told.items() if value]
