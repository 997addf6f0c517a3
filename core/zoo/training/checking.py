"""What can be wrong with data, model and recipe together, found before the first step: each with its cause and its cure."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from zoo.data.dataset import Dataset
from zoo.errors import DataError, ModelError, PredictionError, ZooError, reason_of
from zoo.remarks import remark
from zoo.specs import DatasetSpec, ModelSpec, RecipeSpec
from zoo.tasks.by_name import is_core, served_by

if TYPE_CHECKING:
    from zoo.training.job import TrainingJob

LABELLED = ("classify", "embed")
"""Tasks whose targets are labels."""
TRIED = 16
"""Samples, spread over the training data, that are prepared before anything is trained."""


def check_kind(recipe: RecipeSpec, model: ModelSpec, data: DatasetSpec) -> None:
    """Whether the data are of the model's modality and have targets of the recipe's task, which the trainer knows.

    What is generated needs no target of one kind: there the first sample tells. Raises ModelError.
    """
    if model.modality != data.modality:
        hint = f"take {model.modality} data (zoo list datasets), or a model that takes {data.modality} (zoo list models)"
        raise ModelError(f"{model.name} takes {model.modality}, but {data.name} is {data.modality}", hint)
    if recipe.task != "generate" and not serves(data, recipe.task):
        raise wrong_task(recipe, data)
    if not is_core(recipe.task) and recipe.trainer == RecipeSpec.model_fields["trainer"].default:
        raise ModelError(
            f"{recipe.name} trains to {recipe.task}, a plugin's task, of which the core's trainer knows no loss",
            "give the recipe a `trainer` of its own",
        )


def serves(data: DatasetSpec, task: str) -> bool:
    """Whether the targets of a dataset are those of a task."""
    return served_by(task, data.tasks)


def wrong_task(recipe: RecipeSpec, data: DatasetSpec, reason: str = "") -> ModelError:
    """The error for a dataset of another task."""
    return ModelError(
        f"{recipe.name} trains to {recipe.task}, but {data.name} is for: {', '.join(data.tasks)}"
        + (f" ({reason})" if reason else ""),
        f"take a dataset for {recipe.task} (zoo list datasets), or a recipe for {data.tasks[0]} (zoo list recipes)",
    )


def check_labels(dataset: Dataset, recipe: RecipeSpec) -> None:
    """Whether there is something to learn: labels in range, of at least two classes, no class without samples alone.

    Raises DataError.
    """
    if recipe.task not in LABELLED or not dataset.classes:
        return
    classes, name = tuple(dataset.classes), recipe.dataset
    counts: Counter[int] = Counter()
    for id_, target in zip(dataset.ids, dataset.targets, strict=True):
        label = _label(target)
        if label is None or not 0 <= label < len(classes):
            raise DataError(
                f"sample {id_} of {name} has target {target!r}, which is none of its {len(classes)} classes",
                f"labels are whole numbers from 0 to {len(classes) - 1}; correct or remove it",
            )
        counts[label] += 1
    if len(counts) < 2:
        only = classes[next(iter(counts))] if counts else "none"
        raise DataError(
            f"split {recipe.split!r} of {name} has samples of one class only, {only!r}, so there is nothing to tell apart",
            "add samples of another class",
        )
    if len(dataset.ids) < len(classes):
        raise DataError(
            f"split {recipe.split!r} of {name} has {len(dataset.ids)} samples, fewer than its {len(classes)} classes",
            "add samples, at least two of each class; or were numbers taken for labels?",
        )
    absent = [classes[label] for label in range(len(classes)) if not counts[label]]
    if absent and recipe.task == "classify":
        shown = ", ".join(absent[:5]) + (", ..." if len(absent) > 5 else "")
        of = f"{len(absent)} of its {len(classes)} classes, which are not learnt: {shown}"
        remark(f"split {recipe.split!r} of {name} has no sample of {of}", stacklevel=2)


def check_job(job: "TrainingJob", data: DatasetSpec) -> None:
    """Try some samples and one batch on the untrained model, predicted as validation will. Raises ZooError."""
    try:
        sample = job.task.prepare(job.train[0])
    except Exception as error:
        if serves(data, job.recipe.task):
            raise _corrupt(job.train.ids[0], error) from error
        raise wrong_task(job.recipe, data, reason_of(error)) from error
    if _stacks(job, sample):
        _check_sizes(job)
    _check_model(job)


def _stacks(job: "TrainingJob", sample: Any) -> bool:
    """Whether a batch is one tensor, so that all samples must be of one size."""
    return hasattr(job.task.collate([sample]), "shape")


def _check_sizes(job: "TrainingJob") -> None:
    step = max(1, len(job.train.ids) // TRIED)
    sizes: dict[tuple[int, ...], str] = {}
    for position in range(0, len(job.train.ids), step):
        try:
            sizes.setdefault(tuple(job.task.prepare(job.train[position]).input.shape), job.train.ids[position])
        except ZooError:
            raise
        except Exception as error:
            raise _corrupt(job.train.ids[position], error) from error
    if len(sizes) > 1:
        raise sizes_differ(sizes)


def sizes_differ(sizes: "dict[tuple[int, ...], str]") -> DataError:
    """The error for samples of several sizes: size to the id of one of it."""
    some = " and ".join(f"{id_} is {list(size)}" for size, id_ in list(sizes.items())[:2])
    return DataError(
        f"training images differ in size: {some}", "give the recipe an input with a size, such as input.size=[32, 32]"
    )


def _corrupt(id_: str, error: Exception) -> DataError:
    if isinstance(error, ZooError):
        return DataError(f"sample {id_} cannot be used: {error.message}", error.hint or "repair or remove it, then train again")
    return DataError(f"sample {id_} is corrupt: {type(error).__name__}: {error}", "repair or remove it, then train again")


def _check_model(job: "TrainingJob") -> None:
    from torch import nn

    model = job.build_model()
    if isinstance(model, nn.Module):
        model.to(job.device).eval()
    try:
        list(job.predict(model, range(min(2, len(job.validation.ids))), 2))
    except PredictionError as error:
        raise _unfit(job, error.message) from error
    except ModelError as error:  # what the network itself raised stands behind it
        if error.__cause__ is None or isinstance(error.__cause__, ZooError):
            raise
        raise _unfit(job, reason_of(error.__cause__)) from error


def _unfit(job: "TrainingJob", why: str) -> ModelError:
    recipe = job.recipe
    outputs = f"; {job.model.name} must take the number of classes in its config" if "logits of shape" in why else ""
    return ModelError(
        f"{recipe.model} does not fit {recipe.dataset}: {why}{outputs}",
        f"zoo show {recipe.model} tells what it takes; set input.channels, input.size or config of the recipe accordingly",
    )


def _label(target: Any) -> int | None:
    try:
        return int(target.__index__())
    except (AttributeError, TypeError):
        return None
