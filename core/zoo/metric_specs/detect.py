"""Metrics of task `detect`."""

from zoo.specs import MetricSpec

COCO_METRICS = (
    "coco-ap",
    "coco-ap:iou=0.5",
    "coco-ap:iou=0.75",
    "coco-ap:area=small",
    "coco-ap:area=medium",
    "coco-ap:area=large",
    "coco-ar:max=1",
    "coco-ar:max=10",
    "coco-ar:max=100",
    "coco-ar:area=small",
    "coco-ar:area=medium",
    "coco-ar:area=large",
)
"""The twelve numbers of the COCO evaluation, in its order."""

METRICS: list[MetricSpec] = [
    MetricSpec(
        name="coco-ap",
        summary="Average precision of boxes as COCO defines it: at 101 recalls, over classes and overlaps of .50:.05:.95",
        task="detect",
        target="zoo.metrics.detect:CocoAP",
        direction="higher",
        reference="pycocotools.cocoeval.COCOeval",
    ),
    MetricSpec(
        name="coco-ar",
        summary="Average recall of boxes as COCO defines it: by the best 1, 10 or 100 detections of a class and image",
        task="detect",
        target="zoo.metrics.detect:CocoAR",
        direction="higher",
        reference="pycocotools.cocoeval.COCOeval",
    ),
]
