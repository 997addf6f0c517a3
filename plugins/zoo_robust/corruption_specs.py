"""Common corruptions: the dynamic dataset `corrupted:DATASET`, its benchmark, and its metrics."""

from zoo.specs import MetricSpec

RESOLVERS = {
    "dataset": "zoo_robust.corruptions.dataset:corrupted_spec",
    "benchmark": "zoo_robust.corruptions.dataset:corrupted_benchmark",
}
"""Kind of entry to the function (name, DATASET) -> spec."""

METRICS = [
    MetricSpec(
        name="corruption-error",
        summary="Mean error over corruptions and severities, relative to nothing",
        task="classify",
        target="zoo_robust.corruptions.metrics:CorruptionError",
        direction="lower",
        reference="Hendrycks & Dietterich 2019, arXiv:1903.12261, unnormalised",
    ),
    MetricSpec(
        name="clean-error",
        summary="Error on the images as they are, of those that are also corrupted",
        task="classify",
        target="zoo_robust.corruptions.metrics:CleanError",
        direction="lower",
        reference="sklearn.metrics.zero_one_loss",
    ),
    MetricSpec(
        name="mce",
        summary="Mean corruption error relative to that of a baseline's run (`mce:baseline=RUN`), 1 where both are as bad",
        task="classify",
        target="zoo_robust.corruptions.metrics:Mce",
        direction="lower",
        range=(0.0, None),
        reference="Hendrycks & Dietterich 2019, arXiv:1903.12261",
    ),
    MetricSpec(
        name="corruption-accuracy",
        summary="Accuracy under each corruption at each severity",
        task="classify",
        target="zoo_robust.corruptions.metrics:CorruptionAccuracy",
        direction="none",
        reference="sklearn.metrics.accuracy_score",
    ),
]
