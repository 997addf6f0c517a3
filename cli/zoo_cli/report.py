"""A run's record as a person reads it: scores with intervals, marks, claims, and where to look next."""

import shutil
import sys
from typing import TYPE_CHECKING, Any

from zoo.home import zoo_home
from zoo_cli.render import counted, interval, number, pairs, print_fields, print_table, say, say_wrapped, styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zoo.runs.labels import Label
    from zoo.runs.record import Check, Execution, Origin, Result, RunRecord

MATRIX_CLASSES = 12
"""Confusion matrices of more classes are only in --json."""
LISTED_CLASSES = 30
"""So are scores for each class, of more classes than this."""
FEW = 10
"""Intervals of fewer samples come with a caution, except Wilson's, which hold."""


def print_scores(record: "RunRecord") -> None:
    """What a run ends with: the scores, whether they suffice, and the run's id."""
    data = record.dataset
    what = f"{counted(data.samples, 'sample')} of {data.name}, split {data.split}"
    named = f"{styled(record.model.label, bold=True)} on {styled(record.benchmark, bold=True)}"
    say_wrapped(f"{named}  {styled(what, dim=True)}")
    if settings := _settings(record.protocol):
        say_wrapped(styled(settings, dim=True))
    say()
    shown = [result for result in record.results if result.value is not None or result.detail is None]
    rows = [_row(result, primary=result is record.results[0]) for result in shown]
    if rows:
        print_table(("metric", "value", "95 % interval", "n"), rows, right=(1, 3))
    for result in record.results:
        if result not in shown or "stages" in (result.detail or ()):
            _print_detail(result)
    say()
    for line in _remarks(record.results):
        say_wrapped(line, "  ")
    values = {result.metric: result.value for result in record.results}
    for check in record.checks:
        say_wrapped(_verdict(check, values[check.metric]), "  ")
    for part in (record.model, *record.aux.values()):
        for fact in part.notes:
            say_wrapped(f"{styled('note', fg='yellow')} {part.name}: {fact}", "  ")
        which = f"of {part.name} for classes that {data.name} has not"
        if part.left_out:
            what = f"{counted(part.left_out, 'output')} {which}"
            say_wrapped(f"{styled('left out', fg='yellow')} {what}: scored among the others alone, outputs=dataset", "  ")
        if part.competing:
            say_wrapped(f"{styled('competing', fg='yellow')} {counted(part.competing, 'output')} {which}: wrong answers", "  ")
    for fact in record.remarks:
        say_wrapped(f"{styled('note', fg='yellow')} {fact}", "  ")
    if record.guard is not None and record.guard.note:
        say_wrapped(f"{styled('not its own', fg='yellow')} {record.guard.note}", "  ")
    if data.skipped:
        some = ", ".join(list(data.skipped)[:5])
        say_wrapped(f"{styled('skipped', fg='yellow')} {counted(len(data.skipped), 'corrupt sample')}: {some}", "  ")
    if data.limit is not None:
        how = f"taken {data.sampled}" if data.sampled else "the first"
        say_wrapped(f"{styled('limited', fg='yellow')} to {data.limit:,} samples, {how}: neither marks nor claims apply", "  ")
    if record.altered and record.benchmark != data.name:
        what = ", ".join(record.altered)
        apply = "only claims that say the same apply" if record.checks else "neither marks nor claims apply"
        say_wrapped(f"{styled('altered', fg='yellow')} {what} of the benchmark: {apply}", "  ")
    if figures := [artifact.path for artifact in record.artifacts if artifact.path.startswith("figures/")]:
        say_wrapped(f"{counted(len(figures), 'figure')} in {zoo_home() / 'runs' / record.key / 'figures'}", "  ")
    say_wrapped(styled(_effort(record), dim=True), "  ")
    say_wrapped(styled(f"run {record.run_id}; in full: zoo results {record.run_id[:8]}", dim=True), "  ")


