"""Texts as tokens: cut at a model's window, and put together in batches of equal length."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Literal, cast

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from zoo.errors import ModelError
from zoo.remarks import remark
from zoo_hub.folder import quiet
from zoo_hub.source import TOKENIZER_HINT, require_tokenizer

TOKENS = {"cpu": 4096}
"""Tokens of a pass: beyond, a CPU only leaves its caches. Other devices take MOST_TOKENS."""
MOST_TOKENS = 65536
ENDLESS = 10**9
"""A window that no text fills: tokenizers say 10^30 where they know of none."""
TABLES = ("position_embeddings", "position_embedding", "embed_positions", "positions_embed", "wpe")
"""Names of the tables of absolute positions in transformers."""


class TextOptions(BaseModel):
    """What becomes of a text that is longer than the model's window."""

    model_config = ConfigDict(extra="forbid")
    overflow: Literal["truncate", "error"] = Field(
        default="truncate", description="A text longer than the window: take its beginning, with a warning, or end the run."
    )
    window: int | None = Field(
        default=None, ge=3, description="Tokens of a text that are read, special ones included; at most the model's own."
    )


@dataclass
class Reader:
    """Reads texts with the tokenizer in a folder, at most `window` tokens of each, each after the same `prompt`.

    No text is ever padded: those of one length pass the model together. So what is said of a text cannot depend on its
    neighbours, whatever side its tokenizer pads and whether it can, and whatever the model makes of padding: positions, masks,
    convolutions, the search for a text's last token.
    """

    folder: Path
    files: str
    window: int
    overflow: str
    lower: bool = False
    prompt: str = ""
    _warned: bool = False

    def each(self, texts: Sequence[str], network: Callable[[dict[str, Tensor]], Tensor], device: Any, *, alone: bool) -> Tensor:
        """Rows [b, d] of b texts, in their order; `network` gives [n, d] of the tokens [n, t] of n texts of t tokens.

        `alone`: one text a pass.
        """
        tokens = self.tokens(texts)
        most = 0 if alone else TOKENS.get(device.type, MOST_TOKENS)
        rows: dict[int, Tensor] = {}
        for part in parts([len(ids) for ids in tokens["input_ids"]], most):
            columns = {name: torch.tensor([column[i] for i in part], device=device) for name, column in tokens.items()}
            rows.update(zip(part, network(columns), strict=True))
        return torch.stack([rows[i] for i in range(len(texts))])

    def tokens(self, texts: Sequence[str]) -> dict[str, list[list[int]]]:
        """What the tokenizer makes of each text, cut at the window. Raises ModelError for a text of which nothing is left."""
        known, texts = self.tokenizer, [self.prompt + text for text in texts]
        found = dict(known(texts, **self._cut, padding=False, verbose=False))
        empty = [text for text, ids in zip(texts, found["input_ids"], strict=True) if not ids]
        if empty:
            raise ModelError(
                f"{len(empty)} of {len(texts)} texts have no tokens, so nothing can be said of them; one is {empty[0][:60]!r}",
                "leave them out of the dataset",
            )
        full = [text for text, ids in zip(texts, found["input_ids"], strict=True) if len(ids) >= self.window]
        longer = [text for text in full if len(known(text, truncation=False, verbose=False)["input_ids"]) > self.window]
        self._tell(longer, len(texts), "end" if known.truncation_side == "left" else "beginning")
        return found

    def prompt_tokens(self) -> int:
        """Tokens of the prompt, with those that begin a text and without the one that ends it."""
        if not self.prompt:
            return 0
        ids = self.tokenizer(self.prompt, **self._cut, verbose=False)["input_ids"]
        return len(ids) - (ids[-1] in self.tokenizer.all_special_ids)

    @property
    def tokenizer(self) -> Any:
        return tokenizer(str(self.folder), self.files, self.lower)

    @property
    def _cut(self) -> dict[str, Any]:
        return {"truncation": True, "max_length": self.window} if self.window < ENDLESS else {"truncation": False}

    def _tell(self, longer: Sequence[str], texts: int, kept: str) -> None:
        """Say once that texts are longer than the window; or raise ModelError, where that is asked for."""
        if longer and self.overflow == "error":
            raise ModelError(
                f"{len(longer)} of {texts} texts are longer than the window of {self.window} tokens; "
                f"one begins {longer[0][:60]!r}",
                f"shorten them, or let their {kept}s stand for them: `options.overflow=truncate`",
            )
        if longer and not self._warned:
            self._warned = True
            remark(
                f"texts longer than the window of {self.window} tokens are read by their {kept}; "
                f"the first one begins {longer[0][:60]!r}",
                stacklevel=2,
            )


