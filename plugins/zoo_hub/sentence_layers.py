"""What stands behind the transformer of a sentence encoder, as sentence-transformers defines it.

Each takes and returns the features of texts of t tokens each: `token_embeddings` [b, t, d], and `sentence_embedding` [b, d]
once they are pooled. Parity: `sentence_transformers.SentenceTransformer.encode` of one text at a time.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import ModelError
from zoo_hub.source import read_json

Features = dict[str, Tensor]
POOLING = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
_SWITCHES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""A switch for each way of pooling, as versions before 6 wrote them; in this order several are put side by side."""


class Pooling(nn.Module):
    """`sentence_embedding` of `token_embeddings`, one way or several side by side.

    `prompt` counts the tokens of the prompt, which stand first and are left out where the configuration says so.
    """

    def __init__(self, modes: tuple[str, ...] = ("mean",), prompt: int = 0) -> None:
        super().__init__()
        self.modes, self.prompt = modes, prompt

    def forward(self, features: Features) -> Features:
        tokens = features["token_embeddings"]
        if tokens.shape[1] <= self.prompt:
            raise ModelError(f"a prompt of {self.prompt} tokens leaves none of a text to pool", "choose another prompt, or none")
        places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device, dtype=tokens.dtype)
        kept, places = tokens[:, self.prompt :], places[self.prompt :]
        return {**features, "sentence_embedding": torch.cat([_pooled(mode, kept, places) for mode in self.modes], -1)}


def _pooled(mode: str, tokens: Tensor, places: Tensor) -> Tensor:
    """[b, d] of tokens [b, t, d], which stand at places [t] of the text, counted from 1."""
    match mode:
        case "cls":
            return tokens[:, 0]
        case "max":
            return tokens.amax(1)
        case "mean":
            return tokens.mean(1)
        case "mean_sqrt_len_tokens":
            return tokens.sum(1) / math.sqrt(tokens.shape[1])
        case "weightedmean":
            return (tokens * places[:, None]).sum(1) / places.sum()
        case _:
            return tokens[:, -1]


class Renamed(nn.Module):
    """A module that reads one feature and writes one, the same unless its configuration says otherwise."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.read = str(config.get("module_input_name") or "sentence_embedding")
        self.written = str(config.get("module_output_name") or self.read)

    def forward(self, features: Features) -> Features:
        return {**features, self.written: self.apply_to(features[self.read])}

    def apply_to(self, vectors: Tensor) -> Tensor:
        raise NotImplementedError


class Normalize(Renamed):
    """Vectors scaled to length 1."""

    def apply_to(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors, dim=-1)


class LayerNorm(Renamed):
    """Vectors with mean 0 and variance 1, scaled and moved."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__({})
        self.norm = nn.LayerNorm(config["dimension"])

    def apply_to(self, vectors: Tensor) -> Tensor:
        normal: Tensor = self.norm(vectors)
        return normal


class Dense(Renamed):
    """activation(W x + b), and x beside it where the configuration says so."""

    def __init__(self, config: Mapping[str, Any], activation: nn.Module) -> None:
        super().__init__(config)
        taken, given = config["in_features"], config["out_features"]
        self.linear = nn.Linear(taken, given, bias=config.get("bias", True))
        self.activation = activation
        self.beside = bool(config.get("use_residual"))
        if self.beside and taken != given:
            self.residual = nn.Linear(taken, given, bias=False)

    def apply_to(self, vectors: Tensor) -> Tensor:
        out: Tensor = self.activation(self.linear(vectors))
        if not self.beside:
            return out
        return out + (self.residual(vectors) if hasattr(self, "residual") else vectors)


def pooling_of(folder: Path) -> tuple[tuple[str, ...], bool]:
    """Ways of pooling, and whether the tokens of a prompt are pooled, too. Raises ModelError for what is not known."""
    path = folder / "config.json"
    said = read_json(path)
    strange = set(said) - {*_SWITCHES, "pooling_mode", "include_prompt", "embedding_dimension", "word_embedding_dimension"}
    named = said.get("pooling_mode") or [mode for switch, mode in _SWITCHES.items() if said.get(switch)] or "mean"
    modes = (named,) if isinstance(named, str) else tuple(map(str, named))
    unknown = sorted(strange | (set(modes) - set(POOLING)))
    if unknown:
        raise ModelError(f"{path} pools by {', '.join(unknown)}, which is not known here", f"known are {', '.join(POOLING)}")
    return modes, bool(said.get("include_prompt", True))


def layer_of(kind: str, folder: Path) -> nn.Module:
    """The module of a kind but Pooling, without its weights yet. Raises ModelError where its configuration cannot be applied."""
    path = folder / "config.json"
    config = read_json(path)
    try:
        if kind == "Dense":
            return Dense(config, _activation(path, config.get("activation_function", "torch.nn.modules.activation.Tanh")))
        return {"Normalize": Normalize, "LayerNorm": LayerNorm}[kind](config) if kind != "Dropout" else nn.Identity()
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} does not describe a {kind}: {type(error).__name__} {error}", "get the model anew") from error


def _activation(path: Path, named: str) -> nn.Module:
    """A module of `torch.nn` by name; no other code is run."""
    found = getattr(nn, named.rpartition(".")[2], None) if named.startswith("torch.nn.") else None
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ModelError(f"{path} says activation_function = {named}, which is none of torch.nn", "get the model anew")
    made: nn.Module = found()
    return made
