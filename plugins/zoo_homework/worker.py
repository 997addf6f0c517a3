"""What runs in the jail: one submission of a known kind to one array of predictions. There are no labels here.

    worker KIND SUBMISSION INPUTS OUTPUT

Writes a letter and an array's bytes: `L` int64 [n], `F` float32 or `D` float64 logits [n, C]; or `E` and why not, as JSON.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from zoo_homework.statuses import Status, SubmissionError

LETTERS = {"int64": b"L", "float32": b"F", "float64": b"D"}


def main() -> None:
    kind, submission, inputs, output = sys.argv[1], *map(Path, sys.argv[2:5])
    if kind == "trial":
        return
    try:
        array = predict(kind, submission, inputs)
        content = LETTERS[str(array.dtype)] + array.tobytes()
    except SubmissionError as error:
        content = refusal(error.status, error.message)
    except MemoryError:
        content = refusal(Status.OUT_OF_MEMORY, "it asked for more memory than it may have")
    except (Exception, SystemExit) as error:
        content = refusal(Status.CRASHED, f"{type(error).__name__}: {error}")
    output.write_bytes(content)
    os._exit(0)  # what is written is all that counts: threads of libraries may abort a process that ends in the usual way


def predict(kind: str, submission: Path, folder: Path) -> Any:
    """Predictions of a submission for the inputs in a folder, in their order."""
    from zoo_homework.inputs import Inputs

    inputs = Inputs(folder)
    if kind == "predictions":
        from zoo_homework.reading import read_predictions

        return read_predictions(submission, inputs.ids, inputs.classes)
    if kind == "weights":
        from zoo_homework.running import run_weights

        return run_weights(submission, inputs)
    if kind == "onnx":
        from zoo_homework.running import run_onnx

        return run_onnx(submission, inputs)
    from zoo_homework.running import run_code

    return run_code(submission, inputs)


def refusal(status: Status, message: str) -> bytes:
    return b"E" + json.dumps({"status": status, "message": message}).encode()


if __name__ == "__main__":
    main()
