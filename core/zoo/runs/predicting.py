"""Predicting: a model on a device, at a precision, over the batches of missing shards."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any

import pyarrow as pa

from zoo.errors import ModelError, OptionError, ZooError
from zoo.runs.loading import Loaded
from zoo.runs.shards import Shard, in_order
from zoo.tasks.base import Batch, Task


def pick_device(name: str) -> Any:
    """The torch device of a name; `auto` takes CUDA, else Apple's MPS, else the CPU. Raises OptionError."""
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise OptionError(f"device {name!r} cannot be used: {reason}", "try --device auto or --device cpu") from error
    return device


class Predictor:
    """A loaded model, made ready for one device and precision; predicts batches and halves them when memory runs out."""

    def __init__(self, task: Task, model: Any, device: Any, precision: str, batch_size: int, *, may_halve: bool) -> None:
        self.task = task
        self.device = device
        self.precision = precision
        self.limit = batch_size
        self.may_halve = may_halve
        self.largest = 0
        self.model = _on_device(model, device)

    def __call__(self, batch: Batch) -> Iterator[tuple[Batch, Any]]:
        """Parts of the batch, each with its verified predictions."""
        start = 0
        while start < len(batch):
            part = _part(batch, start, start + self.limit)
            try:
                with self._context():
                    predicted = self.task.predict(self.model, replace(part, inputs=_move(part.inputs, self.device)))
            except ZooError:
                raise
            except Exception as error:
                if _out_of_memory(error) and self._halve(len(part)):
                    continue
                raise self._explained(error, part) from error
            self.largest = max(self.largest, len(part))
            yield part, predicted
            start += len(part)

    def _context(self) -> AbstractContextManager[Any]:
        import torch

        stack = ExitStack()
        stack.enter_context(torch.enable_grad() if self.task.needs_grad else torch.inference_mode())
        if self.precision != "fp32":
            dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]
            stack.enter_context(torch.autocast(self.device.type, dtype))
        return stack

    def _halve(self, size: int) -> bool:
        import torch

        if not self.may_halve or size == 1:
            return False
        self.limit = size // 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return True

    def _explained(self, error: Exception, part: Batch) -> ModelError:
        name, first, last = self.task.model.name, part.ids[0], part.ids[-1]
        where = f"sample {first}" if len(part) == 1 else f"{len(part)} samples, {first} to {last}"
        if _out_of_memory(error):
            return ModelError(f"{name} ran out of memory on {where}", "use a smaller --batch-size, or auto")
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "no message"
        return ModelError(f"{name} raised {type(error).__name__} on {where}: {reason}", "set ZOO_DEBUG=1 to see the traceback")


class ShardRows:
    """Rows of one shard, gathered from its batches in any order."""

    def __init__(self, shard: Shard, names: Iterable[str]) -> None:
        self.shard = shard
        self.positions: list[int] = []
        self.ids: list[str] = []
        self.columns: dict[str, list[pa.Array]] = {name: [] for name in names}
        self.bad: dict[str, str] = {}

    def add(self, loaded: Loaded, predictor: Predictor) -> None:
        """Predict a batch and take its rows."""
        self.bad.update(loaded.bad)
        self.positions.extend(loaded.positions)
        for part, predicted in predictor(loaded.batch) if loaded.batch is not None else ():
            self.ids.extend(part.ids)
            for name, column in predictor.task.encode(predicted, part).items():
                self.columns[name].append(column)

    @property
    def complete(self) -> bool:
        return len(self.positions) + len(self.bad) == len(self.shard.positions)

    def in_order(self) -> tuple[list[str], dict[str, pa.Array]]:
        """Ids and columns in dataset order."""
        return in_order(self.ids, self.positions, self.columns)


def _on_device(model: Any, device: Any) -> Any:
    import torch

    if not isinstance(model, torch.nn.Module):
        return model
    convolves = any(parameter.ndim == 4 for parameter in model.parameters())
    moved = model.to(device)
    return moved.to(memory_format=torch.channels_last) if convolves else moved


def _part(batch: Batch, start: int, stop: int) -> Batch:
    if start == 0 and stop >= len(batch):
        return batch
    return Batch(batch.ids[start:stop], batch.inputs[start:stop], batch.targets[start:stop], batch.seeds[start:stop])


def _move(inputs: Any, device: Any) -> Any:
    """Tensors, and lists of them, on the device; texts as they are."""
    if hasattr(inputs, "to"):
        return inputs.to(device, non_blocking=True)
    return [_move(item, device) for item in inputs] if isinstance(inputs, list) and hasattr(inputs[0], "to") else inputs


def _out_of_memory(error: BaseException) -> bool:
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)
