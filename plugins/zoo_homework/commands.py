"""The commands `zoo grade` and `zoo homework`: they parse, call the plugin, and print."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import OptionError

if TYPE_CHECKING:
    from zoo.runs.record import Result
    from zoo_homework.classroom import Class
    from zoo_homework.course import Homework

PATH = click.Path(path_type=Path)
COLUMNS = ("student", "status", "score", "95 % interval", "passed", "points", "late", "message")


@click.command()
@click.argument("homework")
@click.argument("submissions", nargs=-1, type=PATH)
@click.option("--manifest", type=PATH, help="CSV with columns student, file, and submitted (ISO 8601) if wanted.")
@click.option("--roster", type=PATH, help="Text file with a student a line: who handed in nothing is listed, too.")
@click.option("--output", type=PATH, help="Folder of grades and reports  [default for a class: grades-HOMEWORK]")
@click.option("--allow-code", is_flag=True, help="Run submissions that are programs, each in a sandbox.")
@click.option("--unsafe-no-sandbox", is_flag=True, help="Run them even where this machine cannot isolate them.")
@click.option("--test-set", metavar="SET", help="Grade on a set of your own: csv:PATH, galaxy10:PATH, or a CSV of id and label.")
@click.option("--data-dir", type=PATH, help="Folder of datasets, looked in before ZOO_DATA_DIR.")
@click.option("--due", help="When it was due, such as 2026-11-24T18:00:00+01:00; what came later is marked late.")
@click.option("--attempts", type=click.Choice(["best", "last", "first"]), help="Which of a student's attempts counts.")
@click.option("--max-attempts", type=click.IntRange(1), help="Later attempts are not graded.")
@click.option("--jobs", type=click.IntRange(1), help="Submissions at a time  [default: one a processor]")
@click.option("--gradescope", is_flag=True, help="Write Gradescope's results.json, too.")
@click.option("--fresh", is_flag=True, help="Grade again what is graded already.")
@click.option("--json", "as_json", is_flag=True, help="Print the grades as JSON.")
def grade(homework: str, submissions: tuple[Path, ...], manifest: Path | None, roster: Path | None, **options: Any) -> int:
    """Grade SUBMISSIONS for HOMEWORK: files, a folder with a folder a student, or the zip of an LMS.

    A submission is a CSV, Parquet or .npy file of predictions, .safetensors weights, an .onnx file, or, with --allow-code, a
    predict.py. Whatever goes wrong with one is its status and 0 points; the others are graded all the same. The
    same command goes on where it was interrupted.

    Exit codes: 0 done; 1 the only submission did not pass.

    \b
    Examples:
      zoo grade hw2 my.csv
      zoo grade hw2 submissions/ --output grades
      zoo grade hw2 export-of-the-lms.zip --due 2026-11-24T18:00:00+01:00 --allow-code
    """
    from zoo_homework.classroom import grade_class, write_class
    from zoo_homework.course import open_homework
    from zoo_homework.grading import How

    opened = open_homework(homework, test_set=options["test_set"], data_dir=options["data_dir"])
    opened = _with_policy(opened, options)
    how = How(options["jobs"] or 0, options["allow_code"], options["unsafe_no_sandbox"], options["fresh"])
    names = _roster(roster)
    with _bar() as progress:
        graded = grade_class(opened, submissions, manifest_file=manifest, roster=names, how=how, progress=progress)
    one = len(graded.entries) == 1 and not names
    folder = options["output"] or (
        None if one and not options["gradescope"] else Path(f"grades-{opened.spec.name.rpartition('/')[2]}")
    )
    if folder is not None:
        write_class(graded, folder, options["gradescope"])
    if options["as_json"]:
        _print_json(graded, folder)
    else:
        _print_class(graded, folder)
    return 1 if one and not graded.entries[0].counted.passed else 0


@click.group()
def homework() -> None:
    """Homeworks: what there is, and a student's check before handing in."""


@homework.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_homeworks(as_json: bool) -> None:
    """The homeworks that are installed."""
    from zoo.lookup import registry

    specs = registry().homeworks()
    if as_json:
        print(json.dumps([spec.model_dump(mode="json") for spec in specs], indent=2))
        return
    for spec in specs:
        print(f"{spec.name}\t{spec.benchmark}\t{', '.join(spec.accepts)}\t{spec.summary}")


