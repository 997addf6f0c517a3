"""What comparing runs finds: who was compared, on what, and of each pair and metric the difference and how sure it is."""

from typing import Literal

from pydantic import Field

from zoo.specs import Frozen


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
