"""Models: from a name, a weights tag or a file, or the user's own module, to something that a run can key and load."""

import copy
import hashlib
import inspect
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import Any
from uuid import uuid4

from packaging.requirements import Requirement
from pydantic import ValidationError

from zoo.errors import ModelError, OptionError, WeightsError
from zoo.names import split_tag
from zoo.specs import ImageInput, ModelSpec, Weights
from zoo.targets import load_target
from zoo.tasks import ModelInfo
from zoo.weights import find_weights, load_state, read_metadata, read_state

LoadFn = Callable[[], Any]


@dataclass(frozen=True)
class Model:
    """A model that a run can use: what is known before it is loaded, what its predictions depend on, and how to load it.

    `identity` is JSON; two models of equal identity predict the same. `resumable` is False where no identity could be found.
    """

    info: ModelInfo
    identity: dict[str, Any]
    load: LoadFn
    weights_sha256: str | None = None
    weights_uri: str | None = None
    source_sha256: str | None = None
    unsafe: tuple[str, ...] = ()
    resumable: bool = True


@dataclass(frozen=True)
class Choice:
    """Which of a model's weights to take: a tag, a dataset whose name picks the tag, or a file of the user's own."""

    tag: str | None = None
    dataset: str = ""
    file: Path | None = None
    allow_pickle: bool = False
    data_dir: str | os.PathLike[str] | None = field(default=None, repr=False)


def load(name: str, *, task: str = "classify", weights: str | os.PathLike[str] | None = None, allow_pickle: bool = False) -> Any:
    """The model of a name (`cnn/lenet5@mnist`), with its weights, in `eval` mode, on the CPU.

    Raises UnknownNameError, WeightsError or ModelError.
    """
    from zoo.registry import registry

    base, tag = split_tag(name)
    choice = Choice(tag, file=Path(weights) if weights else None, allow_pickle=allow_pickle)
    return named_model(registry().model(base), task, choice).load()


def build_model(spec: ModelSpec, task: str, config: Mapping[str, Any]) -> Any:
    """A new, untrained model: the spec's target for the task, called with the spec's config and then `config`."""
    if task not in spec.tasks:
        raise ModelError(f"{spec.name} does not {task}", f"its tasks are: {', '.join(spec.tasks)}")
    try:
        return load_target(spec.tasks[task])(**{**spec.config, **config})
    except TypeError as error:
        raise ModelError(f"{spec.name} cannot be built: {error}", f"zoo show {spec.name}") from error


def named_model(spec: ModelSpec, task: str, choice: Choice, options: Mapping[str, Any] | None = None) -> Model:
    """The model of a spec with the chosen weights."""
    if task not in spec.tasks:
        raise ModelError(f"{spec.name} does not {task}", f"its tasks are: {', '.join(spec.tasks)}")
    tag, weights = choose_weights(spec, choice)
    own = _metadata_of(choice.file)
    config = {**(weights.config if weights else {}), **own.get("config", {})}
    chosen_options = checked_options(spec, options or {})
    classes = own.get("classes") or (weights.classes if weights else None)
    preprocessing = own.get("input") or (weights.input if weights else None) or spec.input
    name = f"{spec.name}@{tag}" if tag else spec.name
    sha256 = _file_sha256(choice.file) if choice.file else weights.sha256 if weights else None
    source = package_sha256(spec.tasks[task])

    def loaded() -> Any:
        model = build_model(spec, task, {**config, **chosen_options})
        _fill(model, name, weights, choice, sha256)
        return finished(model, info)

    info = ModelInfo(name, spec.modality, tuple(classes) if classes else None, preprocessing, chosen_options)
    identity = {
        "spec": spec.model_dump(mode="json", include={"name", "tasks", "config"}),
        "config": config,
        "options": chosen_options,
        "weights": sha256,
        "source": source,
        "libraries": library_versions(spec.requires),
    }
    uri = choice.file.absolute().as_uri() if choice.file else weights.uri if weights else None
    return Model(info, identity, loaded, sha256, uri, source, ("allow-pickle",) if choice.allow_pickle else ())


def own_model(
    module: Any, *, classes: Sequence[str] | str | None = None, input: ImageInput | None = None, key: str | None = None
) -> Model:
    """The user's own module or callable. It is copied, so that a run leaves device, mode and layout of the original alone."""
    known: ModelInfo | None = getattr(module, "zoo_info", None)
    name = known.name if known else f"local/{type(module).__name__}"
    named = classes if isinstance(classes, str) else tuple(classes) if classes is not None else known.classes if known else None
    info = ModelInfo(name, known.modality if known else None, named, input or (known.input if known else None))
    identity = {"key": key} if key else module_identity(module)
    resumable = identity is not None
    source = identity.get("source") if identity else None
    return Model(
        info,
        identity or {"unknown": uuid4().hex},
        lambda: finished(copy.deepcopy(module), info),
        source_sha256=source,
        resumable=resumable,
    )


