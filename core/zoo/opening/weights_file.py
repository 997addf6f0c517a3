"""What a file of weights holds: its format, told by content; its sets of tensors; and what stands beside them.

A training script saves more than one state dict needs: a wrapper around it, an average of it, an optimizer, counters.
"""

import hashlib
import json
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from zoo.errors import WeightsError
from zoo.opening.class_names import names_of

if TYPE_CHECKING:
    from torch import Tensor

    State = OrderedDict[str, Tensor]
    """Tensors by name, in `_metadata` the versions of the modules that wrote them, where they are known."""

LONGEST_HEADER = 100_000_000
"""Bytes, of the header of safetensors."""
DEPTH = 3
"""Mappings inside of mappings that are looked into: `checkpoint["state"]["model"]`."""
NAMED_BY = ("classes", "class_names", "label_names", "id2label", "idx_to_class", "class_to_idx", "label2id", "categories")
"""What training scripts call the names of the outputs."""
OTHERS = {
    b"\x89HDF": "an HDF5 file, as Keras and h5py write them",
    b"version https://git-lfs": "a Git LFS pointer, whose content was not fetched",
    b"GGUF": "a GGUF file",
    b"\x93NUMPY": "a NumPy array",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ": "compressed by xz",
    b"<": "a web page",
    b"{": "JSON",
}
"""First bytes of what is often taken for weights."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of a file of weights."""

    path: Path
    sha256: str
    sets: "dict[str, State]"
    """Sets of tensors by where they stand in the file: `state_dict`, `model_ema`, or "" at its top."""
    classes: tuple[str, ...] | None = None
    """Names of the outputs, where the file tells them."""


def read_checkpoint(path: Path, *, sha256: str | None = None, allow_pickle: bool = False) -> Checkpoint:
    """The content of a file of safetensors or of PyTorch, on the CPU, and the SHA-256 of the bytes that it was parsed from.

    No pickle is run unless `allow_pickle` says so. Raises WeightsError where the file is absent, altered, truncated, holds a
    pickle or no tensors by name.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise altered(
            f"{path} is not the file that was declared: its SHA-256 is {found}, not {sha256}",
            "the file was altered or cut short, so it was not opened; take it away to have it fetched again",
        )
    if _is_safetensors(content):
        loaded = _parse_safetensors(content, path)
    elif content.startswith((b"PK\x03\x04", b"\x80")):  # a zip, or a pickle of protocol 2 or later, as torch writes
        loaded = _parse_torch(content, path, allow_pickle)
    else:
        raise _no_weights(content, path)
    sets = dict(_sets(loaded))
    if not sets:
        raise WeightsError(
            f"{path} holds no tensors by name, but {_contents(loaded)}", "save model.state_dict(), best as safetensors"
        )
    return Checkpoint(path, found, sets, _classes(metadata_in(content) or loaded))


def metadata_in(content: bytes) -> dict[str, str]:
    """The text that safetensors carry beside their tensors, of the beginning of a file; empty for other formats and damage."""
    if not _is_safetensors(content):
        return {}
    size = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + size])
        return {str(key): str(value) for key, value in header.get("__metadata__", {}).items()}
    except (ValueError, AttributeError):
        return {}


def altered(message: str, hint: str) -> WeightsError:
    """The error where a file is not the one that was declared."""
    error = WeightsError(message, hint)
    error.altered = True
    return error


def unreadable(path: Path, error: OSError) -> WeightsError:
    """The error where a file cannot be read."""
    return WeightsError(f"cannot read the weights {path}: {error.strerror or error}", "give the path of a file that is there")


def _is_safetensors(content: bytes) -> bool:
    """Eight bytes of the header's length, then JSON. Of a pickle or a zip these bytes would be a far greater number."""
    return content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= LONGEST_HEADER


