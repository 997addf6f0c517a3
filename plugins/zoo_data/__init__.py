"""Plugin `data`: the standard datasets and their benchmarks, and datasets of the user's own files."""

from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec, DatasetSpec

TEN_DIGITS = tuple("0123456789")


@hookimpl
def zoo_datasets() -> list[DatasetSpec]:
    return [
        DatasetSpec(
            name="digits",
            summary="1,797 handwritten digits, 8x8 grey; comes with scikit-learn. Test is every fifth sample.",
            modality="image",
            target="zoo_data.digits:open_digits",
            splits={"train": 1437, "test": 360},
            classes=TEN_DIGITS,
            licence="CC-BY-4.0",
            citation="E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI, doi:10.24432/C50P49",
            homepage="https://archive.ics.uci.edu/dataset/80",
        ),
    ]


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return [
        BenchmarkSpec(
            name="digits",
            summary="Classify handwritten digits of 8x8 pixels.",
            task="classify",
            modality="image",
            dataset="digits",
            metrics=("accuracy", "accuracy:k=5", "f1:average=macro", "nll", "ece:bins=15,norm=l1", "confusion"),
        ),
    ]
