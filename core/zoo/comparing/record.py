"""What comparing runs finds: who was compared, on what, and of each pair and metric the difference and how sure it is."""

from typing import Literal

from pydantic import Field

from zoo.rich_repr import lines, table, titled
from zoo.specs import Frozen
from zoo.wording import counted, scored


class Contestant(Frozen):
    """A run that is compared, and what it is called here: its model's name, and what else tells it from the others."""

    name: str
    run_id: str
    model: str
    created: str


class Difference(Frozen):
    """Two runs by one metric: the first one's score minus the second one's.

    `p` is two-sided, and `p_bound` the upper end of what resamples leave open of it; an exact p is its own. `p_holm` is that
    bound, corrected so that it holds for all differences of the comparison at once; below 0.05 the runs are called `different`.
    Where nothing honest can be said, `refused` says why, and there is no p. `first_better` and `second_better` are ids of
    samples that came out better in the one run, those that changed most first.
    """

    metric: str
    direction: Literal["higher", "lower", "none"]
    unit: str = ""
    first: str
    second: str
    first_value: float | None = None
    second_value: float | None = None
    difference: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    interval: str = ""
    p: float | None = None
    p_bound: float | None = None
    p_holm: float | None = None
    different: bool | None = None
    test: str = ""
    refused: str = ""
    samples: int
    units: str = Field(default="samples", description="What is independent of each other: samples, or groups of them.")
    flips: bool = Field(default=False, description="Whether a sample is right or wrong, so that those that are better flipped.")
    first_better: tuple[str, ...] = ()
    second_better: tuple[str, ...] = ()

    @property
    def better(self) -> str | None:
        """The run that is better; None where they cannot be told apart."""
        if not self.different or self.difference is None or self.direction == "none":
            return None
        return self.first if (self.difference > 0) == (self.direction == "higher") else self.second


class Comparison(Frozen):
    """Runs of one benchmark on the same samples, compared in pairs."""

    benchmark: str
    dataset: str
    split: str
    fingerprint: str
    samples: int
    runs: tuple[Contestant, ...]
    pairs: Literal["first", "all"] = Field(description="Whether all are compared with the first, or every one with every other.")
    resamples: int
    seed: int
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"<Comparison of {counted(len(self.runs), 'run')} on {self.benchmark}, {self.samples:,} samples>",
                *(f"  {': '.join(filter(None, (*row[:2], ', '.join(filter(None, row[2:])))))}" for row in self._rows()),
            ]
        )

    def _repr_html_(self) -> str:
        runs = table(("run", "model"), [(run.run_id[:8], run.name) for run in self.runs])
        header = ("metric", "pair", "difference", "p (Holm)", "better")
        how = f"{self.resamples:,} resamples, seed {self.seed}"
        title = f"{self.benchmark}: {counted(len(self.runs), 'run')} on {self.samples:,} samples of {self.dataset}, {self.split}"
        return titled(title, runs, table(header, self._rows()), lines([*self.notes, how]))

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                one.metric,
                f"{one.first} - {one.second}",
                f"not compared: {one.refused}" if one.refused else scored(one.difference, one.ci_low, one.ci_high),
                "" if one.p_holm is None else f"p {one.p_holm:.4f}" if one.p_holm >= 0.0001 else "p <0.0001",
                one.better or ("neither is better" if one.different is False else ""),
            )
            for one in self.differences
        ]
