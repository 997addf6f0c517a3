"""Sentence encoders in the layout of Hugging Face: a transformer, pooling, perhaps scaling to length 1.

`hf/REPOSITORY` and `hf/FOLDER` name any of them; a folder is what `save_pretrained` of sentence-transformers or transformers
writes. Source: Reimers & Gurevych 2019, Sentence-BERT, arXiv:1908.10084, section 3.
"""

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoo.errors import ModelError
from zoo.specs import ModelSpec, Weights

TOKENS = {"cpu": 4096}
"""Tokens of a pass, padding included: beyond, a CPU only leaves its caches. Other devices take MOST_TOKENS."""
MOST_TOKENS = 65536
MODULES = ("Transformer", "Pooling", "Normalize")
DESCRIPTIONS = ("config.json", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json", "tokenizer.json",
                "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")  # fmt: skip
WEIGHTS = ("model.safetensors", "pytorch_model.bin")


class SentenceOptions(BaseModel):
    """What becomes of a text that is longer than the model's window."""

    model_config = ConfigDict(extra="forbid")
    overflow: Literal["truncate", "error"] = Field(
        "truncate", description="A text longer than the window: embed its beginning, with a warning, or end the run."
    )
    window: int | None = Field(
        None, ge=3, description="Tokens of a text that are read, special ones included; at most the model's own."
    )


class SentenceEncoder(nn.Module):
    """A text to a vector. Its state dict is that of the transformer alone, as published."""

    def __init__(self, source: str, overflow: str = "truncate", window: int | None = None, files: str | None = None) -> None:
        """`source` is a folder or `pkg:package/folder`, `files` the hash that `described` must give."""
        super().__init__()
        from transformers import AutoConfig, AutoModel

        self.folder = folder_of(source)
        if files is not None and files != described(self.folder):
            raise ModelError(f"the configuration in {self.folder} has changed meanwhile", "start again")
        config = AutoConfig.from_pretrained(self.folder, local_files_only=True)
        self.pooling, self.normalise, most = layout(self.folder)
        self.window = min(size for size in (window, most, tokenizer(self.folder).model_max_length, positions(config)) if size)
        self.overflow = overflow
        self.body: Any = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
        self._warned = False

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Vectors [b, d] of b texts, in their order. Texts of like length go through together, padded to the longest."""
        tokens = self._tokens(texts)
        vectors: list[Tensor | None] = [None] * len(texts)
        device = next(self.body.parameters()).device
        for part in parts([len(ids) for ids in tokens["input_ids"]], TOKENS.get(device.type, MOST_TOKENS)):
            padded = tokenizer(self.folder).pad(
                {name: [column[i] for i in part] for name, column in tokens.items()}, return_tensors="pt"
            )
            embedded = self._pooled({name: tensor.to(device) for name, tensor in padded.items()})
            for i, vector in zip(part, embedded, strict=True):
                vectors[i] = vector
        return torch.stack([vector for vector in vectors if vector is not None])

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.body.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As torch does, but for what says nothing: position numbers, which older files hold, and a pooler, which is not used."""
        prefix = f"{self.body.base_model_prefix}."
        state = {key.removeprefix(prefix): value for key, value in state_dict.items()}
        state = {key: value for key, value in state.items() if not key.endswith("embeddings.position_ids")}
        if getattr(self.body, "pooler", None) is not None and not any(key.startswith("pooler.") for key in state):
            self.body.pooler = None
        return self.body.load_state_dict(state, strict=strict, assign=assign)

    def _tokens(self, texts: Sequence[str]) -> dict[str, list[list[int]]]:
        """Numbers of the tokens of each text, cut at the window."""
        found = tokenizer(self.folder)(list(texts), truncation=True, max_length=self.window, padding=False)
        longer = [text for text, encoding in zip(texts, found.encodings, strict=True) if encoding.overflowing]
        if longer and self.overflow == "error":
            raise ModelError(
                f"{len(longer)} of {len(texts)} texts are longer than the window of {self.window} tokens; "
                f"one begins {longer[0][:60]!r}",
                "shorten them, or let their beginnings stand for them: --overflow truncate",
            )
        if longer and not self._warned:
            self._warned = True
            warnings.warn(
                f"texts longer than the window of {self.window} tokens are embedded by their beginning; "
                f"the first one begins {longer[0][:60]!r}",
                stacklevel=2,
            )
        return dict(found)

    def _pooled(self, padded: dict[str, Tensor]) -> Tensor:
        hidden = self.body(**padded).last_hidden_state  # [b, t, d]
        mask = padded["attention_mask"].unsqueeze(-1)
        if self.pooling == "mean":
            pooled = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)
        elif self.pooling == "max":
            pooled = hidden.masked_fill(mask == 0, -torch.inf).amax(1)
        else:
            pooled = hidden[:, 0]
        return F.normalize(pooled) if self.normalise else pooled


