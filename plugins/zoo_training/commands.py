"""The commands of this topic: each parses, measures, and prints a table or JSON; the picture is saved."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.errors import OptionError
from zoo.home import writing, zoo_home
from zoo.wording import harmless, harmless_json

if TYPE_CHECKING:
    from zoo.charts import Chart
    from zoo_training.lessons.course import Course
    from zoo_training.lessons.lesson import Lesson

SMALL = "intro/mlp-wide-fashion-mnist"


def _drawable(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Found unusable before anything is measured."""
    if path is not None and path.suffix not in (".png", ".svg"):
        raise OptionError(f"cannot draw {path}", "name a file that ends in .png or .svg: `picture`")
    return path


PICTURE = click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_drawable,
    help="File of the picture, .png or .svg. Default: below ZOO_HOME.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def asked(share: float, epochs: int, seeds: int, recipe: str | None) -> Callable[[Any], Any]:
    """The options that lessons have in common, with a lesson's own defaults; one without `recipe` has its own."""
    options = [
        *([click.option("--recipe", default=recipe, show_default=True, help="What is trained.")] if recipe else []),
        click.option(
            "--share", type=click.FloatRange(0, 1, min_open=True), default=share, show_default=True, help="Share of the samples."
        ),
        click.option("--epochs", type=click.IntRange(1), default=epochs, show_default=True, help="Of every training."),
        click.option(
            "--seeds", type=click.IntRange(1), default=seeds, show_default=True, help="Trainings of a kind: seeds 0, 1, …"
        ),
        PICTURE,
        JSON,
    ]

    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@click.group("lesson")
def lesson() -> None:
    """What techniques of training cost and do, measured on real data: a table, and a picture.

    Finished trainings are found again, and an interrupted lesson goes on where it stopped.

    \b
    Examples:
      zoo lesson schedules
      zoo lesson large-batches --share 0.05 --epochs 2
    """


@lesson.command("large-batches")
@asked(0.2, 10, 3, SMALL)
@click.option("--batch", "batches", type=click.IntRange(2), multiple=True, default=(64, 512, 4096), show_default=True,
              help="Samples of a step; several may be given.")  # fmt: skip
def large_batches(batches: tuple[int, ...], picture: Path | None, as_json: bool, **course: Any) -> None:
    """Batches of 64, 512 and 4,096 at equal epochs: SGD as it is, with linear scaling and warm-up, LARS, LAMB.

    Each optimizer's rate is first found at batch 64. About 8 CPU minutes.

    \b
    Examples:
      zoo lesson large-batches
      zoo lesson large-batches --share 0.05 --epochs 2 --seeds 2 --batch 64 --batch 512
    """
    from zoo_training.lessons.large_batches import large_batches as measured

    _tell(measured(_course(**course), tuple(dict.fromkeys(batches))), "large-batches", picture, as_json)


@lesson.command("schedules")
@asked(0.2, 10, 3, SMALL)
@click.option("--schedule", "names", multiple=True, help="One of them, perhaps with options. Default: all but the range test.")
def schedules(names: tuple[str, ...], picture: Path | None, as_json: bool, **course: Any) -> None:
    """Schedules of the learning rate on one recipe. About 5 CPU minutes.

    \b
    Examples:
      zoo lesson schedules
      zoo lesson schedules --recipe cnn/lenet5-digits --schedule cosine --schedule wsd:warmup=0.1 --share 1
    """
    from zoo_training.lessons.schedules import SCHEDULES
    from zoo_training.lessons.schedules import schedules as measured

    _tell(measured(_course(**course), tuple(dict.fromkeys(names)) or SCHEDULES), "schedules", picture, as_json)


@lesson.command("precision")
@asked(0.1, 5, 3, SMALL)
def precision(picture: Path | None, as_json: bool, **course: Any) -> None:
    """Training in bfloat16 beside float32, and evaluating in bfloat16 and int8. A CPU minute or two. Needs torchao.

    \b
    Examples:
      zoo lesson precision
      zoo lesson precision --recipe cnn/lenet5-digits --share 1 --epochs 5
    """
    from zoo_training.lessons.precision import precisions

    _tell(precisions(_course(**course)), "precision", picture, as_json)


