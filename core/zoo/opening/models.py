"""Models: from a name, a weights tag or a file, to something that a run can key and load."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from zoo.data.files import package_path
from zoo.errors import ModelError, OptionError, WeightsError
from zoo.identity.code import code_of, named_files
from zoo.lazy import load_target
from zoo.opening.class_names import respelled
from zoo.opening.output_names import output_names
from zoo.opening.parts import facts_of_parts, handed_over, open_parts
from zoo.opening.requirements import check_requirements
from zoo.opening.weights import find_files, load_state, read_weights, weights_sha256
from zoo.opening.weights_choice import Choice, choose_weights
from zoo.opening.weights_own import OwnFile, dict_of, open_own, outputs_parameter, told_by
from zoo.options import checked_settings
from zoo.seeds import seeded
from zoo.specs import ModelSpec, Weights
from zoo.tasks.base import ModelInfo

if TYPE_CHECKING:
    from pydantic import BaseModel

    from zoo.tasks import Attacker, Classifier, Detector, Embedder, Segmenter

LoadFn = Callable[[], Any]


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
    config: Mapping[str, Any] = field(default_factory=dict)
    """What a file of weights changes of the network that the name stands for: `{"depth": 56}`."""
    notes: tuple[str, ...] = ()
    """What a reader of its score must know: which weights of a file were taken, whose class names, which pixels."""
    parts: "Mapping[str, Model]" = field(default_factory=dict)
    """Models inside it, by what names them: `attacks.0`."""
    distribution: str = ""
    """Of whose plugin it is, with its version: `zoo-good 1.0`; empty of the user's own."""

    def spelled(self, classes: Sequence[str]) -> "Model":
        """The same model with its class names in the spelling of a dataset's, where they differ in that alone."""
        names, ids = self.info.classes, self.info.class_ids or ()
        if not isinstance(names, tuple) or set(classes) <= set(ids):
            return self
        found, note = respelled(names, classes)
        return replace(self, info=replace(self.info, classes=found), notes=(*self.notes, note)) if note else self


class Own(TypedDict, total=False):
    """What `load` is told of weights of one's own."""

    weights: str | os.PathLike[str] | None
    weights_key: str | None
    classes: Sequence[str] | str | os.PathLike[str] | None
    allow_pickle: bool


