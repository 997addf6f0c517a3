"""Holding out a share of the user's own data, which comes as one heap: drawn by class, by ids and a fixed seed alone."""

from pydantic import BaseModel, Field

from zoo.data import Dataset
from zoo.errors import DataError
from zoo.options import options_of
from zoo.remarks import remark
from zoo.training import Subset, split_validation

SHARE = 0.2
"""What the split `train` leaves out where the name says nothing."""
SEED = 0
SPLITS = ("train", "test")


class HoldOut(BaseModel, extra="forbid"):
    """Options of `folder:` and `csv:`."""

    holdout: float | None = Field(default=None, gt=0, lt=1, description="Share of every class that is the split test.")


def part_of(whole: Dataset, split: str, name: str) -> Dataset:
    """A split of a dataset that comes without splits, by its full name.

    Without the option `holdout` the split `test` is the whole, and `train` is all but SHARE of every class; with it `test` is
    what `train` leaves out. So what was trained on `train` of `folder:PATH` is scored on `folder:holdout=0.2:PATH`, whose
    `test` it has never seen, which a warning says. Raises DataError where the option finds nothing to hold out.
    """
    share = options_of(HoldOut, name).holdout
    if split == "test" and share is None:
        return whole
    try:
        kept, held_out = split_validation(whole, share or SHARE, SEED)
    except DataError as error:
        if share is None:  # `train` is then the whole, of which nothing can be left out
            return whole
        raise DataError(f"nothing can be held out of {len(whole.ids)} samples: no class has two", "add samples") from error
    if share is None:
        remark(
            f"train of {name} leaves out {len(held_out)} of {len(whole.ids)} samples, test is all of them: "
            f"score what you train on those alone, {scored_on(name)}",
            stacklevel=2,
        )
    return Subset(whole, kept if split == "train" else held_out)


def scored_on(name: str) -> str:
    """The dataset whose `test` is what `train` of this one leaves out: `folder:holdout=0.2:PATH` of `folder:PATH`."""
    namespace, _, path = name.partition(":")
    return f"{namespace}:holdout={SHARE}:{path}"
