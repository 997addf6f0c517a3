"""Models: from a name, a weights tag or a file, to something that a run can key and load."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.files import package_path
from zoo.errors import ModelError, OptionError, PluginError, WeightsError, text_of
from zoo.frozen import thawed
from zoo.identity.code import code_of, named_files
from zoo.identity.watching import unwatched
from zoo.lazy import load_target
from zoo.opening.class_names import respelled
from zoo.opening.foreign import NUMPY, NumpyModel
from zoo.opening.named_parts import handed_over
from zoo.opening.output_names import output_names
from zoo.opening.parts import OwnTensors, carried_input, composed_name, facts_of_parts, refuse_overlap
from zoo.opening.weights import find_files, load_state, read_weights, weights_sha256
from zoo.opening.weights_as_file import whole_file
from zoo.opening.weights_choice import Choice, choose_weights, uri_of
from zoo.opening.weights_own import OwnFile, dict_of, open_own, outputs_parameter, told_by
from zoo.options import checked_settings
from zoo.plugins.blame import in_plugin
from zoo.plugins.composed import entry_of_name, leading
from zoo.requirements import check_requirements
from zoo.seeds import seeded
from zoo.specs import ModelSpec, TaskName, Weights
from zoo.tasks.base import ModelInfo
from zoo.wording import without_secrets

if TYPE_CHECKING:
    from pydantic import BaseModel

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
    parts: Mapping[str, "Model"] = field(default_factory=dict)
    """Models inside it, by what names them: a role of what it is made of (`base`), or an option (`attacks.0`)."""
    distribution: str = ""
    """Of whose plugin it is, with its version: `zoo-good 1.0`; empty of the user's own."""

    def spelled(self, classes: Sequence[str]) -> "Model":
        """The same model with its class names in the spelling of a dataset's, where they differ in that alone."""
        names, ids = self.info.classes, self.info.class_ids or ()
        if not isinstance(names, tuple) or set(classes) <= set(ids):
            return self
        found, note = respelled(names, classes)
        return replace(self, info=replace(self.info, classes=found), notes=(*self.notes, note)) if note else self


def build_model(spec: ModelSpec, task: str, config: Mapping[str, Any]) -> Any:
    """A new, untrained model: the spec's target for the task, called with the spec's config and then `config`."""
    if task not in spec.tasks:
        raise ModelError(f"{spec.name} does not {task}", f"its tasks are: {', '.join(spec.tasks)}")
    with in_plugin(spec.name):
        check_requirements(spec, ModelError)
        try:
            return load_target(spec.tasks[task])(**thawed({**spec.config, **config}))
        except TypeError as error:
            raise ModelError(f"{spec.name} cannot be built: {text_of(error)}", f"zoo show {spec.name}") from error


