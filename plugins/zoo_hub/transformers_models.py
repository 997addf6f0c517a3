"""`hf/FOLDER`, `hf/OWNER/NAME` and `hf/OWNER/NAME@REVISION`: what a configuration holds, by transformers' own lists."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from zoo.errors import ModelError
from zoo.remarks import remark
from zoo.specs import ImageInput, Modality, ModelSpec, TaskName
from zoo_hub import gguf
from zoo_hub.imagenet import ids_of
from zoo_hub.sentence_layout import Layout, read_layout
from zoo_hub.source import Source, described, find_source, refuse_code, require_tokenizer


@dataclass(frozen=True)
class Kind:
    """What models of one of transformers' lists are to us."""

    list: str
    """`transformers.models.auto.modeling_auto.MODEL_..._MAPPING_NAMES`."""
    task: TaskName
    modality: Modality
    target: str
    options: str | None = None


_TEXT = "zoo_hub.texts:TextOptions"
IMAGE_CLASSIFIER = Kind("FOR_IMAGE_CLASSIFICATION", "classify", "image", "zoo_hub.classification:TransformersImageClassifier")
SENTENCES = Kind("", "embed", "text", "zoo_hub.sentence:SentenceEncoder", "zoo_hub.sentence:SentenceOptions")
TEXT_CLASSIFIER = Kind(
    "FOR_SEQUENCE_CLASSIFICATION", "classify", "text", "zoo_hub.classification:TransformersTextClassifier", _TEXT
)
KINDS = (
    IMAGE_CLASSIFIER,
    TEXT_CLASSIFIER,
    Kind("FOR_OBJECT_DETECTION", "detect", "image", "zoo_hub.detection:TransformersDetector"),
    Kind("FOR_SEMANTIC_SEGMENTATION", "segment", "image", "zoo_hub.segmentation:TransformersSegmenter"),
    Kind("FOR_CAUSAL_LM", "generate", "text", "zoo_hub.language:TransformersLanguageModel"),
)


def resolve(name: str, rest: str) -> ModelSpec:
    """The spec of what transformers, sentence-transformers or timm has saved.

    Raises ModelError where it is something that no task here takes, or that asks for code of its own, and WeightsError where
    its weights are pickled.
    """
    if (file := gguf.named_file(rest)) is not None:
        return gguf.resolve(name, file)
    source = find_source(rest)
    config = source.json(str(PurePosixPath(read_layout(source.folder).transformer, "config.json")))
    if "architecture" in config and "architectures" not in config:
        from zoo_hub.timm_models import saved

        return saved(name, source)
    kind, architecture = _kind(source, config)
    headless = kind in (IMAGE_CLASSIFIER, TEXT_CLASSIFIER) and "Classification" not in architecture
    classes = _classes(config) if kind.task in ("classify", "detect", "segment") and not headless else None
    preparing: dict[str, Any] = {}
    images = ImageInput(channels=3) if kind.modality == "image" else None
    if kind is IMAGE_CLASSIFIER:
        from zoo_hub.preparing import declared_preprocessing

        images, preparing = declared_preprocessing(source)
    layout = read_layout(source.folder) if kind is SENTENCES else Layout()
    if kind.modality == "text":
        require_tokenizer(source.folder / layout.transformer)
    return ModelSpec(
        name=name,
        summary=f"{architecture} of {source.rest}",
        requires=("transformers>=4.45",),
        tasks={kind.task: kind.target},
        modality=kind.modality,
        config={"source": source.text, "files": described(source.folder), **preparing},
        input=images,
        options=kind.options,
        weights=source.weights(*layout.weights.values(), classes=classes, class_ids=ids_of(classes or ())),
    )


def _kind(source: Source, config: dict[str, Any]) -> tuple[Kind, str]:
    """What a configuration is to us, and its architecture."""
    from transformers.models.auto import configuration_auto
    from transformers.models.auto import modeling_auto as lists

    configurations: Any = configuration_auto
    if not config:
        if (source.folder / "model_index.json").is_file():
            raise ModelError(f"{source.rest} is a pipeline of diffusers", f"name it so: diffusers/{source.rest}")
        raise ModelError(
            f"{source.rest} has no config.json, so nobody can tell what model it is", "save_pretrained of its library writes it"
        )
    refuse_code(config, config.get("model_type") in configurations.CONFIG_MAPPING_NAMES, source.rest)
    architecture = str((config.get("architectures") or [""])[0])
    if config.get("auto_map"):
        code = f"{source.rest} brings code of its own (auto_map), which is never run"
        remark(f"{code}: transformers' {architecture} takes its weights, or the run ends", stacklevel=2)
    if not architecture and not (source.folder / "modules.json").is_file():
        raise ModelError(f"config.json of {source.rest} names no architecture", 'add "architectures": ["BertModel"] or the like')
    if (source.folder / "modules.json").is_file():
        return SENTENCES, architecture or "transformer"
    for kind in KINDS:
        if architecture in _names(getattr(lists, f"MODEL_{kind.list}_MAPPING_NAMES")):
            return kind, architecture
    encoders = _names(lists.MODEL_MAPPING_NAMES) | _names(lists.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES)
    bare = _names(lists.MODEL_FOR_MASKED_LM_MAPPING_NAMES) | _names(lists.MODEL_MAPPING_NAMES)
    if architecture in encoders - _names(lists.MODEL_FOR_IMAGE_MAPPING_NAMES):
        return SENTENCES, architecture
    for kind in (IMAGE_CLASSIFIER, TEXT_CLASSIFIER):  # a transformer without a classifier yet, which training gives it
        heads = getattr(lists, f"MODEL_{kind.list}_MAPPING_NAMES")
        if config.get("model_type") in heads and architecture in bare:
            return kind, architecture
    raise ModelError(
        f"{source.rest} is a {architecture}, which no task here takes",
        "run are image and text classifiers, detectors, segmenters, sentence encoders and causal language models",
    )


def _names(mapping: Any) -> set[str]:
    return {name for names in mapping.values() for name in ([names] if isinstance(names, str) else names)}


def _classes(config: dict[str, Any]) -> tuple[str, ...] | None:
    labels = {int(key): str(value) for key, value in (config.get("id2label") or {}).items()}
    if sorted(labels) != list(range(len(labels))) or not labels:
        return None
    return tuple(labels[i] for i in range(len(labels)))
