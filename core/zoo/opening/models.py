"""Models: from a name, a weights tag or a file, or the user's own module, to something that a run can key and load."""

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zoo.data.files import package_path
from zoo.errors import ModelError, OptionError, WeightsError, ZooError
from zoo.identity.code import code_of, named_files
from zoo.identity.own import UntoldError, own_code, same
from zoo.lazy import load_target
from zoo.opening.requirements import check_requirements
from zoo.opening.weights import file_sha256, find_files, load_state, read_metadata, read_state, read_weights, weights_sha256
from zoo.seeds import seeded
from zoo.settings import checked_settings
from zoo.specs import ImageInput, ModelSpec, Weights
from zoo.tasks.base import ModelInfo

LoadFn = Callable[[], Any]
METADATA: dict[str, Any] = {"classes": tuple[str, ...] | None, "config": dict[str, Any], "input": ImageInput | None}
"""What a weights file may say of its model beside the tensors, as JSON."""


@dataclass(frozen=True)
class Model:
    """A model that a run can use: what is known before it is loaded, what its predictions depend on, and how to load it.

    `identity` is JSON; two models of equal identity predict the same.
    """

    info: ModelInfo
    identity: dict[str, Any]
    load: LoadFn
    weights_sha256: str | None = None
    weights_uri: str | None = None
    source_sha256: str | None = None
    files: frozenset[str] = field(default=frozenset(), repr=False)
    """Real paths of the files that `identity` covers."""
    doubt: str = ""
    """Why another model of equal identity may predict otherwise all the same; nothing of a run is then used again."""
    own: bool = False
    """Whether it is the user's own module, whose key stands for what it reads and draws."""
    unsafe: tuple[str, ...] = ()
    has_defaults: bool = True
    """Whether all its options are those that it has by default."""


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
    from zoo.plugins.registry import registry

    spec, tag = registry().tagged_model(name)
    choice = Choice(tag, file=Path(weights) if weights else None, allow_pickle=allow_pickle)
    model = named_model(spec, task, choice)
    loaded = model.load()
    loaded.zoo_info = model.info
    loaded.zoo_loaded = {"name": name, "task": task, "weights": weights, "allow_pickle": allow_pickle}
    return loaded


def build_model(spec: ModelSpec, task: str, config: Mapping[str, Any]) -> Any:
    """A new, untrained model: the spec's target for the task, called with the spec's config and then `config`."""
    if task not in spec.tasks:
        raise ModelError(f"{spec.name} does not {task}", f"its tasks are: {', '.join(spec.tasks)}")
    check_requirements(spec, ModelError)
    try:
        return load_target(spec.tasks[task])(**{**spec.config, **config})
    except TypeError as error:
        raise ModelError(f"{spec.name} cannot be built: {error}", f"zoo show {spec.name}") from error


def named_model(spec: ModelSpec, task: str, choice: Choice, options: Mapping[str, Any] | None = None) -> Model:
    """The model of a spec with the chosen weights."""
    if task not in spec.tasks:
        raise ModelError(f"{spec.name} does not {task}", f"its tasks are: {', '.join(spec.tasks)}")
    check_requirements(spec, ModelError)
    tag, weights = choose_weights(spec, choice)
    own = _metadata_of(choice.file)
    config = {**(weights.config if weights else {}), **own.get("config", {})}
    chosen_options = checked_options(spec, options or {})
    classes = own.get("classes") or (weights.classes if weights else None) or spec.classes
    class_ids = weights.class_ids if weights and not own.get("classes") else None
    preprocessing = own.get("input") or (weights.input if weights else None) or spec.input
    sha256 = _sha256_of(weights, choice)
    # A tag names the weights that were declared; a file of the user's own may be others, whatever its config.
    name = f"{spec.name}@{tag}" if weights and sha256 == weights.sha256 else spec.name
    declared = declared_files(spec, config, chosen_options)
    code = code_of((spec.tasks[task], spec.options), requires=spec.requires, files=declared)

    def loaded() -> Any:
        with seeded(0, name):  # what the weights do not replace is drawn alike every time
            model = build_model(spec, task, {**config, **chosen_options})
        _fill(model, name, weights, choice, sha256)
        return _in_eval(model)

    info = ModelInfo(name, spec.modality, tuple(classes) if classes else None, preprocessing, chosen_options, class_ids)
    identity = {
        "spec": spec.model_dump(mode="json", include={"name", "tasks", "config"}),
        "config": config,
        "options": chosen_options,
        "weights": sha256,
        "code": code.identity,
    }
    uri = choice.file.absolute().as_uri() if choice.file else weights.uri if weights else None
    unsafe = ("allow-pickle",) if choice.allow_pickle else ()
    has_defaults = not options or chosen_options == checked_options(spec, {})
    paths = [choice.file] if choice.file else find_files(weights, choice.data_dir) if weights else []
    files = code.files.union(os.path.realpath(path) for path in paths)
    doubt = code.doubt if spec.reuse else f"{name} declares that its predictions are not to be used again"
    return Model(info, identity, loaded, sha256, uri, code.sha256, files, doubt, unsafe=unsafe, has_defaults=has_defaults)


