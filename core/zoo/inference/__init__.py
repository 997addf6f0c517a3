"""Inference: what a model says of what has no labels, as rows that can be saved as CSV, Parquet or JSON lines."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = ["Answers", "Form", "Wanted", "predict", "write_rows"]

if TYPE_CHECKING:
    from zoo.inference.answers import Form, Wanted
    from zoo.inference.predicting import Answers, predict
    from zoo.inference.writing import write_rows
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.inference.answers": ["Form", "Wanted"],
            "zoo.inference.predicting": ["Answers", "predict"],
            "zoo.inference.writing": ["write_rows"],
        },
    )
