"""Weights: found, hashed before anything is parsed, read without pickle, loaded strictly, and written for good."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from zoo.data.places import weights_places
from zoo.errors import WeightsError
from zoo.home import data_dirs, writing
from zoo.identity import files
from zoo.lazy import load_target
from zoo.opening.weights_file import Checkpoint, altered, metadata_in, read_checkpoint, unreadable
from zoo.opening.weights_fit import attempts, check_kinds, choose, differences
from zoo.specs import Weights

if TYPE_CHECKING:
    import os

    from torch import Tensor

    from zoo.opening.weights_file import State


def find_weights(weights: Weights, data_dir: "str | os.PathLike[str] | None" = None) -> Path:
    """The file of some weights, with the hash that they declare, if they do.

    What would be downloaded is first looked for by name and hash: below the `weights` folder of every data folder, in the data
    folder itself, and in the folders in it.
    Raises WeightsError, or what `zoo.data.files.fetch` raises, where there is no such file.
    """
    from zoo.data.files import fetch

    name = weights.file or PurePosixPath(weights.uri.partition("?")[0]).name
    others: list[str] = []
    if weights.sha256 is not None and weights.uri.startswith(("https://", "hf://")):
        for folder in data_dirs(data_dir):
            for path in weights_places(folder, name):
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
            raise altered(error.message, f"{others[0]}; {error.hint}") from error
        if weights.sha256 is None:  # no data folder is looked into, since any file there might be another one
            raise WeightsError(error.message, f"get {weights.uri} elsewhere, then: `weights=FILE`") from error
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
    weights: Weights,
    *,
    sha256: str | None,
    data_dir: "str | os.PathLike[str] | None" = None,
    allow_pickle: bool = False,
    key: str | None = None,
) -> "State":
    """All tensors of some weights, in one file or in several, of which `sha256` is what `weights_sha256` gave.

    Raises WeightsError as `read_state` does, and where two files have a tensor of one name.
    """
    if not weights.parts:
        path = find_weights(weights, data_dir)
        if weights.unpack is not None:
            path, sha256 = _unpacked(weights.unpack, path, sha256)
        return read_state(path, sha256=sha256, allow_pickle=allow_pickle, key=key)[0]
    parts = _hashed_parts(weights, data_dir)
    if sha256 is not None and _joint_sha256(parts) != sha256:
        raise WeightsError(f"the weights at {weights.uri} have changed meanwhile", "start again")
    state: State = OrderedDict()
    for prefix, path, found in parts:
        more = {prefix + name: tensor for name, tensor in read_state(path, sha256=found, allow_pickle=allow_pickle)[0].items()}
        if twice := sorted(state.keys() & more.keys()):
            raise WeightsError(f"{path} and the files before it both hold {twice[0]!r}", "get all files of one version")
        state.update(more)
    return state


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content. Raises WeightsError where it cannot be read."""
    try:
        return files.file_sha256(path)
    except OSError as error:
        raise unreadable(path, error) from error


def read_state(
    path: Path, *, sha256: str | None = None, allow_pickle: bool = False, key: str | None = None
) -> "tuple[State, str]":
    """The tensors of a file by name, on the CPU, and the SHA-256 of the bytes that they were parsed from.

    Reads safetensors, and what `torch.save` wrote without running any pickle in it unless `allow_pickle` says so. Of several
    sets of weights `key` says which. Raises WeightsError as `read_checkpoint` does, where several sets are there and no key,
    and where there is a NaN. Infinities pass: attention masks are full of them, and a run checks what the model returns anyway.
    """
    checkpoint = read_checkpoint(path, sha256=sha256, allow_pickle=allow_pickle)
    fit = choose(checkpoint, lambda _: {}, key)
    return checked(checkpoint, fit.set), checkpoint.sha256


def checked(checkpoint: Checkpoint, name: str) -> "State":
    """One of the sets of a file. Raises WeightsError where it has a NaN."""
    import torch

    state = checkpoint.sets[name]
    for key, tensor in state.items():
        if tensor.is_floating_point() and bool(torch.isnan(tensor).any()):
            hint = "the training that wrote it diverged; take another checkpoint"
            raise WeightsError(f"{checkpoint.path} holds NaN in {key!r}", hint)
    return state


def read_metadata(path: Path) -> dict[str, str]:
    """The text that a safetensors file carries beside its tensors; empty for other formats and damaged headers."""
    try:
        with open(path, "rb") as file:
            start = file.read(9)
            return metadata_in(start + file.read(min(int.from_bytes(start[:8], "little"), 2**26) - 1))
    except (OSError, ValueError):
        return {}


def load_state(model: Any, state: "Mapping[str, Tensor]", name: str) -> None:
    """Load a state strictly into anything with `load_state_dict(state, strict=True)`.

    One wrapper around all names, such as `module.`, is taken off. Raises WeightsError where a name is missing or unexpected,
    or a shape or a kind of number differs; the model must then not be used, since some of its parameters may be loaded and
    others not.
    """
    own = model.state_dict() if hasattr(model, "state_dict") else {}
    failed: Exception | None = None
    for attempt in attempts(own, state):
        check_kinds(own, attempt, name)
        try:
            model.load_state_dict(attempt, strict=True)
        except WeightsError as error:
            failed = failed or error
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            reason = differences(own, attempt) or str(error)
            failed = failed or WeightsError(f"these weights are not those of {name}: {reason}", _found(state))
            failed.__cause__ = failed.__cause__ or error
        else:
            return
    if failed is not None:
        raise failed


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


def _unpacked(unpack: str, path: Path, sha256: str | None) -> tuple[Path, str]:
    """The safetensors made of a file, and their hash. Raises WeightsError where the file is no more the one that was hashed."""
    if sha256 is not None and file_sha256(path) != sha256:
        raise altered(f"{path} has changed meanwhile", "start again")
    made, found = load_target(unpack)(path)
    return Path(made), str(found)


def _hashed_parts(weights: Weights, data_dir: "str | os.PathLike[str] | None") -> list[tuple[str, Path, str]]:
    """Prefix, path and hash of each file of weights that are in several."""
    paths = find_files(weights, data_dir)
    return [(part.prefix, path, file_sha256(path)) for part, path in zip(weights.parts, paths, strict=True)]


def _joint_sha256(parts: Sequence[tuple[str, Path, str]]) -> str:
    return _sha256(json.dumps([[prefix, found] for prefix, _, found in parts]).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sorted_header(content: bytes) -> bytes:
    """safetensors writes its metadata in random order; sort it. Tensors stand after the header at relative offsets."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]


def _found(state: "Mapping[str, Tensor]") -> str:
    """What a state holds, to tell it from others: `the file holds 122 tensors, from conv1.weight [64, 3, 7, 7] to ...`."""
    shown = [f"{key} {list(tensor.shape)}" for key, tensor in state.items()]
    some = f"from {shown[0]} to {shown[-1]}" if len(shown) > 1 else ", ".join(shown)
    return f"the file holds {len(shown)} tensors, {some}: name the model that they are of"
