"""What came of a cell of a sweep: the record of its run, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import ZooError, reason_of
from zoo.runs.evaluate import evaluate
from zoo.runs.record import RunRecord
from zoo.sweeps.cells import Cell


@dataclass(frozen=True)
class Failure:
    """A cell that could not be run or scored: `kind` is the error's class, `message` and `hint` are its own."""

    cell: Cell
    kind: str
    message: str
    hint: str = ""


def result_of(cell: Cell, keywords: Mapping[str, Any]) -> RunRecord | Failure:
    """Run a cell with the keywords of `zoo.evaluate`; whatever it raises costs this cell alone."""
    try:
        return evaluate(cell.model, cell.benchmark, **keywords)
    except ZooError as error:
        return Failure(cell, type(error).__name__, error.message, error.hint)
    except Exception as error:  # a bug, of ours or of a plugin's: the other cells are none the worse for it
        return Failure(cell, type(error).__name__, f"{type(error).__name__}: {reason_of(error)}", "set ZOO_DEBUG=1, run it alone")
