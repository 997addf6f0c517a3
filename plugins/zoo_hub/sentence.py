"""Sentence encoders in the layout of Hugging Face: a transformer, pooling, perhaps scaling to length 1.

Any of them is named by `hf/REPOSITORY` or `hf/FOLDER`; a folder is what `save_pretrained` of sentence-transformers or
transformers writes. Source: Reimers & Gurevych 2019, Sentence-BERT, arXiv:1908.10084, section 3.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from zoo.errors import ModelError, OptionError
from zoo_hub.source import described, read_json, unchanged
from zoo_hub.texts import Reader, window_of
from zoo_hub.wrapping import Wrapped

MODULES = ("Transformer", "Pooling", "Normalize")
POOLING = ("mean", "cls", "max")


class SentenceEncoder(Wrapped):
    """A text to a vector. Its state dict is that of the transformer alone, as published."""

    def __init__(self, source: str, overflow: str = "truncate", window: int | None = None, files: str | None = None) -> None:
        """`source` is `Source.text`, `files` the hash that `described` must give."""
        super().__init__()
        from transformers import AutoConfig, AutoModel

        folder = unchanged(source, files)
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        self.pooling, self.normalise, most = layout(folder)
        files = files or described(folder)
        own = window_of(folder, files, config, most)
        if window is not None and window > own:
            raise OptionError(
                f"a window of {window} tokens is more than the model's own, {own}", f"`options.window={own}` at most"
            )
        self.reader = Reader(folder, files, window or own, overflow)
        config.dtype = torch.float32
        self.body = AutoModel.from_config(config, trust_remote_code=False).float()  # type: ignore[no-untyped-call]

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Vectors [b, d] of b texts, in their order."""
        vectors: list[Tensor | None] = [None] * len(texts)
        for part, tokens in self.reader.passes(texts, next(self.body.parameters()).device):
            for i, vector in zip(part, self._pooled(tokens), strict=True):
                vectors[i] = vector
        return torch.stack([vector for vector in vectors if vector is not None])

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As torch does, but for what says nothing: position numbers, which older files hold, and a pooler, which is not used."""
        prefix = f"{self.body.base_model_prefix}."
        state = {key.removeprefix(prefix): value for key, value in state_dict.items()}
        state = {key: value for key, value in state.items() if not key.endswith("embeddings.position_ids")}
        if getattr(self.body, "pooler", None) is not None and not any(key.startswith("pooler.") for key in state):
            self.body.pooler = None
        return self.body.load_state_dict(state, strict=strict, assign=assign)

    def _pooled(self, tokens: dict[str, Tensor]) -> Tensor:
        hidden = self.body(**tokens).last_hidden_state  # [b, t, d]
        mask = tokens["attention_mask"].unsqueeze(-1)
        if self.pooling == "mean":
            pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        elif self.pooling == "max":
            pooled = hidden.masked_fill(mask == 0, -torch.inf).amax(1)
        else:
            pooled = hidden[:, 0]
        return F.normalize(pooled) if self.normalise else pooled


def layout(folder: Path) -> tuple[str, bool, int | None]:
    """Pooling (mean, cls or max), whether vectors are scaled to length 1, and the window, where it is declared.

    Without `modules.json` mean pooling alone, as sentence-transformers does. Raises ModelError for modules that are not known.
    """
    if not (folder / "modules.json").is_file():
        return "mean", False, None
    modules: Any = read_json(folder / "modules.json")
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    if kinds[:2] != list(MODULES[:2]) or kinds[2:] not in ([], ["Normalize"]):
        raise ModelError(f"{folder} is made of {', '.join(kinds)}", f"what can be run is {', '.join(MODULES)}")
    pooling = read_json(folder / modules[1]["path"] / "config.json")
    modes = _pooling_modes(pooling)
    if len(modes) != 1 or modes[0] not in POOLING:
        raise ModelError(f"{folder} pools by {', '.join(modes) or 'nothing'}", f"what can be run is one of {', '.join(POOLING)}")
    declared = read_json(folder / "sentence_bert_config.json")
    return modes[0], kinds[2:] == ["Normalize"], declared.get("max_seq_length")


def _pooling_modes(declared: Mapping[str, Any]) -> list[str]:
    """What a configuration of pooling says, as `pooling_mode` or, written by versions before 6, by a switch for each mode."""
    if "pooling_mode" in declared:
        named = declared["pooling_mode"]
        return [str(mode) for mode in (named if isinstance(named, list) else [named])]
    switched = [key.removeprefix("pooling_mode_") for key, value in declared.items() if key.startswith("pooling_mode_") and value]
    return [mode.removesuffix("_tokens").removesuffix("_token") for mode in switched]
