"""`zoo leaderboard`: runs and claims of a benchmark, ranked as far as they can be told apart."""

from typing import TYPE_CHECKING

import click

from zoo_cli.groups import Command
from zoo_cli.render import interval, number, print_json, print_list, say, say_wrapped, styled, write
from zoo_cli.types import AtLeast, Choice, Name

if TYPE_CHECKING:
    from zoo.comparing.board import Board, Leaderboard

HEADER = ("RANK", "TIES", "MODEL", "SCORE", "95 % INTERVAL", "KIND", "{}", "FRONT")


@click.command(
    cls=Command,
    examples=(
        "zoo leaderboard digits",
        "zoo leaderboard mnist fashion-mnist --format markdown",
        "zoo leaderboard mnist --runs all --json",
        "zoo leaderboard mnist --cost params",
    ),
)
@click.argument("benchmarks", nargs=-1, required=True, metavar="BENCHMARK...", type=Name("benchmark", "dataset"))
@click.option(
    "--runs",
    "which",
    type=Choice(["best", "all"]),
    default="best",
    show_default=True,
    help="best: of each model; all: each model with each of its settings.",
)
@click.option(
    "--cost",
    type=Choice(["speed", "params", "flops"]),
    default="speed",
    show_default=True,
    help="What FRONT weighs a score against: speed is the machine's, params and flops are the model's.",
)
@click.option("--format", "form", type=Choice(["table", "markdown", "csv", "json"]), default="table", show_default=True)
@click.option("--resamples", type=AtLeast(100), default=2000, show_default=True, help="Of permutation tests.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the resamples.")
@click.option("--data-dir", type=click.Path(), help="Folder of datasets, looked in before ZOO_DATA_DIR.")
@click.option("--json", "as_json", is_flag=True, help="As --format json.")
def leaderboard(
    benchmarks: tuple[str, ...], which: str, cost: str, form: str, resamples: int, seed: int, data_dir: str | None, as_json: bool
) -> None:
    """Rank the runs on BENCHMARK that are here, and the published and measured scores of registry.yaml.

    A rank is an interval, from tests of all pairs at once; models that share a letter cannot be told apart. Runs are compared
    sample by sample; a claim, which has no predictions, by its interval. FRONT marks runs than which none is as good at as
    little --cost.
    Over several benchmarks there is a mean rank, with its interval.
    """
    from zoo.comparing.leaderboard import leaderboard as ranked

    found = ranked(*benchmarks, which=which, cost=cost, resamples=resamples, seed=seed, data_dir=data_dir)  # type: ignore[arg-type]
    if as_json or form == "json":
        print_json(found.model_dump(mode="json"))
    elif form in ("markdown", "csv"):
        write(found.markdown() if form == "markdown" else found.csv())
    else:
        _print(found)


def _print(found: "Leaderboard") -> None:
    for place, board in enumerate(found.boards):
        if place:
            say()
        _print_board(board)
    if found.overall:
        say()
        say_wrapped(styled(f"mean rank over {len(found.boards)} benchmarks", bold=True))
        rows = [(one.model, f"{one.mean_rank:.2f}", f"[{one.low:.2f}, {one.high:.2f}]") for one in found.overall]
        print_list(("MODEL", "MEAN RANK", "95 % INTERVAL"), rows)


def _print_board(board: "Board") -> None:
    from zoo.comparing.board import COSTS, cost_of

    unit = f" in {board.unit}" if board.unit else ""
    say_wrapped(f"{styled(board.benchmark, bold=True)}  {board.metric}{unit}, {board.direction} is better")
    rows = [
        (
            entry.rank,
            entry.ties,
            entry.model,
            number(*entry.bounds),
            interval(*entry.bounds),
            entry.kind,
            cost_of(entry, board.cost) or "-",
            "*" if entry.pareto else "",
        )
        for entry in board.entries
    ]
    print_list([name.format(COSTS[board.cost].header.upper()) for name in HEADER], rows)
    for note in board.notes:
        say_wrapped(note, "  ")
