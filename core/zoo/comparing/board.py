"""What a leaderboard holds, and how it is written: Markdown, CSV, JSON."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from zoo.rich_repr import lines, table, titled
from zoo.specs import Frozen

COLUMNS = (
    *("rank", "ties", "model", "value", "ci_low", "ci_high", "n", "kind", "samples_per_second", "pareto", "run_id", "source"),
    *("parameters", "flops"),
)

CostName = Literal["speed", "params", "flops"]


@dataclass(frozen=True)
class CostKind:
    """What a score can cost: a field of entries, whether less of it is better, and how a table calls it."""

    field: str
    less: bool
    header: str


COSTS: dict[CostName, CostKind] = {
    "speed": CostKind("samples_per_second", False, "samples/s"),
    "params": CostKind("parameters", True, "parameters"),
    "flops": CostKind("flops", True, "FLOP/sample"),
}


class Entry(Frozen):
    """A score on a leaderboard: of a run here, or claimed.

    Its rank is somewhere from `rank_low` to `rank_high`, 1 the best, all at once with 95 %; entries that share a letter of `ties`
    cannot be told apart. `pareto`: no other run is as good at as little of the board's cost; None where that is not known.
    """

    model: str
    kind: Literal["run", "published", "measured"]
    value: float
    ci_low: float | None = None
    ci_high: float | None = None
    interval: str = ""
    n: int | None = None
    run_id: str | None = None
    source: str = ""
    samples_per_second: float | None = Field(default=None, description="Machine-dependent.")
    parameters: int | None = None
    flops: int | None = Field(default=None, description="Of one sample, as the run's record has them.")
    device: str | None = None
    rank_low: int = 1
    rank_high: int = 1
    ties: str = ""
    pareto: bool | None = None

    @property
    def bounds(self) -> tuple[float, float | None, float | None]:
        """Value and interval."""
        return self.value, self.ci_low, self.ci_high

    @property
    def rank(self) -> str:
        """`2` or `2-4`."""
        return str(self.rank_low) if self.rank_low == self.rank_high else f"{self.rank_low}-{self.rank_high}"


class Board(Frozen):
    """The leaderboard of one benchmark, the best first."""

    benchmark: str
    metric: str
    direction: Literal["higher", "lower", "none"]
    unit: str = ""
    entries: tuple[Entry, ...]
    cost: CostName = Field(default="speed", description="What `pareto` goes by.")
    notes: tuple[str, ...] = ()


class MeanRank(Frozen):
    """The mean rank of a model over several benchmarks, among the models that stand on all of them, with its interval."""

    model: str
    mean_rank: float
    low: float
    high: float
    benchmarks: int


class Leaderboard(Frozen):
    """One leaderboard a benchmark, and the mean ranks over several."""

    boards: tuple[Board, ...]
    overall: tuple[MeanRank, ...] = ()
    resamples: int
    seed: int

    def __repr__(self) -> str:
        told = ", ".join(f"{board.benchmark} ({len(board.entries)})" for board in self.boards)
        return f"<Leaderboard of {told}>"

    def _repr_html_(self) -> str:
        header = ("rank", "ties", "model", "score", "95 % interval", "n", "kind")
        parts = [
            titled(
                f"{board.benchmark}: {board.metric}{f' in {board.unit}' if board.unit else ''}, {board.direction} is better",
                table((*header, COSTS[board.cost].header, "front"), [_row(entry, board.cost) for entry in board.entries]),
                lines(board.notes),
            )
            for board in self.boards
        ]
        means = [(one.model, f"{one.mean_rank:.2f}", f"{one.low:.2f} to {one.high:.2f}") for one in self.overall]
        overall = titled("mean rank", table(("model", "mean rank", "95 % interval"), means)) if means else ""
        return "".join([*parts, overall])

    def markdown(self) -> str:
        """Tables for a README."""
        parts = []
        for board in self.boards:
            rows = [_row(entry, board.cost) for entry in board.entries]
            parts.append(f"### {board.benchmark}: {board.metric}{f' in {board.unit}' if board.unit else ''}\n")
            header = ("rank", "ties", "model", "score", "95 % interval", "n", "kind", COSTS[board.cost].header, "front")
            parts.append(_markdown(header, rows))
            parts += [f"- {note}" for note in board.notes] + [""]
        if self.overall:
            means = [(one.model, f"{one.mean_rank:.2f}", f"{one.low:.2f} to {one.high:.2f}") for one in self.overall]
            parts += [
                f"### Mean rank over {len(self.boards)} benchmarks\n",
                _markdown(("model", "mean rank", "95 % interval"), means),
            ]
        return "\n".join(parts).rstrip() + "\n"

    def csv(self) -> str:
        """A line an entry, its benchmark and metric first."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("benchmark", "metric", *COLUMNS))
        for board in self.boards:
            for entry in board.entries:
                writer.writerow((board.benchmark, board.metric, *(_plain(getattr(entry, name)) for name in COLUMNS)))
        return out.getvalue()


def cost_of(entry: Entry, cost: CostName) -> str:
    """What a score cost, in a table; empty where that is not known."""
    value = getattr(entry, COSTS[cost].field)
    return "" if value is None else f"{value:,.0f}"


def _row(entry: Entry, cost: CostName) -> tuple[str, ...]:
    low, high = entry.ci_low, entry.ci_high
    digits = _digits(entry)
    between = "" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"
    n = "" if entry.n is None else f"{entry.n:,}"
    front = "*" if entry.pareto else ""
    return entry.rank, entry.ties, entry.model, f"{entry.value:.{digits}f}", between, n, entry.kind, cost_of(entry, cost), front


def _digits(entry: Entry) -> int:
    """Decimals that leave the interval's half two figures."""
    half = (entry.ci_high - entry.ci_low) / 2 if entry.ci_low is not None and entry.ci_high is not None else 0.0
    return min(6, max(2, 1 - math.floor(math.log10(half)))) if half > 0 else 4


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _plain(value: object) -> object:
    return "" if value is None else value