def taken(network: Any, tokens: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of what a tokenizer gives, what a network takes: a tokenizer of another family may tell of segments, too."""
    takes = signature(network.forward).parameters.values()
    if any(one.kind is Parameter.VAR_KEYWORD for one in takes):
        return tokens
    names = {one.name for one in takes}
    return {name: tensor for name, tensor in tokens.items() if name in names}


def forget(network: Any) -> None:
    """Undo what a network keeps of the texts before: BigBird turns to full attention at the first short one, and stays there."""
    declared = getattr(network.config, "attention_type", None)
    turning = next((part for part in network.modules() if callable(getattr(part, "set_attention_type", None))), None)
    if declared is not None and turning is not None:
        turning.set_attention_type(declared)


def window_of(network: Any, *asked: int | None) -> int:
    """The most tokens that a network reads: what its positions, its tokenizer and those who ask allow."""
    return int(min((size for size in (*asked, positions(network)) if size and size > 0), default=ENDLESS))


def positions(network: Any) -> int | None:
    """The most tokens that a transformer has positions for, by its configuration and by its tables of positions.

    A table of which a row stands for padding (RoBERTa and its kin), or that is entered with an offset (OPT, BART), has as
    many positions fewer.
    """
    declared = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    rooms = [declared] if isinstance(declared, int) and declared > 0 else []
    for name, table in network.named_modules():
        rows = getattr(table, "weight", None)
        if name.rpartition(".")[2] in TABLES and isinstance(rows, Tensor) and rows.ndim == 2:
            padding, offset = getattr(table, "padding_idx", None), getattr(table, "offset", None)
            rooms.append(len(rows) - (offset if isinstance(offset, int) else 0 if padding is None else padding + 1))
    return min(rooms, default=None)


def parts(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Positions of one length together, in order of length; of at most `most` tokens, but for a single text."""
    by_length: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        by_length.setdefault(length, []).append(position)
    for length in sorted(by_length):
        own, rows = by_length[length], max(1, most // max(1, length))
        yield from (own[start : start + rows] for start in range(0, len(own), rows))


@lru_cache(maxsize=4)
def tokenizer(folder: str, files: str, lower: bool = False) -> Any:
    """The tokenizer in a folder; `lower`: of texts in lower case, as sentence-transformers' `do_lower_case` has it.

    Kept apart from the model, so that that can be hashed and copied.
    """
    from transformers import AutoTokenizer

    require_tokenizer(Path(folder))
    try:
        with quiet():
            found: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return _lowered(found) if lower else found
    except (ValueError, OSError, KeyError, ImportError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{folder} has no tokenizer that transformers knows: {' '.join(str(error).split())[:200]}",
            TOKENIZER_HINT,
        ) from error


def _lowered(known: Any) -> Any:
    """The tokenizer with lower case ahead of all else, where it has none yet."""
    from tokenizers import normalizers

    own, several = known.backend_tokenizer.normalizer, cast("Any", normalizers.Sequence)  # of which the types say too little
    steps = list(own) if isinstance(own, several) else [own] if own is not None else []
    if not any(isinstance(step, normalizers.Lowercase) for step in steps):
        known.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps])
    return known
