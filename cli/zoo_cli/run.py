"""`zoo run`: score a model on a benchmark."""

from typing import TYPE_CHECKING

import click

import zoo
from zoo.plugins.registry import one_look_up
from zoo.runs.request import How, Request
from zoo_cli.completing import names_of
from zoo_cli.open_options import OpenCommand, named_settings
from zoo_cli.progress import progress_bar
from zoo_cli.render import print_json
from zoo_cli.report import print_scores
from zoo_cli.types import asked_options, pairs
from zoo_cli.warned_index import warned_of

if TYPE_CHECKING:
    from zoo.runs.progress import Progress


@click.command(
    cls=OpenCommand,
    examples=(
        "zoo run intro/mlp --on digits",
        "zoo run cnn/lenet5@mnist --on mnist --json",
        "zoo run cnn/resnet20 --weights resnet20.th --on folder:photos --batch-size 64",
        "zoo run timm/resnet18 --weights tuned.pth --classes cat,dog,horse --on folder:photos",
        "zoo run robust/pgd --on mnist-linf --victim cnn/lenet5 --eps 8/255 --norm linf --steps 20",
    ),
)
@click.argument("model", shell_complete=names_of("model"))
@click.option(
    "--on",
    "benchmark",
    metavar="BENCHMARK",
    shell_complete=names_of("benchmark", "dataset"),
    help="Benchmark or dataset. Default: the only one that fits.",
)
@click.option("--metric", "metrics", multiple=True, help="Score this too, such as f1:average=macro. May be repeated.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the model. May be repeated.")
@click.option("--aux", "others", multiple=True, metavar="ROLE=MODEL", help="Another model that the benchmark needs.")
@asked_options(Request, How)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def run(
    context: click.Context,
    /,
    model: str,
    benchmark: str | None,
    task: str | None,
    options: tuple[str, ...],
    others: tuple[str, ...],
    as_json: bool,
    **settings: object,
) -> int:
    """Run MODEL on a benchmark and print its scores, each with a 95 % interval.

    An option of the model, a setting of the benchmark's protocol and another model that it needs may be given by name, too:
    --steps 20, --eps 8/255, --victim cnn/lenet5. zoo show tells what there is.

    An interrupted run goes on where it stopped. Of a finished one the predictions are found, and only scored into a new record.

    Exit codes: 0 done and, where there is a pass mark, passed; 1 pass mark missed; 2 your error; 70 a bug; 130 interrupted.
    """
    with one_look_up() as entries, progress_bar() as show:
        warned_of(entries.index)
        named = named_settings(context, model, benchmark, task)
        asked = {
            "options": {**pairs("--option", "NAME=VALUE", options), **named["options"]},
            "aux": {**pairs("--aux", "ROLE=MODEL", others), **named["aux"]},
            "protocol": named["protocol"],
        }

        def progress(step: "Progress") -> None:
            if show is None:
                return
            if step.stage == "downloading":
                show("downloading MiB", step.done >> 20, step.total >> 20 or None)
            else:
                show(step.stage, step.done, step.total, f"{step.reused:,} found done" if step.reused else "")

        record = zoo.evaluate(model, benchmark, task=task, **asked, progress=progress, **settings)  # type: ignore[arg-type]
    if as_json:
        print_json(record.summary())
    else:
        print_scores(record)
    return 1 if record.passed is False else 0
