"""Tasks. Each module or package here is one of the six: its types, what a model must do, how a batch is predicted and stored."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = [
    "COCO_METRICS",
    "IGNORE",
    "TARGETS_OF",
    "TASKS",
    "TOLERANCE",
    "Attacked",
    "Attacker",
    "Batch",
    "Boxes",
    "Certified",
    "Certifier",
    "Classifier",
    "DataInfo",
    "Detector",
    "Embedder",
    "Generate",
    "Generator",
    "ImageLikelihood",
    "ModelInfo",
    "Norm",
    "Place",
    "Ratio",
    "Reals",
    "Rows",
    "Sampling",
    "Segmenter",
    "SpanLikelihood",
    "SpanTooLongError",
    "Task",
    "Threat",
    "Victim",
    "Writer",
    "check_floats",
    "check_length",
    "edit_distance",
    "margins",
    "perturbation_norms",
    "refuse_where",
    "restored",
    "task_class",
    "task_of",
    "verify_boxes",
]

if TYPE_CHECKING:
    from zoo.metric_specs.detect import COCO_METRICS
    from zoo.tasks.attack.certify import Certified, Certifier
    from zoo.tasks.attack.contract import Attacked, Attacker, Norm, Ratio, Threat
    from zoo.tasks.attack.spaces import TOLERANCE, check_length, edit_distance, perturbation_norms
    from zoo.tasks.attack.verify import margins
    from zoo.tasks.attack.victim import Victim
    from zoo.tasks.base import Batch, DataInfo, ModelInfo, Rows, Task
    from zoo.tasks.by_name import TARGETS_OF, TASKS, task_class, task_of
    from zoo.tasks.checks import check_floats, refuse_where
    from zoo.tasks.classify import Classifier
    from zoo.tasks.detect import Boxes, Detector, verify_boxes
    from zoo.tasks.embed import Embedder, Place
    from zoo.tasks.generate.likelihood import ImageLikelihood
    from zoo.tasks.generate.restore import Generate, Generator, restored
    from zoo.tasks.generate.samples import Reals, Sampling
    from zoo.tasks.generate.text import SpanLikelihood, SpanTooLongError, Writer
    from zoo.tasks.segment import IGNORE, Segmenter
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.metric_specs.detect": ["COCO_METRICS"],
            "zoo.tasks.attack.certify": ["Certified", "Certifier"],
            "zoo.tasks.attack.contract": ["Attacked", "Attacker", "Norm", "Ratio", "Threat"],
            "zoo.tasks.attack.spaces": ["TOLERANCE", "check_length", "edit_distance", "perturbation_norms"],
            "zoo.tasks.attack.verify": ["margins"],
            "zoo.tasks.attack.victim": ["Victim"],
            "zoo.tasks.base": ["Batch", "DataInfo", "ModelInfo", "Rows", "Task"],
            "zoo.tasks.by_name": ["TARGETS_OF", "TASKS", "task_class", "task_of"],
            "zoo.tasks.checks": ["check_floats", "refuse_where"],
            "zoo.tasks.classify": ["Classifier"],
            "zoo.tasks.detect": ["Boxes", "Detector", "verify_boxes"],
            "zoo.tasks.embed": ["Embedder", "Place"],
            "zoo.tasks.generate.likelihood": ["ImageLikelihood"],
            "zoo.tasks.generate.restore": ["Generate", "Generator", "restored"],
            "zoo.tasks.generate.samples": ["Reals", "Sampling"],
            "zoo.tasks.generate.text": ["SpanLikelihood", "SpanTooLongError", "Writer"],
            "zoo.tasks.segment": ["IGNORE", "Segmenter"],
        },
    )
