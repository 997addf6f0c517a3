"""Plugin `homework`: the course's two homeworks as benchmarks with pass marks."""

from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return [
        BenchmarkSpec(
            name="hw2",
            summary="Homework 2: find spam among text messages; passed with an F1 of the spam class above 0.90.",
            task="classify",
            modality="text",
            dataset="data/sms-spam",
            metrics=(
                "f1:positive=spam",
                "accuracy",
                "precision:positive=spam",
                "recall:positive=spam",
                "f1:average=macro",
                "nll",
                "ece:bins=15,norm=l1",
                "confusion",
            ),
            pass_mark="f1:positive=spam > 0.9",
        ),
    ]
