"""Weights: found, hashed before anything is parsed, read without pickle, loaded strictly, and written for good."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from zoo.errors import WeightsError
from zoo.home import data_dirs, writing
from zoo.identity import files
from zoo.specs import Weights

if TYPE_CHECKING:
    import os

    from torch import Tensor

SAFE = ".safetensors"
PICKLED = (".pt", ".pth", ".th", ".bin")
"""Suffixes of PyTorch's own format, a zip or stream around a pickle; read with `weights_only=True`."""


def find_weights(weights: Weights, data_dir: "str | os.PathLike[str] | None" = None) -> Path:
    """The file of some weights, with the hash that they declare, if they do.

    What would be downloaded is first looked for below the `weights` folder of every data folder, by name and hash.
    Raises WeightsError, or what `zoo.data.files.fetch` raises, where there is no such file.
    """
    from zoo.data.files import fetch

    name = weights.file or PurePosixPath(weights.uri.partition("?")[0]).name
    others: list[str] = []
    if weights.sha256 is not None and weights.uri.startswith(("https://", "hf://")):
        for folder in data_dirs(data_dir):
            for path in sorted((folder / "weights").rglob(name)):
                if not path.is_file():
                    continue
                if (found := file_sha256(path)) == weights.sha256:
                    return path
                others.append(f"{path} is there, but its SHA-256 is {found}, not {weights.sha256}")
    if weights.converted:
        raise WeightsError(
            f"the weights {name} are absent, and cannot be downloaded: they were made of {weights.uri}",
            f"put them at FOLDER/weights/{name} and set ZOO_DATA_DIR=FOLDER; their SHA-256 is {weights.sha256}",
        )
    try:
        return fetch(weights.uri, sha256=weights.sha256, name=name, kind="weights")
    except WeightsError as error:
        if others:
            raise _altered(error.message, f"{others[0]}; {error.hint}") from error
        if weights.sha256 is None:  # no data folder is looked into, since any file there might be another one
            raise WeightsError(error.message, f"get {weights.uri} elsewhere, then: --weights FILE") from error
        raise


def find_files(weights: Weights, data_dir: "str | os.PathLike[str] | None" = None) -> list[Path]:
    """The file of some weights, or all of them in the order of `parts`. Raises what `find_weights` does."""
    if not weights.parts:
        return [find_weights(weights, data_dir)]
    alone = {"parts": (), "file": None, "sha256": None}
    return [find_weights(weights.model_copy(update={**alone, "uri": part.uri}), data_dir) for part in weights.parts]


def weights_sha256(weights: Weights, data_dir: "str | os.PathLike[str] | None" = None) -> str:
    """The hash of the file of some weights, which is opened; of several files that of all their hashes.

    Raises WeightsError where one is absent or not the file that was declared.
    """
    if not weights.parts:
        return file_sha256(find_weights(weights, data_dir))
    return _joint_sha256(_hashed_parts(weights, data_dir))


def read_weights(
    weights: Weights, *, sha256: str | None, data_dir: "str | os.PathLike[str] | None" = None, allow_pickle: bool = False
) -> "dict[str, Tensor]":
    """All tensors of some weights, in one file or in several, of which `sha256` is what `weights_sha256` gave.

    Raises WeightsError as `read_state` does, and where two files have a tensor of one name.
    """
    if not weights.parts:
        return read_state(find_weights(weights, data_dir), sha256=sha256, allow_pickle=allow_pickle)[0]
    parts = _hashed_parts(weights, data_dir)
    if sha256 is not None and _joint_sha256(parts) != sha256:
        raise WeightsError(f"the weights at {weights.uri} have changed meanwhile", "start again")
    state: dict[str, Tensor] = {}
    for prefix, path, found in parts:
        more = {prefix + name: tensor for name, tensor in read_state(path, sha256=found, allow_pickle=allow_pickle)[0].items()}
        if twice := sorted(state.keys() & more.keys()):
            raise WeightsError(f"{path} and the files before it both hold {twice[0]!r}", "get all files of one version")
        state |= more
    return state


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content. Raises WeightsError where it cannot be read."""
    try:
        return files.file_sha256(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def read_state(path: Path, *, sha256: str | None = None, allow_pickle: bool = False) -> "tuple[dict[str, Tensor], str]":
    """The tensors of a checkpoint by name, on the CPU, and the SHA-256 of the bytes that they were parsed from.

    Reads `.safetensors`, and `.pt`, `.pth`, `.th`, `.bin` without running any pickle in them unless `allow_pickle` says so.
    Wrappers (`state_dict`, `model`) and the `module.` prefix of DataParallel are taken off. Raises WeightsError where the
    file is absent, altered, truncated, holds a pickle or something that is no tensor, or has a NaN. Infinities pass:
    attention masks are full of them, and a run checks what the model returns anyway.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    found = _sha256(content)
    if sha256 is not None and found != sha256:
        raise _altered(
            f"{path} is not the file that was declared: its SHA-256 is {found}, not {sha256}",
            "the file was altered or cut short, so it was not opened; remove it to have it fetched again",
        )
    if path.suffix.lower() == SAFE:
        loaded = _parse_safetensors(content, path)
    elif path.suffix.lower() in PICKLED:
        loaded = _parse_torch(content, path, allow_pickle)
    else:
        raise WeightsError(f"cannot tell the format of {path} by its suffix", f"known: {', '.join((SAFE, *PICKLED))}")
    return _verified(_unwrap(loaded), path), found


