"""Sentence encoders in the layout of Hugging Face: a transformer, pooling, and what stands behind it.

Any of them is named by `hf/REPOSITORY` or `hf/FOLDER`; a folder is what `save_pretrained` of sentence-transformers or
transformers writes, of any age. Source: Reimers & Gurevych 2019, Sentence-BERT, arXiv:1908.10084, section 3.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from zoo.errors import ModelError, OptionError
from zoo_hub.folder import quiet
from zoo_hub.sentence_layers import Features, Pooling, layer_of, pooling_of
from zoo_hub.sentence_layout import Layout, read_layout
from zoo_hub.source import described, unchanged
from zoo_hub.texts import Reader, TextOptions, forget, taken, tokenizer, window_of
from zoo_hub.wrapping import Wrapped

ENCODER = "EncoderModel"
"""How transformers ends the names of encoders of networks that have a decoder, too."""


class SentenceOptions(TextOptions):
    """How texts are read, and what stands before each."""

    prompt: str | None = Field(
        default=None,
        description="Name of one of the encoder's prompts, which stands before every text; None: its default, if any.",
    )
    similarity: Literal["cosine"] | None = Field(
        default=None, description="cosine: compare vectors by it, even where the encoder was made for another measure."
    )


class SentenceEncoder(Wrapped):
    """A text to a vector. Its state dict is that of the transformer, as published, and of the modules behind it that have one."""

    def __init__(
        self,
        source: str,
        overflow: str = "truncate",
        window: int | None = None,
        prompt: str | None = None,
        similarity: str | None = None,
        files: str | None = None,
    ) -> None:
        """`source` is `Source.text`, `files` the hash that `described` must give."""
        super().__init__()
        folder = unchanged(source, files)
        layout = read_layout(folder)
        _check_similarity(folder, layout, similarity)
        self.body = _transformer(folder / layout.transformer)
        self.reader = _reader(folder, layout, self.body, overflow, window, prompt)
        self.layers = nn.ModuleList(_layers(folder, layout, self.reader))
        self.truncate = layout.truncate
        weighted = [self.body, *(layer for layer in self.layers if any(True for _ in layer.parameters()))]
        self._parts = list(zip(layout.prefixes.values(), weighted, strict=True))

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Vectors [b, d] of b texts, in their order; of each text as of it alone."""
        return self.reader.each(texts, self._vectors, next(self.body.parameters()).device, alone=False)

    def _vectors(self, tokens: dict[str, Tensor]) -> Tensor:
        forget(self.body)
        features: Features = {"token_embeddings": self.body(**taken(self.body, tokens)).last_hidden_state}
        for layer in self.layers:
            features = layer(features)
        return features["sentence_embedding"][:, : self.truncate]

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return {f"{prefix}{name}": tensor for prefix, part in self._parts for name, tensor in part.state_dict().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As torch does, but for what says nothing: position numbers, which older files hold, and a pooler, which is not used."""
        missing: list[str] = []
        unexpected: list[str] = []
        rest = dict(state_dict)
        for prefix, part in reversed(self._parts):  # the transformer last: it may have no prefix, and then takes what is left
            own = {name.removeprefix(prefix): rest.pop(name) for name in list(rest) if name.startswith(prefix)}
            own = self._of_transformer(own) if part is self.body else own
            found = part.load_state_dict(own, strict=False, assign=assign)
            missing += [f"{prefix}{name}" for name in found.missing_keys]
            unexpected += [f"{prefix}{name}" for name in found.unexpected_keys]
        unexpected += rest
        if strict and (missing or unexpected):
            what = (("Missing", missing), ("Unexpected", unexpected))
            raise RuntimeError("; ".join(f"{kind} key(s): {', '.join(names)}" for kind, names in what if names))
        return torch.nn.modules.module._IncompatibleKeys(missing, unexpected)

    def _of_transformer(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Its parameters, under the names of the transformer alone, with those that are stored once for several.

        Of T5 and its kin a whole network may be stored, of which only the encoder is used.
        """
        prefix = f"{self.body.base_model_prefix}."
        state = {key.removeprefix(prefix): value for key, value in state.items()}
        state = {key: value for key, value in state.items() if not key.endswith("embeddings.position_ids")}
        if type(self.body).__name__.endswith(ENCODER):
            state = {key: value for key, value in state.items() if not key.startswith(("decoder.", "lm_head."))}
        if getattr(self.body, "pooler", None) is not None and not any(key.startswith("pooler.") for key in state):
            self.body.pooler = None
        shared = getattr(self.body, "_tied_weights_keys", None)
        copies = shared.items() if isinstance(shared, Mapping) else ()
        return {**{copy: state[first] for copy, first in copies if first in state}, **state}


def _transformer(folder: Path) -> Any:
    """The transformer in a folder, in float32, without its weights yet; of T5 and its kin the encoder alone."""
    from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding
    from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES as ENCODERS

    try:
        with quiet():
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            config.dtype = torch.float32
            auto: Any = AutoModelForTextEncoding if ENCODERS.get(config.model_type, "").endswith(ENCODER) else AutoModel
            return auto.from_config(config, trust_remote_code=False).float()
    except (ValueError, OSError, KeyError, ImportError, TypeError, AttributeError) as error:
        raise ModelError(
            f"transformers cannot build the sentence encoder in {folder}: {' '.join(str(error).split())[:200]}",
            "see that its config.json is whole, and of a model that this version of transformers knows",
        ) from error


def _reader(folder: Path, layout: Layout, body: Any, overflow: str, window: int | None, prompt: str | None) -> Reader:
    """Reads texts within the window and behind the prompt that are asked for, or that the encoder declares."""
    home = folder / layout.transformer
    files, prompts = described(home), layout.prompts or {}
    own = window_of(body, layout.window or tokenizer(str(home), files, layout.lower).model_max_length)
    if window is not None and window > own:
        raise OptionError(f"a window of {window} tokens is more than the model's own, {own}", f"`options.window={own}` at most")
    if prompt is not None and prompt not in prompts:
        names = ", ".join(sorted(prompts)) or "none"
        raise OptionError(f"{folder} has no prompt {prompt!r}", f"it has: {names}")
    before = layout.prompt if prompt is None else prompts[prompt]
    return Reader(home, files, window or own, overflow, layout.lower, before)


def _layers(folder: Path, layout: Layout, reader: Reader) -> list[nn.Module]:
    if not layout.layers:
        return [Pooling()]
    made: list[nn.Module] = []
    for kind, path in layout.layers:
        if kind == "Pooling":
            modes, prompt_too = pooling_of(folder / path)
            made.append(Pooling(modes, 0 if prompt_too else reader.prompt_tokens()))
        else:
            made.append(layer_of(kind, folder / path))
    return made


def _check_similarity(folder: Path, layout: Layout, asked: str | None) -> None:
    """Raise ModelError where vectors are meant to be compared by what ranks them otherwise than the cosine."""
    alike = ("cosine", "dot", "euclidean") if layout.of_length_one else ("cosine",)
    if layout.similarity not in alike and asked is None:
        raise ModelError(
            f"{folder} says similarity_fn_name = {layout.similarity}, but vectors are compared by their cosine here",
            "compare them by that all the same: similarity=cosine",
        )
