"""Activation checkpointing: the memory that it saves, the time that it takes, and gradients that are the same."""

from collections.abc import Sequence
from typing import Any

from zoo.charts import Curve, line_chart
from zoo.errors import ModelError
from zoo.training import TrainingRecord
from zoo_training.lessons.course import Course
from zoo_training.lessons.lesson import Lesson

NETWORKS = ("timm/vit_tiny_patch16_224", "timm/resnet18")
BATCH = 8
PLAIN = ["sgd", "constant"]
WITH = "activation-checkpointing"


def checkpointing(course: Course, networks: Sequence[str] = NETWORKS, dataset: str = "data/fashion-mnist") -> Lesson:
    """A few steps of each network with and without it, from the same draws; plain SGD, so that weights tell gradients apart."""
    rows: list[tuple[str, ...]] = []
    figures: list[dict[str, Any]] = []
    for network in networks:
        plain, again = (_trained(course, network, dataset, extra) for extra in ([], [WITH]))
        held, less = _activations(plain), _activations(again)
        slower = _step(again) / _step(plain)
        equal = plain.weights_sha256 == again.weights_sha256
        steps = plain.cost.steps if plain.cost else 0
        rows.append(
            (
                *(network, f"{held / 1e6:.1f} MB", f"{less / 1e6:.1f} MB", f"1/{held / less:.1f}", f"× {slower:.2f}"),
                f"equal to the last bit after {steps} steps" if equal else "DIFFERENT",
            )
        )
        figures.append(
            {"network": network, "bytes": held, "bytes_with": less, "time_ratio": slower, "equal": equal, "steps": steps}
        )
    return Lesson(
        f"Activation checkpointing, batches of {BATCH} images",
        ("network", "activations", f"with {WITH}", "share", "time of a step", "weights"),
        rows,
        [
            "Activations are what is held between forward and backward pass; what the one block that is computed again at a time "
            "holds comes on top.",
            "Weights of plain SGD differ as soon as a gradient does. Images are enlarged to what the network takes.",
            course.notes()[0],
        ],
        figures,
        line_chart(
            {one["network"].partition("/")[2]: Curve([one["bytes"] / 1e6, one["bytes_with"] / 1e6]) for one in figures},
            "activations",
            "blocks computed again",
            "MB",
            places=("none", "all"),
        ),
    )


def _trained(course: Course, network: str, dataset: str, extra: Sequence[str]) -> TrainingRecord:
    fields: dict[str, Any] = {"model": network, "dataset": dataset, "batch_size": BATCH, "options.pretrained": False}
    fields |= {"optimizer.lr": 0.01, "optimizer.weight_decay": 0.0, "optimizer.momentum": 0.0, "clip_norm": None}
    record = course.train(course.seeds[0], [*PLAIN, *extra], **fields)
    if record is None:
        raise ModelError(f"{network} diverges", "take another network")
    return record


def _activations(record: TrainingRecord) -> int:
    if record.cost is None or record.cost.activation_bytes is None:
        raise ModelError(
            f"the trainer of {record.recipe.name} does not count activations", "take a recipe of the default trainer"
        )
    return record.cost.activation_bytes


def _step(record: TrainingRecord) -> float:
    seconds = record.cost.step_seconds if record.cost is not None else None
    if seconds is None:
        raise ModelError("too few steps to time one", "raise `share`: 4 steps are the fewest")
    return seconds
