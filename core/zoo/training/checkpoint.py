"""Checkpoints: the whole state of a training after an epoch, written whole or not at all, and read without pickle."""

from io import BytesIO
from pathlib import Path
from typing import Any

from zoo.home import writing


def save_checkpoint(path: Path, key: str, content: dict[str, Any]) -> None:
    """Write tensors, numbers, strings, lists and dicts under a key. Raises StoreError where the disk refuses."""
    import torch

    buffer = BytesIO()  # torch writes a file of its own with errors of its own when the disk is full
    torch.save({"key": key, **content}, buffer)
    with writing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


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
