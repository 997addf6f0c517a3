"""The guard: a sample's prediction is its own. Some samples of a run's first batch are asked for again, each alone."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from zoo.errors import ModelError, ZooError
from zoo.home import writing
from zoo.runs.predicting import Predictor, part_of
from zoo.runs.record import Guard
from zoo.tasks.base import Batch
from zoo.tasks.classes import some

ASKED = 4
"""Samples that are asked for again: under 1 % of a run of 1,000."""
MORE = 16
"""Samples that are asked for again, together, where the model has drawn global random numbers."""
ROUNDING = {"fp32": 1e-3, "fp16": 2e-2, "bf16": 0.1}
"""Difference, as a share of the largest value, that arithmetic in another order may leave at each precision."""

DROPOUT = "dropout is left on: call .eval(), and give F.dropout training=self.training"
BATCH_NORM = "batch normalisation takes its statistics from the batch: call .eval(), and keep running statistics"
RANDOM = "it draws global random numbers: draw from a generator of the sample's own seed, if at all"
STATE = "it answers the same batch otherwise the second time: it keeps something between calls"
PADDING = "it takes a sample otherwise beside longer ones: mask the padding"
TOGETHER = "something is computed over the whole batch: batch size 1 asks for each sample alone"


def check_own(predictor: Predictor, batch: Batch, told: Mapping[str, pa.Array], *, named: bool) -> Guard:
    """Ask again for a few samples of a batch, one by one, and compare with what was `told` of them in the batch.

    `told` are the columns of the batch's first samples. A difference beyond rounding is a ModelError where the model was
    `named`, which promises otherwise; of a user's own module it is a note. Both name the samples, and the cause if it is found.
    """
    task, size = predictor.task, len(next(iter(told.values())))
    batch = part_of(task, batch, 0, size)
    places = sorted({i * (size - 1) // max(1, ASKED - 1) for i in range(ASKED)})
    first = pa.table([told[name] for name in task.schema.names], schema=task.schema)
    apart, before = {}, _random_state(predictor)
    for place in places:
        try:
            apart[place] = _apart(predictor, part_of(task, batch, place, place + 1), first.slice(place, 1))
        except ModelError:  # alone it cannot be predicted at all
            apart[place] = 1.0
    tolerance = ROUNDING[_coarsest(predictor)]
    if max(apart.values()) <= tolerance and _random_state(predictor) != before:
        # What was drawn may by chance have told on none of them: more of the batch are compared.
        several = min(size, MORE)
        again = _again(predictor, part_of(task, batch, 0, several), first.slice(0, several))
        for row in range(several):
            apart[row] = task.apart(task.decode(first.slice(row, 1)), task.decode(again.slice(row, 1)))
    wrong = [place for place in sorted(apart) if apart[place] > tolerance]
    found = Guard(samples=tuple(batch.ids[i] for i in sorted(apart)), difference=max(apart.values()), tolerance=tolerance)
    if not wrong:
        return found
    what = (
        f"the prediction of {some([batch.ids[i] for i in wrong])} is not its own: "
        f"asked for again it differs by {found.difference:.2g} of its range"
    )
    why = _cause(predictor, batch, first, wrong[0], tolerance)
    if named:
        raise ModelError(f"{task.model.name}: {what}", why)
    return found.model_copy(update={"note": f"{what}; {why}"})


def kept_guard(folder: Path) -> Guard | None:
    """What the guard found when the shards in a run's folder were computed; None where it did not look."""
    try:
        return Guard.model_validate_json((folder / "guard.json").read_bytes())
    except (OSError, ValueError):
        return None


def keep_guard(folder: Path, found: Guard) -> None:
    """Keep it beside the shards: a run that only reads them tells it, too."""
    with writing(folder / "guard.json") as temporary:
        temporary.write_text(found.model_dump_json(), encoding="utf-8")


def told_apart(predictor: Predictor, batch: Batch, change: Callable[[], None]) -> float:
    """How far the predictions of a batch are apart before and after a change of the model."""
    task, parts = predictor.task, list(predictor(batch))
    columns = [task.encode(predicted, part) for part, predicted in parts]
    table = pa.table([pa.chunked_array([one[name] for one in columns]) for name in task.schema.names], schema=task.schema)
    change()
    return _apart(predictor, batch, table)


def _apart(predictor: Predictor, batch: Batch, before: pa.Table) -> float:
    """How far the predictions of a batch that is asked for again are from those of before."""
    task = predictor.task
    return task.apart(task.decode(before), task.decode(_again(predictor, batch, before)))


