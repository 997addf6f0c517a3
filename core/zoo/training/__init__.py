"""Training by recipe: the job that a trainer is given, the loop that most use, and its parts."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = [
    "ComparedTraining",
    "CompilerTechnique",
    "DataTechnique",
    "Epoch",
    "EvaluatedPrecision",
    "Expected",
    "Expecting",
    "GradientCheck",
    "HandWritten",
    "Loop",
    "MemoryTechnique",
    "Network",
    "OptimizerTechnique",
    "ParallelTechnique",
    "ParameterCheck",
    "PrecisionTechnique",
    "ScheduleTechnique",
    "ScoreDifference",
    "StepCurve",
    "Subset",
    "TrainResult",
    "TrainingComparison",
    "TrainingCost",
    "TrainingJob",
    "TrainingProgress",
    "TrainingRecord",
    "TrainingStart",
    "build_optimizer",
    "build_schedule",
    "bytes_of",
    "compared",
    "load_checkpoint",
    "product_of",
    "rate_factor",
    "save_checkpoint",
    "save_pictures",
    "split_validation",
]

if TYPE_CHECKING:
    from zoo.training.checkpoint import load_checkpoint, save_checkpoint
    from zoo.training.compare import ComparedTraining, ScoreDifference, TrainingComparison, compared
    from zoo.training.cost import Expected, TrainingCost
    from zoo.training.differentiated import HandWritten
    from zoo.training.expected import Expecting, Network, bytes_of, product_of
    from zoo.training.gradcheck import GradientCheck
    from zoo.training.gradients import ParameterCheck
    from zoo.training.job import Epoch, TrainingJob, TrainingProgress, TrainResult
    from zoo.training.loop import Loop
    from zoo.training.optim import build_optimizer, build_schedule, rate_factor
    from zoo.training.pictures import save_pictures
    from zoo.training.record import TrainingRecord, TrainingStart
    from zoo.training.split import Subset, split_validation
    from zoo.training.techniques import (
        CompilerTechnique,
        DataTechnique,
        EvaluatedPrecision,
        MemoryTechnique,
        OptimizerTechnique,
        ParallelTechnique,
        PrecisionTechnique,
        ScheduleTechnique,
    )
    from zoo.training.trace import StepCurve
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.training.checkpoint": ["load_checkpoint", "save_checkpoint"],
            "zoo.training.compare": ["ComparedTraining", "ScoreDifference", "TrainingComparison", "compared"],
            "zoo.training.cost": ["Expected", "TrainingCost"],
            "zoo.training.differentiated": ["HandWritten"],
            "zoo.training.expected": ["Expecting", "Network", "bytes_of", "product_of"],
            "zoo.training.gradcheck": ["GradientCheck"],
            "zoo.training.gradients": ["ParameterCheck"],
            "zoo.training.job": ["Epoch", "TrainResult", "TrainingJob", "TrainingProgress"],
            "zoo.training.loop": ["Loop"],
            "zoo.training.optim": ["build_optimizer", "build_schedule", "rate_factor"],
            "zoo.training.pictures": ["save_pictures"],
            "zoo.training.record": ["TrainingRecord", "TrainingStart"],
            "zoo.training.split": ["Subset", "split_validation"],
            "zoo.training.techniques": [
                "CompilerTechnique",
                "DataTechnique",
                "EvaluatedPrecision",
                "MemoryTechnique",
                "OptimizerTechnique",
                "ParallelTechnique",
                "PrecisionTechnique",
                "ScheduleTechnique",
            ],
            "zoo.training.trace": ["StepCurve"],
        },
        renamed={"Progress": ("TrainingProgress", "0.1")},
    )
