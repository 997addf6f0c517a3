"""Where a model by name lies: a folder, a Python package, or a repository of the Hugging Face hub at one commit."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import util
from pathlib import Path, PurePosixPath
from typing import Any

from zoo.data import hub_errors, hub_reachable, offline_forced
from zoo.errors import ModelError, UnknownNameError, WeightsError
from zoo.specs import Weights, WeightsPart

TOKENIZER = (
    "tokenizer.json", "tokenizer_config.json",
    "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model",
    "sentencepiece.model", "spm.model", "bpe.codes",
)  # fmt: skip
"""Any of these makes a tokenizer."""
TOKENIZER_HINT = "get its tokenizer files, too: tokenizer.json, tokenizer_config.json"
SENTENCE_CONFIGS = tuple(
    f"sentence_{kind}_config.json" for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
"""Where sentence-transformers keeps what it knows of a transformer; the first that is there counts."""
DESCRIPTIONS = (
    "config.json", "model_index.json", "*/config.json", "scheduler/scheduler_config.json", "generation_config.json",
    "preprocessor_config.json", "processor_config.json",
    "modules.json", "config_sentence_transformers.json", *SENTENCE_CONFIGS, *(f"*/{name}" for name in SENTENCE_CONFIGS),
    *TOKENIZER, "special_tokens_map.json", "added_tokens.json",
    "*/preprocessor_config.json", *(f"*/{name}" for name in TOKENIZER), "*/special_tokens_map.json", "*/added_tokens.json",
)  # fmt: skip
"""What determines a model's predictions beside its weights and our code, whatever library wrote it."""
WEIGHTS = "model.safetensors"
Names = tuple[str, ...] | None
BY_HAND = (
    "where you trust it, load it yourself and pass zoo.evaluate a function that returns what the task asks for, such as "
    "lambda images: model(images).logits"
)
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


@dataclass(frozen=True)
class Source:
    """A model's files. `text` names them in a spec: a path, `pkg:package/folder` or `hf://repository@commit`."""

    text: str
    rest: str
    """As the user named it."""
    folder: Path
    remote: bool = False

    def json(self, name: str) -> Any:
        """The content of a JSON file; {} where there is none. Raises ModelError where it is damaged."""
        return read_json(self.folder / name)

    def weights(self, *names: str, classes: Names = None, class_ids: Names = None) -> dict[str, Weights]:
        """The weights in `model.safetensors`, or those of some networks at `NETWORK/FILE`; each may be in several files.

        Raises WeightsError where there are pickled ones only, or a file that an index names is absent.
        """
        found = [(name, file) for name in names or (WEIGHTS,) for file in self._files(name)]
        several = len(names) > 1
        parts = tuple(
            WeightsPart(uri=self._uri(file), prefix=part_prefix(name.rpartition("/")[0]) if several else "")
            for name, file in found
        )
        weights = Weights(
            uri=parts[0].uri if len(parts) == 1 else self._uri(),
            parts=tuple(parts) if len(parts) > 1 else (),
            sha256=None,
            licence="As its model card says.",
            source=self.rest,
            classes=classes,
            class_ids=class_ids,
        )
        return {"pretrained": weights}

    def _uri(self, name: str = "") -> str:
        return f"{self.text}/{name}" if self.remote else f"file:{self.folder / name}"

    def _files(self, name: str) -> list[str]:
        """The safetensors file of a name, or those named by the index that is in its place."""
        if (self.folder / name).is_file():
            return [name]
        index = self.json(f"{name}.index.json")
        if not index:
            if not self.remote:  # of the hub only what describes the model is here yet
                self._refuse(self.folder / name)
            return [name]
        named = index.get("weight_map") if isinstance(index, dict) else None
        files = sorted({str(file) for file in named.values()}) if isinstance(named, dict) else []
        if not files or any(Path(file).name != file or not file.endswith(".safetensors") for file in files):
            raise WeightsError(f"{name}.index.json of {self.rest} names no safetensors files beside it", "get the model anew")
        absent = [] if self.remote else [file for file in files if not (self.folder / name).with_name(file).is_file()]
        if absent:
            raise WeightsError(
                f"{self.rest} lacks {', '.join(absent[:3])}, which {name}.index.json names", "get the missing files"
            )
        return [str(PurePosixPath(name).with_name(file)) for file in files]

    def _refuse(self, wanted: Path) -> None:
        pickles = sorted(path.name for pattern in PICKLES for path in wanted.parent.glob(pattern))
        if pickles:
            raise WeightsError(
                f"{wanted.parent} has no {wanted.name}, only {', '.join(pickles)}: pickles, which can run code of their author",
                "where you trust them, load them with the library that wrote them and save again as safetensors",
            )
        raise WeightsError(
            f"{wanted.parent} has no {wanted.name}", "save_pretrained of the library that made the model writes it"
        )