def _parse_safetensors(content: bytes, path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(
            f"{path} is not a whole safetensors file: {error}", "it is cut short or something else; get it again"
        ) from error


def _parse_torch(content: bytes, path: Path, allow_pickle: bool) -> Any:
    import pickle

    import torch

    members = _members(content)
    if any(name.endswith(".npy") for name in members):
        raise WeightsError(f"{path} is a NumPy archive (.npz), no PyTorch checkpoint", "save its arrays as safetensors")
    try:
        with torch.serialization.safe_globals(_harmless()):
            return torch.load(BytesIO(content), weights_only=not allow_pickle, map_location="cpu")
    except Exception as error:
        # torch refuses a pickle with UnpicklingError and a TorchScript archive with RuntimeError; the rest is damage.
        if not allow_pickle and (isinstance(error, pickle.UnpicklingError) or "TorchScript" in str(error)):
            raise WeightsError(
                f"{path} contains a pickle that could run code of its author, so it was not loaded",
                "convert it to safetensors where you trust it, or pass `allow_pickle`, which the record will show",
            ) from error
        raise WeightsError(f"{path} is cut short, or no PyTorch checkpoint", "get it again, or take safetensors") from error


def _members(content: bytes) -> list[str]:
    with suppress(BadZipFile, OSError, ValueError, NotImplementedError):
        return ZipFile(BytesIO(content)).namelist()
    return []


def _harmless() -> list[Any]:
    """Data that training scripts save beside their weights, and that can do nothing when it is read: settings and numbers."""
    import numpy as np
    from numpy._core.multiarray import scalar

    kinds = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    return [Namespace, scalar, np.dtype, *(type(np.dtype(kind)) for kind in kinds)]


def _no_weights(content: bytes, path: Path) -> WeightsError:
    what = next((text for start, text in OTHERS.items() if content.lstrip().startswith(start)), None)
    what = what or ("empty" if not content else "an ONNX file" if path.suffix == ".onnx" else "of an unknown format")
    return WeightsError(
        f"{path} is no weights file, but {what}", "known are safetensors, and what torch.save wrote, whatever the name ends in"
    )


def _sets(loaded: Any, path: str = "", depth: int = 0) -> "Iterator[tuple[str, State]]":
    """Every mapping from names to tensors, also of a whole pickled module; the state of optimizers is none."""
    import torch

    if isinstance(loaded, torch.nn.Module):
        loaded = loaded.state_dict()
    elif isinstance(loaded, (list, tuple)):  # `torch.save([model.state_dict(), optimizer.state_dict()], path)`
        loaded = {str(i): value for i, value in enumerate(loaded) if isinstance(value, (Mapping, torch.nn.Module))}
    if not isinstance(loaded, Mapping) or depth > DEPTH or not all(isinstance(key, str) for key in loaded):
        return
    tensors = OrderedDict((key, value.detach()) for key, value in loaded.items() if isinstance(value, torch.Tensor))
    if tensors:
        if (versions := getattr(loaded, "_metadata", None)) is not None:
            tensors._metadata = versions  # type: ignore[attr-defined]
        yield path, tensors
    for key, value in loaded.items():
        if "optim" not in key.lower():
            yield from _sets(value, f"{path}.{key}" if path else key, depth + 1)


def _contents(loaded: Any) -> str:
    """What a file holds that is no weights: `a dict of epoch, history`."""
    keys = ", ".join(map(str, list(loaded)[:5])) if isinstance(loaded, Mapping) else ""
    return f"a {type(loaded).__name__}" + (f" of {keys}" if keys else "")


def _classes(described: Any, depth: int = 0) -> tuple[str, ...] | None:
    """The names of the outputs in what a script or a header tells beside the tensors; of `args` or `hyper_parameters`, too."""
    told = vars(described) if isinstance(described, Namespace) else described
    if not isinstance(told, Mapping) or depth > 1:
        return None
    for key in NAMED_BY:
        if key in told and (names := names_of(told[key])):
            return names
    return next((names for value in told.values() if (names := _classes(value, depth + 1))), None)