def print_record(record: "RunRecord", label: "Label", read_line: str) -> None:
    """A record in full: the scores, then everything that determined them; with the user's name and note beside it."""
    from zoo.runs.stored import folder_of

    print_scores(record)
    model, data = record.model, record.dataset
    packages = ", ".join(f"{name} {version}" for name, version in record.environment.packages.items())
    commit = record.environment.git_commit
    say()
    print_fields(
        [
            ("name", label.name),
            ("note", label.note),
            ("when", record.created),
            ("key", record.key),
            ("task", f"{record.task}, version {record.protocol['version']}"),
            ("protocol", _settings(record.protocol)),
            ("weights", f"{model.weights_uri}\nSHA-256 {model.weights_sha256}" if model.weights_uri else "no weights file"),
            ("source", f"SHA-256 {model.source_sha256}" if model.source_sha256 else ""),
            ("input", pairs(model.preprocessing or {})),
            ("options", pairs(model.options)),
            ("classes", model.classes),
            ("unsafe", ", ".join(model.unsafe)),
            ("data", f"{data.name}, split {data.split}\nfingerprint {data.fingerprint}"),
            ("model takes", _complexity(record)),
            ("run as", _how(record.execution)),
            ("predicted", "\n".join(map(_origin, record.origins)) if record.shards.reused else ""),
            ("not reused", record.doubt),
            ("deepzoo", f"{record.environment.deepzoo}, Python {record.environment.python}, {record.environment.platform}"),
            ("packages", packages),
            ("plugins", "\n".join(one.words for one in record.providers)),
            ("git", f"{commit}{' with changes' if record.environment.git_dirty else ''}" if commit else ""),
            ("shards", f"{folder_of(record)}/shards"),
            ("read them", read_line),
            ("intervals", "\n".join(f"{result.metric}: {result.interval}" for result in record.results if result.interval)),
        ]
    )  # fmt: skip


def _complexity(record: "RunRecord") -> str:
    """Parameters, and operations of one sample, or why they are not known."""
    found = record.complexity
    if found is None:
        return ""
    parameters = [] if found.parameters is None else [counted(found.parameters, "parameter")]
    operations = [] if found.flops is None else [f"{found.flops:,} FLOP for sample {found.sample}"]
    return "\n".join(filter(None, (", ".join([*parameters, *operations]), found.note)))


def _how(how: "Execution") -> str:
    ran = f"{how.device}, {how.precision}, seed {how.seed}, batch size {how.batch_size or '-'}"
    return f"{ran}, {counted(how.workers, 'worker')}, {counted(how.threads, 'thread')}"


def _origin(origin: "Origin") -> str:
    """How and where shards that this run found were computed."""
    where, packages = origin.environment, origin.environment.packages
    torch = f", torch {packages['torch']}" if "torch" in packages else ""
    return f"{counted(origin.shards, 'shard')}: {_how(origin.execution)}; deepzoo {where.deepzoo}{torch}, {where.platform}"


def _remarks(results: "Sequence[Result]") -> "Iterator[str]":
    """What is to be known beside the scores: a line for each fact, which names the metrics that share it."""
    bare = [result for result in results if result.ci_low is None and result.detail is None and result.interval]
    facts = [
        *(("note", result.note, result) for result in results if result.note),
        *(("no value of" if result.value is None else "no interval of", result.interval, result) for result in bare),
    ]
    sharing: dict[tuple[str, str], list[str]] = {}
    for kind, fact, result in facts:
        sharing.setdefault((kind, fact.removeprefix("none: ")), []).append(result.metric)
    for (kind, fact), metrics in sharing.items():
        yield f"{styled(kind, fg='yellow')} {', '.join(metrics)}: {fact}"
    if any(result.n < FEW and _has_bounds(result) and not result.interval.startswith("Wilson") for result in results):
        yield f"{styled('few samples', fg='yellow')}: intervals of fewer than {FEW} are rough"


def _has_bounds(result: "Result") -> bool:
    of_classes = result.detail.get("ci_low", ()) if isinstance(result.detail, dict) else ()
    return result.ci_low is not None or any(low is not None for low in of_classes)


def _row(result: "Result", primary: bool) -> tuple[str, str, str, str]:
    bounds = (result.value, result.ci_low, result.ci_high)
    unit = f" ({result.unit})" if result.unit else ""
    return result.metric + unit, styled(number(*bounds), bold=primary), interval(*bounds), f"{result.n:,}"