@lesson.command("checkpointing")
@asked(0.0008, 1, 1, None)
@click.option("--network", "networks", multiple=True, help="A classifier of images. Default: timm's ViT-Ti/16 and ResNet-18.")
@click.option("--dataset", default="data/fashion-mnist", show_default=True, help="Of images.")
def checkpointing(networks: tuple[str, ...], dataset: str, picture: Path | None, as_json: bool, **course: Any) -> None:
    """Activation checkpointing of ViT-Ti/16 and ResNet-18: bytes, time, and whether weights are the same. Two CPU minutes.

    \b
    Examples:
      zoo lesson checkpointing
      zoo lesson checkpointing --network timm/resnet10t
    """
    from zoo_training.lessons.checkpointing import NETWORKS
    from zoo_training.lessons.checkpointing import checkpointing as measured

    found = measured(_course(recipe="hub/finetune", **course), tuple(dict.fromkeys(networks)) or NETWORKS, dataset)
    _tell(found, "checkpointing", picture, as_json)


@click.command("range-test")
@click.argument("recipe")
@click.option("--low", type=float, default=1e-5, show_default=True, help="The first rate.")
@click.option("--high", type=float, default=10.0, show_default=True, help="The last one.")
@click.option("--epochs", type=click.IntRange(1), default=1, show_default=True, help="In which the rate grows.")
@click.option("--share", type=click.FloatRange(0, 1, min_open=True), default=1.0, show_default=True, help="Share of the samples.")
@click.option("--seed", type=int, help="Instead of the recipe's own.")
@click.option("--batch-size", type=click.IntRange(1), help="Instead of the recipe's own.")
@click.option("--with", "techniques", multiple=True, help="Another technique, such as an optimizer.")
@PICTURE
@JSON
def range_test(recipe: str, picture: Path | None, as_json: bool, batch_size: int | None, **settings: Any) -> None:
    """Train RECIPE with rates that grow by one factor at every step, and say which rate its losses speak for.

    Suggested is where the loss falls fastest; Smith's cycle goes from where it begins to fall to where it is lowest.

    \b
    Examples:
      zoo range-test intro/mlp-wide-fashion-mnist --with sgd --share 0.2
      zoo range-test cnn/lenet5-digits --epochs 20
    """
    from zoo_training.range_test import range_test as measured

    overrides = {} if batch_size is None else {"batch_size": batch_size}
    found = measured(recipe, overrides=overrides, **settings)
    path = _saved(found.chart(), "range-test", picture)
    if as_json:
        values = {"suggested": found.fastest, "falls_from": found.falls, "lowest_at": found.lowest, "diverged": found.diverged}
        _print({**values, "rates": found.rates, "losses": found.losses, "picture": str(path)})
        return
    _say(f"{recipe}: rates from {settings['low']:g} to {settings['high']:g}" + (", diverged" if found.diverged else ""))
    _say(f"suggested rate  {found.fastest:.2g}, where the loss falls fastest")
    _say(f"falls from      {found.falls:.2g}")
    _say(f"lowest at       {found.lowest:.2g}, and rises beyond")
    _say(f"picture         {path}")


def _course(recipe: str, share: float, epochs: int, seeds: int) -> "Course":
    from zoo_training.lessons.course import Course

    def tell(line: str) -> None:
        if sys.stderr.isatty():
            print(harmless(line), file=sys.stderr)

    return Course(recipe, share, epochs, tuple(range(seeds)), tell)


def _tell(found: "Lesson", name: str, picture: Path | None, as_json: bool) -> None:
    path = _saved(found.picture, name, picture)
    if as_json:
        _print({"title": found.title, "results": found.figures, "notes": found.notes, "picture": str(path)})
    else:
        _say(f"{found.text()}\nPicture: {path}")


def _saved(chart: "Chart", name: str, asked: Path | None) -> Path:
    path = asked or zoo_home() / "lessons" / f"{name}.png"
    with writing(path) as temporary:
        if path.suffix == ".svg":
            temporary.write_text(chart.svg(), encoding="utf-8")
        else:
            chart.image().save(temporary, format="PNG")
    return path


def _print(told: dict[str, Any]) -> None:
    print(harmless_json(json.dumps(told, indent=2, ensure_ascii=False)))


def _say(line: str) -> None:
    """A line, of which nothing that a stranger chose steers a terminal."""
    print(harmless(line))
