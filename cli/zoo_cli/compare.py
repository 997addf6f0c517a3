"""`zoo compare`: runs on the same samples, in pairs; or trainings side by side."""

from typing import TYPE_CHECKING, Any

import click

from zoo.runs.glance import may_be_run
from zoo_cli.completing import names_of
from zoo_cli.flags import refuse_given
from zoo_cli.groups import Command
from zoo_cli.render import number, print_json, print_table, say, say_wrapped, styled
from zoo_cli.types import AtLeast, Choice, Name, check_typed
from zoo_cli.warned_index import open_index

if TYPE_CHECKING:
    from zoo.comparing.record import Comparison, Difference

SHOWN = 5
"""Ids of samples that are printed; all are in the JSON."""


OF_RUNS = ("on", "metrics", "pairs", "resamples", "seed", "data_dir")
"""Settings of a comparison of runs."""


@click.command(
    cls=Command,
    examples=(
        "zoo compare cnn/lenet5 intro/mlp --on digits",
        "zoo compare 3f2a9c1b 77e0d1aa --metric nll --metric f1:average=macro",
        "zoo compare cnn/lenet5 intro/mlp intro/logistic --on digits --pairs all --json",
        "zoo compare cnn/lenet5-digits --save-figures figures",
    ),
)
@click.argument("names", nargs=-1, required=True, metavar="RUN|MODEL|TRAINING...", shell_complete=names_of("model", "recipe"))
@click.option(
    "--on",
    metavar="BENCHMARK",
    shell_complete=names_of("benchmark", "dataset"),
    help="Of models by name: compare their newest runs of it.",
)
@click.option(
    "--metric", "metrics", multiple=True, type=Name("metric"), help="By this metric, such as f1:average=macro. May be repeated."
)
@click.option(
    "--pairs",
    type=Choice(["first", "all"]),
    default="first",
    show_default=True,
    help="first: all others with the first; all: every one with every other.",
)
@click.option("--resamples", type=AtLeast(100), default=2000, show_default=True, help="Of bootstrap and permutation test.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the resamples.")
@click.option("--data-dir", type=click.Path(), help="Folder of datasets, looked in before ZOO_DATA_DIR.")
@click.option(
    "--save-figures",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Of trainings: draw loss, rate and memory into this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON, with the ids of all samples that changed.")
def compare(names: tuple[str, ...], save_figures: str | None, as_json: bool, **of_runs: Any) -> None:
    """Compare runs on the same samples: their difference with its 95 % interval, and whether it may be chance.

    A run is named by its id, which may be cut short, or by its model: then it is the newest one of the benchmark, on all
    samples, with default settings.

    p is exact (McNemar) where samples are right or wrong, else that of a paired permutation test, and is corrected for all
    comparisons at once (Holm); below 0.05 runs are called different.

    Trainings are compared in memory beside what was expected of each technique, time, and scores. A training is named by its
    key, which may be cut short, by its weights, or by its recipe, whose last trainings are then meant. The first is what others
    are compared with. zoo train RECIPE --with TECHNIQUE --profile compares without training.
    """
    for name in names:
        _check_typed(name)
    if of_runs["on"] is not None:
        check_typed(("benchmark", "dataset"), of_runs["on"])
    from zoo.training.found import is_training

    open_index()
    trainings = [name for name in names if is_training(name)] if of_runs["on"] is None else []
    if len(trainings) == len(names):
        from zoo_cli.trainings import compare_named

        refuse_given("trainings are compared by their records alone", OF_RUNS)
        compare_named(names, save_figures, as_json)
    elif trainings:
        raise click.UsageError(f"{trainings[0]} is a training, and not all that is named is: compare runs, or trainings")
    else:
        refuse_given("runs have no curves to draw", ("save_figures",))
        _compare_runs(names, as_json, **of_runs)


def _check_typed(name: str) -> None:
    """Raise UnknownNameError where a name is neither a model's nor a recipe's, and no run or training can be meant."""
    if not may_be_run(name) and not name.endswith((".safetensors", ".json")):
        check_typed(("model", "recipe"), name)


def _compare_runs(names: tuple[str, ...], as_json: bool, metrics: tuple[str, ...], **settings: Any) -> None:
    from zoo.comparing.compare import compare as compared

    found = compared(*names, metrics=metrics or None, **settings)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _print(found)


def _print(found: "Comparison") -> None:
    say_wrapped(f"{styled(found.benchmark, bold=True)}  {found.samples:,} samples of {found.dataset}, split {found.split}")
    say()
    letters = {run.name: _letter(place) for place, run in enumerate(found.runs)}
    print_table(("", "run", "model"), [(letters[run.name], run.run_id[:8], run.name) for run in found.runs])
    for metric in dict.fromkeys(one.metric for one in found.differences):
        own = [one for one in found.differences if one.metric == metric]
        say()
        say_wrapped(f"{styled(metric, bold=True)}{f' in {own[0].unit}' if own[0].unit else ''}, {own[0].direction} is better")
        compared = [one for one in own if not one.refused]
        if compared:
            header = ("pair", "first", "second", "difference", "95 % interval", "p", "better")
            print_table(header, [_row(one, letters) for one in compared], right=(1, 2, 3, 4, 5))
        for one in own:
            _print_rest(one, letters)
    for told in found.notes:
        say_wrapped(told, "  ")
    several = sum(one.p is not None for one in found.differences)
    say()
    say_wrapped(
        f"{found.resamples:,} resamples, seed {found.seed}"
        + (f"; p corrected for {several} comparisons (Holm)" if several > 1 else "")
    )


def _print_rest(one: "Difference", letters: dict[str, str]) -> None:
    pair = f"{letters[one.first]} - {letters[one.second]}"
    if one.refused:
        say_wrapped(f"{pair}: not compared: {one.refused}", "  ")
        return
    unbounded = f"; no interval: {one.interval.removeprefix('none: ')}" if one.ci_low is None else ""
    say_wrapped(f"{pair}: {one.test}{unbounded}", "  ")
    what = "right in" if one.flips and one.direction == "higher" else "better in"
    for name, ids in ((one.first, one.first_better), (one.second, one.second_better)):
        shown = ", ".join(ids[:SHOWN]) + (", …" if len(ids) > SHOWN else "")
        say_wrapped(f"{len(ids):,} {what} {letters[name]} alone{f': {shown}' if ids else ''}", "    ")


def _row(one: "Difference", letters: dict[str, str]) -> tuple[str, ...]:
    bounds = (one.difference, one.ci_low, one.ci_high)
    between = (
        "-" if one.ci_low is None or one.ci_high is None else f"[{_signed(*bounds, one.ci_low)}, {_signed(*bounds, one.ci_high)}]"
    )
    better = letters[one.better] if one.better else "neither" if not one.different else "-"
    return (
        f"{letters[one.first]} - {letters[one.second]}",
        number(one.first_value),
        number(one.second_value),
        _signed(*bounds, one.difference),
        between,
        _p(one.p_holm),
        better,
    )


def _signed(difference: float | None, low: float | None, high: float | None, value: float | None) -> str:
    """A value with the digits of the difference and the sign that it has."""
    if value is None:
        return "-"
    digits = len(number(difference, low, high).partition(".")[2])
    return f"{value:+,.{digits}f}"


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if value >= 0.0001 else "<0.0001"


def _letter(place: int) -> str:
    """A, B, … Z, then their numbers."""
    return chr(ord("A") + place) if place < 26 else str(place + 1)