def own_model(
    module: Any,
    *,
    classes: Sequence[str] | str | None = None,
    input: ImageInput | None = None,
    key: str | None = None,
    name: str | None = None,
) -> Model:
    """The user's own module or callable. It is copied, so that a run leaves device, mode and layout of the original alone.

    What `zoo.load` returned keeps its name as long as it is what loading that name gives. Anything else is told by its `key`
    together with what it holds: without one, or where that cannot be told, nothing of the run is used again.
    """
    if isinstance(module, type) or not callable(module):
        raise OptionError(
            f"{module!r} is no model", "pass a name, or an instance that can be called with a batch, such as an nn.Module"
        )
    if named := _unchanged(module):
        declared = named.info.classes if classes is None else classes if isinstance(classes, str) else tuple(classes)
        return replace(named, info=replace(named.info, input=input or named.info.input, classes=declared))
    known: ModelInfo | None = getattr(module, "zoo_info", None)
    label = f"local/{name or type(module).__name__}"
    named_classes = (
        classes if isinstance(classes, str) else tuple(classes) if classes is not None else known.classes if known else None
    )
    info = ModelInfo(label, known.modality if known else None, named_classes, input or (known.input if known else None))
    identity: dict[str, Any] = {}
    source, doubt = None, f"nobody can know what {label} reads from outside: key= stands for that, and lets them be used again"
    if key:
        try:
            state, code = own_code(module)
            identity, source, doubt = {"key": key, **state, "code": code.identity}, code.sha256, code.doubt
        except UntoldError as error:
            doubt = f"{label} holds {error}, whose content cannot be told"
    return Model(info, identity, lambda: _copied(module, label), source_sha256=source, doubt=doubt, own=True)


def _unchanged(module: Any) -> Model | None:
    """The model by name that `zoo.load` returned as this module, where loading it now gives the same."""
    asked = getattr(module, "zoo_loaded", None)
    if not asked:
        return None
    from zoo.plugins.registry import registry

    try:
        spec, tag = registry().tagged_model(asked["name"])
        file = Path(asked["weights"]) if asked["weights"] else None
        model = named_model(spec, asked["task"], Choice(tag, file=file, allow_pickle=asked["allow_pickle"]))
        fresh = model.load()
    except ZooError:  # its weights are gone, its plugin is
        return None
    return replace(model, load=lambda: fresh) if same(fresh, module) else None


def declared_files(spec: ModelSpec, *settings: Mapping[str, Any]) -> dict[str, Path]:
    """Files that a spec declares, or names in its name and settings. Raises ModelError for a declared one that is absent."""
    found = named_files(spec.name, spec.config, *settings)
    for text in spec.files:
        path = (
            package_path(text.removeprefix("pkg:")) if text.startswith("pkg:") else Path(text.removeprefix("file:")).expanduser()
        )
        if not path.exists():
            raise ModelError(f"{spec.name} reads {text}, and there is no such file", f"put it there; zoo show {spec.name}")
        found |= named_files(str(path.absolute()))
    return found


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
            f"{spec.name} has several weights" + (f", none of them for {bare}" if bare else ""),
            f"name one: {spec.name}@TAG with TAG of {tags}",
        )
    return None, None


def checked_options(spec: ModelSpec, options: Mapping[str, Any]) -> dict[str, Any]:
    """The model's own options, validated and completed by its options class. Raises OptionError."""
    if spec.options is None:
        if options:
            raise OptionError(f"{spec.name} takes no options, so not {', '.join(options)}", f"leave it out; zoo show {spec.name}")
        return {}
    return checked_settings(load_target(spec.options), options, "option", spec.name).model_dump(mode="json")


def _copied(module: Any, name: str) -> Any:
    try:
        return _in_eval(copy.deepcopy(module))
    except Exception as error:
        raise ModelError(
            f"{name} cannot be copied: {error}", "a run works on a copy; drop what copy.deepcopy refuses, such as open files"
        ) from error


def _in_eval(model: Any) -> Any:
    if hasattr(model, "eval"):
        model.eval()
    return model


def _sha256_of(weights: Weights | None, choice: Choice) -> str | None:
    if choice.file is not None:
        return file_sha256(choice.file)
    return weights_sha256(weights, choice.data_dir) if weights is not None else None


def _fill(model: Any, name: str, weights: Weights | None, choice: Choice, sha256: str | None) -> None:
    """Load the chosen weights; a model with parameters never runs on random ones."""
    if choice.file is not None:
        state, _ = read_state(choice.file, sha256=sha256, allow_pickle=choice.allow_pickle)
    elif weights is not None:
        state = read_weights(weights, sha256=sha256, data_dir=choice.data_dir, allow_pickle=choice.allow_pickle)
    elif hasattr(model, "state_dict") and model.state_dict():
        raise WeightsError(
            f"{name} has parameters but no weights here, and random ones are never run", "pass --weights FILE, or train it"
        )
    else:
        return
    load_state(model, state, name)


def _metadata_of(file: Path | None) -> dict[str, Any]:
    """What `zoo train` wrote into a weights file beside the tensors: classes, config, input. Raises WeightsError."""
    if file is None:
        return {}
    found: dict[str, Any] = {}
    for key, text in read_metadata(file).items():
        if key in METADATA:
            try:
                found[key] = TypeAdapter(METADATA[key]).validate_json(text)
            except ValidationError as error:
                raise WeightsError(
                    f"{file.name}: its metadata {key!r} cannot be read", "write it as JSON, as zoo train does"
                ) from error
    return found
