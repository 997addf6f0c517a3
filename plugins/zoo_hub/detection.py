"""Detectors by name: `torchvision/NAME` of torchvision.models.detection, `hf/REPOSITORY` and `hf/FOLDER` of the DETR family."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from zoo.errors import ModelError, WeightsError
from zoo.specs import ImageInput, ModelSpec, Weights
from zoo.tasks.detect import Boxes

DESCRIPTIONS = ("config.json", "preprocessor_config.json")
WEIGHTS = "model.safetensors"
_SAFE = "its authors can publish model.safetensors: transformers' save_pretrained writes it"


class TorchvisionDetector(nn.Module):
    """A detector of torchvision, which normalises and resizes inside. Its state dict is torchvision's own.

    `frozen_eps` replaces the epsilon of the backbone's batch normalisation, which torchvision does for its oldest weights.
    """

    def __init__(self, name: str, classes: int, frozen_eps: float | None = None) -> None:
        super().__init__()
        from torchvision import models

        self.body = models.get_model(name, weights=None, weights_backbone=None, num_classes=classes)
        if frozen_eps is not None:
            for layer in self.body.backbone.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eps = frozen_eps

    def forward(self, images: Sequence[Tensor]) -> list[Boxes]:
        """Boxes of images [3, h, w] in [0, 1], of any size."""
        return [Boxes(found["boxes"], found["labels"], found["scores"]) for found in self.body(list(images))]

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.body.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        return self.body.load_state_dict(state_dict, strict=strict, assign=assign)


def resolve_torchvision(name: str, rest: str) -> ModelSpec | None:
    """The spec of `torchvision/NAME`, with the weights and classes that torchvision declares; None where it is no detector."""
    from torchvision import models

    if rest not in models.list_models(module=models.detection):
        return None
    declared = list(models.get_model_weights(rest))
    # Trained with frozen batch normalisation, these oldest weights have their epsilon folded in; see torchvision's builders.
    folded = rest in ("fasterrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn", "retinanet_resnet50_fpn")
    weights = {
        entry.name.lower(): Weights(
            uri=entry.url,
            sha256=None,
            licence="BSD-3-Clause, as torchvision; trained on COCO.",
            source=f"torchvision {type(entry).__name__}.{entry.name}, {entry.meta['recipe']}",
            classes=tuple(entry.meta["categories"]),
            config={"frozen_eps": 0.0} if folded and entry.name == "COCO_V1" else {},
        )
        for entry in declared
    }
    return ModelSpec(
        name=name,
        summary=f"{rest} of torchvision, {declared[-1].meta['num_params']:,} parameters",
        requires=("torchvision>=0.25",),
        tasks={"detect": "zoo_hub.detection:TorchvisionDetector"},
        modality="image",
        config={"name": rest, "classes": len(declared[-1].meta["categories"])},
        input=ImageInput(channels=3),
        weights=weights,
    )


class TransformersDetector(nn.Module):
    """A detector of transformers with the preprocessing of its own folder. Its state dict is transformers' own."""

    def __init__(self, source: str, files: str | None = None) -> None:
        """`source` is the folder of its configuration, `files` the hash that `described` must give."""
        super().__init__()
        from transformers import AutoConfig, AutoModelForObjectDetection

        self.source = source
        if files is not None and files != described(Path(source)):
            raise ModelError(f"the configuration in {source} has changed meanwhile", "start again")
        try:
            config = AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False)
            if getattr(config, "use_pretrained_backbone", False):
                config.use_pretrained_backbone = False  # the weights hold the backbone, too
            auto: Any = AutoModelForObjectDetection
            self.body = auto.from_config(config, trust_remote_code=False)
        except (ValueError, OSError, KeyError, ImportError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"transformers cannot build the detector in {source} by itself: {reason}",
                "code that comes with a model is never run; take one that transformers knows",
            ) from error

    def forward(self, images: Sequence[Tensor]) -> list[Boxes]:
        """Boxes of images [3, h, w] in [0, 1], of any size; all that the model proposes, however unsure."""
        bytes_ = [(image * 255).round().byte() for image in images]  # resized as they were in training
        prepared = processor(self.source)(images=bytes_, return_tensors="pt", input_data_format="channels_first")
        said = self.body(**prepared.to(next(self.body.parameters()).device))
        sizes = [tuple(image.shape[1:]) for image in images]
        results = processor(self.source).post_process_object_detection(said, threshold=0.0, target_sizes=sizes)
        return [Boxes(found["boxes"], found["labels"], found["scores"]) for found in results]

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.body.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """By transformers, which knows the names of older files and parameters that are shared; strictly all the same."""
        with _quiet():
            loaded, report = type(self.body).from_pretrained(
                None, config=self.body.config, state_dict=dict(state_dict), output_loading_info=True
            )
        wrong = {kind: sorted(map(str, report[f"{kind}_keys"])) for kind in ("missing", "unexpected", "mismatched")}
        if strict and any(wrong.values()):
            problem = "; ".join(f"{len(keys)} {kind} ({', '.join(keys[:3])})" for kind, keys in wrong.items() if keys)
            raise WeightsError(
                f"these weights are not those of {self.source}: {problem}", "take those of this very configuration"
            )
        self.body = loaded.eval()
        return nn.modules.module._IncompatibleKeys([], [])


def resolve_transformers(name: str, rest: str) -> ModelSpec | None:
    """The spec of `hf/REPOSITORY` or `hf/FOLDER`; None where it holds no detector.

    Raises WeightsError where the folder's weights are pickled.
    """
    folder, commit = Path(rest).expanduser().absolute(), None
    if not folder.is_dir():
        from zoo_hub.repository import descriptions

        folder, commit = descriptions(rest, DESCRIPTIONS)
    config = _json(folder / "config.json")
    architecture = str((config.get("architectures") or [""])[0])
    if not architecture.endswith("ForObjectDetection"):
        return None
    if not commit and not (folder / WEIGHTS).is_file():
        found = ", ".join(sorted(path.name for path in folder.glob("*.bin"))) or "none"
        raise WeightsError(f"{folder} has no {WEIGHTS}; pickled weights, which are never read, it has: {found}", _SAFE)
    labels = {int(key): str(value) for key, value in config.get("id2label", {}).items()}
    classes = tuple(labels[i] for i in range(len(labels))) if sorted(labels) == list(range(len(labels))) else ()
    return ModelSpec(
        name=name,
        summary=f"Detector of {rest}, {architecture}",
        requires=("transformers>=4.45",),
        tasks={"detect": "zoo_hub.detection:TransformersDetector"},
        modality="image",
        config={"source": str(folder), "files": described(folder)},
        input=ImageInput(channels=3),
        weights={
            "pretrained": Weights(
                uri=f"hf://{rest}@{commit}/{WEIGHTS}" if commit else f"file:{folder / WEIGHTS}",
                sha256=None,
                licence="As its model card says.",
                source=rest,
                classes=classes or None,
            )
        },
    )


def described(folder: Path) -> str:
    """SHA-256 over the files beside the weights that determine the boxes."""
    parts = [(folder / name).read_bytes() if (folder / name).is_file() else b"absent" for name in DESCRIPTIONS]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


@lru_cache(maxsize=4)
def processor(source: str) -> Any:
    """The preprocessing of a folder. Kept apart from the model, so that that can be hashed and copied."""
    import transformers

    auto: Any = transformers.AutoImageProcessor
    return auto.from_pretrained(source, local_files_only=True, trust_remote_code=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and reports of transformers: what is wrong is raised."""
    from transformers import utils

    logging: Any = utils.logging
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def _json(path: Path) -> Any:
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", "get the model anew") from error
