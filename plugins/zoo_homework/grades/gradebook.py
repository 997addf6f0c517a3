"""The class's grades: which attempt of each student counts, and `grades.csv`, the manifest, Gradescope's results.

Everything written here is the same bytes whenever the same submissions are graded again.
"""

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from zoo.home import writing
from zoo_homework.grades.grading import OF_THE_GRADER, Graded, homework_key, versions
from zoo_homework.grades.scoring import printable
from zoo_homework.homework import Homework
from zoo_homework.intake.attempts import Attempt
from zoo_homework.intake.names import printable_name
from zoo_homework.specs import HomeworkSpec
from zoo_homework.statuses import Status

HEADER = ("student", "submission", "sha256", "status", "score", "interval", "passed", "points", "late", "message")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""First characters that a spreadsheet may take for a formula; OWASP, "CSV Injection"."""
LONGEST_CELL = 1000
ORDERS: dict[str, dict[str, str]] = {"higher": {}, "lower": {"order": "asc"}}
"""How Gradescope sorts a column of its leaderboard; the largest first where nothing is said."""
PUBLIC_NOTE = (
    "The labels of this test set are public. A high score can be had by looking them up, and no grader can tell from "
    "predictions alone: ask for the code, or grade on a test set of your own."
)


@dataclass(frozen=True)
class Entry:
    """A student with all attempts, in time order, and the one that counts."""

    student: str
    attempts: tuple[Graded, ...]
    counted: Graded
    late: bool
    points: float


def limit_attempts(attempts: Sequence[Attempt], spec: HomeworkSpec) -> list[Attempt]:
    """Attempts, by student and time, with those beyond `max_attempts` marked so that they are not graded."""
    seen: dict[str, int] = {}
    limited = []
    for attempt in attempts:
        seen[attempt.student] = seen.get(attempt.student, 0) + 1
        over = spec.max_attempts is not None and seen[attempt.student] > spec.max_attempts
        problem = (Status.TOO_MANY, f"only {spec.max_attempts} attempts are graded") if over else attempt.problem
        limited.append(replace(attempt, problem=problem))
    return limited


def make_entries(graded: Sequence[Graded], spec: HomeworkSpec, roster: Sequence[str] = ()) -> list[Entry]:
    """One entry a student, by name. Students of the roster without an attempt are there, too."""
    of: dict[str, list[Graded]] = {student: [] for student in _absent(roster, {one.attempt.student for one in graded})}
    for one in graded:
        of.setdefault(one.attempt.student, []).append(_excused(one))
    entries = []
    for student in sorted(of):
        attempts = of[student] or [Graded(Attempt(student, "", None), Status.MISSING, "nothing was handed in")]
        counted = _counted(attempts, spec)
        if len(attempts) > 1:
            told = f"of {len(attempts)} attempts {counted.attempt.name} counts ({spec.attempts})"
            chosen = replace(counted, message="; ".join(filter(None, (counted.message, told))))
            attempts, counted = [chosen if one is counted else one for one in attempts], chosen
        points = spec.points if counted.passed else 0.0
        entries.append(Entry(student, tuple(attempts), counted, is_late(counted, spec.due), points))
    return entries


def _excused(one: Graded) -> Graded:
    """The attempt; where the grader failed, its message says so, since it must not read as if the student had."""
    return replace(one, message=f"not the submission's fault: {one.message}") if one.status in OF_THE_GRADER else one


def failed_by_grader(entry: Entry) -> Graded | None:
    """An attempt that could not be graded because of this machine, first the one that counts."""
    return next((one for one in (entry.counted, *entry.attempts) if one.status in OF_THE_GRADER), None)


def verdict(entry: Entry) -> str:
    """In words: passed, not passed, or not graded where that is the grader's doing."""
    if entry.counted.status in OF_THE_GRADER:
        return "not graded"
    return "passed" if entry.counted.passed else "not passed"


def due_text(due: datetime) -> str:
    return due.isoformat(sep=" ", timespec="seconds")


def _absent(roster: Sequence[str], students: Collection[str]) -> list[str]:
    """Lines of the roster that no student is. `Anna Schmidt` is Moodle's `Anna Schmidt_12345`, unless that could be another's."""
    lines = Counter(printable_name(" ".join(line.split())) for line in roster)
    plain = Counter(re.sub(r"_\d+$", "", student) for student in students if student not in lines)
    return [line for line, times in lines.items() if line not in students and plain[line] != times]


def is_late(graded: Graded, due: datetime | None) -> bool:
    when = graded.attempt.submitted
    return graded.attempt.late or (due is not None and when is not None and when > due)


