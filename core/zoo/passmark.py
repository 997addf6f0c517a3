"""A pass mark: what a benchmark's score must be to pass, such as `accuracy > 0.90`, `nll < 0.3` or `psnr >= 30`."""

import math
import operator
import re
from dataclasses import dataclass

from zoo.errors import PluginError

__all__ = ["PassMark", "parse_pass_mark"]

RELATIONS = {
    ">": (operator.gt, "above", "higher"),
    ">=": (operator.ge, "at least", "higher"),
    "<": (operator.lt, "below", "lower"),
    "<=": (operator.le, "at most", "lower"),
}
"""Relation of score and bound: what it compares, how it is said, and which scores it takes for the better ones."""
FORM = re.compile(r"(?P<metric>\S.*) (?P<relation>[<>]=?) (?P<bound>\S+)")


@dataclass(frozen=True)
class PassMark:
    """`metric`, as the benchmark writes it, stands in `relation` to `bound`, or the run has not passed."""

    metric: str
    relation: str
    bound: float

    def __str__(self) -> str:
        return f"{self.metric} {self.needed}"

    @property
    def needed(self) -> str:
        """`> 0.9`."""
        return f"{self.relation} {self.bound:.12g}"

    @property
    def words(self) -> str:
        """`above 0.9`, `at most 0.3`."""
        return f"{RELATIONS[self.relation][1]} {self.bound:.12g}"

    @property
    def direction(self) -> str:
        """Which scores pass: the `higher` or the `lower` ones."""
        return RELATIONS[self.relation][2]

    def is_met(self, value: float | None) -> bool:
        """Whether a score passes; none, and one that is not a number, does not."""
        return value is not None and bool(RELATIONS[self.relation][0](value, self.bound))

    def is_sure(self, low: float | None, high: float | None) -> bool | None:
        """Whether all that the score's interval holds comes out alike; None where there is no interval."""
        return None if low is None or high is None else self.is_met(low) == self.is_met(high)

    def check(self, benchmark: str, direction: str) -> None:
        """Raise PluginError where the metric, which is better in `direction`, would be passed by the worse scores."""
        if direction not in (self.direction, "none"):
            raise PluginError(
                f"{benchmark} is passed with {self}, but of {self.metric} the {direction} value is the better one",
                f"its pass mark should read {self.metric} {'>' if direction == 'higher' else '<'} {self.bound:.12g}",
            )


def parse_pass_mark(text: str) -> PassMark:
    """The pass mark that is written `METRIC > VALUE`, or with `>=`, `<` or `<=`. Raises ValueError for anything else."""
    found = FORM.fullmatch(text)
    try:
        bound = float(found["bound"]) if found else math.nan
    except ValueError:
        bound = math.nan
    if found is None or not math.isfinite(bound):
        raise ValueError(f"a pass mark reads 'METRIC > VALUE', or with >=, < or <=, not {text!r}")
    return PassMark(found["metric"], found["relation"], bound)
