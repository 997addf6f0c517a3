"""`zoo card`: a model card, and the files of results that go beside it on Hugging Face."""

from pathlib import Path

import click

import zoo
from zoo_cli.completing import names_of
from zoo_cli.groups import Command
from zoo_cli.render import counted, note, print_json, say, write
from zoo_cli.types import pairs


@click.command(
    cls=Command,
    examples=(
        "zoo card cnn/lenet5@mnist",
        "zoo card cnn/lenet5@mnist -o card --dataset mnist=ylecun/mnist",
        "zoo card 3f9a2c 81b0de -o card --overwrite",
    ),
)
@click.argument("runs", metavar="RUN|MODEL...", nargs=-1, required=True, shell_complete=names_of("model"))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Write README.md and .eval_results to DIR.")
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="NAME=ORG/NAME[:TASK]",
    help="A dataset's id on the hub, without which its scores get no file of .eval_results. May be repeated.",
)
@click.option("--overwrite", is_flag=True, help="Take the place of files that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print card and files as one JSON object.")
def card(runs: tuple[str, ...], output: Path | None, datasets: tuple[str, ...], overwrite: bool, as_json: bool) -> None:
    """Describe one model by its runs: scores with intervals, protocol, provenance, and what is unknown.

    The card is Markdown under a header that Hugging Face reads (model-index). Of MODEL the newest run of each benchmark and
    protocol is taken. Without --output it goes to standard output.
    """
    made = zoo.card(*runs, datasets=pairs("--dataset", "NAME=ORG/NAME", datasets))
    written = made.save(output, overwrite=overwrite) if output is not None else []
    if as_json:
        print_json(made.model_dump(mode="json"))
    elif output is None:
        write(made.readme)
    else:
        for path in written:
            say(str(path))
    for missing in made.unwritten:
        note(f"not known: {missing}")
    if written:
        note(f"the card of {made.model}, of {counted(len(made.runs), 'run')}")