def _counted(attempts: Sequence[Graded], spec: HomeworkSpec) -> Graded:
    """The attempt that counts. Of the best, one in time comes before one that is late; of equals the earliest."""
    allowed = [one for one in attempts if one.status is not Status.TOO_MANY] or list(attempts)
    if spec.attempts == "first":
        return allowed[0]
    scored = [one for one in allowed if one.grade is not None and one.grade.primary.value is not None]
    if spec.attempts == "last" or not scored:
        return allowed[-1]
    return max(scored, key=lambda one: (not is_late(one, spec.due), one.grade.rank if one.grade is not None else ()))


def grades_csv(entries: Sequence[Entry]) -> str:
    """`grades.csv`: a row a student, safe to open in a spreadsheet."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for entry in entries:
        writer.writerow([safe_cell(cell) for cell in _row(entry)])
    return text.getvalue()


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula, on one line and without control characters."""
    line = printable(text, LONGEST_CELL)
    return f"'{line}" if line.startswith(FORMULA) or text.startswith(FORMULA) else line


def _row(entry: Entry) -> list[str]:
    one, score, low, high = entry.counted, "", None, None
    if one.grade is not None:
        primary = one.grade.primary
        score, low, high = ("" if primary.value is None else repr(primary.value)), primary.ci_low, primary.ci_high
    interval = "" if low is None or high is None else f"[{low:.4f}, {high:.4f}]"
    passed, late = "yes" if one.passed else "no", "yes" if entry.late else "no"
    sha256 = one.attempt.sha256
    return [
        entry.student,
        one.attempt.name,
        sha256,
        str(one.status),
        score,
        interval,
        passed,
        f"{entry.points:g}",
        late,
        one.message,
    ]


def manifest(homework: Homework, entries: Sequence[Entry], protections: Sequence[str]) -> dict[str, Any]:
    """What determined the grades: hashes of homework and submissions, versions, policies, protections."""
    spec = homework.spec
    return {
        "homework": spec.model_dump(mode="json"),
        "benchmark": homework.benchmark.model_dump(mode="json"),
        "test_set": {
            "dataset": homework.dataset.name,
            "samples": len(homework.ids),
            "fingerprint": homework.fingerprint,
            "public_labels": homework.public,
        },
        "key": homework_key(homework),
        "versions": versions(),
        "protections": list(protections),
        "attempts": [_attempt(entry, one, spec) for entry in entries for one in entry.attempts],
    }


def _attempt(entry: Entry, one: Graded, spec: HomeworkSpec) -> dict[str, Any]:
    return {
        "student": entry.student,
        "submission": one.attempt.name,
        "kind": one.attempt.kind,
        "sha256": one.attempt.sha256,
        "submitted": one.attempt.submitted.isoformat() if one.attempt.submitted else None,
        "late": is_late(one, spec.due),
        "status": str(one.status),
        "score": one.grade.primary.value if one.grade is not None else None,
        "passed": one.passed,
        "counts": one is entry.counted,
        "message": one.message,
    }


def gradescope(entry: Entry, homework: Homework) -> dict[str, Any]:
    """Gradescope's `results.json` of one submission: score, output, and one test, which is the pass mark; none where the
    grader failed.

    Source: Gradescope's autograder documentation, "Output format" (autograder specifications).
    """
    one, spec = entry.counted, homework.spec
    mark = homework.mark
    value = one.grade.primary.value if one.grade is not None else None
    scored = f"{mark.metric} is {value:.4f}; to pass it must be {mark.words}" if value is not None else ""
    said = "; ".join(filter(None, (scored, one.message)))
    test = {
        "score": entry.points,
        "max_score": spec.points,
        "status": "passed" if one.passed else "failed",
        "name": str(mark),
        "output": said,
        "output_format": "text",
        "visibility": "visible",
    }
    return {
        "score": entry.points,
        "output": f"{spec.name}: {one.status}. {said}" + (" Late." if entry.late else ""),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [] if one.status in OF_THE_GRADER else [test],
        "leaderboard": [] if value is None else [{"name": mark.metric, "value": round(value, 4)} | ORDERS[mark.direction]],
        "extra_data": {"sha256": one.attempt.sha256, "status": str(one.status), "late": entry.late},
    }


def write_text(path: Path, text: str) -> None:
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def file_names(students: Iterable[str]) -> dict[str, str]:
    """A file name for each student, whatever the names hold; different also where a disk takes `Anna` and `anna` for one."""
    plain = {student: re.sub(r"[^\w.-]+", "_", student, flags=re.ASCII).strip("._")[:60] for student in students}
    count = Counter(name.casefold() for name in plain.values())
    return {
        student: name if name == student and count[name.casefold()] == 1 else f"{name or 'student'}-{_short_hash(student)}"
        for student, name in plain.items()
    }


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