def _again(predictor: Predictor, batch: Batch, before: pa.Table) -> pa.Table:
    """The rows of before with what the task says of the batch when it is asked again."""
    found: dict[str, list[pa.Array]] = {}
    for part, predicted in predictor(batch, predictor.task.ask_again):
        for name, column in predictor.task.encode_again(predicted, part).items():
            found.setdefault(name, []).append(column)
    for name, parts in found.items():
        place = before.schema.get_field_index(name)
        before = before.set_column(place, before.schema.field(name), pa.chunked_array(parts))
    return before


def _cause(predictor: Predictor, batch: Batch, told: pa.Table, place: int, tolerance: float) -> str:
    """Why the prediction of the sample at a place is not its own, as far as that can be told."""
    used: set[str] = set()
    before = _random_state(predictor)
    steady = True
    with suppress(ZooError):
        steady = _watched(used, lambda: _apart(predictor, batch, told)) <= tolerance
    drawn = _random_state(predictor) != before
    if "dropout" in used:
        return DROPOUT
    if "batch_norm" in used:
        return BATCH_NORM
    if not steady:
        return RANDOM if drawn else STATE
    if len({_size(item) for item in _items(batch)}) > 1:
        with suppress(ZooError):
            # Beside itself a sample is as long as its neighbour: what then still differs is no affair of padding.
            one = part_of(predictor.task, batch, place, place + 1)
            alone = _again(predictor, one, told.slice(place, 1))
            if _apart(predictor, _repeated(one), pa.concat_tables([alone, alone])) <= tolerance:
                return PADDING
    return TOGETHER


def _watched(used: set[str], ask: Callable[[], float]) -> float:
    """The answer, and in `used` what of dropout and of statistics of the batch went into it."""
    from torch.overrides import TorchFunctionMode

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            name = getattr(func, "__name__", "")
            if ("dropout" in name and _flag(args, kwargs, "training", 2) and _flag(args, kwargs, "p", 1)) or kwargs.get(
                "dropout_p"
            ):
                used.add("dropout")
            elif name == "batch_norm" and _flag(args, kwargs, "training", 5):
                used.add("batch_norm")
            return func(*args, **kwargs)

    with Watch():
        return ask()


def _flag(args: Sequence[Any], kwargs: Mapping[str, Any], name: str, position: int) -> bool:
    return bool(kwargs[name] if name in kwargs else args[position] if len(args) > position else True)


def _random_state(predictor: Predictor) -> tuple[Any, ...]:
    """The state of the global generators of Python, NumPy and PyTorch, to be compared."""
    import numpy as np
    import torch

    cuda = torch.cuda.get_rng_state(predictor.device).numpy().tobytes() if predictor.device.type == "cuda" else b""
    numpy: Any = np.random.get_state()
    return random.getstate(), numpy[1].tobytes(), numpy[2], torch.get_rng_state().numpy().tobytes(), cuda


def _coarsest(predictor: Predictor) -> str:
    """The coarsest precision that goes into a prediction: that of the run, or of the model's own parameters."""
    import torch

    names = {torch.bfloat16: "bf16", torch.float16: "fp16"}
    models = [predictor.model, *predictor.task.aux_models.values()]
    modules = [model for model in models if isinstance(model, torch.nn.Module)]
    found = {names.get(parameter.dtype, "fp32") for module in modules for parameter in module.parameters()}
    return max({predictor.rounding, *found}, key=lambda name: ROUNDING[name])


def _items(batch: Batch) -> Sequence[Any]:
    inputs = batch.inputs
    return next(iter(inputs.values())) if isinstance(inputs, dict) else inputs


def _size(item: Any) -> Any:
    return tuple(item.shape) if hasattr(item, "shape") else len(item) if hasattr(item, "__len__") else 1


def _repeated(batch: Batch) -> Batch:
    """A batch of one sample, twice."""

    def twice(column: Any) -> Any:
        if hasattr(column, "repeat_interleave"):
            return column.repeat_interleave(2, dim=0)
        return [*column, *column]

    inputs = batch.inputs
    doubled = {name: twice(column) for name, column in inputs.items()} if isinstance(inputs, dict) else twice(inputs)
    return replace(batch, ids=[*batch.ids] * 2, inputs=doubled, targets=[*batch.targets] * 2, seeds=[*batch.seeds] * 2)