def choose_weights(spec: ModelSpec, choice: Choice) -> tuple[str | None, Weights | None]:
    """Tag and weights: by tag, else by the dataset's bare name, else the only ones there are."""
    tags = ", ".join(spec.weights)
    if choice.tag is not None:
        if choice.tag not in spec.weights:
            hint = f"its tags are: {tags}" if tags else f"it ships without weights; zoo show {spec.name}"
            raise WeightsError(f"{spec.name} has no weights {choice.tag!r}", hint)
        return choice.tag, spec.weights[choice.tag]
    bare = choice.dataset.rpartition("/")[2]
    if bare in spec.weights:
        return bare, spec.weights[bare]
    if len(spec.weights) == 1:
        return next(iter(spec.weights.items()))
    if spec.weights and choice.file is None:
        raise WeightsError(
            f"{spec.name} has several weights, none of them for {bare or 'no dataset'}",
            f"name one: {spec.name}@TAG with TAG of {tags}",
        )
    return None, None


def checked_options(spec: ModelSpec, options: Mapping[str, Any]) -> dict[str, Any]:
    """The model's own options, validated and completed by its options class. Raises OptionError."""
    if spec.options is None:
        if options:
            raise OptionError(f"{spec.name} takes no options, so not {', '.join(options)}")
        return {}
    options_class = load_target(spec.options)
    try:
        checked: dict[str, Any] = options_class.model_validate(dict(options)).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(options_class.model_fields)
        raise OptionError(
            f"option {'.'.join(map(str, first['loc']))} of {spec.name}: {first['msg']}", f"its options are: {known}"
        ) from error
    return checked


def finished(model: Any, info: ModelInfo) -> Any:
    """The model in `eval` mode, carrying what is known of it, so that it can be handed to `zoo.evaluate` again."""
    if hasattr(model, "eval"):
        model.eval()
    model.zoo_info = info
    return model


def package_sha256(target: str) -> str:
    """SHA-256 over the `.py` files of the package that a target lives in. Not imported."""
    module = target.partition(":")[0]
    top = util.find_spec(module.partition(".")[0])
    folders = list(top.submodule_search_locations or ()) if top else []
    files = [path for folder in folders for path in Path(folder).rglob("*.py")]
    if not files and top and top.origin:
        files = [Path(top.origin)]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def library_versions(requires: Sequence[str]) -> dict[str, str]:
    """Major versions of torch and of what a model requires: another major version may predict otherwise."""
    names = ["torch", *(Requirement(text).name for text in requires)]
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name).partition(".")[0]
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def module_identity(module: Any) -> dict[str, Any] | None:
    """Hash of an nn.Module's tensors, settings and source; None where it is no module or its source is not to be had."""
    import torch

    if not isinstance(module, torch.nn.Module):
        return None
    digest, source = hashlib.sha256(), hashlib.sha256()
    for name, tensor in module.state_dict().items():
        if not isinstance(tensor, torch.Tensor):
            return None
        digest.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    for name, part in module.named_modules():
        plain = {
            key: value
            for key, value in vars(part).items()
            if isinstance(value, (int, float, str, bool, tuple)) and key != "training"
        }
        digest.update(f"{name}{type(part).__qualname__}{part.extra_repr()}{sorted(plain.items(), key=str)}".encode())
    for part_class in sorted({type(part) for part in module.modules()}, key=lambda found: found.__qualname__):
        if part_class.__module__.startswith("torch."):
            continue
        try:
            source.update(inspect.getsource(part_class).encode())
        except (OSError, TypeError):
            return None
    return {"state": digest.hexdigest(), "source": source.hexdigest(), "libraries": library_versions(())}


def _fill(model: Any, name: str, weights: Weights | None, choice: Choice, sha256: str | None) -> None:
    """Load the chosen weights; a model with parameters never runs on random ones."""
    if choice.file is not None:
        state, _ = read_state(choice.file, sha256=sha256, allow_pickle=choice.allow_pickle)
    elif weights is not None:
        state, _ = read_state(find_weights(weights, choice.data_dir), sha256=weights.sha256, allow_pickle=choice.allow_pickle)
    elif hasattr(model, "state_dict") and model.state_dict():
        raise WeightsError(
            f"{name} has parameters but no weights here, and random ones are never run", "pass --weights FILE, or train it"
        )
    else:
        return
    load_state(model, state, name)


def _metadata_of(file: Path | None) -> dict[str, Any]:
    """What `zoo train` wrote into a weights file beside the tensors: classes, config, input."""
    if file is None:
        return {}
    found = {key: json.loads(text) for key, text in read_metadata(file).items() if key in ("classes", "config", "input")}
    if found.get("input"):
        found["input"] = ImageInput.model_validate(found["input"])
    return found


def _file_sha256(file: Path) -> str:
    try:
        with open(file, "rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"cannot read the weights {file}: {error.strerror or error}", "give the path of a file that is there"
        ) from error
