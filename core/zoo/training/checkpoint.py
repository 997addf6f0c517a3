"""Checkpoints: the whole state of a training after an epoch, written whole or not at all, and read without pickle."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.home import writing

if TYPE_CHECKING:
    from torch import Tensor


def save_checkpoint(path: Path, key: str, content: dict[str, Any]) -> None:
    """Write tensors, numbers, strings, lists and dicts under a key. Raises StoreError where the disk refuses."""
    import torch

    buffer = BytesIO()  # torch writes a file of its own with errors of its own when the disk is full
    torch.save({"key": key, **content}, buffer)
    with writing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def restore(part: Any, state: "Mapping[str, Tensor]") -> None:
    """Write a state into a module's own tensors, strictly, so that whoever holds these, such as an optimizer, sees it.

    `load_state_dict` will not do: a wrapper of another library's model may put a new network in place of the old.
    """
    own = part.state_dict()
    if own.keys() != state.keys() or any(own[key].shape != state[key].shape for key in own):
        raise ValueError("the checkpoint is of another model")  # its key says otherwise, so this is a bug
    for key, tensor in own.items():
        tensor.detach().copy_(divided_as(tensor, state[key]))


def divided_as(like: "Tensor", whole: "Tensor") -> "Tensor":
    """This process's part of a whole tensor that all have, where `like` is a DTensor; else the tensor itself."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(like, DTensor):
        return whole
    mesh = like.device_mesh
    return distribute_tensor(whole.detach().to(mesh.device_type), mesh, like.placements, src_data_rank=None)


def load_checkpoint(path: Path, key: str) -> tuple[dict[str, Any] | None, str]:
    """The content of a checkpoint on the CPU, or None with the reason why it is of no use (empty where there is none)."""
    import torch

    if not path.is_file():
        return None, ""
    try:
        content = torch.load(BytesIO(path.read_bytes()), weights_only=True, map_location="cpu")
    except Exception as error:
        return None, f"the checkpoint {path} cannot be read ({type(error).__name__}), so training begins anew"
    if not isinstance(content, dict) or content.get("key") != key:
        return None, f"the checkpoint {path} is of another recipe, data or version, so training begins anew"
    return content, ""
