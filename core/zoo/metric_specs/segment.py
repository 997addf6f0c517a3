"""Metrics of task `segment`: of label maps, and of maps of edges."""

from zoo.specs import MetricSpec


def _metric(name: str, summary: str, target: str, reference: str) -> MetricSpec:
    return MetricSpec(name=name, summary=summary, task="segment", target=target, direction="higher", reference=reference)


METRICS: list[MetricSpec] = [
    _metric(
        "miou",
        "Mean over classes of intersection over union, summed over the dataset and divided once",
        "zoo.metrics.segment:MeanIou",
        "sklearn.metrics.confusion_matrix over all pixels",
    ),
    _metric(
        "pixel-accuracy",
        "Share of the pixels that are labelled rightly",
        "zoo.metrics.segment:PixelAccuracy",
        "sklearn.metrics.accuracy_score over all pixels",
    ),
    _metric(
        "dice",
        "Dice coefficient of a class, or its mean over classes, summed over the dataset and divided once",
        "zoo.metrics.segment:Dice",
        "sklearn.metrics.f1_score over all pixels",
    ),
    _metric(
        "iou",
        "Intersection over union of a class, or of each, summed over the dataset and divided once",
        "zoo.metrics.segment:Iou",
        "sklearn.metrics.jaccard_score over all pixels",
    ),
    _metric(
        "ods",
        "Edges: the largest F measure of one threshold for all images (BSDS protocol, all annotators)",
        "zoo.metrics.edges:Ods",
        "the BSDS500 benchmark's MATLAB code",
    ),
    _metric(
        "ois",
        "Edges: F measure with each image's own best threshold (BSDS protocol, all annotators)",
        "zoo.metrics.edges:Ois",
        "the BSDS500 benchmark's MATLAB code",
    ),
    _metric(
        "edge-ap",
        "Edges: area under precision over recall (BSDS protocol, all annotators)",
        "zoo.metrics.edges:EdgeAp",
        "the BSDS500 benchmark's MATLAB code",
    ),
]
