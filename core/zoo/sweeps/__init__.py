"""Sweeps: several models on several benchmarks, each pair a run of its own, and a table at the end."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = ["Cell", "Failure", "LeftOut", "Step", "Sweep", "SweepFile", "is_one_run", "read_sweep", "settable_of", "sweep"]

if TYPE_CHECKING:
    from zoo.sweeps.cells import Cell, LeftOut, is_one_run
    from zoo.sweeps.file import SweepFile, read_sweep
    from zoo.sweeps.result import Failure
    from zoo.sweeps.run import Step, Sweep, settable_of, sweep
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.sweeps.cells": ["Cell", "LeftOut", "is_one_run"],
            "zoo.sweeps.file": ["SweepFile", "read_sweep"],
            "zoo.sweeps.result": ["Failure"],
            "zoo.sweeps.run": ["Step", "Sweep", "settable_of", "sweep"],
        },
    )
