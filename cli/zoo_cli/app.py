"""The command `zoo`: the list of its commands. Each is imported when it is invoked."""

import gc
import os
import sys
from collections.abc import Sequence

import click

from zoo.tolerance import tolerate_damage
from zoo.version import __version__
from zoo_cli.errors import guarded
from zoo_cli.extras import OpenGroup

COMMANDS = {
    "list": ("zoo_cli.listing:list_entries", "What there is: models, datasets, benchmarks, metrics, recipes."),
    "show": ("zoo_cli.show:show", "Everything about one entry, and how to run it."),
    "run": ("zoo_cli.run:run", "Score models on benchmarks: one on one, or a table."),
    "predict": ("zoo_cli.predict:predict", "What a model says of files without labels: CSV, Parquet, JSON lines."),
    "sample": ("zoo_cli.sample:sample", "Let a generator draw pictures, or write."),
    "train": ("zoo_cli.train:train", "Train a model's weights by a recipe."),
    "profile": ("zoo_cli.profile:profile", "What models take: parameters, operations, memory, latency, throughput."),
    "results": ("zoo_cli.results:results", "Scores of past runs, or one run in full."),
    "compare": ("zoo_cli.compare:compare", "Runs on the same samples: which is better, and is it real? Or trainings."),
    "leaderboard": ("zoo_cli.leaderboard:leaderboard", "Who is best on a benchmark, as far as it can be told."),
    "card": ("zoo_cli.card:card", "A model card of runs, and results as Hugging Face reads them."),
    "report": ("zoo_cli.report_page:report", "Runs or trainings as one page of HTML, with their samples."),
    "verify": ("zoo_cli.verify:verify", "Published and measured scores, run again."),
    "data": ("zoo_cli.data:data", "Datasets: which are here, where, get them, check them."),
    "clean": ("zoo_cli.clean:clean", "Free disk: predictions that nobody needs, and what was never finished."),
    "store": ("zoo_cli.store:store", "Records and predictions to and from a team's store; is it altered?"),
    "plugins": ("zoo_cli.plugins:plugins", "Plugins: list, install, remove, switch on and off, write, check."),
}


@click.group(
    cls=OpenGroup,
    lazy=COMMANDS,
    examples=("zoo list models --task classify", "zoo run intro/mlp --on digits", "zoo show data/digits"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="deepzoo", message="%(prog)s %(version)s")
@click.option(
    "--no-plugins",
    is_flag=True,
    is_eager=True,  # before a command of a plugin's is looked for
    expose_value=False,
    callback=lambda context, option, given: _without_plugins(given),
    help="Leave out all plugins but the bundled ones, as an empty ZOO_PLUGINS does.",
)
@click.option(
    "-p",
    "without",
    multiple=True,
    metavar="no:ID",
    is_eager=True,
    expose_value=False,
    callback=lambda context, option, given: _leave_out(given),
    help="Leave out a plugin, for this command alone. Can be repeated.",
)
def zoo() -> None:
    """A model zoo and evaluation registry for deep learning: pick a model, run it on a dataset, trust the score."""


def main() -> None:
    """Run the command line and exit."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # they are looked for in all that is installed
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # another keeps tens of megabytes that it needed once
    gc.set_threshold(20_000, 10, 10)  # looking through all that is imported takes a tenth of a short command
    tolerate_damage()
    sys.exit(guarded(zoo, sys.argv[1:]))


def _leave_out(given: Sequence[str]) -> None:
    ids = [text.removeprefix("no:") for text in given]
    if wrong := next((text for text in given if not text.startswith("no:") or text == "no:"), None):
        raise click.BadParameter(f"{wrong!r} is not of the form no:ID", param_hint="-p")
    if ids:
        os.environ["ZOO_WITHOUT"] = ",".join(filter(None, [os.environ.get("ZOO_WITHOUT"), *ids]))  # as below


def _without_plugins(given: bool) -> None:
    if given:
        os.environ["ZOO_PLUGINS"] = ""  # for processes that this one starts, too
