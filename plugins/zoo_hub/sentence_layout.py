"""What the configuration files of a sentence encoder say: its modules, and every setting that changes its vectors.

A key is applied, or the encoder is refused and the key named; what sentence-transformers itself passes over is passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from zoo.errors import ModelError
from zoo_hub.source import BY_HAND, SENTENCE_CONFIGS, WEIGHTS, part_prefix, read_json

LAYERS = ("Pooling", "Normalize", "Dense", "LayerNorm", "Dropout")
"""Modules that can stand behind the transformer."""
WEIGHTED = ("Dense", "LayerNorm")
"""Those of them that have weights."""
SETTINGS = "config_sentence_transformers.json"
_HARMLESS = {"trust_remote_code", "torch_dtype", "dtype", "attn_implementation", "device_map", "padding_side", "use_fast"}
"""Of the arguments for transformers: they change no vector but by rounding, or are the caller's to say."""
_ARGUMENTS = ("model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs")
_LAST_HIDDEN = ("last_hidden_state", ["last_hidden_state"])
_FIXED: Mapping[str, tuple[Any, ...]] = {
    "transformer_task": ("feature-extraction",),
    "module_output_name": ("token_embeddings", None),
    "processing_kwargs": ({}, None),
    "tokenizer_name_or_path": (None,),
    "query_length": (None,),
    "document_length": (None,),
    "query_expansion": (None,),
}
"""Settings of the transformer, and the values of which nothing follows."""
_APPLIED = ("max_seq_length", "do_lower_case", "modality_config", "unpad_inputs")


@dataclass(frozen=True)
class Layout:
    """A sentence encoder as its files describe it."""

    transformer: str = ""
    """The folder of the transformer, within the encoder's."""
    layers: tuple[tuple[str, str], ...] = ()
    """Kind and folder of each module behind it; none: mean pooling alone."""
    window: int | None = None
    """The most tokens of a text, where that is declared; it stands for what the tokenizer says."""
    lower: bool = False
    prompts: Mapping[str, str] | None = None
    prompt: str = ""
    """What stands before every text, unless another is asked for."""
    truncate: int | None = None
    """Of each vector so many numbers are kept, the first."""
    similarity: str = "cosine"

    @property
    def weights(self) -> dict[str, str]:
        """Folder of each module that has weights, and the file of these; the transformer first."""
        folders = [self.transformer, *(path for kind, path in self.layers if kind in WEIGHTED)]
        return {folder: str(PurePosixPath(folder, WEIGHTS)) for folder in folders}

    @property
    def prefixes(self) -> dict[str, str]:
        """Folder of each module that has weights, and what stands before the names of its parameters."""
        return {folder: part_prefix(folder) if len(self.weights) > 1 else "" for folder in self.weights}

    @property
    def of_length_one(self) -> bool:
        """Whether its vectors are scaled to length 1, so that cosine, dot product and distance rank them alike."""
        kinds = [kind for kind, _ in self.layers if kind != "Dropout"]
        return kinds[-1:] == ["Normalize"] and self.truncate is None


def read_layout(folder: Path) -> Layout:
    """The layout of a folder; without `modules.json` mean pooling alone, as sentence-transformers does.

    Raises ModelError for modules that are not known, and for settings that cannot be applied.
    """
    if not (folder / "modules.json").is_file():
        return Layout()
    modules = [(_kind(folder, module), str(module.get("path", "")).strip("/")) for module in read_json(folder / "modules.json")]
    kinds = [kind for kind, _ in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or any(kind not in LAYERS for kind in kinds[1:]) or kinds.count("Pooling") > 1:
        raise ModelError(
            f"{folder} is made of {', '.join(kinds)}",
            f"what can be run is a Transformer, Pooling, and any of {', '.join(LAYERS[1:])} behind them",
        )
    if any(Path(path).is_absolute() or ".." in Path(path).parts for _, path in modules):
        raise ModelError(f"modules.json of {folder} names folders outside of it", "get the model anew")
    transformer, layers = modules[0][1], tuple(modules[1:])
    return Layout(transformer, layers, **_of_transformer(folder / transformer), **_said(folder))


def _kind(folder: Path, module: Mapping[str, Any]) -> str:
    """The class of a module of sentence-transformers. Raises ModelError for one of somebody else: its code is not run."""
    named = str(module.get("type", ""))
    if not named.startswith("sentence_transformers."):
        raise ModelError(f"{folder} asks for code of its own in modules.json ({named}), which is never run", BY_HAND)
    return named.rpartition(".")[2]


def _of_transformer(folder: Path) -> dict[str, Any]:
    """`window` and `lower`, of the file in which sentence-transformers keeps what it knows of a transformer."""
    name = next((name for name in SENTENCE_CONFIGS if read_json(folder / name)), SENTENCE_CONFIGS[0])
    said = read_json(folder / name)
    for key, value in said.items():
        if key in _ARGUMENTS:
            for inner in sorted(set(value or {}) - _HARMLESS):
                _refuse(folder / name, f"{key}: {inner}", value[inner])
        elif value not in _FIXED.get(key, ()) and key not in _APPLIED:
            _refuse(folder / name, key, value)
    modalities = said.get("modality_config")
    text = (modalities or {}).get("text", {})
    plain = text.get("method") == "forward" and text.get("method_output_name") in _LAST_HIDDEN
    if modalities is not None and (not plain or "message" in modalities):
        _refuse(folder / name, "modality_config", modalities)
    return {"window": said.get("max_seq_length"), "lower": bool(said.get("do_lower_case"))}


def _said(folder: Path) -> dict[str, Any]:
    """What the encoder's own settings say of prompts, the length of vectors and how these are compared."""
    said = read_json(folder / SETTINGS)
    if said.get("model_type", "SentenceTransformer") != "SentenceTransformer":
        _refuse(folder / SETTINGS, "model_type", said["model_type"])
    prompts = {str(name): text or "" for name, text in (said.get("prompts") or {}).items()}
    default = said.get("default_prompt_name")
    if default is not None and default not in prompts:
        _refuse(folder / SETTINGS, "default_prompt_name", default)
    similarity = said.get("similarity_fn_name")
    return {
        "prompts": prompts,
        "prompt": prompts.get(default, ""),
        "truncate": said.get("truncate_dim"),
        "similarity": similarity if similarity in ("dot", "euclidean", "manhattan") else "cosine",
    }


def _refuse(path: Path, key: str, value: Any) -> NoReturn:
    raise ModelError(
        f"{path} says {key} = {str(value)[:80]}, which cannot be applied here",
        "load it with sentence-transformers and pass zoo.evaluate a function of texts that returns its vectors",
    )
