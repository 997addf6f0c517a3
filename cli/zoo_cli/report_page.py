"""`zoo report`: runs or trainings as one page of HTML."""

from typing import TYPE_CHECKING

import click

import zoo
from zoo.errors import OptionError
from zoo.units import size_of
from zoo_cli.completing import names_of
from zoo_cli.groups import Command
from zoo_cli.progress import progress_bar
from zoo_cli.render import print_json, say
from zoo_cli.types import AtLeast
from zoo_cli.warned_index import open_index

if TYPE_CHECKING:
    from zoo.runs.progress import Progress


@click.command(
    cls=Command,
    examples=(
        "zoo report",
        "zoo report 3f2a9c1b -o lenet5.html",
        "zoo report 3f2a9c1b 77e0d1aa -o both.html",
        "zoo report digits -o digits.html --pictures 200",
        "zoo report cnn/lenet5-digits -o training.html",
    ),
)
@click.argument(
    "names", nargs=-1, metavar="[RUN|BENCHMARK|TRAINING...]", shell_complete=names_of("benchmark", "dataset", "recipe")
)
@click.option(
    "-o", "--output", "path", type=click.Path(dir_okay=False), default="report.html", show_default=True, help="The file to write."
)
@click.option(
    "--pictures", type=AtLeast(0), default=500, show_default=True, metavar="N", help="Show at most N samples; all are listed."
)
@click.option("--data-dir", type=click.Path(), help="Folder of datasets, looked in before ZOO_DATA_DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print path and size of the file as JSON.")
def report(names: tuple[str, ...], path: str, pictures: int, data_dir: str | None, as_json: bool) -> None:
    """Write a page of HTML that shows runs: scores with intervals, confusion, calibration, curves, and samples to browse.

    A RUN is named by its id, which may be cut short; without a name it is the newest. Of a BENCHMARK the newest run of each
    model is shown, samples on which they differ side by side. A TRAINING is named by its key, its weights or its recipe. The
    page is one file, which opens from the disk and asks for nothing from any network.
    """
    open_index()
    if not path.endswith((".html", ".htm")):
        raise OptionError(f"{path} is no name of a page", "`path` ends with .html")
    with progress_bar() as show:

        def progress(step: "Progress") -> None:
            if show is not None:
                show(step.stage, step.done, step.total)

        written = zoo.report(names, path, pictures=pictures, data_dir=data_dir, progress=progress)
    size = written.stat().st_size
    if as_json:
        print_json({"path": str(written), "bytes": size})
    else:
        say(f"{written}  {size_of(size)}: open it in a browser")
