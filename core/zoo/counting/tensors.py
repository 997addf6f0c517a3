"""Bytes and numbers of tensors: each storage once, and of a tensor that is made of others those of these."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def storage_bytes(tensors: Any) -> int:
    """Bytes of the storages of tensors, each once: those that are here, and of one that is made of others those of these."""
    parts = [part for tensor in tensors for part in inner_tensors(local(tensor))]
    return sum({part.untyped_storage().data_ptr(): part.untyped_storage().nbytes() for part in parts}.values())


def local(tensor: Any) -> Any:
    """A tensor as it is here: of a DTensor this process's part."""
    return getattr(tensor, "_local_tensor", tensor)


def inner_tensors(tensor: "Tensor") -> "list[Tensor]":
    """Those that a tensor is made of, at any depth; itself where it is plain."""
    if not hasattr(tensor, "__tensor_flatten__"):
        return [tensor]
    return [part for name in tensor.__tensor_flatten__()[0] for part in inner_tensors(getattr(tensor, name))]


def parameter_count(model: Any) -> int | None:
    """How many numbers a network has learnt or may learn, each parameter once; None of what does not say what it holds.

    Of anything but an nn.Module these are the floating-point values of its `state_dict`.
    """
    import torch

    if isinstance(model, torch.nn.Module):
        return sum(int(parameter.numel()) for parameter in model.parameters())
    if not hasattr(model, "state_dict"):
        return None
    values = [torch.as_tensor(value) for value in model.state_dict().values()]
    return sum(int(value.numel()) for value in values if value.is_floating_point())


def bytes_held(model: Any) -> int | None:
    """Bytes of parameters and buffers of an nn.Module, or of the `state_dict` of anything else; None where it has none."""
    import torch

    if isinstance(model, torch.nn.Module):
        return storage_bytes([*model.parameters(), *model.buffers()])
    if not hasattr(model, "state_dict"):
        return None
    return storage_bytes(torch.as_tensor(value) for value in model.state_dict().values())