def find_source(rest: str, namespace: str = "hf") -> Source:
    """The source of what follows `hf/`, or another namespace: a folder, or `OWNER/NAME` or `OWNER/NAME@REVISION` on the hub.

    Raises UnknownNameError where there is no such repository or revision, WeightsError where the hub cannot be asked.
    """
    folder = Path(rest).expanduser().absolute()
    if folder.is_dir():
        return Source(str(folder), rest, folder)
    if Path(rest).is_absolute() or rest.startswith(("~", ".")) or folder.exists():
        raise UnknownNameError(f"there is no folder {folder}", "name the folder that holds config.json")
    repository, _, revision = rest.partition("@")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", repository):
        raise UnknownNameError(
            f"{rest!r} is neither a folder nor a repository", f"write {namespace}/OWNER/NAME or {namespace}/FOLDER"
        )
    snapshot = _snapshot(repository, revision or None, namespace)
    return Source(f"hf://{repository}@{snapshot.name}", rest, snapshot, remote=True)


def folder_of(text: str) -> Path:
    """The folder that `Source.text` names. Raises ModelError where there is none."""
    if text.startswith("hf://"):
        repository, _, commit = text.removeprefix("hf://").partition("@")
        folder = _snapshot(repository, commit)
    elif text.startswith("pkg:"):
        package, _, inside = text.removeprefix("pkg:").partition("/")
        found = util.find_spec(package)
        folder = Path(next(iter(found.submodule_search_locations or ()), "")) / inside if found else Path(inside)
    else:
        folder = Path(text)
    if not any((folder / name).is_file() for name in ("config.json", "model_index.json", "modules.json")):
        raise ModelError(f"there is no config.json in {folder}, so no model", "name the folder that holds it")
    return folder


def part_prefix(folder: str) -> str:
    """What stands before the names of the parameters of a network that is one of several, by its folder; "" at the root."""
    return f"{folder}." if folder else ""


def require_tokenizer(folder: Path) -> None:
    """Raise ModelError where a folder has no tokenizer: transformers would make up an empty one, or ask the hub."""
    if not any((folder / name).is_file() for name in TOKENIZER):
        raise ModelError(f"{folder} has no tokenizer", TOKENIZER_HINT)


def described(folder: Path) -> str:
    """SHA-256 over the names and contents of the files of `DESCRIPTIONS` in a folder."""
    paths = sorted({path for pattern in DESCRIPTIONS for path in folder.glob(pattern) if path.is_file()})
    found = hashlib.sha256()
    for path in paths:
        found.update(f"{path.relative_to(folder).as_posix()}:{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def unchanged(text: str, files: str | None) -> Path:
    """The folder that a spec was made from. Raises ModelError where its description is no more what `described` gave then."""
    folder = folder_of(text)
    if files is not None and files != described(folder):
        raise ModelError(f"the configuration in {folder} has changed meanwhile", "start again")
    return folder


def refuse_code(config: Mapping[str, Any], known: bool, who: str) -> None:
    """Raise ModelError for a model that its library does not know, and that brings code of its own instead."""
    if config.get("auto_map") and not known:
        raise ModelError(
            f"{who} asks for code that comes with it (auto_map), which is never run",
            BY_HAND,
        )


def read_json(path: Path) -> Any:
    """The content of a JSON file; {} where there is none. Raises ModelError where it is damaged."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", "get the model anew") from error
    if not isinstance(content, (dict, list)):
        raise ModelError(f"{path} holds {type(content).__name__}, not a description", "get the model anew")
    return content


def _snapshot(repository: str, revision: str | None, namespace: str = "hf") -> Path:
    """A folder, named by its commit, with what describes a repository. From the hub, else from the hub's cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    forced = offline_forced()
    offline = forced or not hub_reachable()
    try:
        return Path(
            snapshot_download(
                repository,
                revision=revision,
                allow_patterns=[*DESCRIPTIONS, "*.safetensors.index.json"],
                local_files_only=offline,
            )
        )
    except GatedRepoError as error:
        hint = f"accept its terms at huggingface.co/{repository}, then: hf auth login"
        raise UnknownNameError(f"{repository} is open only to those who accept its terms", hint) from error
    except RevisionNotFoundError as error:
        raise UnknownNameError(f"{repository} has no revision {revision!r}", f"see huggingface.co/{repository}") from error
    except RepositoryNotFoundError as error:
        raise UnknownNameError(f"the hub has no public repository {repository!r}", "see huggingface.co/models") from error
    except hub_errors() as error:
        reason = str(error).strip().partition("\n")[0]
        reason = "no connection" if offline else reason
        why = "ZOO_OFFLINE forbids to ask the hub" if forced else f"the hub cannot be asked: {reason}"
        raise WeightsError(
            f"{repository} is no folder and not in the hub's cache, and {why}",
            f"where there is a connection: hf download {repository} --local-dir FOLDER, then name it: {namespace}/FOLDER",
        ) from error
