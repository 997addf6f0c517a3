"""Predicting: a model on a device, at a precision, over the batches of missing shards."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pyarrow as pa

from zoo.data.dataset import Dataset
from zoo.devices import carrier, lay_out_weights, on_device, out_of_memory
from zoo.errors import DataError, ModelError, ZooError, text_of
from zoo.imaging.images import stack
from zoo.plugins.blame import in_plugin
from zoo.runs.loading import Loaded, Reading, Source, Threads, load_batches, mapped
from zoo.runs.shards import in_order
from zoo.tasks.base import Batch, Rows, Task
from zoo.turns import turn


class Predictor:
    """A loaded model, made ready for one device and precision.

    Predicts batches; halves them when memory runs out, and goes from channels-last to plain layout where the model needs it.
    """

    def __init__(
        self,
        task: Task,
        model: Any,
        device: Any,
        precision: str,
        batch_size: int,
        *,
        may_halve: bool,
        lay_out: bool = True,
        rounding: str = "",
    ) -> None:
        self.task = task
        self.device = device
        self.precision = precision
        self.rounding = rounding or precision
        self.limit = batch_size
        self.may_halve = may_halve
        self.largest = 0
        self.plain = False
        self.compiled = 0
        """Size of the batches that the network is compiled for; 0 where it is not."""
        self.model = on_device(model, device) if lay_out else model

    def __call__(self, batch: Batch, ask: Callable[[Any, Batch], Any] | None = None) -> Iterator[tuple[Batch, Any]]:
        """Parts of the batch, each with its verified predictions; `ask` stands for the task's own `predict`."""
        ask = ask or self.task.predict
        start = 0
        while start < len(batch):
            part = part_of(self.task, batch, start, start + self.limit)
            with in_plugin(self.task.model.name):
                predicted = self._tried(ask, part)
            if predicted is None:
                continue
            self.largest = max(self.largest, len(part))
            yield part, predicted[0]
            start += len(part)

    def _tried(self, ask: Callable[[Any, Batch], Any], part: Batch) -> tuple[Any] | None:
        """The predictions; None where it is worth asking again, as something was changed."""
        try:
            with nullcontext() if self.task.model.remote else turn(), self._context(len(part)):
                return (ask(self.model, replace(part, inputs=self._ready(part.inputs))),)
        except (ZooError, KeyboardInterrupt):
            raise
        except BaseException as error:  # a model that calls sys.exit() has not predicted
            if self._recovered(error, len(part)):
                return None
            raise self._explained(error, part) from error

    def _context(self, size: int) -> AbstractContextManager[Any]:
        import torch

        stack = ExitStack()
        if self.compiled not in (0, size):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(torch.enable_grad() if self.task.needs_grad else torch.inference_mode())
        if self.precision == "fp32":
            stack.enter_context(_full_precision())
        else:
            dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]
            stack.enter_context(torch.autocast(self.device.type, dtype))
        return stack

    def _ready(self, inputs: Any) -> Any:
        """Inputs on the device, and in plain layout where the model needs it.

        Always a copy: a model that normalises its input in place would else spoil it for whoever asks again.
        """
        import torch

        def ready(tensor: torch.Tensor) -> torch.Tensor:
            moved = tensor.to(self.device, non_blocking=True, copy=True)
            return moved.contiguous() if self.plain else moved

        return mapped(ready, inputs)

    def _recovered(self, error: BaseException, size: int) -> bool:
        """Whether something was changed that makes it worth trying again."""
        if out_of_memory(error):
            return self._halve(size)
        if "view size is not compatible" not in text_of(error) or self.plain:
            return False
        # A model that reshapes by `view` counts on the plain layout, so channels-last is not for it.
        self.plain = True
        for model in (self.model, *self.task.aux_models.values()):
            lay_out_weights(model, channels_last=False)
        return True

    def _halve(self, size: int) -> bool:
        import torch

        if not self.may_halve or size == 1:
            return False
        self.limit = size // 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return True

    def _explained(self, error: BaseException, part: Batch) -> ModelError:
        name, first, last = self.task.model.name, part.ids[0], part.ids[-1]
        where = f"sample {first}" if len(part) == 1 else f"{len(part)} samples, {first} to {last}"
        if out_of_memory(error):
            smaller = len(part) > 1
            hint = "use a smaller `batch_size`, or auto" if smaller else "try another `device`, or a lower `precision`"
            return ModelError(f"{name} ran out of memory on {where}", hint)
        reason = text_of(error).splitlines()[0] if text_of(error) else "no message"
        if isinstance(part.inputs, list) and len({getattr(item, "shape", None) for item in part.inputs}) > 1:
            return ModelError(
                f"{name} raised {type(error).__name__} on {where}, given a list of images of several sizes: {reason}",
                "give it images of one size: input=zoo.ImageInput(size=(HEIGHT, WIDTH)); or batch_size 1",
            )
        return ModelError(f"{name} raised {type(error).__name__} on {where}: {reason}", "set ZOO_DEBUG=1 to see the traceback")


