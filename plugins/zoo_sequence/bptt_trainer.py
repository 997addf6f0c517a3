"""The trainer of recurrent language models: truncated back-propagation through time.

Pieces of `length` characters are read in chunks of `k`. Each chunk begins with the state at the end of the one before it, and is
an update of its own: the state is carried over the border, the gradient is not. Where k is the length or more, a piece is one
chunk, and this is full back-propagation through time.
Source: Williams & Peng 1990, An efficient gradient-based algorithm for on-line training of recurrent network trajectories,
doi:10.1162/neco.1990.2.4.490 (there k = k').
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import DataError, OptionError
from zoo.training import Loop, TrainingJob, TrainResult
from zoo_sequence.char_rnn import CharRNN

STEPS, LENGTH, K = 500, 512, 64
"""Updates of an epoch, characters of a piece and of a chunk, where the recipe's options do not say."""


def train(job: TrainingJob) -> TrainResult:
    """Train a CharRNN on pieces of passages of training text; validated by the recipe's metric on spans.

    Raises OptionError where `steps`, `length` or `k` is less than 1, DataError where no passage is as long as a piece.
    """
    return TruncatedLoop(job).run()


class Updates:
    """An epoch as so many updates; what each of them reads is drawn by the loop."""

    costs = None

    def __init__(self, count: int) -> None:
        self.targets = torch.zeros(count)

    def __len__(self) -> int:
        return len(self.targets)

    def batches(self, drawn: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        return ((numbers, numbers) for numbers in drawn)


class TruncatedLoop(Loop):
    """`state` is what the network carries into the next chunk of `pieces`, which begins at `place`."""

    separable = False  # a batch goes on where the last one ended

    def build_data(self) -> Updates:
        options = {"steps": STEPS, "length": LENGTH, "k": K} | self.job.recipe.options
        for name in ("steps", "length", "k"):
            if type(options[name]) is not int or options[name] < 1:
                raise OptionError(f"options.{name} is {options[name]!r}", "give it a whole number of at least 1")
        self.length, self.k = options["length"], options["k"]
        self.passages = passages(self.job, self.length)
        self.starts = torch.tensor([float(len(passage) - self.length + 1) for passage in self.passages])
        return Updates(options["steps"] * self.job.recipe.batch_size)

    def build_loss(self) -> nn.Module:
        return nn.Identity()

    def draw(self, generator: Generator) -> list[Tensor]:
        self.place = self.length  # an epoch begins with new pieces, so that a killed training goes on as it would have
        return super().draw(generator)

    def batch_loss(self, inputs: Any, targets: Tensor, generator: Generator) -> Tensor:
        model: CharRNN = self.accelerator.unwrap_model(self.model)
        if self.place >= self.length:
            self.pieces = self._placed(self.draw_pieces(len(inputs), model.begin, generator))
            self.place, self.state = 0, None
        chunk = self.pieces[:, self.place : self.place + self.k + 1]
        logits, state = model.logits(chunk[:, :-1], self.state)
        self.place, self.state = self.place + self.k, cut(state)
        return F.cross_entropy(logits.flatten(0, 1).float(), chunk[:, 1:].flatten())

    def draw_pieces(self, count: int, begin: int, generator: Generator) -> Tensor:
        """int64 [count, 1 + length]: the token of beginning and a piece, every place of the text as likely as another."""
        rows = []
        for place in torch.multinomial(self.starts, count, replacement=True, generator=generator).tolist():
            start = int(torch.randint(int(self.starts[place]), (), generator=generator))
            rows.append(self.passages[place][start : start + self.length])
        return F.pad(torch.stack(rows), (1, 0), value=begin)


def passages(job: TrainingJob, length: int) -> list[Tensor]:
    """The continuous passages of the training text that have `length` characters, int64 [n]. Raises DataError if none has."""
    model: CharRNN = job.build_model()
    texts: dict[int, str] = {}
    for index, passage in enumerate(job.train.groups):  # type: ignore[attr-defined]
        texts[passage] = texts.get(passage, "") + job.train[index].input.text
    found = [torch.tensor(model.encode(text)) for text in texts.values() if len(text) >= length]
    if not found:
        longest = max(map(len, texts.values()))
        raise DataError(
            f"no passage of {job.recipe.dataset} has {length} characters; the longest has {longest}",
            f"take shorter pieces: options.length of at most {longest}",
        )
    return found


def cut(state: Any) -> Any:
    """The same state, through which no gradient flows: a tensor, or the pair of an LSTM."""
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
