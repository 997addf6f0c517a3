"""tiny-shakespeare, wikitext2 and text:PATH: texts as spans, on which language models are scored."""

import hashlib
from pathlib import Path

from zoo.data import DataFiles, Sample, SampleSequence, cut_spans, decoded, on_disk
from zoo.errors import DataError
from zoo.specs import DatasetSpec
from zoo.wording import without_secrets

PASSAGE = 128
"""Consecutive spans that stay together when some are held out, so that a passage is foreseen from its own beginning."""
HELD_OUT = 0.1
"""Share of tiny-shakespeare at its end that is the test split, as in nanoGPT: 111,540 characters."""
OPENING = 8192
"""Characters of wikitext2-opening: about 2,000 tokens, which models of a large window foresee in minutes on a CPU."""


class Spans(SampleSequence):
    """A text in spans, in order. `groups` numbers passages of consecutive spans; the texts of one, joined, are continuous."""

    classes = None

    def __init__(self, text: str, name: str, *, stride: int, context: int) -> None:
        self.spans = list(cut_spans(text, stride, context))
        self.ids = [f"{name}-{index:05}" for index in range(len(self.spans))]
        self.targets = [0] * len(self.spans)
        self.groups = [index // PASSAGE for index in range(len(self.spans))]
        self.fingerprint = hashlib.sha256(repr((name, stride, context, text)).encode()).hexdigest()

    def __getitem__(self, index: int, /) -> Sample:
        return Sample(self.ids[index], self.spans[index], self.targets[index])


def open_tiny_shakespeare(files: DataFiles, split: str) -> Spans:
    """Spans of at most 64 characters. The first 90 % of the text are train, the rest test."""
    text = _text(files, "input.txt")
    border = int(len(text) * (1 - HELD_OUT))
    part = text[:border] if split == "train" else text[border:]
    return Spans(part, f"tiny-shakespeare-{split}", stride=64, context=960)


def open_wikitext2(files: DataFiles, split: str) -> Spans:
    """Spans of at most 512 characters of the tokenised articles, line by line as published; `<unk>` is text like any other."""
    text = _text(files, f"{split}.txt")
    return Spans(text, f"wikitext2-{split}", stride=512, context=3584)


def open_wikitext2_opening(files: DataFiles, split: str) -> Spans:
    """The first 8,192 characters of the test text as 17 spans, each with all of them before it: the scores of one long window."""
    return Spans(_text(files, "test.txt")[:OPENING], "wikitext2-opening", stride=512, context=OPENING)


def text_spec(name: str, path: str) -> DatasetSpec:
    """The spec of `text:PATH`, a file of the user's own. The one split is `test`."""
    file = on_disk(path)
    if not file.is_file():
        raise DataError(f"there is no file {file}", "write text:PATH with a file of text")
    return DatasetSpec(
        name=name,
        summary=f"The text of {without_secrets(path)}, in spans of at most 64 characters.",
        modality="text",
        tasks=("generate",),
        target="zoo_data.spans:open_text",
        splits={"test": None},
        licence="The user's own.",
        citation="The user's own.",
        path=str(file),
    )


def open_text(files: DataFiles, split: str) -> Spans:
    """Spans of at most 64 characters of a file of UTF-8, line ends as they are, without its byte-order mark.

    Raises DataError where it is none, or empty.
    """
    file = Path(files.spec.path or "")
    try:
        text = decoded(file.read_bytes(), file)
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror or error}", "write text:PATH with a file of text") from error
    if not text:
        raise DataError(f"{file} is empty", "write text:PATH with a file of text")
    return Spans(text, "span", stride=64, context=960)


def _text(files: DataFiles, name: str) -> str:
    return decoded(files.read(name), Path(f"{name} of {files.spec.name}"))
