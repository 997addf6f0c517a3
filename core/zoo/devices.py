"""Devices: which one a name means, and a model made ready for it."""

from typing import Any

from zoo.errors import OptionError, reason_of


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