@homework.command()
@click.argument("homework")
@click.argument("submission", type=PATH)
@click.option("--test-set", metavar="SET", help="The test set, where it is not the public one; see zoo grade.")
@click.option("--data-dir", type=PATH, help="Folder of datasets, looked in before ZOO_DATA_DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def check(homework: str, submission: Path, test_set: str | None, data_dir: Path | None, as_json: bool) -> int:
    """Check a file of predictions before handing it in.

    Its format is checked as the grader will, and it is scored on the public validation split.

    The ids in the file say which split it is of: predictions of the test split are checked for format alone, whatever its
    labels; those of the validation split are scored. `zoo homework inputs` writes both splits' inputs.

    \b
    Examples:
      zoo homework check hw2 my.csv
    """
    from zoo_homework.checking import check_file

    found = check_file(homework, submission, data_dir, test_set)
    if as_json:
        print(json.dumps(found.summary(), indent=2))
    else:
        print(found.message)
        _print_results(found.results)
    return 0 if found.ok else 1


@homework.command()
@click.argument("homework")
@click.option("--split", type=click.Choice(["validation", "test"]), default="test", show_default=True)
@click.option("--output", type=PATH, required=True, help="CSV to write: id, and the text where the homework is about text.")
@click.option("--test-set", metavar="SET", help="The test set, where it is not the public one; see zoo grade.")
@click.option("--data-dir", type=PATH, help="Folder of datasets, looked in before ZOO_DATA_DIR.")
def inputs(homework: str, split: str, output: Path, test_set: str | None, data_dir: Path | None) -> None:
    """Write a split's ids and texts, without labels.

    They are in the order that a .npy file must have.

    \b
    Examples:
      zoo homework inputs hw2 --split validation --output validation.csv
    """
    from zoo_homework.checking import write_split

    rows, title = write_split(homework, split, output, data_dir, test_set)
    print(f"{rows:,} rows of the {title} are in {output}")


@homework.command()
@click.argument("run")
@click.option("--output", type=PATH, required=True, help="CSV or Parquet file to write.")
def export(run: str, output: Path) -> None:
    """Write a run's predictions as a file to hand in.

    RUN is its id, or the beginning of one.

    \b
    Examples:
      zoo run sequence/ngram-bag --on hw2 && zoo results
      zoo homework export 87448321 --output my.csv
    """
    from zoo_homework.checking import export_run

    rows = export_run(run, output)
    print(f"{rows:,} predictions are in {output}")


def _with_policy(opened: "Homework", options: dict[str, Any]) -> "Homework":
    """The homework with what the command line says of due date and attempts."""
    from dataclasses import replace

    changes: dict[str, Any] = {name: options[name] for name in ("attempts", "max_attempts") if options[name] is not None}
    if options["due"] is not None:
        try:
            due = datetime.fromisoformat(options["due"])
        except ValueError as error:
            raise OptionError(f"{options['due']!r} is no time", "write it as 2026-11-24T18:00:00+01:00") from error
        changes["due"] = due if due.tzinfo else due.replace(tzinfo=UTC)
    return replace(opened, spec=opened.spec.model_copy(update=changes))


def _roster(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"cannot read the roster {path}: {error}", "write a UTF-8 text file with a student a line") from error


def _bar() -> Any:
    """A context whose value reports progress on a terminal, and is None in a pipe."""
    from contextlib import contextmanager, nullcontext

    if not sys.stderr.isatty():
        return nullcontext()

    @contextmanager
    def shown() -> Any:
        with click.progressbar(length=1, label="grading", file=sys.stderr, show_pos=True) as bar:

            def report(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            yield report

    return shown()


def _print_class(graded: "Class", folder: Path | None) -> None:
    from zoo_homework.scoring import baseline

    spec, (metric, bound) = graded.homework.spec, graded.homework.mark
    print(f"{spec.name} on {len(graded.homework.ids):,} samples of {graded.homework.dataset.name}; pass: {metric} > {bound:g}\n")
    rows = [COLUMNS, *map(_cells, graded.entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  " + "  ".join([*cells, row[-1]]).rstrip())
    passed = sum(entry.counted.passed for entry in graded.entries)
    pairs = f"; {len(graded.pairs)} pair{'s' if len(graded.pairs) > 1 else ''} to look at" if graded.pairs else ""
    print(f"\n  {passed} of {len(graded.entries)} passed{pairs}")
    if len(graded.entries) == 1 and graded.entries[0].counted.grade is not None:
        _print_results(graded.entries[0].counted.grade.results[1:])
    name, base = baseline(graded.homework)
    print(f"  answering {name!r} throughout scores {base.primary.value:.4f}")
    if graded.homework.public:
        print("  the labels of this test set are public: a high score may be memory")
    if any(one.attempt.kind in ("onnx", "code") for entry in graded.entries for one in entry.attempts):
        print("  active where programs run: " + "; ".join(graded.protections))
    if folder is not None:
        print(f"  grades and reports are in {folder}")


def _cells(entry: Any) -> tuple[str, ...]:
    one = entry.counted
    primary = one.grade.primary if one.grade is not None else None
    score = "-" if primary is None or primary.value is None else f"{primary.value:.4f}"
    interval = "" if primary is None or primary.ci_low is None else f"[{primary.ci_low:.4f}, {primary.ci_high:.4f}]"
    passed, late = "yes" if one.passed else "no", "late" if entry.late else ""
    return (entry.student, str(one.status), score, interval, passed, f"{entry.points:g}", late, one.message)


def _print_results(results: "Sequence[Result]") -> None:
    for result in results:
        if result.value is not None:
            print(f"  {result.metric:30} {result.value:.4f}")


def _print_json(graded: "Class", folder: Path | None) -> None:
    from zoo_homework.gradebook import manifest

    told = manifest(graded.homework, graded.entries, graded.protections)
    points = {entry.student: entry.points for entry in graded.entries}
    pairs = [vars(pair) for pair in graded.pairs]
    print(
        json.dumps(
            {**told, "points": points, "pairs": pairs, "output": str(folder) if folder else None}, indent=2, ensure_ascii=False
        )
    )
