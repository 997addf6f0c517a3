"""Weights in a format of the model's own, such as .onnx or .npz: a whole file, hashed here and parsed by the model."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from zoo.errors import WeightsError
from zoo.opening.weights import file_sha256, find_weights
from zoo.opening.weights_choice import Choice
from zoo.opening.weights_file import altered
from zoo.specs import ModelSpec, Weights

PICKLED = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth", ".ckpt")
"""Names under which pickles go, compressed ones too."""


@dataclass(frozen=True)
class WholeFile:
    """A file of weights, as its content was when its hash was taken."""

    path: Path
    sha256: str

    def checked(self) -> Path:
        """The path, where the content is still the same. Raises WeightsError."""
        if (found := file_sha256(self.path)) != self.sha256:
            raise altered(f"{self.path} has changed meanwhile: its SHA-256 is {found}, not {self.sha256}", "start again")
        return self.path


def whole_file(spec: ModelSpec, weights: Weights | None, choice: Choice) -> WholeFile:
    """The file that the target of a spec gets. Raises WeightsError where there is none, it is altered, or holds a pickle."""
    if choice.key is not None:
        raise WeightsError(f"weights of {spec.name} are one file as a whole", "leave `weights_key` out")
    if choice.file is None and weights is None:
        raise WeightsError(f"{spec.name} reads its weights from a file, and none is here", "pass `weights=FILE`")
    path = choice.file if choice.file is not None or weights is None else find_weights(weights, choice.data_dir)
    assert path is not None
    found = file_sha256(path)
    declared = weights.sha256 if weights is not None and choice.file is None else None
    if declared is not None and found != declared:
        raise altered(
            f"{path} is not the file that was declared: its SHA-256 is {found}, not {declared}",
            "the file was altered or cut short, so it was not opened; take it away to have it fetched again",
        )
    if not choice.allow_pickle and (why := _pickled(path)):
        raise WeightsError(
            f"{path} {why}, which can run any code as it is opened",
            "take a format without code, such as .onnx, .npz or .skops, or pass `allow_pickle=True` if you trust it",
        )
    return WholeFile(path, found)


def _pickled(path: Path) -> str:
    """Why a file is taken for a pickle; empty where it is none."""
    if path.suffix.lower() in PICKLED:
        return f"is called {path.suffix}, as pickles are"
    with path.open("rb") as opened:
        start = opened.read(2)
    if start[:1] == b"\x80" and start[1:] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "holds a pickle"
    try:
        if start == b"PK" and (inside := [name for name in ZipFile(path).namelist() if name.endswith((".pkl", ".pickle"))]):
            return f"holds a pickle, {inside[0]}"
    except (BadZipFile, OSError):
        return ""
    return ""