class Gathered:
    """Rows of some positions of a dataset, such as a shard's, gathered from their batches in any order."""

    def __init__(self, wanted: Sequence[int], schema: pa.Schema) -> None:
        self.wanted = wanted
        self.schema = schema
        self.positions: list[int] = []
        self.ids: list[str] = []
        self.columns: dict[str, list[pa.Array]] = {name: [] for name in schema.names}
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
        return len(self.positions) + len(self.bad) == len(self.wanted)

    def in_order(self) -> tuple[Sequence[str], dict[str, pa.Array]]:
        """Ids and columns in dataset order."""
        ids, columns = in_order(self.ids, self._places(), self.columns)
        # A shard whose samples are all corrupt has no rows, but its columns all the same.
        return ids, {field.name: columns.get(field.name, pa.array([], field.type)) for field in self.schema}

    def _places(self) -> list[int]:
        """Where each row stands among those that are wanted."""
        if isinstance(self.wanted, range):
            return self.positions
        place = {position: place for place, position in enumerate(self.wanted)}
        return [place[position] for position in self.positions]


def predictions(
    task: Task,
    model: Any,
    dataset: Dataset,
    positions: Sequence[int] | None = None,
    *,
    device: Any = "cpu",
    precision: str = "fp32",
    batch_size: int = 64,
    workers: int = 0,
    seed: int = 0,
    source: Source | None = None,
    lay_out: bool = True,
) -> Iterator[Rows]:
    """What a model predicts of samples of a dataset (None: of all), as a run stores it and a metric reads it back.

    Every sample is prepared and collated, predicted, verified, encoded and decoded as in `zoo.evaluate`; rows come in the order
    of `positions`, at most a shard of them at a time. `source` stands for the dataset's samples where they are prepared already;
    without `lay_out` the model is taken as it is, on its device and in its layout.
    Raises DataError where a sample is corrupt, and what the task raises of a model.
    """
    import torch

    positions = range(len(dataset.ids)) if positions is None else positions
    device = torch.device(device)
    predictor = Predictor(task, model, device, precision, batch_size, may_halve=False, lay_out=lay_out)
    chunks = [positions[start : start + task.shard_size] for start in range(0, len(positions), task.shard_size)]
    rest = iter(chunks)
    gathered: Gathered | None = None
    threads = Threads(workers, workers)
    for loaded in load_batches(source or Reading(dataset, task), chunks, batch_size, seed, threads, carrier(device)):
        _refuse_bad(loaded, task)
        gathered = gathered or Gathered(next(rest), task.schema)
        gathered.add(loaded, predictor)
        if gathered.complete:
            ids, columns = gathered.in_order()
            table = pa.table([columns[name] for name in task.schema.names], schema=task.schema)
            yield Rows(ids, task.decode(table), tuple(task.data.classes or ()), gathered.wanted, dataset)
            gathered = None


def predicted(task: Task, model: Any, dataset: Dataset, *, batch_size: int = 64) -> Iterator[tuple[Batch, Any]]:
    """The batches of a dataset, each with what the task's `predict` says of it: `predictions` before they are stored."""
    import torch

    predictor = Predictor(task, model, torch.device("cpu"), "fp32", batch_size, may_halve=False)
    for loaded in load_batches(Reading(dataset, task), [range(len(dataset.ids))], batch_size, 0, Threads(0, 0)):
        _refuse_bad(loaded, task)
        if loaded.batch is not None:
            yield from predictor(loaded.batch)


def _refuse_bad(loaded: Loaded, task: Task) -> None:
    with in_plugin(task.data.name):
        for id_, problem in loaded.bad.items():
            raise DataError(f"sample {id_} of {task.data.name} cannot be read: {problem}", loaded.hints.get(id_, "replace it"))


@contextmanager
def _full_precision() -> Iterator[None]:
    """float32 means float32: torch runs convolutions and recurrent layers in TF32 unasked, where the GPU has it."""
    import torch

    backends: Any = torch.backends
    operations = backends.cudnn.conv, backends.cudnn.rnn, backends.cuda.matmul
    before = [operation.fp32_precision for operation in operations]
    try:
        for operation in operations:
            operation.fp32_precision = "ieee"
        yield
    finally:
        for operation, precision in zip(operations, before, strict=True):
            operation.fp32_precision = precision


def part_of(task: Task, batch: Batch, start: int, stop: int) -> Batch:
    """Some samples of a batch, put together as the task itself would: those of one shape as one tensor."""
    if start == 0 and stop >= len(batch):
        return batch
    inputs = {name: column[start:stop] for name, column in batch.inputs.items()} if isinstance(batch.inputs, dict) else None
    cut = batch.inputs[start:stop] if inputs is None else inputs
    if task.stacks and isinstance(cut, list) and hasattr(cut[0], "shape"):
        cut = stack(cut)
    return Batch(batch.ids[start:stop], cut, batch.targets[start:stop], batch.seeds[start:stop])