def bound_model(
    spec: ModelSpec,
    task: TaskName,
    choice: Choice,
    settings: "BaseModel | None",
    held: Mapping[str, Model],
    named_inside: Mapping[str, Model],
) -> Model:
    """The model of a spec with the chosen weights, its checked options, and open models inside it: `held` are what it is made of,
    by role, `named_inside` those that its options name."""
    inside = {**held, **named_inside}
    chosen_options = settings.model_dump(mode="json") if settings is not None else {}
    refuse_overlap(spec, chosen_options)
    lead = held[leading(spec.parts, (task,))] if held else None
    tag, weights = choose_weights(spec, choice)
    told = told_by(choice.file)
    declared = {**spec.config, **(weights.config if weights else {})}
    config = {**declared, **told.get("config", {})}
    sizable = choice.file is not None or choice.classes is not None
    sized_by = (spec.outputs or outputs_parameter(load_target(spec.tasks[task]))) if sizable else None
    as_file = spec.weights_as == "file"
    own = None if as_file else _opened(spec, task, choice, {**config, **chosen_options}, sized_by)
    if own is not None and own.outputs is not None:
        config[sized_by or ""] = own.outputs
    outputs = config.get(sized_by) if sized_by else None
    classes, class_ids, named = output_names(spec, task, weights, choice, own, told.get("classes"), outputs, lead)
    preprocessing = told.get("input") or (weights.input if weights else None) or spec.input or carried_input(lead)
    whole = whole_file(spec, weights, choice) if as_file else None
    sha256 = own.sha256 if own else whole.sha256 if whole else weights_sha256(weights, choice.data_dir) if weights else None
    # A tag names the weights that were declared; a file of the user's own may be others, whatever its config.
    name = composed_name(spec, held) + (f"@{tag}" if weights and sha256 == weights.sha256 else "")
    read = declared_files(spec, config, chosen_options)
    code = code_of((spec.tasks[task], spec.options), requires=spec.requires, files=read)

    def loaded() -> Any:
        made_of = {role: part.load() for role, part in held.items()}
        with in_plugin(name):
            with seeded(0, name):  # what the weights do not replace is drawn alike every time
                path = {"weights": whole.checked()} if whole else {}
                model = build_model(spec, task, {**config, **chosen_options, **handed_over(settings), **made_of, **path})
                if whole is None:
                    _fill(OwnTensors(model, made_of.values()) if made_of else model, name, weights, choice, own, sha256)
            return NumpyModel(model) if spec.inputs == NUMPY else in_eval(model)

    identity = {
        "spec": {**spec.model_dump(mode="json", include={"tasks", "config"}), "name": entry_of_name(spec.name)},
        "config": config,
        "options": chosen_options,
        "weights": sha256,
        "weights_key": own.key if own else choice.key,
        "code": code.identity,
        **({"parts": facts_of_parts(inside)} if inside else {}),
    }
    uri = uri_of(choice.file) if choice.file else without_secrets(weights.uri) if weights else None
    paths = [choice.file] if choice.file else find_files(weights, choice.data_dir) if weights else []
    doubt = code.doubt if spec.reuse else f"{name} declares that its predictions are not to be used again"
    doubt = f"{name} is a service, and what it answers may change" if spec.remote else doubt
    info = info_of(spec, ModelInfo(name, spec.modality, classes, preprocessing, chosen_options, class_ids))
    return Model(
        info,
        identity,
        loaded,
        sha256,
        uri,
        code.sha256,
        files=code.files.union((os.path.realpath(path) for path in paths), *(part.files for part in inside.values())),
        doubt="; ".join(dict.fromkeys(filter(None, (doubt, *(part.doubt for part in inside.values()))))),
        own=any(part.own for part in inside.values()),
        unsafe=tuple(
            dict.fromkeys([*(("allow-pickle",) if choice.allow_pickle else ()), *(u for p in inside.values() for u in p.unsafe)])
        ),
        has_defaults=chosen_options == checked_options(spec, {}),
        config={key: value for key, value in config.items() if key not in declared or declared[key] != value},
        notes=(*(own.notes if own else ()), *named, *(f"{role}: {note}" for role, part in inside.items() for note in part.notes)),
        parts=inside,
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
    settings = settings_of(spec, options)
    return settings.model_dump(mode="json") if settings is not None else {}


def options_class(spec: ModelSpec) -> "type[BaseModel] | None":
    """The class of the options that a spec declares; None where it has none. Raises PluginError for what is no such class."""
    from pydantic import BaseModel

    if spec.options is None:
        return None
    with in_plugin(spec.name, f"the options class of {spec.name}"):
        found = load_target(spec.options)
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            raise PluginError(f"{spec.options!r}, the options class of {spec.name}, is no pydantic BaseModel", "make it one")
        return found


def settings_of(spec: ModelSpec, options: Mapping[str, Any]) -> "BaseModel | None":
    declared = options_class(spec)
    if declared is None:
        if options:
            raise OptionError(f"{spec.name} takes no options, so not {', '.join(options)}", f"leave it out; zoo show {spec.name}")
        return None
    with in_plugin(spec.name, f"the options class of {spec.name}"):
        return checked_settings(declared, options, "option", spec.name)


def _distribution(name: str) -> str:
    """The distribution of the plugin that offers an entry, with its version."""
    from zoo.plugins.registry import registry

    with unwatched():
        index = registry().index
    plugin = index.plugin_of(name)
    return f"{plugin['distribution']} {plugin['version']}" if plugin else ""


def info_of(spec: ModelSpec, info: ModelInfo) -> ModelInfo:
    """What is known of a model, with where and how it says that it computes."""
    arrays = spec.inputs == NUMPY
    return replace(info, device="cpu" if arrays else spec.device, arrays=arrays, remote=spec.remote)


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
