"""A `predict.py` that a student handed in. In the jail."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

from zoo.tasks import ModelInfo
from zoo_homework.statuses import Status, SubmissionError
from zoo_homework.worker.inputs import Inputs
from zoo_homework.worker.models import SUBMISSION
from zoo_homework.worker.prediction_files import check_predictions

Array = np.ndarray[Any, Any]


def run_code(path: Path, inputs: Inputs) -> Array:
    """What `predict(inputs)` of a `predict.py` returns: a label or the probabilities of each input.

    `inputs` is a list of strings, or an array, images uint8 [n, channels, height, width].
    """
    returned = _function(path, "predict", "predict(inputs)")(inputs.samples)
    array = np.asarray(returned)
    if not array.ndim:
        what = f"predict returned a {type(returned).__name__}, not a list or an array of one prediction for each input"
        raise SubmissionError(Status.BAD_FORMAT, what)
    return check_predictions(array, len(inputs.ids), inputs.classes)


def program_model(path: Path) -> tuple[ModelInfo, Any]:
    """What `load()` of a `predict.py` returns: a model as the homework's task takes it, whose classes are the homework's."""
    model = _function(path, "load", "load()")()
    if not callable(model):
        what = f"load() of predict.py returned a {type(model).__name__}, which cannot be called"
        raise SubmissionError(Status.BAD_FORMAT, what)
    info = ModelInfo(SUBMISSION, None, "dataset", getattr(model, "input", None))
    return info, model.eval() if hasattr(model, "eval") else model


def _function(path: Path, name: str, called: str) -> Any:
    """A function of a `predict.py`, which is imported for it."""
    file = path / "predict.py" if path.is_dir() else path
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location("predict", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["predict"] = module
    spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if not callable(found):
        raise SubmissionError(Status.BAD_FORMAT, f"predict.py has no function {called}")
    return found
