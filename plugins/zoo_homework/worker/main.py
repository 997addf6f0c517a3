"""What runs in the jail: one submission of a known kind to one array of predictions. There are no labels here.

    worker KIND SUBMISSION INPUTS OUTPUT

Writes a letter and an array's bytes: `L` int64 [n], `F` float32 or `D` float64 logits [n, C]; of other tasks than classify `T`
and what `packing.py` makes of them; or `E` and why not, as JSON.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_homework.statuses import Status, SubmissionError

if TYPE_CHECKING:
    from zoo.tasks import ModelInfo
    from zoo_homework.worker.inputs import Inputs

LETTERS = {"int64": b"L", "float32": b"F", "float64": b"D"}


def main() -> None:
    kind, submission, inputs, output = sys.argv[1], *map(Path, sys.argv[2:5])
    if kind == "trial":
        return
    try:
        content = predictions(kind, submission, inputs)
    except SubmissionError as error:
        content = refusal(error.status, error.message)
    except MemoryError:
        content = refusal(Status.OUT_OF_MEMORY, "it asked for more memory than it may have")
    except (Exception, SystemExit) as error:
        content = refusal(Status.CRASHED, f"{type(error).__name__}: {error}")
    output.write_bytes(content)
    os._exit(0)  # what is written is all that counts: threads of libraries may abort a process that ends in the usual way


def predictions(kind: str, submission: Path, folder: Path) -> bytes:
    """Predictions of a submission for the inputs in a folder, in their order."""
    from zoo_homework.worker.inputs import Inputs

    inputs = Inputs(folder)
    if inputs.task == "classify":
        array = classified(kind, submission, inputs)
        return LETTERS[str(array.dtype)] + bytes(array.tobytes())
    from zoo_homework.packing import pack
    from zoo_homework.worker.models import run_model

    info, model = model_of(kind, submission, inputs)
    status = Status.BAD_WEIGHTS if kind == "weights" else Status.BAD_MODEL
    return b"T" + pack(inputs.task, run_model(info, model, inputs, status))


def classified(kind: str, submission: Path, inputs: "Inputs") -> Any:
    """Labels or logits."""
    if kind == "predictions":
        from zoo_homework.worker.prediction_files import read_predictions

        return read_predictions(submission, inputs.ids, inputs.classes)
    if kind == "weights":
        from zoo_homework.worker.models import run_weights

        return run_weights(submission, inputs)
    if kind == "onnx":
        from zoo_homework.worker.onnx_files import run_onnx

        return run_onnx(submission, inputs)
    from zoo_homework.worker.programs import run_code

    return run_code(submission, inputs)


def model_of(kind: str, submission: Path, inputs: "Inputs") -> "tuple[ModelInfo, Any]":
    """What another task than classify needs to know of a model, and the model."""
    if kind == "weights":
        from zoo_homework.worker.models import weights_model

        return weights_model(submission, inputs)
    if kind == "onnx":
        from zoo_homework.worker.onnx_files import onnx_model

        return onnx_model(submission, inputs)
    from zoo_homework.worker.programs import program_model

    return program_model(submission)


def refusal(status: Status, message: str) -> bytes:
    return b"E" + json.dumps({"status": status, "message": message}).encode()


if __name__ == "__main__":
    main()
