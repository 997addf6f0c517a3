"""Reports as HTML pages that stand alone: one for each student, and an overview of the class with a histogram."""

import base64
import html
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from zoo.passmark import PassMark
from zoo_homework.grades.duplicates import Pair
from zoo_homework.grades.gradebook import PUBLIC_NOTE, Entry, due_text, verdict
from zoo_homework.grades.grading import Graded
from zoo_homework.grades.scoring import Grade, predicted_labels
from zoo_homework.homework import Homework
from zoo_homework.statuses import Status

WORST = 10
"""Mistakes that a report shows."""
LARGEST_MATRIX = 20
"""Classes beyond which a confusion matrix is left out: nobody reads it."""
BINS = 20
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b }}
table {{ border-collapse: collapse; margin: 0.5rem 0 1.5rem }}
th, td {{ border-bottom: 1px solid #ddd; padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; vertical-align: top }}
td.n, th.n {{ text-align: right; font-variant-numeric: tabular-nums }}
.yes {{ color: #17692f; font-weight: 600 }} .no {{ color: #9b1c1c; font-weight: 600 }} .note {{ color: #555 }}
code {{ word-break: break-all }}
</style></head><body>
{body}
</body></html>
"""


def student_report(entry: Entry, homework: Homework) -> str:
    """The page of one student: the attempt that counts with all scores, and the other attempts."""
    one, spec = entry.counted, homework.spec
    mark = homework.mark
    shown = f'<span class="{"yes" if one.passed else "no"}">{verdict(entry)}</span>'
    parts = [
        f"<h1>{_text(spec.name)}: {_text(entry.student)}</h1>",
        f"<p>{shown}, {entry.points:g} of {spec.points:g} points{' (late)' if entry.late else ''}. "
        f"Status: {_text(one.status)}. {_text(one.message)}</p>",
        f'<p class="note">Submission {_text(one.attempt.name)}, SHA-256 <code>{one.attempt.sha256 or "-"}</code>. '
        f"Passed means that {_text(mark.metric)} is {mark.words}.</p>",
    ]
    if one.grade is not None:
        parts.append(_scores(one.grade))
    if one.grade is not None and one.predictions is not None:
        parts += [_classes(one, homework), _confusion(one.grade)]
        # On a test set of the instructor's own the mistakes would tell the labels.
        parts += [_worst(one, homework)] if homework.public else []
    if len(entry.attempts) > 1:
        rows = [
            (other.attempt.name, str(other.status), _value(other), "counts" if other is one else "") for other in entry.attempts
        ]
        parts += ["<h2>Attempts</h2>", _table(("submission", "status", "score", ""), rows, numbers=(2,))]
    parts += [f'<p class="note">{_text(PUBLIC_NOTE)}</p>'] if homework.public else []
    return PAGE.format(title=_text(f"{spec.name}: {entry.student}"), body="\n".join(parts))


def overview(
    entries: Sequence[Entry],
    pairs: Sequence[Pair],
    homework: Homework,
    constant: tuple[str, Grade] | None,
    active: Sequence[str],
    reports: Mapping[str, str],
) -> str:
    """The page of the class: how many passed, a histogram, every student, pairs to look at, the hardest items.

    `reports` are the addresses of the students' own pages.
    """
    spec, mark = homework.spec, homework.mark
    constantly = f"Answering {_text(constant[0])} throughout scores {_shown(constant[1].primary.value)}." if constant else ""
    passed = sum(entry.counted.passed for entry in entries)
    graded = [entry for entry in entries if entry.counted.status is Status.GRADED]
    picture = base64.b64encode(histogram(scores_of(entries), mark)).decode()
    rows = [
        (Link(e.student, reports[e.student]), str(e.counted.status), _value(e.counted), verdict(e), f"{e.points:g}",
         "late" if e.late else "", e.counted.message)
        for e in entries
    ]  # fmt: skip
    body = [
        f"<h1>{_text(spec.name)}</h1>",
        f"<p>{len(entries)} student{'s' if len(entries) != 1 else ''}, {len(graded)} graded, {passed} passed: "
        f"{_text(mark.metric)} {mark.words}.{f' Due {due_text(spec.due)}.' if spec.due else ''} "
        f"{constantly}</p>",
        f'<p><img alt="Histogram of scores" src="data:image/png;base64,{picture}"></p>',
        f'<p class="note">{_text(PUBLIC_NOTE)}</p>' if homework.public else "",
        "<h2>Students</h2>",
        _table(("student", "status", "score", "", "points", "", "message"), rows, numbers=(2, 4)),
        "<h2>Pairs to look at</h2>",
        '<p class="note">Facts, not verdicts: two students may have run the same published model.</p>',
        _pairs(pairs),
        "<h2>Hardest items</h2>" if homework.task == "classify" else "",
        _hardest(graded, homework) if homework.task == "classify" else "",
        "<h2>Protections that were active</h2>",
        "<ul>" + "".join(f"<li>{_text(line)}</li>" for line in active) + "</ul>",
    ]
    return PAGE.format(title=_text(spec.name), body="\n".join(part for part in body if part))


def scores_of(entries: Sequence[Entry]) -> list[float]:
    """Primary scores of the students that have one."""
    grades = [entry.counted.grade for entry in entries]
    return [grade.primary.value for grade in grades if grade is not None and grade.primary.value is not None]


def histogram(scores: Sequence[float], mark: PassMark, size: tuple[int, int] = (720, 300)) -> bytes:
    """A PNG of how many students scored what, with the pass mark as a line.

    The bins are of [0, 1], or, where a score or the mark lies outside, of all that there is. Those that pass are blue.
    """
    from PIL import Image, ImageDraw

    width, height = size
    left, right, top, bottom = 40, width - 15, 15, height - 30
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    finite = [score for score in scores if math.isfinite(score)]
    lowest, highest = min(0.0, mark.bound, *finite), max(1.0, mark.bound, *finite)
    counts, edges = np.histogram(finite, bins=BINS, range=(lowest, highest))
    most = max(1, int(counts.max()))
    near = 1e-9 * (highest - lowest)

    def across(value: float) -> float:
        return left + (value - lowest) / (highest - lowest) * (right - left)

    def passes(low: float, high: float) -> bool:
        return low >= mark.bound - near if mark.direction == "higher" else high <= mark.bound + near

    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if count:
            box = (across(low) + 1, bottom - count / most * (bottom - top), across(high) - 1, bottom)
            draw.rectangle(box, fill="#4c78a8" if passes(low, high) else "#c9ced6")
            draw.text(((box[0] + box[2]) / 2, box[1] - 1), str(count), fill="#1b1b1b", anchor="mb")
    draw.line((left, bottom, right, bottom), fill="#1b1b1b")
    for tick in np.linspace(lowest, highest, 6).tolist():
        draw.text((across(tick), bottom + 4), f"{tick:.1f}", fill="#1b1b1b", anchor="mt")
    draw.line((across(mark.bound), top - 10, across(mark.bound), bottom), fill="#9b1c1c", width=2)
    at, anchor = (across(mark.bound) - 4, "rt") if 2 * across(mark.bound) > width else (across(mark.bound) + 4, "lt")
    draw.text((at, top - 8), f"pass {mark.words}", fill="#9b1c1c", anchor=anchor)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _scores(grade: Grade) -> str:
    rows = [
        (
            r.metric,
            _shown(r.value),
            "" if r.ci_low is None or r.ci_high is None else f"[{r.ci_low:.4f}, {r.ci_high:.4f}]",
            f"{r.n:,}",
        )
        for r in grade.results
        if r.detail is None
    ]
    return "<h2>Scores</h2>" + _table(("metric", "value", "95 % interval", "n"), rows, numbers=(1, 3))


def _classes(one: Graded, homework: Homework) -> str:
    """Precision, recall and F1 of every class."""
    said, true = predicted_labels(_predictions(one), homework.targets), homework.targets
    rows = []
    for number, name in enumerate(homework.classes):
        hits, predicted, actual = (
            int(((said == number) & (true == number)).sum()),
            int((said == number).sum()),
            int((true == number).sum()),
        )
        ratios = (hits / predicted if predicted else 0.0, hits / actual if actual else 0.0)
        f1 = 2 * hits / (predicted + actual) if predicted + actual else 0.0
        rows.append((name, f"{actual:,}", f"{predicted:,}", *(f"{value:.4f}" for value in (*ratios, f1))))
    return "<h2>Classes</h2>" + _table(("class", "samples", "predicted", "precision", "recall", "F1"), rows, numbers=range(1, 6))


def _confusion(grade: Grade) -> str:
    found = next((result.detail for result in grade.results if result.metric == "confusion"), None)
    if not found or len(found["classes"]) > LARGEST_MATRIX:
        return ""
    rows = [
        (name, *(f"{count:,}" if count else "" for count in row))
        for name, row in zip(found["classes"], found["matrix"], strict=True)
    ]
    head = ("true \\ predicted", *found["classes"])
    return "<h2>Confusion</h2>" + _table(head, rows, numbers=range(1, len(head)))


def _worst(one: Graded, homework: Homework) -> str:
    """The mistakes of which the submission was surest; of labels alone the first ones."""
    predictions = _predictions(one)
    said = predicted_labels(predictions, homework.targets)
    wrong = np.flatnonzero(said != homework.targets)
    if not len(wrong):
        return ""
    sure = np.zeros(len(wrong))
    if predictions.ndim == 2:
        logits = predictions[wrong].astype(np.float64)
        sure = logits[np.arange(len(wrong)), said[wrong]] - logits[np.arange(len(wrong)), homework.targets[wrong]]
    rows = []
    for position in wrong[np.argsort(-sure, kind="stable")][:WORST].tolist():
        shown = homework.inputs[position].input if homework.inputs is not None else ""
        names = homework.classes[homework.targets[position]], homework.classes[int(said[position])]
        rows.append((homework.ids[position], *names, shown if isinstance(shown, str) else ""))
    title = f"<h2>Worst mistakes, of {len(wrong):,}</h2>"
    if predictions.ndim == 1:
        title = f'<h2>Mistakes, of {len(wrong):,}</h2><p class="note">The first ones: labels do not say which are worst.</p>'
    return title + _table(("id", "true", "predicted", "text"), rows)


def _pairs(pairs: Sequence[Pair]) -> str:
    if not pairs:
        return "<p>None.</p>"
    rows = [
        (p.first, p.second, p.kind, *("-" if value is None else f"{value:{form}}" for value, form in numbers))
        for p in pairs
        for numbers in [((p.shared, "d"), (p.expected, ".1f"), (p.chance, ".1g"))]
    ]
    head = ("student", "student", "what", "shared mistakes", "expected", "chance in an honest class")
    return _table(head, rows, numbers=(3, 4, 5))


def _hardest(graded: Sequence[Entry], homework: Homework) -> str:
    said = [predicted_labels(_predictions(entry.counted), homework.targets) for entry in graded]
    if not said:
        return "<p>Nothing was graded.</p>"
    missed = (np.stack(said) != homework.targets).sum(axis=0)
    rows = [
        (homework.ids[row], homework.classes[homework.targets[row]], f"{missed[row]:,} of {len(said):,}")
        for row in np.argsort(-missed, kind="stable")[:WORST].tolist()
        if missed[row]
    ]
    return _table(("id", "true class", "missed by"), rows, numbers=(2,))


def _predictions(one: Graded) -> "np.ndarray[Any, Any]":
    assert one.predictions is not None
    return one.predictions


def _value(one: Graded) -> str:
    return _shown(one.grade.primary.value if one.grade is not None else None)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _text(text: str) -> str:
    return html.escape(str(text))


class Link(NamedTuple):
    """A cell that leads to another page."""

    text: str
    address: str


def _cell(cell: str | Link) -> str:
    return _text(cell) if isinstance(cell, str) else f'<a href="{_text(cell.address)}">{_text(cell.text)}</a>'


def _table(header: Sequence[str], rows: Iterable[Sequence[str | Link]], numbers: Sequence[int] = ()) -> str:
    def row(cells: Sequence[str | Link], tag: str) -> str:
        marked = (f"<{tag}{' class=n' if column in numbers else ''}>{_cell(cell)}</{tag}>" for column, cell in enumerate(cells))
        return f"<tr>{''.join(marked)}</tr>"

    return f"<table>{row(header, 'th')}{''.join(row(cells, 'td') for cells in rows)}</table>"