def read_metadata(path: Path) -> dict[str, str]:
    """The text that a safetensors file carries beside its tensors; empty for other formats and damaged headers."""
    if path.suffix.lower() != SAFE:
        return {}
    try:
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(size, 2**26)))
        return {str(key): str(value) for key, value in header.get("__metadata__", {}).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def load_state(model: Any, state: "Mapping[str, Tensor]", name: str) -> None:
    """Load a state strictly into anything with `load_state_dict(state, strict=True)`.

    Raises WeightsError where a key is missing or unexpected or a shape differs; the model must then not be used, since some
    of its parameters may be loaded and others not.
    """
    try:
        model.load_state_dict(dict(state), strict=True)
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        own = model.state_dict() if hasattr(model, "state_dict") else {}
        reason = _differences(own, state) or str(error)
        raise WeightsError(
            f"these weights are not those of {name}: {reason}", "take the weights of this very architecture"
        ) from error


def save_state(path: Path, state: "Mapping[str, Tensor]", metadata: Mapping[str, str] | None = None) -> str:
    """Write tensors as safetensors, whole or not at all. Returns the SHA-256 of the file.

    Equal tensors and metadata give equal bytes. Tensors that share memory are written once each.
    """
    from safetensors.torch import save

    tensors = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in sorted(state.items())}
    content = _sorted_header(save(tensors, dict(metadata or {})))
    with writing(path) as temporary:
        temporary.write_bytes(content)
    return _sha256(content)


def _hashed_parts(weights: Weights, data_dir: "str | os.PathLike[str] | None") -> list[tuple[str, Path, str]]:
    """Prefix, path and hash of each file of weights that are in several."""
    paths = find_files(weights, data_dir)
    return [(part.prefix, path, file_sha256(path)) for part, path in zip(weights.parts, paths, strict=True)]


def _joint_sha256(parts: Sequence[tuple[str, Path, str]]) -> str:
    return _sha256(json.dumps([[prefix, found] for prefix, _, found in parts]).encode())


def _altered(message: str, hint: str) -> WeightsError:
    error = WeightsError(message, hint)
    error.altered = True
    return error


def _unreadable(path: Path, error: OSError) -> WeightsError:
    return WeightsError(f"cannot read the weights {path}: {error.strerror or error}", "give the path of a file that is there")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sorted_header(content: bytes) -> bytes:
    """safetensors writes its metadata in random order; sort it. Tensors stand after the header at relative offsets."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]


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

    try:
        return torch.load(BytesIO(content), weights_only=not allow_pickle, map_location="cpu")
    except Exception as error:
        # torch refuses a pickle with UnpicklingError and a TorchScript archive with RuntimeError; the rest is damage.
        if not content.startswith((b"PK\x03\x04", b"\x80")):  # a zip, or a pickle of protocol 2 or later, as torch writes
            raise WeightsError(
                f"{path} is no weights file: it is neither an archive of PyTorch nor a pickle", "take another file"
            ) from error
        if not allow_pickle and (isinstance(error, pickle.UnpicklingError) or "TorchScript" in str(error)):
            raise WeightsError(
                f"{path} contains a pickle that could run code of its author, so it was not loaded",
                "convert it to safetensors where you trust it, or pass --allow-pickle, which the record will show",
            ) from error
        raise WeightsError(f"{path} is cut short, or no PyTorch checkpoint", "get it again, or take safetensors") from error


def _unwrap(loaded: Any) -> Any:
    """The state dict inside of what training scripts save around it."""
    if hasattr(loaded, "state_dict"):  # a whole pickled module
        loaded = loaded.state_dict()
    for key in ("state_dict", "model"):
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    if isinstance(loaded, Mapping) and loaded and all(str(key).startswith("module.") for key in loaded):
        loaded = {str(key).removeprefix("module."): value for key, value in loaded.items()}
    return loaded


def _verified(loaded: Any, path: Path) -> "dict[str, Tensor]":
    import torch

    if not isinstance(loaded, Mapping) or not loaded:
        raise WeightsError(
            f"{path} holds no tensors by name, but {type(loaded).__name__}", "save model.state_dict(), best as safetensors"
        )
    for key, value in loaded.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            hint = "save model.state_dict() alone, best as safetensors"
            raise WeightsError(f"{path} holds {key!r}, which is {type(value).__name__} and no tensor", hint)
        if value.is_floating_point() and bool(torch.isnan(value).any()):
            raise WeightsError(f"{path} holds NaN in {key!r}", "the training that wrote it diverged; take another checkpoint")
    return {key: value.detach() for key, value in loaded.items()}


def _differences(own: "Mapping[str, Tensor]", state: "Mapping[str, Tensor]") -> str:
    """What keeps a state from fitting, the first few of each kind: `2 keys missing (a, b); ...`."""
    shapes = [
        f"{key} {list(state[key].shape)} instead of {list(own[key].shape)}"
        for key in own
        if key in state and own[key].shape != state[key].shape
    ]
    kinds = (
        ("missing", [key for key in own if key not in state]),
        ("unexpected", [key for key in state if key not in own]),
        ("of another shape", shapes),
    )
    return "; ".join(
        f"{len(keys)} {kind} ({', '.join(keys[:3])}{', …' if len(keys) > 3 else ''})" for kind, keys in kinds if keys
    )
