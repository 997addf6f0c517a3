"""What `zoo grade` and `zoo homework` print: tables that are aligned, and of strangers' names only what fits."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from zoo import registry
from zoo.errors import ZooError
from zoo.runs import Result
from zoo.wording import harmless, harmless_json
from zoo_homework.grades.classroom import GradedClass
from zoo_homework.grades.gradebook import Entry, due_text, failed_by_grader, manifest, verdict
from zoo_homework.grades.scoring import baseline, printable
from zoo_homework.specs import HomeworkSpec

COLUMNS = ("student", "status", "score", "95 % interval", "passed", "points", "late", "message")
HOMEWORKS = ("name", "benchmark", "pass mark", "points", "due", "accepts", "summary")
LONGEST_NAME = 40
PASSED = {"passed": "yes", "not passed": "no", "not graded": "-"}


def print_class(graded: GradedClass, folder: Path | None) -> None:
    """A table of the class, how many passed, and what else a teacher should know."""
    spec, mark = graded.homework.spec, graded.homework.mark
    due = f"; due {due_text(spec.due)}" if spec.due else ""
    samples = f"{len(graded.homework.ids):,} samples of {graded.homework.dataset.name}"
    _say(f"{spec.name} on {samples}; pass: {mark}{due}\n")
    _print_table([COLUMNS, *map(_cells, graded.entries)], indent="  ")
    passed = sum(entry.counted.passed for entry in graded.entries)
    pairs = f"; {len(graded.pairs)} pair{'s' if len(graded.pairs) > 1 else ''} to look at" if graded.pairs else ""
    _say(f"\n  {passed} of {len(graded.entries)} passed{pairs}")
    if len(graded.entries) == 1 and graded.entries[0].counted.grade is not None:
        print_results(graded.entries[0].counted.grade.results[1:])
    if base := baseline(graded.homework):
        _say(f"  answering {base[0]!r} throughout scores {base[1].primary.value:.4f}")
    if graded.homework.public:
        _say("  the labels of this test set are public: a high score may be memory")
    if any(one.attempt.kind in ("onnx", "code") for entry in graded.entries for one in entry.attempts):
        _say("  active where programs run: " + "; ".join(graded.protections))
    if folder is not None:
        _say(f"  grades and reports are in {folder}")


def print_failures(graded: GradedClass) -> bool:
    """Say on stderr how many students could not be graded because of this machine; whether there are any."""
    failed = [one for entry in graded.entries if (one := failed_by_grader(entry))]
    if failed:
        students = f"{len(failed)} student{'s' if len(failed) > 1 else ''}"
        first = printable(f"{failed[0].attempt.student}: {failed[0].message}")
        _say(f"{students} could not be graded because of this machine; the first, {first}", file=sys.stderr)
    return bool(failed)


def print_json(graded: GradedClass, folder: Path | None) -> None:
    told = manifest(graded.homework, graded.entries, graded.protections)
    points = {entry.student: entry.points for entry in graded.entries}
    pairs = [vars(pair) for pair in graded.pairs]
    told |= {"points": points, "pairs": pairs, "output": str(folder) if folder else None}
    print(harmless_json(json.dumps(told, indent=2, ensure_ascii=False)))


def print_results(results: Sequence[Result]) -> None:
    for result in results:
        if result.value is not None:
            _say(f"  {result.metric:30} {result.value:.4f}")


def print_homeworks(specs: Sequence[HomeworkSpec]) -> None:
    """A line a homework: aligned under a header on a terminal, tab-separated in a pipe."""
    rows = [
        (spec.name, spec.benchmark, _pass_mark(spec), f"{spec.points:g}", due_text(spec.due) if spec.due else "-",
         ", ".join(spec.accepts), spec.summary)
        for spec in specs
    ]  # fmt: skip
    if sys.stdout.isatty():
        _print_table([HOMEWORKS, *rows])
    else:
        for row in rows:
            _say("\t".join(row))


def _pass_mark(spec: HomeworkSpec) -> str:
    try:
        return registry().benchmark(spec.benchmark).pass_mark or "-"
    except ZooError:  # one homework that cannot be graded hides no other
        return "-"


def _cells(entry: Entry) -> tuple[str, ...]:
    one = entry.counted
    primary = one.grade.primary if one.grade is not None else None
    score = "-" if primary is None or primary.value is None else f"{primary.value:.4f}"
    interval = "" if primary is None or primary.ci_low is None else f"[{primary.ci_low:.4f}, {primary.ci_high:.4f}]"
    student, late = printable(entry.student, LONGEST_NAME), "late" if entry.late else ""
    passed, message = PASSED[verdict(entry)], printable(one.message)
    return (student, str(one.status), score, interval, passed, f"{entry.points:g}", late, message)


def _say(text: str, file: TextIO | None = None) -> None:
    """A line, of which nothing that a stranger chose steers a terminal."""
    print(harmless(text), file=file or sys.stdout)


def _print_table(rows: Sequence[Sequence[str]], indent: str = "") -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        _say((indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip())
