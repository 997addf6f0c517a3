"""Runs: a model over the shards of a dataset's split, folded into scores and kept as a record."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = [
    "Artifact",
    "Check",
    "Complexity",
    "Cost",
    "DataRecord",
    "Environment",
    "Execution",
    "ModelInfoRecord",
    "Progress",
    "Result",
    "RunRecord",
    "RunStart",
    "Shards",
    "Store",
    "groups_of",
    "predicted",
    "predictions",
    "score_rows",
    "stored_predictions",
]

if TYPE_CHECKING:
    from zoo.runs.folding import score_rows
    from zoo.runs.predicting import predicted, predictions
    from zoo.runs.progress import Progress
    from zoo.runs.record import (
        Artifact,
        Check,
        Complexity,
        Cost,
        DataRecord,
        Environment,
        Execution,
        ModelInfoRecord,
        Result,
        RunRecord,
        RunStart,
        Shards,
    )
    from zoo.runs.sampling import groups_of
    from zoo.runs.store import Store
    from zoo.runs.stored import stored_predictions
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.runs.folding": ["score_rows"],
            "zoo.runs.sampling": ["groups_of"],
            "zoo.runs.predicting": ["predicted", "predictions"],
            "zoo.runs.progress": ["Progress"],
            "zoo.runs.stored": ["stored_predictions"],
            "zoo.runs.record": [
                "Artifact",
                "Check",
                "Complexity",
                "Cost",
                "DataRecord",
                "Environment",
                "Execution",
                "ModelInfoRecord",
                "Result",
                "RunRecord",
                "RunStart",
                "Shards",
            ],
            "zoo.runs.store": ["Store"],
        },
    )
