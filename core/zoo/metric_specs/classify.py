"""Metrics of task `classify`."""

from zoo.specs import MetricSpec

METRICS = [
    MetricSpec(
        name="accuracy",
        summary="Share of samples whose true class is among the k largest logits; ties with it count as wrong",
        task="classify",
        target="zoo.metrics.classify:Accuracy",
        direction="higher",
        reference="sklearn.metrics.top_k_accuracy_score",
    ),
    MetricSpec(
        name="f1",
        summary="Harmonic mean of precision and recall, of a positive class or averaged over classes",
        task="classify",
        target="zoo.metrics.classify:F1",
        direction="higher",
        reference="sklearn.metrics.f1_score",
    ),
    MetricSpec(
        name="precision",
        summary="Share of the samples predicted as a class that are of it",
        task="classify",
        target="zoo.metrics.classify:Precision",
        direction="higher",
        reference="sklearn.metrics.precision_score",
    ),
    MetricSpec(
        name="recall",
        summary="Share of a class's samples that are predicted as it",
        task="classify",
        target="zoo.metrics.classify:Recall",
        direction="higher",
        reference="sklearn.metrics.recall_score",
    ),
    MetricSpec(
        name="confusion",
        summary="Number of samples of each true class (row) predicted as each class (column)",
        task="classify",
        target="zoo.metrics.classify:Confusion",
        direction="none",
        unit="samples",
        range=(0.0, None),
        reference="sklearn.metrics.confusion_matrix",
    ),
    MetricSpec(
        name="nll",
        summary="Mean negative log-likelihood of the true class",
        task="classify",
        target="zoo.metrics.probabilities:Nll",
        direction="lower",
        unit="nats",
        range=(0.0, None),
        reference="sklearn.metrics.log_loss",
    ),
    MetricSpec(
        name="ece",
        summary="Expected calibration error: how far confidence is from accuracy, over bins of confidence",
        task="classify",
        target="zoo.metrics.probabilities:Ece",
        direction="lower",
        reference="torchmetrics.classification.MulticlassCalibrationError",
    ),
    MetricSpec(
        name="abstentions",
        summary="Share of samples on which the model names no class: no single logit is the largest",
        task="classify",
        target="zoo.metrics.classify:Abstentions",
        direction="lower",
        reference="counted by hand",
    ),
]
