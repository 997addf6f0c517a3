"""Causal language models of transformers: how likely a text is after another."""

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.data import Span
from zoo.errors import ModelError
from zoo.tasks import SpanLikelihood, SpanTooLongError
from zoo_hub.folder import FolderModel
from zoo_hub.texts import MOST_TOKENS, TOKENS, parts, tokenizer, window_of

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
        self.window = window_of(self.folder, self.files, self.body.config)
        self._checked = False

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [b, t, vocabulary] of the token after each of tokens [b, t], padded at the right where they are."""
        logits: Tensor = self.body(input_ids=tokens).logits
        return logits

    def span_likelihood(self, spans: Sequence[Span]) -> SpanLikelihood:
        """The sum of log p over all tokens of each text, given its context, in nats; and how many they are.

        Raises SpanTooLongError where context and text are longer than the model's window.
        """
        self._check_causal()
        encoded = [self._encoded(span) for span in spans]
        for place, (tokens, _) in enumerate(encoded):
            if len(tokens) - 1 > self.window:
                raise SpanTooLongError(place, len(tokens) - 1, self.window)
        device = next(self.body.parameters()).device
        most = min(TOKENS.get(device.type, MOST_TOKENS), LOGITS // self.body.config.vocab_size)
        found = torch.zeros(len(spans), dtype=torch.float64)
        for part in parts([len(tokens) for tokens, _ in encoded], most):
            found[part] = self._pass([encoded[place] for place in part], device)
        return SpanLikelihood(found, [scored for _, scored in encoded])

    def _encoded(self, span: Span) -> tuple[list[int], int]:
        """Numbers of the tokens of context and text, and how many belong to the text. Without context a text has a beginning."""
        known = tokenizer(str(self.folder), self.files)
        context, text = (
            known(part, add_special_tokens=False, verbose=False)["input_ids"] if part else []
            for part in (span.context, span.text)
        )
        if not context:
            beginnings = (known.bos_token_id, self.body.config.bos_token_id, known.eos_token_id, self.body.config.eos_token_id)
            first = next((number for number in beginnings if isinstance(number, int)), None)
            if first is None:
                raise ModelError(
                    f"{self.folder} has no token of beginning or end, so its first token has no probability",
                    "name one in its tokenizer_config.json: bos_token",
                )
            context = [first]
        return [*context, *text], len(text)

    def _pass(self, encoded: Sequence[tuple[list[int], int]], device: torch.device) -> Tensor:
        """Log-likelihoods float64 [b], on the CPU. Padding is at the right, where no causal model looks."""
        longest = max(len(tokens) for tokens, _ in encoded)
        padded = torch.zeros(len(encoded), longest, dtype=torch.long)
        scored = torch.zeros(len(encoded), longest, dtype=torch.bool)
        for row, (tokens, count) in enumerate(encoded):
            padded[row, : len(tokens)] = torch.tensor(tokens)
            scored[row, len(tokens) - count : len(tokens)] = True
        padded, scored = padded.to(device), scored.to(device)
        logits = self(padded[:, :-1]).float()
        each = logits.log_softmax(-1).gather(-1, padded[:, 1:, None]).squeeze(-1)
        return torch.where(scored[:, 1:], each, torch.zeros_like(each)).double().sum(1).cpu()

    def _check_causal(self) -> None:
        """Raise ModelError where a later token changes what is said of an earlier one: no likelihood follows from that."""
        if self._checked:
            return
        vocabulary = self.body.config.vocab_size
        pair = torch.tensor([[1, 2, 3], [1, 2, 4]], device=next(self.body.parameters()).device) % vocabulary
        one, other = self(pair).float()
        changes = (one - other).abs().amax(1)  # at each of three tokens, of which only the last differs
        if changes[:2].max() > ROUNDING * changes[2]:
            raise ModelError(
                f"{self.folder} is no causal language model: what it says of a token depends on later ones",
                "an encoder such as BERT can be run as a classifier or a sentence encoder only",
            )
        self._checked = True
