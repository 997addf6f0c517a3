"""`zoo run`: score a model on a benchmark."""

from typing import TYPE_CHECKING

import click

import zoo
from zoo.plugins.registry import one_look_up
from zoo_cli.completing import names_of
from zoo_cli.lookup import warned_of
from zoo_cli.progress import progress_bar
from zoo_cli.render import print_json
from zoo_cli.report import print_scores
from zoo_cli.settings import OpenCommand, named_settings
from zoo_cli.types import AtLeast, Choice, pairs

if TYPE_CHECKING:
    from zoo.runs.progress import Progress


@click.command(
    cls=OpenCommand,
    examples=(
        "zoo run intro/mlp --on digits",
        "zoo run cnn/lenet5@mnist --on mnist --json",
        "zoo run cnn/resnet20 --weights resnet20.th --on folder:photos --batch-size 64",
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
@click.option(
    "--task", metavar="TASK", help="Which of the model's tasks, where it has several: timm/NAME has classify and embed."
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps, or auto.")
@click.option("--precision", type=Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True, help="Of arithmetic.")
@click.option("--batch-size", metavar="N|auto", default="auto", show_default=True, help="auto halves when memory runs out.")
@click.option("--workers", type=AtLeast(0), help="Threads that load samples. Default: what suits the dataset.")
@click.option("--limit", type=AtLeast(1), metavar="N", help="Only N samples, the same every time, of every class its share.")
@click.option(
    "--outputs",
    type=Choice(["all", "dataset"]),
    help="all: a class that the dataset lacks is a wrong answer (default); dataset: only its own classes compete.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of whatever is random in model or task.")
@click.option("--skip-bad", type=AtLeast(0), metavar="N", default=0, help="Allow N corrupt samples. Default: none.")
@click.option("--fresh", is_flag=True, help="Compute everything anew, reuse no shard.")
@click.option("--weights", type=click.Path(), help="Weights file of your own.")
@click.option("--allow-pickle", is_flag=True, help="Load a pickled weights file, which can run any code.")
@click.option("--metric", "metrics", multiple=True, help="Score this too, such as f1:average=macro. May be repeated.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the model. May be repeated.")
@click.option("--aux", "others", multiple=True, metavar="ROLE=MODEL", help="Another model that the benchmark needs.")
@click.option("--save-figures", type=AtLeast(0), metavar="N", default=0, help="Draw the first N predictions.")
@click.option("--data-dir", type=click.Path(), help="Folder of datasets, looked in before ZOO_DATA_DIR.")
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
