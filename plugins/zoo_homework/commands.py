"""The commands `zoo grade` and `zoo homework`: they parse, call the plugin, and print."""

import json
import sys
from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import OptionError
from zoo.wording import harmless

if TYPE_CHECKING:
    from zoo_homework.homework import Homework

PATH = click.Path(path_type=Path)


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
@click.option("--due", help="When it was due: 2026-11-24T18:00+01:00, a time of this machine's, or a day, to its end.")
@click.option("--attempts", type=click.Choice(["best", "last", "first"]), help="Which of a student's attempts counts.")
@click.option("--max-attempts", type=click.IntRange(1), help="Later attempts are not graded.")
@click.option("--jobs", type=click.IntRange(1), help="Submissions at a time  [default: one a processor]")
@click.option("--engine", default="here", show_default=True, help="Who grades: here, local:N processes, ray or ray:ADDRESS.")
@click.option("--gradescope", is_flag=True, help="Write Gradescope's results.json, too.")
@click.option("--fresh", is_flag=True, help="Grade again what is graded already.")
@click.option("--json", "as_json", is_flag=True, help="Print the grades as JSON.")
def grade(homework: str, submissions: tuple[Path, ...], manifest: Path | None, roster: Path | None, **options: Any) -> int:
    """Grade SUBMISSIONS for HOMEWORK: files, a folder with a folder a student, or the zip of an LMS.

    A submission is a CSV, Parquet or .npy file of predictions, .safetensors weights, an .onnx file, or, with --allow-code, a
    predict.py. Whatever goes wrong with one is its status and 0 points; the others are graded all the same. The
    same command goes on where it was interrupted.

    Exit codes: 0 done; 1 the only submission did not pass; 2 some could not be graded because of this machine.

    \b
    Examples:
      zoo grade hw2 my.csv
      zoo grade hw2 submissions/ --output grades
      zoo grade hw2 export-of-the-lms.zip --due 2026-11-24T18:00:00+01:00 --allow-code
    """
    from zoo_homework.grades.classroom import grade_class, write_class
    from zoo_homework.grades.grading import GradingOptions
    from zoo_homework.homework import open_homework
    from zoo_homework.printing import print_class, print_failures, print_json

    opened = open_homework(homework, test_set=options["test_set"], data_dir=options["data_dir"])
    opened = _with_policy(opened, options)
    switches = {"allow_code": options["allow_code"], "unsafe": options["unsafe_no_sandbox"], "fresh": options["fresh"]}
    chosen = GradingOptions(options["jobs"] or 0, options["engine"], **switches)
    names = _roster(roster)
    with _bar() as progress:
        graded = grade_class(opened, submissions, manifest_file=manifest, roster=names, options=chosen, progress=progress)
    one = len(graded.entries) == 1 and not names
    folder = options["output"] or (
        None if one and not options["gradescope"] else Path(f"grades-{opened.spec.name.rpartition('/')[2]}")
    )
    if folder is not None:
        write_class(graded, folder, options["gradescope"])
    if options["as_json"]:
        print_json(graded, folder)
    else:
        print_class(graded, folder)
    if print_failures(graded):
        return 2
    return 1 if one and not graded.entries[0].counted.passed else 0


@click.group()
def homework() -> None:
    """Homeworks: what there is, and a student's check before handing in."""


@homework.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_homeworks(as_json: bool) -> None:
    """The homeworks that are installed.

    In a pipe: one homework a line, tab-separated.
    """
    from zoo_homework.homework import homework_specs
    from zoo_homework.printing import print_homeworks

    specs = homework_specs()
    if as_json:
        print(json.dumps([spec.model_dump(mode="json") for spec in specs], indent=2))
        return
    print_homeworks(specs)


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
    from zoo_homework.printing import print_results
    from zoo_homework.student import check_file

    found = check_file(homework, submission, data_dir, test_set)
    if as_json:
        print(json.dumps(found.summary(), indent=2))
    else:
        print(harmless(found.message))
        print_results(found.results)
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
    from zoo_homework.student import write_split

    rows, title = write_split(homework, split, output, data_dir, test_set)
    print(harmless(f"{rows:,} rows of the {title} are in {output}"))


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
    from zoo_homework.student import export_run

    rows = export_run(run, output)
    print(harmless(f"{rows:,} predictions are in {output}"))


def _with_policy(opened: "Homework", options: dict[str, Any]) -> "Homework":
    """The homework with what the command line says of due date and attempts."""
    from dataclasses import replace

    changes: dict[str, Any] = {name: options[name] for name in ("attempts", "max_attempts") if options[name] is not None}
    if options["due"] is not None:
        changes["due"] = _due(options["due"])
    return replace(opened, spec=opened.spec.model_copy(update=changes))


def _due(text: str) -> datetime:
    """A time; without an offset it is this machine's, and a date alone is the end of that day."""
    try:
        due = datetime.fromisoformat(text)
        with suppress(ValueError):
            due = datetime.combine(date.fromisoformat(text), time.max)
        return due if due.tzinfo else due.astimezone()
    except (ValueError, OverflowError) as error:
        raise OptionError(f"{text!r} is no time", "write it as 2026-11-24T18:00:00+01:00, or 2026-11-24") from error


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
