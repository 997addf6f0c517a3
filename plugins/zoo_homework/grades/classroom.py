"""Grading a class, from what was handed in to everything that is written about it."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.errors import OptionError
from zoo.home import writing, zoo_home
from zoo_homework.grades.duplicates import Pair, find_duplicates
from zoo_homework.grades.gradebook import (
    Entry,
    file_names,
    grades_csv,
    gradescope,
    limit_attempts,
    make_entries,
    manifest,
    write_json,
    write_text,
)
from zoo_homework.grades.grading import GradingOptions
from zoo_homework.grades.mapping import OnProgress, grade_all
from zoo_homework.grades.reports import histogram, overview, scores_of, student_report
from zoo_homework.grades.scoring import baseline, check_passable, predicted_labels
from zoo_homework.grades.scratch import temporary
from zoo_homework.homework import Homework
from zoo_homework.intake.attempts import collect
from zoo_homework.sandbox import launching
from zoo_homework.statuses import Status

NOTHING = (Status.MISSING, Status.EMPTY)
"""Statuses of files that are the same only because nothing is in them."""


@dataclass(frozen=True)
class GradedClass:
    """A graded class: an entry a student, pairs to look at, and what was active to protect the grader."""

    homework: Homework
    entries: tuple[Entry, ...]
    pairs: tuple[Pair, ...]
    protections: tuple[str, ...]


def grade_class(
    homework: Homework,
    paths: Sequence[Path],
    *,
    manifest_file: Path | None = None,
    roster: Sequence[str] = (),
    options: GradingOptions | None = None,
    progress: OnProgress | None = None,
) -> GradedClass:
    """Grade what lies at some paths, or in a manifest. What is finished is kept below `ZOO_HOME/homework`, by content.

    Raises ZooError where there is nothing to grade, a path is wrong, or nobody could pass on these labels.
    """
    check_passable(homework)
    state = zoo_home() / "homework" / homework.spec.name.replace("/", "-")
    options = options or GradingOptions()
    with temporary(state) as work:
        collected = collect(paths, homework.spec, work, manifest_file, options.allow_code)
        attempts = limit_attempts(collected, homework.spec)
        if not attempts and not roster:
            raise OptionError(
                "there is nothing to grade", "give files, a folder with a folder a student, an LMS's zip, or `manifest`"
            )
        graded = grade_all(attempts, homework, state / "outcomes", options, progress)
    entries = make_entries(graded, homework.spec, roster)
    return GradedClass(homework, tuple(entries), tuple(_pairs(entries, homework)), tuple(launching.protections()))


def write_class(graded: GradedClass, folder: Path, gradescope_too: bool = False) -> None:
    """Write grades, duplicates, manifest, overview with its histogram, and a report a student; each file whole or absent.

    Reports that an earlier grading wrote there of students who are not in this class are removed.
    """
    homework, entries = graded.homework, graded.entries
    names = file_names(entry.student for entry in entries)
    results = {entry.student: f"gradescope/{names[entry.student]}.json" for entry in entries if len(entries) > 1}
    reports = {student: f"reports/{name}.html" for student, name in names.items()}
    _remove_earlier(folder, {*reports.values(), *(results.values() if gradescope_too else ())})
    write_text(folder / "grades.csv", grades_csv(entries))
    write_text(folder / "duplicates.csv", _duplicates_csv(graded.pairs))
    write_json(folder / "manifest.json", manifest(homework, entries, graded.protections))
    page = overview(entries, graded.pairs, homework, baseline(homework), graded.protections, reports)
    write_text(folder / "overview.html", page)
    with writing(folder / "histogram.png") as temporary:
        temporary.write_bytes(histogram(scores_of(entries), homework.mark))
    for entry in entries:
        write_text(folder / reports[entry.student], student_report(entry, homework))
        if gradescope_too:
            write_json(folder / results.get(entry.student, "results.json"), gradescope(entry, homework))


def _remove_earlier(folder: Path, written: set[str]) -> None:
    """Remove what an earlier grading, by its manifest, wrote into the folder of students, and this one does not write."""
    try:
        told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        earlier = file_names({str(attempt["student"]) for attempt in told["attempts"]})
    except (OSError, ValueError, KeyError, TypeError):
        return
    for name in earlier.values():
        for file in {f"reports/{name}.html", f"gradescope/{name}.json"} - written:
            with suppress(OSError):  # where it may not be removed, writing says so
                (folder / file).unlink(missing_ok=True)


def _pairs(entries: Sequence[Entry], homework: Homework) -> list[Pair]:
    """Same files over all attempts, whatever became of them; the rest over the attempts that count and are graded."""
    files = {
        entry.student: [one.attempt.sha256 for one in entry.attempts if one.attempt.sha256 and one.status not in NOTHING]
        for entry in entries
    }
    graded = {entry.student: entry.counted.predictions for entry in entries if entry.counted.predictions is not None}
    labels = [predicted_labels(array, homework.targets) for array in graded.values()]
    stacked = np.stack(labels) if labels else np.empty((0, len(homework.targets)), dtype=np.int64)
    return find_duplicates(list(graded), files, list(graded.values()), stacked, homework.targets)


def _duplicates_csv(pairs: Sequence[Pair]) -> str:
    import csv
    import io

    from zoo_homework.grades.gradebook import safe_cell

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("first", "second", "kind", "shared_mistakes", "expected", "chance_in_honest_class"))
    for p in pairs:
        expected, chance = (
            "" if value is None else f"{value:{form}}" for value, form in ((p.expected, ".2f"), (p.chance, ".3g"))
        )
        writer.writerow([safe_cell(p.first), safe_cell(p.second), p.kind, p.shared, expected, chance])
    return text.getvalue()