def resolve(name: str, rest: str) -> ModelSpec | None:
    """The spec of `hf/REPOSITORY` or `hf/FOLDER`; None where it holds no sentence encoder."""
    folder, commit = Path(rest).expanduser().absolute(), None
    if not folder.is_dir():
        from zoo_hub.repository import descriptions

        folder, commit = descriptions(rest, DESCRIPTIONS)
    if not (folder / "config.json").is_file():
        return None
    architecture = str((_json(folder / "config.json").get("architectures") or [""])[0])
    if not ((folder / "modules.json").is_file() or architecture.endswith("Model")):
        return None
    return ModelSpec(
        name=name,
        summary=f"Sentence encoder of {rest}, {architecture}",
        tasks={"embed": "zoo_hub.sentence:SentenceEncoder"},
        modality="text",
        config={"source": str(folder), "files": described(folder)},
        options="zoo_hub.sentence:SentenceOptions",
        weights={"pretrained": _weights(folder, rest, commit)},
    )


def _weights(folder: Path, rest: str, commit: str | None) -> Weights:
    here = next((folder / file for file in WEIGHTS if (folder / file).is_file()), folder / WEIGHTS[0])
    uri = f"hf://{rest}@{commit}/{WEIGHTS[0]}" if commit else f"file:{here}"
    return Weights(uri=uri, sha256=None, licence="As its model card says.", source=rest)


def folder_of(source: str) -> Path:
    """The folder of `pkg:package/folder`, or of a path. Raises ModelError where there is none."""
    if not source.startswith("pkg:"):
        folder = Path(source)
    else:
        package, _, inside = source.removeprefix("pkg:").partition("/")
        found = util.find_spec(package)
        folder = Path(next(iter(found.submodule_search_locations or ()), "")) / inside if found else Path(inside)
    if not (folder / "config.json").is_file():
        raise ModelError(f"there is no config.json in {folder}, so no sentence encoder", "name the folder that holds it")
    return folder


def layout(folder: Path) -> tuple[str, bool, int | None]:
    """Pooling (mean, cls or max), whether vectors are scaled to length 1, and the window, where it is declared.

    Without `modules.json` mean pooling alone, as sentence-transformers does. Raises ModelError for modules that are not known.
    """
    if not (folder / "modules.json").is_file():
        return "mean", False, None
    modules: Any = _json(folder / "modules.json")
    kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
    if kinds[:2] != list(MODULES[:2]) or kinds[2:] not in ([], ["Normalize"]):
        raise ModelError(f"{folder} is made of {', '.join(kinds)}", f"what can be run is {', '.join(MODULES)}")
    pooling = _json(folder / modules[1]["path"] / "config.json")
    switched = [key.removeprefix("pooling_mode_") for key, value in pooling.items() if key.startswith("pooling_mode_") and value]
    known = {"mean_tokens": "mean", "cls_token": "cls", "max_tokens": "max"}
    if len(switched) != 1 or switched[0] not in known:
        raise ModelError(f"{folder} pools by {', '.join(switched) or 'nothing'}", f"what can be run is one of {', '.join(known)}")
    declared = _json(folder / "sentence_bert_config.json") if (folder / "sentence_bert_config.json").is_file() else {}
    return known[switched[0]], kinds[2:] == ["Normalize"], declared.get("max_seq_length")


def positions(config: Any) -> int | None:
    """Positions that the transformer has embeddings for; RoBERTa's begin after its padding index."""
    most = getattr(config, "max_position_embeddings", None)
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


def described(folder: Path) -> str:
    """SHA-256 over the files beside the weights that determine the vectors."""
    found = hashlib.sha256()
    for name in DESCRIPTIONS:
        path = folder / name
        found.update(f"{name}:{hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None}\n".encode())
    return found.hexdigest()


@lru_cache(maxsize=4)
def tokenizer(folder: Path) -> Any:
    """The tokenizer in a folder. Kept apart from the encoder, so that that can be hashed and copied."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", "get the model anew") from error
