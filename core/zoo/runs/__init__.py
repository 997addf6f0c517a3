"""Runs: a model over the shards of a dataset's split, folded into scores and kept as a record."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = [
    "Result",
    "RunRecord",
    "RunStart",
    "Store",
    "predictions",
    "stored_predictions",
]

if TYPE_CHECKING:
    from zoo.runs.predicting import predictions
    from zoo.runs.predictions import stored_predictions
    from zoo.runs.record import Result, RunRecord, RunStart
    from zoo.runs.store import Store
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.runs.predicting": ["predictions"],
            "zoo.runs.predictions": ["stored_predictions"],
            "zoo.runs.record": ["Result", "RunRecord", "RunStart"],
            "zoo.runs.store": ["Store"],
        },
    )
