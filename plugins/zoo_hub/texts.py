"""Texts as tokens: cut at a model's window, and put together in batches of like length."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from zoo.errors import ModelError
from zoo_hub.source import TOKENIZER

TOKENS = {"cpu": 4096}
"""Tokens of a pass, padding included: beyond, a CPU only leaves its caches. Other devices take MOST_TOKENS."""
MOST_TOKENS = 65536


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
    """Reads texts with the tokenizer in a folder, at most `window` tokens of each."""

    folder: Path
    files: str
    window: int
    overflow: str
    _warned: bool = False

    def passes(self, texts: Sequence[str], device: Any) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
        """Positions of texts of like length, and their tokens [b, t], padded to the longest, as the model takes them."""
        known = tokenizer(str(self.folder), self.files)
        tokens = self._tokens(known, texts)
        most = TOKENS.get(device.type, MOST_TOKENS) if known.pad_token is not None else 0  # alone none is padded
        for part in parts([len(ids) for ids in tokens["input_ids"]], most):
            columns = {name: [column[i] for i in part] for name, column in tokens.items()}
            padded = known.pad(columns, return_tensors="pt") if most else _tensors(columns)
            yield part, {name: tensor.to(device) for name, tensor in padded.items()}

    def _tokens(self, known: Any, texts: Sequence[str]) -> dict[str, list[list[int]]]:
        """Numbers of the tokens of each text, cut at the window."""
        found = known(list(texts), truncation=True, max_length=self.window, padding=False)
        full = [text for text, ids in zip(texts, found["input_ids"], strict=True) if len(ids) >= self.window]
        longer = [text for text in full if len(known(text, truncation=False, verbose=False)["input_ids"]) > self.window]
        if longer and self.overflow == "error":
            raise ModelError(
                f"{len(longer)} of {len(texts)} texts are longer than the window of {self.window} tokens; "
                f"one begins {longer[0][:60]!r}",
                "shorten them, or let their beginnings stand for them: --overflow truncate",
            )
        if longer and not self._warned:
            self._warned = True
            warnings.warn(
                f"texts longer than the window of {self.window} tokens are read by their beginning; "
                f"the first one begins {longer[0][:60]!r}",
                stacklevel=2,
            )
        return dict(found)


def window_of(folder: Path, files: str, config: Any, *asked: int | None) -> int:
    """The most tokens that a model reads: what its tokenizer, its positions and those who ask allow."""
    sizes = (*asked, tokenizer(str(folder), files).model_max_length, positions(config))
    return int(min(size for size in sizes if size))


def positions(config: Any) -> int | None:
    """Positions that the transformer has embeddings for; RoBERTa's begin after its padding index."""
    most: int | None = getattr(config, "max_position_embeddings", None)
    return most - config.pad_token_id - 1 if most and config.model_type in ("roberta", "xlm-roberta", "mpnet") else most


def parts(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Positions in order of length, cut so that none but a single text has more than `most` tokens with its padding."""
    part: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if part and (len(part) + 1) * lengths[position] > most:
            yield part
            part = []
        part.append(position)
    if part:
        yield part


@lru_cache(maxsize=4)
def tokenizer(folder: str, files: str) -> Any:
    """The tokenizer in a folder. Kept apart from the model, so that that can be hashed and copied."""
    from transformers import AutoTokenizer

    hint = "get its tokenizer files, too: tokenizer.json, tokenizer_config.json"
    if not any((Path(folder) / name).is_file() for name in TOKENIZER):  # transformers would make up an empty one
        raise ModelError(f"{folder} has no tokenizer", hint)
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (ValueError, OSError, KeyError, ImportError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{folder} has no tokenizer that transformers knows: {' '.join(str(error).split())[:200]}",
            hint,
        ) from error


def _tensors(columns: dict[str, list[list[int]]]) -> dict[str, Tensor]:
    import torch

    return {name: torch.tensor(column) for name, column in columns.items()}
