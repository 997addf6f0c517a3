"""Generation: specs of datasets that images are drawn for, and of texts that language models are scored on.

Their benchmarks stand in plugin `generative`, but for those of texts, which are the datasets by themselves.
"""

from zoo.data import DIGITS
from zoo.specs import BenchmarkSpec, DataFile, DatasetSpec
from zoo_data.sources import MNIST, SHAKESPEARE, WIKITEXT2

TEXT_METRICS = ("bits-per-character", "bits-per-byte", "perplexity", "word-perplexity")


def _text(name: str, summary: str, window: int) -> BenchmarkSpec:
    """Bits and perplexity of a text's test split, `window` characters at a time; the stride is that of the spans."""
    return BenchmarkSpec(
        name=name,
        summary=summary,
        task="generate",
        modality="text",
        dataset=name,
        metrics=TEXT_METRICS,
        protocol={"window": window},
    )


IMAGES = tuple(file for file in MNIST if "images" in file.name)


def _drawn(
    name: str, summary: str, splits: dict[str, int | None], files: tuple[DataFile, ...], classes: tuple[str, ...] | None
) -> DatasetSpec:
    """Ids to draw digits for, each beside two real images of MNIST."""
    return DatasetSpec(
        name=name,
        summary=summary,
        modality="image",
        tasks=("generate",),
        target=f"zoo_data.drawing:open_{name.replace('-', '_')}",
        splits=splits,
        classes=classes,
        files=files,
        folders=("mnist", "MNIST/raw"),
        licence="CC-BY-SA-3.0",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied to document "
        "recognition, doi:10.1109/5.726791",
        homepage="http://yann.lecun.com/exdb/mnist/",
    )


DATASETS: list[DatasetSpec] = [
    _drawn(
        "mnist-samples",
        "1,000 ids to draw digits for, each beside a test image of MNIST and a training image: the floor.",
        {"train": 30_000, "test": 1000},
        IMAGES,
        None,
    ),
    _drawn(
        "mnist-modes",
        "10,000 ids to draw digits for, each beside a test image of MNIST and a training image: which digits are drawn?",
        {"test": 10_000},
        IMAGES,
        DIGITS,
    ),
    _drawn(
        "mnist-class-samples",
        "1,000 ids to draw a digit of a certain class for, each beside a test and a training image of that class.",
        {"train": 29_997, "test": 1000},
        MNIST,
        DIGITS,
    ),
    DatasetSpec(
        name="tiny-shakespeare",
        summary="1,115,394 characters of Shakespeare's plays in spans of at most 64; test is the last tenth.",
        modality="text",
        tasks=("generate",),
        target="zoo_data.spans:open_tiny_shakespeare",
        splits={"train": 16_378, "test": 1821},
        files=SHAKESPEARE,
        folders=("tiny_shakespeare", "tiny-shakespeare", "tinyshakespeare"),
        licence="Public domain.",
        citation="A. Karpathy (2015), The unreasonable effectiveness of recurrent neural networks, github.com/karpathy/char-rnn",
        homepage="https://github.com/karpathy/char-rnn",
    ),
    DatasetSpec(
        name="wikitext2",
        summary="Articles of Wikipedia, tokenised by words, rare ones as <unk>; validation and test, in spans of at most 512.",
        modality="text",
        tasks=("generate",),
        target="zoo_data.spans:open_wikitext2",
        splits={"valid": 2200, "test": 2465},
        files=WIKITEXT2,
        folders=("wikitext2", "wikitext-2"),
        licence="CC-BY-SA-3.0",
        citation="S. Merity, C. Xiong, J. Bradbury, R. Socher (2016), Pointer sentinel mixture models, arXiv:1609.07843",
        homepage="https://github.com/pytorch/examples/tree/main/word_language_model",
    ),
    DatasetSpec(
        name="wikitext2-opening",
        summary="The first 8,192 characters of WikiText-2's test text, in spans of at most 512, each with all before it.",
        modality="text",
        tasks=("generate",),
        target="zoo_data.spans:open_wikitext2_opening",
        splits={"test": 17},
        files=tuple(file for file in WIKITEXT2 if file.name.startswith("test")),
        folders=("wikitext2", "wikitext-2"),
        licence="CC-BY-SA-3.0",
        citation="S. Merity, C. Xiong, J. Bradbury, R. Socher (2016), Pointer sentinel mixture models, arXiv:1609.07843",
        homepage="https://github.com/pytorch/examples/tree/main/word_language_model",
    ),
]

BENCHMARKS: list[BenchmarkSpec] = [
    _text("tiny-shakespeare", "Foreseeing Shakespeare, window 128 and stride 64 characters.", 128),
    _text("wikitext2", "Foreseeing Wikipedia, window 1,024 and stride 512 characters.", 1024),
    _text("wikitext2-opening", "Foreseeing the beginning of WikiText-2 from all before, stride 512 characters.", 8192),
]

RESOLVERS: dict[str, str] = {"text": "zoo_data.spans:text_spec"}
"""Namespace of dynamic names to the function (name, path) -> DatasetSpec."""
