"""Deepzoo: a plugin-based model zoo and evaluation registry for deep learning.

    import zoo
    record = zoo.evaluate("cnn/lenet5", "digits")

Names are imported when they are first used, so that `import zoo` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.data import ArrayDataset, Dataset, Sample
    from zoo.errors import ZooError
    from zoo.hookspecs import hookimpl
    from zoo.lookup import Registry, registry
    from zoo.models import load
    from zoo.opening import dataset
    from zoo.runs.evaluate import evaluate
    from zoo.runs.record import RunRecord
    from zoo.runs.store import Store
    from zoo.training.run import train
    from zoo.verifying import verify

__all__ = [
    "ArrayDataset",
    "Dataset",
    "Registry",
    "RunRecord",
    "Sample",
    "Store",
    "ZooError",
    "__version__",
    "dataset",
    "evaluate",
    "hookimpl",
    "load",
    "registry",
    "train",
    "verify",
]

_HOMES = {
    "ArrayDataset": "zoo.data",
    "Dataset": "zoo.data",
    "Registry": "zoo.lookup",
    "RunRecord": "zoo.runs.record",
    "Sample": "zoo.data",
    "Store": "zoo.runs.store",
    "ZooError": "zoo.errors",
    "dataset": "zoo.opening",
    "evaluate": "zoo.runs.evaluate",
    "hookimpl": "zoo.hookspecs",
    "load": "zoo.models",
    "registry": "zoo.lookup",
    "train": "zoo.training.run",
    "verify": "zoo.verifying",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
