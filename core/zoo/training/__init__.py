"""Training by recipe: the job that a trainer is given, the loop that most use, and its parts."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = [
    "DataTechnique",
    "Epoch",
    "EvaluatedPrecision",
    "GradientCheck",
    "HandWritten",
    "Loop",
    "MemoryTechnique",
    "OptimizerTechnique",
    "ParameterCheck",
    "PrecisionTechnique",
    "ScheduleTechnique",
    "Subset",
    "TrainResult",
    "TrainingCost",
    "TrainingJob",
    "TrainingProgress",
    "TrainingRecord",
    "build_optimizer",
    "build_schedule",
    "load_checkpoint",
    "rate_factor",
    "save_checkpoint",
    "split_validation",
]

if TYPE_CHECKING:
    from zoo.training.checkpoint import load_checkpoint, save_checkpoint
    from zoo.training.cost import TrainingCost
    from zoo.training.differentiated import HandWritten
    from zoo.training.gradcheck import GradientCheck
    from zoo.training.gradients import ParameterCheck
    from zoo.training.job import Epoch, TrainingJob, TrainingProgress, TrainResult
    from zoo.training.loop import Loop
    from zoo.training.optim import build_optimizer, build_schedule, rate_factor
    from zoo.training.record import TrainingRecord
    from zoo.training.split import Subset, split_validation
    from zoo.training.techniques import (
        DataTechnique,
        EvaluatedPrecision,
        MemoryTechnique,
        OptimizerTechnique,
        PrecisionTechnique,
        ScheduleTechnique,
    )
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.training.checkpoint": ["load_checkpoint", "save_checkpoint"],
            "zoo.training.cost": ["TrainingCost"],
            "zoo.training.differentiated": ["HandWritten"],
            "zoo.training.gradcheck": ["GradientCheck"],
            "zoo.training.gradients": ["ParameterCheck"],
            "zoo.training.job": ["Epoch", "TrainResult", "TrainingJob", "TrainingProgress"],
            "zoo.training.loop": ["Loop"],
            "zoo.training.optim": ["build_optimizer", "build_schedule", "rate_factor"],
            "zoo.training.record": ["TrainingRecord"],
            "zoo.training.split": ["Subset", "split_validation"],
            "zoo.training.techniques": [
                "DataTechnique",
                "EvaluatedPrecision",
                "MemoryTechnique",
                "OptimizerTechnique",
                "PrecisionTechnique",
                "ScheduleTechnique",
            ],
        },
        renamed={"Progress": ("TrainingProgress", "0.1")},
    )
