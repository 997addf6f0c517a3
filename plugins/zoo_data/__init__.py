"""Plugin `data`: the standard datasets and their benchmarks, and datasets of the user's own files."""

from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec, DataFile, DatasetSpec

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
        DatasetSpec(
            name="sms-spam",
            summary="5,574 English text messages, 13 % spam; ships with deepzoo. Split by groups of near-identical messages.",
            modality="text",
            target="zoo_data.sms_spam:open_sms_spam",
            splits={"train": 4460, "test": 1114},
            classes=("ham", "spam"),
            files=(
                DataFile(
                    name="SMSSpamCollection",
                    sha256="7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
                    urls=("pkg:zoo_data/SMSSpamCollection.gz",),
                    gzip=True,
                ),
                DataFile(
                    name="sms_spam_split.tsv",
                    sha256="de324da6d6316a4f85f8e68c26a3a907411bacb9562456f6b5f827a1fe43c45a",
                    urls=("pkg:zoo_data/sms_spam_split.tsv",),
                ),
            ),
            licence="CC-BY-4.0",
            citation="T. A. Almeida, J. M. Gómez Hidalgo, A. Yamakami (2011), Contributions to the study of SMS spam filtering, "
            "DocEng, doi:10.1145/2034691.2034742",
            homepage="https://archive.ics.uci.edu/dataset/228",
        ),
    ]


SPAM_METRICS = (
    "f1:positive=spam",
    "accuracy",
    "precision:positive=spam",
    "recall:positive=spam",
    "f1:average=macro",
    "nll",
    "ece:bins=15,norm=l1",
    "confusion",
)
TEN_CLASS_METRICS = ("accuracy", "accuracy:k=5", "f1:average=macro", "nll", "ece:bins=15,norm=l1", "confusion")


@hookimpl
def zoo_benchmarks() -> list[BenchmarkSpec]:
    return [
        _classify("digits", "Classify handwritten digits of 8x8 pixels.", TEN_CLASS_METRICS),
        BenchmarkSpec(
            name="sms-spam",
            summary="Tell spam from ham in English text messages; near-copies never stand on both sides.",
            task="classify",
            modality="text",
            dataset="sms-spam",
            metrics=SPAM_METRICS,
        ),
    ]


def _classify(dataset: str, summary: str, metrics: tuple[str, ...]) -> BenchmarkSpec:
    return BenchmarkSpec(name=dataset, summary=summary, task="classify", modality="image", dataset=dataset, metrics=metrics)
