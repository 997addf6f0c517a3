"""`zoo predict`: what a model says of files that have no labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import zoo
from zoo.runs.request import How, Request
from zoo_cli.open_options import OpenCommand, named_options
from zoo_cli.progress import progress_bar
from zoo_cli.render import counted, note, say
from zoo_cli.types import AtLeast, Name, asked_options, pairs

if TYPE_CHECKING:
    from zoo.runs.progress import Progress

NOT_HERE = {"limit", "outputs", "key", "compile", "skip_bad", "fresh", "save_figures", "wait", "engine", "shards"}
"""What a run has and this has not."""
SHOWN = 20
"""Unreadable files that are named."""


@click.command(
    cls=OpenCommand,
    examples=(
        "zoo predict intro/mlp digits/ -o digits.csv",
        "zoo predict sequence/lstm messages.txt --lines",
        "zoo predict vision/fastestdet street.jpg --threshold 0.4",
        "zoo predict vision/unet drives/ --pictures masks -o masks.parquet",
        "zoo predict vision/dncnn@sigma25 noisy.png --degraded noise:25 --pictures clean",
        "zoo predict ./net.py:Net photos/ --weights net.pt --classes cat,dog --input size=224",
    ),
)
@click.argument("model", type=Name("model"))
@click.argument("files", nargs=-1, type=click.Path())
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE: .csv, .parquet or .jsonl.")
@click.option("--top", type=AtLeast(1), default=1, show_default=True, metavar="N", help="Classes of a classifier, surest first.")
@click.option("--threshold", type=float, default=0.25, show_default=True, help="Least score of a box.")
@click.option("--degraded", metavar="noise:SIGMA|bicubic:SCALE", help="What pictures to restore suffer from.")
@click.option("--pictures", type=click.Path(path_type=Path), metavar="DIR", help="Folder of restored pictures, or of label maps.")
@click.option("--lines", is_flag=True, help="Every line of a text file is a text.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the model. May be repeated.")
@asked_options(Request, How, without=NOT_HERE)
@click.pass_context
def predict(
    context: click.Context,
    /,
    model: str,
    files: tuple[str, ...],
    output: Path | None,
    options: tuple[str, ...],
    task: str | None,
    **settings: Any,
) -> int:
    """Say what MODEL predicts of FILES: pictures, texts, rows of CSV or Parquet, or folders of them.

    Without --output, JSON lines go to standard output. A file that cannot be read is named on stderr.

    Exit codes: 0 done; 1 some files could not be read; 2 your error; 70 a bug; 130 interrupted.
    """
    from zoo.inference.writing import json_line, write_rows, writer_of
    from zoo.opening.written import is_written

    if output is not None:
        writer_of(output)
    asked = pairs("--option", "NAME=VALUE", options)
    if not is_written(model):  # which has no options by name
        asked |= named_options(context, model, task or "classify")
    with progress_bar("files") as show:

        def progress(step: "Progress") -> None:
            if show is not None:
                show(step.stage, step.done, step.total)

        answers = zoo.predict(model, files, task=task, options=asked or None, progress=progress, **settings)
        if output is not None:
            write_rows(answers, answers.columns, output)
        else:
            for row in answers:
                say(json_line(row))
    for name, reason in list(answers.unreadable.items())[:SHOWN]:
        note(f"cannot read {name}: {reason}")
    bad = len(answers.unreadable)
    if bad:
        note(f"{counted(bad, 'file')} of {answers.inputs:,} could not be read")
    if output is not None:
        note(f"predictions of {answers.model} in {output}")
    return 1 if bad else 0