def _verdict(check: "Check", value: float | None) -> str:
    if check.kind == "pass_mark":
        word = styled("PASSED", fg="green", bold=True) if check.passed else styled("FAILED", fg="red", bold=True)
        unsure = "" if check.sure is not False else "; its 95 % interval reaches the other side"
        return f"{word} {check.metric} {number(value)}, needed {check.expected}{unsure}"
    word = styled("reproduced", fg="green") if check.passed else styled("not reproduced", fg="red")
    return f"{word} {check.metric} {number(value)}, {check.kind} {check.expected}"


def _effort(record: "RunRecord") -> str:
    cost, shards = record.cost, record.shards
    speed = cost.samples_per_second
    rate = f", {speed:,.{0 if speed >= 10 else 2}f} samples/s" if speed else ""
    reused = f" ({shards.reused} reused)" if shards.reused else ""
    how = f"{record.execution.device} {record.execution.precision}"
    return f"{cost.seconds:.1f} s{rate}, {counted(shards.total, 'shard')}{reused}, {how}"


def _print_detail(result: "Result") -> None:
    """A confusion matrix, or scores for each class, small enough to be read; of anything else, what it is and where."""
    detail: Any = result.detail if isinstance(result.detail, dict) else {}
    classes = [str(name) for name in detail.get("classes", ())]
    say()
    if "matrix" in detail and _fits(classes):
        say(styled(f"  {result.metric}: true class by row, predicted by column", dim=True))
        _print_matrix(classes, detail.get("columns", classes), detail["matrix"])
    elif "rows" in detail:
        _print_rows(detail["columns"], detail["rows"])
    elif "radii" in detail:
        _print_each("radius", "certified-accuracy", [f"{radius:g}" for radius in detail["radii"]], detail)
    elif "stages" in detail:
        _print_each("after", result.metric, detail["stages"], detail)
    elif "ci_low" in detail and len(classes) <= LISTED_CLASSES:
        _print_each("class", result.metric, classes, detail)
    else:
        what = result.interval.removeprefix("none: ") or "no single number"
        of = f", of {len(classes):,} classes" if classes else ""
        say_wrapped(styled(f"{result.metric}: {what}{of}, see --json", dim=True), "  ")


def _print_each(what: str, metric: str, names: list[str], detail: dict[str, Any]) -> None:
    """Scores for each class or radius, or after each stage: a value, named as the metric is, with bounds."""
    scores = list(zip(detail[metric], detail["ci_low"], detail["ci_high"], strict=True))
    rows = [(name, number(*score), interval(*score)) for name, score in zip(names, scores, strict=True)]
    print_table((what, metric, "95 % interval"), rows, right=(1,))


def _print_rows(columns: list[str], rows: list[list[Any]]) -> None:
    """A detail that is a table: labels, a value with its bounds, and counts."""
    low = columns.index("ci_low")
    cells = []
    for row in rows:
        score = row[low - 1 : low + 2]
        labels, counts = map(str, row[: low - 1]), (f"{count:,}" for count in row[low + 2 :])
        cells.append((*labels, number(*score), interval(*score), *counts))
    header = (*columns[:low], "95 % interval", *columns[low + 2 :])
    print_table(header, cells, right=(low - 1, *range(low + 1, len(header))))


def _fits(classes: list[str]) -> bool:
    width = 4 + max(map(len, classes)) + sum(2 + max(len(name), 5) for name in classes)
    return len(classes) <= MATRIX_CLASSES and (not sys.stdout.isatty() or width <= shutil.get_terminal_size().columns)


def _print_matrix(classes: list[str], columns: list[str], matrix: list[list[int]]) -> None:
    rows = [
        [name, *(_cell(count, column == row) for column, count in enumerate(counts))]
        for row, (name, counts) in enumerate(zip(classes, matrix, strict=True))
    ]
    print_table(("", *columns), rows, right=range(1, len(columns) + 1))


def _cell(count: int, right: bool) -> str:
    text = f"{count:,}" if count else "."
    return styled(text, fg="green") if right else styled(text, fg="red") if count else styled(text, dim=True)


def _settings(protocol: dict[str, Any]) -> str:
    """A protocol's settings and its other models: `norm=linf, eps=0.3, victim=cnn/lenet5@mnist`."""
    settings = {key: value for key, value in protocol.items() if key not in ("version", "aux")}
    if settings.get("outputs") == "all":  # as it is unless somebody says otherwise
        del settings["outputs"]
    said = {name: value for name, value in settings.items() if value is not None}
    return pairs({**said, **protocol.get("aux", {})})
