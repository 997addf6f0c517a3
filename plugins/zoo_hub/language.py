"""Causal language models of transformers: how likely a text is after another."""

from collections.abc import Iterator, Sequence
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from zoo.data import Span
from zoo.errors import ModelError
from zoo.tasks import SpanLikelihood, SpanTooLongError
from zoo_hub.folder import FolderModel
from zoo_hub.gguf import located, unpacked
from zoo_hub.span_tokens import SpanTokens, span_tokens
from zoo_hub.texts import MOST_TOKENS, TOKENS, forget, parts, tokenizer, window_of

LOGITS = 2**26
"""Numbers in the output of a pass: vocabulary times tokens, 256 MiB."""
ROUNDING = 1e-4
"""Share of the change of a token's own output that its forerunners may show where nothing of it reaches them."""


class TransformersLanguageModel(FolderModel):
    """A causal language model with the tokenizer of its own folder."""

    auto = "AutoModelForCausalLM"
    kind = "language model"

    def __init__(self, source: str, files: str | None = None) -> None:
        super().__init__(source, files)
        self.window = window_of(self.body, tokenizer(str(self.folder), self.files).model_max_length)
        self._checked = False

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [b, t, vocabulary] of the token after each of tokens [b, t], of which none is padding."""
        logits: Tensor = self.body(input_ids=tokens).logits
        return logits

    def span_likelihood(self, spans: Sequence[Span]) -> SpanLikelihood:
        """The sum of log p over all tokens of each text, given its context, in nats; how many they are, and what they lose.

        `zoo_hub.span_tokens` says which tokens are the text's. Raises SpanTooLongError where context and text are longer than
        the model's window.
        """
        self._check_causal()
        encoded = [self._begun(found) for found in span_tokens(self.folder, self.files, spans)]
        for place, (tokens, _, _) in enumerate(encoded):
            if len(tokens) - 1 > self.window:
                raise SpanTooLongError(place, len(tokens) - 1, self.window)
        device = next(self.body.parameters()).device
        most = min(TOKENS.get(device.type, MOST_TOKENS), LOGITS // self.body.config.get_text_config().vocab_size)
        found = torch.zeros(len(spans), dtype=torch.float64)
        told = [place for place, one in enumerate(encoded) if one.scored]  # of no token, nothing need be foreseen
        for part in parts([len(encoded[place].tokens) for place in told], most):
            places = [told[i] for i in part]
            found[places] = self._pass([encoded[place] for place in places], device)
        return SpanLikelihood(found, [one.scored for one in encoded], [one.lost for one in encoded])

    def write(self, prompt: str, seed: int, length: int) -> Iterator[str]:
        """What follows a prompt, of `length` tokens or up to that of the end; each drawn as the model has it, from all there are.

        A piece is what a token adds to the text, which is nothing until a character is whole. Raises ModelError where prompt
        and length do not fit the window.
        """
        known = tokenizer(str(self.folder), self.files)
        begun = self._begun(span_tokens(self.folder, self.files, [Span(prompt, "")])[0])
        if len(begun.tokens) + length > self.window:
            room = f"{len(begun.tokens):,} tokens of the prompt and {length:,} to write"
            raise ModelError(f"{room} do not fit the window of {self.window:,} of {self.folder}", "ask for a smaller length")
        forget(self.body)
        cache = "cache" if "cache" in signature(self.body.forward).parameters else "past_key_values"  # the latter until 5.40
        generator, tokens, told, kept = torch.Generator().manual_seed(seed), begun.tokens, "", None
        written: list[int] = []
        for _ in range(length):
            seen = torch.tensor([tokens], device=next(self.body.parameters()).device)
            found = self.body(input_ids=seen, use_cache=True, **{cache: kept})
            chance, kept = found.logits[0, -1].float().softmax(-1).cpu(), found[cache]
            tokens = [int(torch.multinomial(chance, 1, generator=generator))]
            if tokens[0] in self._ends(known):
                return
            written += tokens
            text = str(known.decode(written, clean_up_tokenization_spaces=False))
            if not text.endswith("\ufffd"):  # half of a character
                yield text[len(told) :]
                told = text

    def _ends(self, known: Any) -> set[int]:
        """Tokens that end a text."""
        ends = (known.eos_token_id, self.body.config.eos_token_id)
        return {one for end in ends for one in (end if isinstance(end, list) else [end]) if one is not None}

    def _begun(self, found: SpanTokens) -> SpanTokens:
        """With a token of beginning where no token of context stands before the text's first."""
        if len(found.tokens) > found.scored:
            return found
        known = tokenizer(str(self.folder), self.files)
        beginnings = (known.bos_token_id, self.body.config.bos_token_id, known.eos_token_id, self.body.config.eos_token_id)
        first = next((number for number in beginnings if isinstance(number, int)), None)
        if first is None:
            raise ModelError(
                f"{self.folder} has no token of beginning or end, so its first token has no probability",
                "name one in its tokenizer_config.json: bos_token",
            )
        return found._replace(tokens=[first, *found.tokens])

    def _pass(self, encoded: Sequence[SpanTokens], device: torch.device) -> Tensor:
        """Log-likelihoods float64 [b], on the CPU, of spans of equal length: none is padded."""
        forget(self.body)
        tokens = torch.tensor([one.tokens for one in encoded], device=device)
        logits = self(tokens[:, :-1]).float()
        each = logits.log_softmax(-1).gather(-1, tokens[:, 1:, None]).squeeze(-1).double().cpu()
        return torch.stack([row[len(row) - one.scored :].sum() for row, one in zip(each, encoded, strict=True)])

    def _check_causal(self) -> None:
        """Raise ModelError where a later token changes what is said of an earlier one: no likelihood follows from that."""
        if self._checked:
            return
        vocabulary = self.body.config.get_text_config().vocab_size
        pair = torch.tensor([[1, 2, 3], [1, 2, 4]], device=next(self.body.parameters()).device) % vocabulary
        one, other = self(pair).float()
        changes = (one - other).abs().amax(1)  # at each of three tokens, of which only the last differs
        if changes[:2].max() > ROUNDING * changes[2]:
            raise ModelError(
                f"{self.folder} is no causal language model: what it says of a token depends on later ones",
                "an encoder such as BERT can be run as a classifier or a sentence encoder only",
            )
        self._checked = True


class GgufLanguageModel(TransformersLanguageModel):
    """A causal language model in a GGUF file."""

    def __init__(self, source: str) -> None:
        """`source` is `pkg:package/file`, or the path of the file."""
        super().__init__(str(unpacked(located(source))))
