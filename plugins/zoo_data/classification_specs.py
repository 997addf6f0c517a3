"""Classification: specs of the standard datasets, and of the user's own folders and tables."""

from zoo.data import CLOTHES, DIGITS
from zoo.specs import BenchmarkSpec, DatasetSpec
from zoo_data.sources import CIFAR10, FASHION_MNIST, MNIST, OPTICAL_DIGITS, SMS_SPAM

THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

TEN_CLASS_METRICS = ("accuracy", "accuracy:k=5", "f1:average=macro", "nll", "ece:bins=15,norm=l1", "confusion")
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


def _classify(dataset: str, summary: str) -> BenchmarkSpec:
    return BenchmarkSpec(
        name=dataset, summary=summary, task="classify", modality="image", dataset=dataset, metrics=TEN_CLASS_METRICS
    )


DATASETS = [
    DatasetSpec(
        name="digits",
        summary="1,797 handwritten digits, 8x8 grey; comes with scikit-learn. Test is every fifth sample.",
        modality="image",
        target="zoo_data.digits:open_digits",
        splits={"train": 1437, "test": 360},
        files=OPTICAL_DIGITS,
        classes=DIGITS,
        licence="CC-BY-4.0",
        citation="E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI, doi:10.24432/C50P49",
        homepage="https://archive.ics.uci.edu/dataset/80",
    ),
    DatasetSpec(
        name="mnist",
        summary="70,000 handwritten digits, 28x28 grey.",
        modality="image",
        target="zoo_data.idx:open_idx",
        splits={"train": 60_000, "test": 10_000},
        classes=DIGITS,
        files=MNIST,
        folders=("mnist", "MNIST/raw"),
        licence="CC-BY-SA-3.0",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied to document "
        "recognition, doi:10.1109/5.726791",
        homepage="http://yann.lecun.com/exdb/mnist/",
    ),
    DatasetSpec(
        name="fashion-mnist",
        summary="70,000 photographs of clothes, 28x28 grey; a harder drop-in for MNIST.",
        modality="image",
        target="zoo_data.idx:open_idx",
        splits={"train": 60_000, "test": 10_000},
        classes=CLOTHES,
        files=FASHION_MNIST,
        folders=("fashion-mnist", "fashion_mnist", "FashionMNIST/raw"),
        licence="MIT",
        citation="H. Xiao, K. Rasul, R. Vollgraf (2017), Fashion-MNIST, arXiv:1708.07747",
        homepage="https://github.com/zalandoresearch/fashion-mnist",
    ),
    DatasetSpec(
        name="cifar10",
        summary="60,000 photographs of ten animals and vehicles, 32x32 RGB.",
        modality="image",
        target="zoo_data.cifar:open_cifar10",
        splits={"train": 50_000, "test": 10_000},
        classes=THINGS,
        files=CIFAR10,
        folders=("cifar10", "cifar-10", "CIFAR10", "cifar-10-batches-bin", "."),
        licence="No licence is stated; its authors ask to be cited.",
        citation="A. Krizhevsky (2009), Learning multiple layers of features from tiny images, University of Toronto",
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    DatasetSpec(
        name="sms-spam",
        summary="5,574 English text messages, 13 % spam; ships with deepzoo. Split by groups of near-identical messages.",
        modality="text",
        target="zoo_data.sms_spam:open_sms_spam",
        splits={"train": 4460, "test": 1114},
        classes=("ham", "spam"),
        files=SMS_SPAM,
        licence="CC-BY-4.0",
        citation="T. A. Almeida, J. M. Gómez Hidalgo, A. Yamakami (2011), Contributions to the study of SMS spam "
        "filtering, doi:10.1145/2034691.2034742",
        homepage="https://archive.ics.uci.edu/dataset/228",
    ),
]

BENCHMARKS = [
    _classify("digits", "Handwritten digits of 8x8 pixels."),
    _classify("mnist", "Handwritten digits, the 10,000 test images."),
    _classify("fashion-mnist", "Ten kinds of clothes, the 10,000 test images."),
    _classify("cifar10", "Ten kinds of animals and vehicles, the 10,000 test images."),
    BenchmarkSpec(
        name="sms-spam",
        summary="Spam among text messages; near-copies never stand on both sides.",
        task="classify",
        modality="text",
        dataset="sms-spam",
        metrics=SPAM_METRICS,
    ),
]

RESOLVERS = {"folder": "zoo_data.folder:folder_spec", "csv": "zoo_data.table:table_spec"}
"""Namespace of dynamic names to the function (name, path) -> DatasetSpec."""
