"""`zoo compare`: trainings side by side."""

import click

from zoo_cli.completing import names_of
from zoo_cli.groups import Command
from zoo_cli.trainings import compare_named
from zoo_cli.warned_index import open_index


@click.command(
    cls=Command,
    examples=("zoo compare cnn/lenet5-digits", "zoo compare 3f2a9c1b 77e0d1aa --save-figures figures"),
)
@click.argument("trainings", nargs=-1, required=True, metavar="TRAINING...", shell_complete=names_of("recipe"))
@click.option(
    "--save-figures", type=click.Path(file_okay=False), metavar="DIR", help="Draw loss, rate and memory into this folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(trainings: tuple[str, ...], save_figures: str | None, as_json: bool) -> None:
    """Compare trainings: memory beside what was expected of each technique, time, and scores.

    A training is named by its key, which may be cut short, by its weights, or by its recipe, whose last trainings are then
    meant. The first is what others are compared with. zoo train RECIPE --with TECHNIQUE --profile compares without training.
    """
    open_index()
    compare_named(trainings, save_figures, as_json)
