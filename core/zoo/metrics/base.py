"""What a metric is: a state per shard, a merge in id order, and a score of the merged state."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from zoo.tasks.base import Rows

if TYPE_CHECKING:
    from PIL.Image import Image

State = dict[str, np.ndarray[Any, Any]]
"""What a metric keeps of the samples it has seen: named arrays."""


@dataclass(frozen=True)
class Score:
    """A metric's value over `n` samples, with its 95 % interval.

    `interval` names the method of the interval, or says why there is none. `detail` holds what is no single number, such as
    a confusion matrix; `value` is then None, as it is where there are no samples. A detail `{"columns": names, "rows": rows}`
    is printed as a table: labels, a value, its `ci_low` and `ci_high`, and counts. `note` is what a reader must know beside
    the value, such as a reason to doubt it.
    """

    value: float | None
    n: int
    ci_low: float | None = None
    ci_high: float | None = None
    interval: str = ""
    detail: Any = None
    note: str = ""


class Metric(BaseModel):
    """A metric with its options, which are the fields of the subclass.

    States of shards are merged in id order: by sum, or, where `gathers` is set, by concatenation along the first axis.
    So a score cannot depend on how the samples were cut into shards.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    gathers: ClassVar[bool] = False
    proportion: ClassVar[bool] = False
    """Whether it is always a share of its n samples, so that value and n alone have an interval (Wilson's)."""
    units: ClassVar[str] = "samples"
    """What is independent of each other, in the plural: images, classes, spans of text."""

    @property
    def of_labels(self) -> bool:
        """Of task classify: whether it asks only which class is predicted, so that labels without logits can be scored."""
        return False

    def check(self, classes: tuple[str, ...]) -> None:
        """Raise OptionError where the options do not fit the classes. Worth asking before the model runs."""

    def update(self, rows: Rows) -> State:
        """The state of some samples."""
        raise NotImplementedError

    def merge(self, first: State, second: State) -> State:
        """The state of the samples of both, `first` standing before `second`."""
        if self.gathers:
            return {name: np.concatenate([first[name], second[name]]) for name in first}
        return {name: first[name] + second[name] for name in first}

    def merge_all(self, states: Sequence[State]) -> State:
        """The state of the samples of all of at least one, in order; copies gathered columns once, not once a shard."""
        if self.gathers and type(self).merge is Metric.merge:
            return {name: np.concatenate([state[name] for state in states]) for name in states[0]}
        return reduce(self.merge, states)

    def compute(self, state: State, classes: tuple[str, ...]) -> Score:
        """The score of a merged state. Raises OptionError as `check` does."""
        raise NotImplementedError

    def per_sample(self, rows: Rows) -> State | None:
        """What runs are compared by: arrays that are concatenated over shards, and over runs, as `merge_all` of a metric that
        gathers does. By default the state, where it is gathered; None: nothing is kept of a sample, so nothing is compared.
        """
        return self.update(rows) if self.gathers else None

    @property
    def keeps_state(self) -> bool:
        """Whether what is kept of each sample is the state that is folded, so that it need not be computed twice."""
        return self.gathers and type(self).per_sample is Metric.per_sample

    def join(self, states: Sequence[State]) -> State:
        """What `per_sample` keeps of some samples after others, or of one run and another, as one."""
        if self.keeps_state:
            return self.merge_all(states)
        return {name: np.concatenate([state[name] for state in states]) for name in states[0]}

    def values(self, state: State) -> np.ndarray[Any, Any] | None:
        """Where the score is a mean: the value of each sample, float64 [n], NaN of one that does not count. Of `per_sample`'s
        state of a whole run. Their mean is the score.
        """
        return None

    def resampled(self, state: State, weights: np.ndarray[Any, Any], classes: tuple[str, ...]) -> np.ndarray[Any, Any] | None:
        """Where the score is no mean: the score of each of b samples of samples, float64 [b], of `per_sample`'s state.

        `weights` float64 [b, n] says how often each of the n samples is in; with every weight 1 it is the score. A state may be
        of two runs, one behind the other, of which a weight of 0 takes a sample of either away.
        """
        return None

    def outcomes(self, state: State, classes: tuple[str, ...]) -> np.ndarray[Any, Any] | None:
        """How well each sample came out by itself, float64 [n], NaN where that means nothing: what tells which samples changed.

        By default `values`; a score that is no mean may say whether each was right, or what it would score alone.
        """
        return self.values(state)

    def clusters(self, state: State) -> tuple[np.ndarray[Any, Any], str] | None:
        """Samples that stand or fall together are equal in this array [n], and what it tells apart is called so in the plural.

        None: each sample for itself, or as the dataset groups them.
        """
        return None

    def incomparable(self, first: State, second: State) -> str:
        """Why two runs on the same samples cannot be compared by this metric; empty where they can."""
        return ""

    def draw(self, detail: Any) -> "Image | None":
        """A picture of a score's `detail` for `save_figures`; a metric that draws none has no such method of its own."""
        return None
