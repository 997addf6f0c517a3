"""Devices: which one a name means, and a model made ready for it."""

from collections.abc import Callable
from typing import Any

from zoo.errors import OptionError, reason_of, text_of

_REFUSALS = ("can't allocate memory", "cannot allocate memory", "out of memory", "not enough memory", "alloc_failed")
"""What allocators say, of a CPU, Apple's MPS and CUDA's libraries, in messages of errors that are of no class of their own."""


def pick_device(name: str) -> Any:
    """The torch device of a name; `auto` takes CUDA, else Apple's MPS, else the CPU. Raises OptionError."""
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OptionError(f"there is no device {name!r}", "name cpu, cuda, cuda:1, mps, or auto") from error
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = reason_of(error).partition(". ")[0]
        raise OptionError(f"device {name!r} cannot be used: {reason}", "try `device=auto` or `device=cpu`") from error
    return device


def on_device(model: Any, device: Any) -> Any:
    """The model on the device, with channels-last convolutions, which are faster. Anything but an nn.Module as it is."""
    import torch

    if not isinstance(model, torch.nn.Module):
        return model
    moved = model.to(device)
    lay_out_weights(moved, channels_last=True)
    return moved


def lay_out_weights(model: Any, *, channels_last: bool) -> None:
    """Lay out the weights of convolutions alone: other parameters of four dimensions may be reshaped by `view`."""
    import torch

    layout = torch.channels_last if channels_last else torch.contiguous_format
    if isinstance(model, torch.nn.Module):
        torch.nn.utils.convert_conv2d_weight_memory_format(model, layout)


def carrier(device: Any) -> Callable[[Any], Any] | None:
    """What brings a tensor to a GPU while that computes; None for a device to which nothing can be brought beside its work.

    It may be called on any thread, which waits until the tensor is there, for who reads it on the stream that is current here.
    A tensor for which there is no room comes back as it is.
    """
    import torch

    if device.type != "cuda":
        return None
    # A thread has a current device of its own, which need not be that of who asks here.
    device = device if device.index is not None else torch.device("cuda", torch.cuda.current_device())
    cuda: Any = torch.cuda
    stream, reader = cuda.Stream(device), cuda.current_stream(device)

    def carry(tensor: torch.Tensor) -> torch.Tensor:
        try:
            with torch.cuda.stream(stream):
                moved = tensor.pin_memory().to(device, non_blocking=True)
            stream.synchronize()
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            return tensor
        moved.record_stream(reader)  # till that has read it its memory is nobody else's
        return moved

    return carry


def out_of_memory(error: BaseException) -> bool:
    """Whether an allocator has refused, on any device."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(said in text_of(error).lower() for said in _REFUSALS)
