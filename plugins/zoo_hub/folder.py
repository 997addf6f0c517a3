"""Vision models of transformers as their authors save them: configuration, preprocessing and weights in one folder."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from zoo.errors import ModelError, WeightsError
from zoo.specs import ImageInput, ModelSpec, TaskName, Weights

DESCRIPTIONS = ("config.json", "preprocessor_config.json")
WEIGHTS = "model.safetensors"
_SAFE = "its authors can publish model.safetensors: transformers' save_pretrained writes it"


class FolderModel(nn.Module):
    """A model of transformers, built from the configuration in a folder. Its state dict is transformers' own."""

    auto: ClassVar[str]
    """The class of transformers that builds it."""
    kind: ClassVar[str]
    """What it is, in messages."""

    def __init__(self, source: str, files: str | None = None) -> None:
        """`source` is the folder of its configuration, `files` the hash that `described` must give."""
        super().__init__()
        import transformers

        self.source = source
        if files is not None and files != described(Path(source)):
            raise ModelError(f"the configuration in {source} has changed meanwhile", "start again")
        try:
            config = transformers.AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False)
            if getattr(config, "use_pretrained_backbone", False):
                config.use_pretrained_backbone = False  # the weights hold the backbone, too
            self.body: Any = getattr(transformers, self.auto).from_config(config, trust_remote_code=False)
        except (ValueError, OSError, KeyError, ImportError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"transformers cannot build the {self.kind} in {source} by itself: {reason}",
                "code that comes with a model is never run; take one that transformers knows",
            ) from error

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


def folder_spec(name: str, rest: str, ending: str, task: TaskName, target: str) -> ModelSpec | None:
    """The spec of `hf/REPOSITORY` or `hf/FOLDER`; None where its architecture has no such ending.

    Raises WeightsError where the folder's weights are pickled.
    """
    folder, commit = Path(rest).expanduser().absolute(), None
    if not folder.is_dir():
        from zoo_hub.repository import descriptions

        folder, commit = descriptions(rest, DESCRIPTIONS)
    config = _json(folder / "config.json")
    architecture = str((config.get("architectures") or [""])[0])
    if not architecture.endswith(ending):
        return None
    if not commit and not (folder / WEIGHTS).is_file():
        found = ", ".join(sorted(path.name for path in folder.glob("*.bin"))) or "none"
        raise WeightsError(f"{folder} has no {WEIGHTS}; pickled weights, which are never read, it has: {found}", _SAFE)
    labels = {int(key): str(value) for key, value in config.get("id2label", {}).items()}
    classes = tuple(labels[i] for i in range(len(labels))) if sorted(labels) == list(range(len(labels))) else ()
    return ModelSpec(
        name=name,
        summary=f"{architecture} of {rest}",
        requires=("transformers>=4.45",),
        tasks={task: target},
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
    """SHA-256 over the files beside the weights that determine the predictions."""
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