@overload
def load(name: str, *, task: Literal["classify"] = "classify", **own: Unpack[Own]) -> "Classifier": ...
@overload
def load(name: str, *, task: Literal["detect"], **own: Unpack[Own]) -> "Detector": ...
@overload
def load(name: str, *, task: Literal["segment"], **own: Unpack[Own]) -> "Segmenter": ...
@overload
def load(name: str, *, task: Literal["embed"], **own: Unpack[Own]) -> "Embedder": ...
@overload
def load(name: str, *, task: Literal["attack"], **own: Unpack[Own]) -> "Attacker": ...
@overload
def load(name: str, *, task: str, **own: Unpack[Own]) -> Any: ...
def load(
    name: str,
    *,
    task: str = "classify",
    weights: str | os.PathLike[str] | None = None,
    weights_key: str | None = None,
    classes: Sequence[str] | str | os.PathLike[str] | None = None,
    allow_pickle: bool = False,
) -> Any:
    """The model of a name (`cnn/lenet5@mnist`), with its weights, in `eval` mode, on the CPU.

    `weights` is a file of your own, `weights_key` says which of several sets in it, `classes` names its outputs in order.
    Raises UnknownNameError, WeightsError or ModelError.
    """
    from zoo.plugins.registry import registry

    spec, tag = registry().tagged_model(name)
    file = Path(weights) if weights else None
    choice = Choice(tag, file=file, allow_pickle=allow_pickle, key=weights_key, classes=classes)
    model = named_model(spec, task, choice)
    loaded = model.load()
    loaded.zoo_info = model.info
    loaded.zoo_loaded = {
        "name": name,
        "task": task,
        "weights": weights,
        "weights_key": weights_key,
        "classes": classes,
        "allow_pickle": allow_pickle,
    }
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
    told = told_by(choice.file)
    declared = {**spec.config, **(weights.config if weights else {})}
    config = {**declared, **told.get("config", {})}
    settings = _settings(spec, options or {})
    chosen_options = settings.model_dump(mode="json") if settings is not None else {}
    parts = open_parts(spec, settings)
    sizable = choice.file is not None or choice.classes is not None
    sized_by = (spec.outputs or outputs_parameter(load_target(spec.tasks[task]))) if sizable else None
    own = _opened(spec, task, choice, {**config, **chosen_options}, sized_by)
    if own is not None and own.outputs is not None:
        config[sized_by or ""] = own.outputs
    outputs = config.get(sized_by) if sized_by else None
    classes, class_ids, named = output_names(spec, task, weights, choice, own, told.get("classes"), outputs)
    preprocessing = told.get("input") or (weights.input if weights else None) or spec.input
    sha256 = own.sha256 if own else weights_sha256(weights, choice.data_dir) if weights else None
    # A tag names the weights that were declared; a file of the user's own may be others, whatever its config.
    name = f"{spec.name}@{tag}" if weights and sha256 == weights.sha256 else spec.name
    read = declared_files(spec, config, chosen_options)
    code = code_of((spec.tasks[task], spec.options), requires=spec.requires, files=read)

    def loaded() -> Any:
        with seeded(0, name):  # what the weights do not replace is drawn alike every time
            model = build_model(spec, task, {**config, **chosen_options, **handed_over(settings)})
        _fill(model, name, weights, choice, own, sha256)
        return in_eval(model)

    identity = {
        "spec": spec.model_dump(mode="json", include={"name", "tasks", "config"}),
        "config": config,
        "options": chosen_options,
        "weights": sha256,
        "weights_key": own.key if own else choice.key,
        "code": code.identity,
        **({"parts": facts_of_parts(parts)} if parts else {}),
    }
    doubt = code.doubt if spec.reuse else f"{name} declares that its predictions are not to be used again"
    uri = choice.file.absolute().as_uri() if choice.file else weights.uri if weights else None
    paths = [choice.file] if choice.file else find_files(weights, choice.data_dir) if weights else []
    return Model(
        ModelInfo(name, spec.modality, classes, preprocessing, chosen_options, class_ids),
        identity,
        loaded,
        sha256,
        uri,
        code.sha256,
        files=code.files.union((os.path.realpath(path) for path in paths), *(part.files for part in parts.values())),
        doubt="; ".join(filter(None, [doubt, *(part.doubt for part in parts.values())])),
        unsafe=("allow-pickle",) if choice.allow_pickle else (),
        has_defaults=not options or chosen_options == checked_options(spec, {}),
        config={key: value for key, value in config.items() if key not in declared or declared[key] != value},
        notes=(*(own.notes if own else ()), *named),
        parts=parts,
        distribution=_distribution(spec.name),
    )


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


def checked_options(spec: ModelSpec, options: Mapping[str, Any]) -> dict[str, Any]:
    """The model's own options, validated and completed by its options class. Raises OptionError."""
    settings = _settings(spec, options)
    return settings.model_dump(mode="json") if settings is not None else {}


def _settings(spec: ModelSpec, options: Mapping[str, Any]) -> "BaseModel | None":
    if spec.options is None:
        if options:
            raise OptionError(f"{spec.name} takes no options, so not {', '.join(options)}", f"leave it out; zoo show {spec.name}")
        return None
    return checked_settings(load_target(spec.options), options, "option", spec.name)


def _distribution(name: str) -> str:
    """The distribution of the plugin that offers an entry, with its version."""
    from zoo.plugins.registry import registry

    index = registry().index
    plugin = index.dynamic_plugin(name) or next((p for p in index.plugins if p["id"] == name.partition("/")[0]), None)
    return f"{plugin['distribution']} {plugin['version']}" if plugin else ""


def in_eval(model: Any) -> Any:
    """The model itself, in `eval` mode where it has one."""
    if hasattr(model, "eval"):
        model.eval()
    return model


def _opened(spec: ModelSpec, task: str, choice: Choice, config: Mapping[str, Any], sized_by: str | None) -> OwnFile | None:
    """The user's own file of weights, fitted to the model, whose number of outputs may be set by the parameter `sized_by`."""
    if choice.file is None:
        return None
    return open_own(
        choice.file,
        lambda **outputs: build_model(spec, task, {**config, **outputs}),
        sized_by,
        choice.key,
        choice.allow_pickle,
    )


def _fill(model: Any, name: str, weights: Weights | None, choice: Choice, own: OwnFile | None, sha256: str | None) -> None:
    """Load the chosen weights; a model with parameters never runs on random ones."""
    if own is not None:
        state = own.read(dict_of(model))
    elif weights is not None:
        state = read_weights(weights, sha256=sha256, data_dir=choice.data_dir, allow_pickle=choice.allow_pickle, key=choice.key)
    elif dict_of(model):
        raise WeightsError(
            f"{name} has parameters but no weights here, and random ones are never run", "pass `weights=FILE`, or train it"
        )
    else:
        return
    load_state(model, state, name)
