"""tiny-shakespeare and wikitext2: texts as spans, on which language models are scored."""

import hashlib

from zoo.data import Sample
from zoo.errors import DataError
from zoo.files import DataFiles
from zoo.spans import cut_spans

PASSAGE = 128
"""Consecutive spans that stay together when some are held out, so that a passage is foreseen from its own beginning."""
HELD_OUT = 0.1
"""Share of tiny-shakespeare at its end that is the test split, as in nanoGPT: 111,540 characters."""


class Spans:
    """A text in spans, in order. `groups` numbers passages of consecutive spans; the texts of one, joined, are continuous."""

    classes = None

    def __init__(self, text: str, name: str, *, stride: int, context: int) -> None:
        self.spans = list(cut_spans(text, stride, context))
        self.ids = [f"{name}-{index:05}" for index in range(len(self.spans))]
        self.targets = [0] * len(self.spans)
        self.groups = [index // PASSAGE for index in range(len(self.spans))]
        self.fingerprint = hashlib.sha256(repr((name, stride, context, text)).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int, /) -> Sample:
        return Sample(self.ids[index], self.spans[index], self.targets[index])


def open_tiny_shakespeare(files: DataFiles, split: str) -> Spans:
    """Spans of at most 64 characters. The first 90 % of the text are train, the rest test."""
    text = _decoded(files, "input.txt")
    border = int(len(text) * (1 - HELD_OUT))
    part = text[:border] if split == "train" else text[border:]
    return Spans(part, f"tiny-shakespeare-{split}", stride=64, context=960)


def open_wikitext2(files: DataFiles, split: str) -> Spans:
    """Spans of at most 512 characters of the tokenised articles, line by line as published; `<unk>` is text like any other."""
    text = _decoded(files, f"{split}.txt")
    return Spans(text, f"wikitext2-{split}", stride=512, context=3584)


def _decoded(files: DataFiles, name: str) -> str:
    try:
        return files.read(name).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{name} of {files.spec.name} is not UTF-8: {error}") from error
