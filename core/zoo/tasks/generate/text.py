"""generate, the likelihood of given texts: how well a language model foresees them.

Input of a sample: a `Span`, a piece of text with the text to its left, whatever the model's tokens are. Target: none.
Protocol: `window`, the characters of context and span together; the stride is the length of the dataset's spans.
Prediction: `SpanLikelihood`.
Stored: `nll` float64 in nats; of the span's text `tokens`, `characters`, `bytes` (UTF-8) and `words`, int32; `lost` int32, the
characters of the text that its tokens do not give back; `context` int32, the characters of context that were seen.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from pydantic import Field

from zoo.data.dataset import Sample
from zoo.data.spans import Span, count_words
from zoo.errors import ModelError, OptionError, PredictionError
from zoo.specs import Frozen
from zoo.tasks.base import Batch, DataInfo, Task
from zoo.tasks.classes import some

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]
COUNTS = ("tokens", "characters", "bytes", "words", "lost", "context")


class TextSettings(Frozen):
    """What a protocol of this kind says."""

    window: Annotated[
        int | None, Field(ge=1, description="Characters a model sees: a span and the context left of it. None: all there is.")
    ] = None


class SpanLikelihood(NamedTuple):
    """log p(text | context) of each span, in nats: float [b], and how many of the model's tokens each text is: int [b].

    The log-likelihood is the sum over the tokens of the text, none left out; its context is conditioned on, not scored.
    `lost` int [b]: characters of each text that its tokens do not give back when they are decoded, such as capitals of a model
    that reads small letters alone; None: none are. What is lost need not be foreseen, so figures per character would be too
    good.
    """

    log_likelihood: "Tensor"
    tokens: "Sequence[int] | Tensor"
    lost: "Sequence[int] | Tensor | None" = None


class SpanTooLongError(Exception):
    """What a model raises where a span with its context, at `place` in the batch, is longer than its window, in its tokens."""

    def __init__(self, place: int, tokens: int, window: int) -> None:
        super().__init__(f"{tokens} tokens, window {window}")
        self.place, self.tokens, self.window = place, tokens, window


class LanguageModel(Protocol):
    """What a model of this kind does. Tokenisation is its own."""

    def span_likelihood(self, spans: Sequence[Span], /) -> SpanLikelihood:
        """The likelihood of the spans' texts, each given its own context alone; another span in the batch changes nothing.

        Context and text are encoded together, as the one text that they are. A token belongs to the span in which it ends, so
        that the spans of a text share out its tokens; of one that reaches over a border, the whole likelihood counts there.
        Where no token of context stands before the text, the model begins as it begins a text (with its own token of
        beginning). Nothing is cut off: raises SpanTooLongError where a span does not fit its window.
        """


class Writer(Protocol):
    """What a language model does that can be sampled from, too."""

    def write(self, prompt: str, seed: int, length: int, /) -> Iterator[str]:
        """What follows a prompt, piece by piece as it is drawn: `length` of the model's tokens, or fewer where a text ends.

        An empty prompt begins a text. All randomness comes from the seed. Raises ModelError, before the first piece, for a
        prompt that the model cannot read.
        """


class TextLikelihood(Task):
    """Runs a `LanguageModel`."""

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 2
    shard_size: ClassVar[int] = 256
    settings: ClassVar[type[TextSettings]] = TextSettings

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        return ("bits-per-character", "bits-per-byte", "perplexity", "word-perplexity")

    def prepare(self, sample: Sample) -> Sample:
        if not isinstance(sample.input, Span) or not sample.input.text:
            raise ValueError(
                f"a language model is scored on a zoo.data.spans.Span with a text, not on {type(sample.input).__name__}"
            )
        return sample

    def collate(self, samples: Sequence[Sample]) -> list[Span]:
        """The spans with as much of their context as the window leaves. Raises OptionError where it leaves not even a span."""
        return [self._in_window(sample.input, sample.id) for sample in samples]

    def _in_window(self, span: Span, sample_id: str) -> Span:
        if self.how.window is None:
            return span
        room = self.how.window - len(span.text)
        if room < 0:
            raise OptionError(
                f"a window of {self.how.window} characters is shorter than sample {sample_id}, which has {len(span.text)}",
                f"give it at least {len(span.text)}, twice that for context: `protocol.window={2 * len(span.text)}`",
            )
        return Span(span.text, span.context[-room:] if room else "")

    def predict(self, model: LanguageModel, batch: Batch) -> SpanLikelihood:
        """Log-likelihoods float64 [b], tokens and lost characters int64 [b], verified, on the CPU."""
        if not callable(getattr(model, "span_likelihood", None)):
            raise ModelError(
                f"{self.model.name} knows no likelihood of a text",
                "a language model has span_likelihood(spans) (zoo.tasks.LanguageModel)",
            )
        try:
            found = model.span_likelihood(batch.inputs)
        except SpanTooLongError as error:
            sample, span = batch.ids[error.place], batch.inputs[error.place]
            fitting = (len(span.text) + len(span.context)) * error.window // error.tokens
            fits = f"show it less context, of {fitting} characters or less: `protocol.window={fitting}`"
            never = (
                f"its span of {len(span.text)} characters alone does not fit; take a dataset of shorter spans, such as text:PATH"
            )
            raise PredictionError(
                f"sample {sample} is {error.tokens:,} tokens with its context, longer than the window of {error.window:,} of "
                f"{self.model.name}",
                fits if fitting >= len(span.text) else never,
                [sample],
            ) from error
        return verify_likelihood(found, batch.ids, self.model.name)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("nll", pa.float64()), *((name, pa.int32()) for name in COUNTS)])

    def encode(self, predictions: SpanLikelihood, batch: Batch) -> dict[str, pa.Array]:
        spans: Sequence[Span] = batch.inputs
        counts = {
            "tokens": list(predictions.tokens),
            "characters": [len(span.text) for span in spans],
            "bytes": [len(span.text.encode()) for span in spans],
            "words": [count_words(span) for span in spans],
            "lost": [0] * len(spans) if predictions.lost is None else list(predictions.lost),
            "context": [len(span.context) for span in spans],
        }
        nll = pa.array((-predictions.log_likelihood).numpy())
        return {"nll": nll, **{name: pa.array([int(n) for n in numbers], pa.int32()) for name, numbers in counts.items()}}

    def decode(self, table: pa.Table) -> dict[str, Array]:
        """`nll` float64 [n] in nats; `tokens`, `characters`, `bytes`, `words`, `lost` and `context`, int64 [n]."""
        counts = {name: table[name].to_numpy().astype(np.int64) for name in COUNTS}
        return {"nll": table["nll"].to_numpy(), **counts}


def verify_likelihood(found: Any, ids: Sequence[str], model: str) -> SpanLikelihood:
    """Log-likelihoods float64 [b], finite and at most 0, tokens int64 [b], and lost characters int64 [b]; else PredictionError.

    A text is at least one token, unless all of it is lost.
    """
    import torch

    if not isinstance(found, SpanLikelihood):
        raise PredictionError(
            f"{model} returned {type(found).__name__} for {some(ids)}",
            "expected a zoo.tasks.SpanLikelihood",
            ids,
        )
    likelihood = torch.as_tensor(found.log_likelihood).detach().cpu().double()
    tokens = torch.as_tensor(found.tokens).cpu()
    lost = torch.zeros(len(ids), dtype=torch.long) if found.lost is None else torch.as_tensor(found.lost).cpu()
    for numbers, what in ((tokens, "token counts"), (lost, "counts of lost characters")):
        if likelihood.shape != (len(ids),) or numbers.shape != (len(ids),) or numbers.is_floating_point():
            shapes = f"{list(likelihood.shape)} log-likelihoods and {list(numbers.shape)} {numbers.dtype} {what}"
            raise PredictionError(f"{model} returned {shapes} for {some(ids)}", f"expected [{len(ids)}] of both, {what} int", ids)
    for good, what in (
        (likelihood.isfinite(), "NaN or infinite log-likelihoods"),
        (likelihood <= 1e-6, "positive log-likelihoods, which no probability of tokens has,"),
        ((tokens >= 1) | ((tokens == 0) & (lost > 0)), "no tokens"),
        (lost >= 0, "negative counts of lost characters"),
    ):
        bad = [sample for sample, fine in zip(ids, good.tolist(), strict=True) if not fine]
        if bad:
            raise PredictionError(f"{model} returned {what} for {len(bad)} samples: {some(bad)}", ids=bad)
    return SpanLikelihood(likelihood, tokens.long(), lost.long())
