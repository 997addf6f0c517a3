"""Deepzoo: a plugin-based model zoo and evaluation registry for deep learning.

    import zoo
    record = zoo.evaluate("cnn/lenet5", "digits")

Names are imported when they are first used, so that `import zoo` costs nothing.
"""

from typing import TYPE_CHECKING

from zoo.lazy import exports
from zoo.version import __version__

__all__ = [
    "ArrayDataset",
    "Dataset",
    "ImageInput",
    "Registry",
    "RunRecord",
    "Sample",
    "Store",
    "ZooError",
    "__version__",
    "card",
    "clean",
    "compare",
    "compare_trainings",
    "dataset",
    "evaluate",
    "gradcheck",
    "hookimpl",
    "leaderboard",
    "load",
    "predict",
    "profile",
    "profile_training",
    "registry",
    "report",
    "results",
    "sample",
    "sweep",
    "train",
    "verify",
]

if TYPE_CHECKING:
    from zoo.browsing.found import results
    from zoo.cards.writing import card
    from zoo.comparing.compare import compare
    from zoo.comparing.leaderboard import leaderboard
    from zoo.data.dataset import ArrayDataset, Dataset, Sample
    from zoo.disk.cleaning import clean
    from zoo.errors import ZooError
    from zoo.hookspecs import hookimpl
    from zoo.inference.predicting import predict
    from zoo.opening.datasets import dataset
    from zoo.opening.loading import load
    from zoo.plugins.registry import Registry, registry
    from zoo.profiling.profiler import profile
    from zoo.reports.making import report
    from zoo.runs.drawn import sample
    from zoo.runs.evaluate import evaluate
    from zoo.runs.record import RunRecord
    from zoo.runs.store import Store
    from zoo.runs.verifying import verify
    from zoo.specs import ImageInput
    from zoo.sweeps.run import sweep
    from zoo.training.compare import compare_trainings
    from zoo.training.gradcheck import gradcheck
    from zoo.training.profile import profile_training
    from zoo.training.run import train
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.browsing.found": ["results"],
            "zoo.cards.writing": ["card"],
            "zoo.comparing.compare": ["compare"],
            "zoo.comparing.leaderboard": ["leaderboard"],
            "zoo.data.dataset": ["ArrayDataset", "Dataset", "Sample"],
            "zoo.disk.cleaning": ["clean"],
            "zoo.errors": ["ZooError"],
            "zoo.hookspecs": ["hookimpl"],
            "zoo.inference.predicting": ["predict"],
            "zoo.opening.datasets": ["dataset"],
            "zoo.opening.loading": ["load"],
            "zoo.plugins.registry": ["Registry", "registry"],
            "zoo.profiling.profiler": ["profile"],
            "zoo.reports.making": ["report"],
            "zoo.runs.drawn": ["sample"],
            "zoo.runs.evaluate": ["evaluate"],
            "zoo.runs.record": ["RunRecord"],
            "zoo.runs.store": ["Store"],
            "zoo.runs.verifying": ["verify"],
            "zoo.specs": ["ImageInput"],
            "zoo.sweeps.run": ["sweep"],
            "zoo.training.compare": ["compare_trainings"],
            "zoo.training.gradcheck": ["gradcheck"],
            "zoo.training.profile": ["profile_training"],
            "zoo.training.run": ["train"],
        },
    )
