"""What a plugin says of its entries: frozen metadata plus a lazy target `"pkg.module:attr"`.

A spec never imports what it describes, so that listing a thousand models costs nothing.
In a plugin a spec has its bare name (`lenet5`); the registry hands it out under its full one (`cnn/lenet5`).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from zoo.frozen import frozen
from zoo.passmark import parse_pass_mark

__all__ = [
    "CERTIFY",
    "KINDS",
    "BareName",
    "BenchmarkSpec",
    "CommandSpec",
    "DataFile",
    "DatasetSpec",
    "Frozen",
    "ImageInput",
    "KindName",
    "MetricSpec",
    "Modality",
    "ModalitySpec",
    "ModelSpec",
    "Optimizer",
    "RecipeSpec",
    "Sha256",
    "Spec",
    "SpecKind",
    "SuiteRun",
    "SuiteSpec",
    "Tag",
    "Target",
    "TaskName",
    "TaskSpec",
    "TechniqueKind",
    "TechniqueSpec",
    "Weights",
    "WeightsPart",
]

TaskName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
"""A task: one of the core's six (`zoo.tasks.TASKS`), or one that a plugin declares."""
Modality = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
"""What an input is: `image`, `text`, `vector`, or a modality that a plugin declares."""
TechniqueKind = Literal["optimizer", "schedule", "precision", "memory", "parallel", "data", "compiler"]

CERTIFY = "certify"
"""Kind of a benchmark of task `attack`, as its protocol says it, and of the models that it is for: what no attack can do."""

Target = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
"""An attribute of a module, imported only when it is used: `"zoo_cnn.lenet:LeNet5"`."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in lower-case hexadecimal."""
BareName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
KindName = Annotated[str, StringConstraints(pattern=r"^[a-z]+(_[a-z]+)*$")]
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
LOADED_BY = ("name", "task", "weights", "weights_key", "classes", "allow_pickle", "options")
"""What `zoo.load` calls its own arguments, which no part can be called."""


class Frozen(BaseModel):
    """A record that forbids what it does not know, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DeeplyFrozen(Frozen):
    """One whose dicts and lists never change either (`zoo.frozen`), so that it can be hashed, and shared by threads."""

    @model_validator(mode="after")
    def _to_the_ground(self) -> Self:
        vars(self).update({name: frozen(value) for name, value in vars(self).items()})
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other fields, which are frozen, and as ever not validated."""
        return super().model_copy(update={name: frozen(value) for name, value in (update or {}).items()}, deep=deep)


class Spec(DeeplyFrozen):
    """What every entry says of itself."""

    name: str = Field(description="Bare name in a plugin (`lenet5`), full name from the registry (`cnn/lenet5`).")
    summary: str = Field(min_length=1, description="One line: what it is.")
    requires: tuple[str, ...] = Field(default=(), description="PEP 508 requirements it needs beyond those of deepzoo.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.summary}>"

    def _repr_html_(self) -> str:
        from zoo.rich_repr import entry

        said = self.model_dump(mode="json", exclude={"name", "summary"}, exclude_defaults=True)
        return entry(f"{self.name} ({type(self).__name__})", self.summary, said)


class ImageInput(DeeplyFrozen):
    """How a model wants its images: the preprocessing that makes its score reproducible.

    The normalisation of a model by name is no part of it, but of the network. `mean` and `std` are for modules of your own
    that have none: such a module is wrapped in its normalisation, so that all else sees images in [0, 1].
    """

    channels: Literal[1, 3] | None = Field(default=None, description="1 grey, 3 RGB; None takes the dataset's own.")
    size: tuple[int, int] | None = Field(default=None, description="(height, width) in pixels; None keeps each image's own.")
    crop_pct: float = Field(default=1.0, gt=0, le=1, description="Share of the resized image that the centre crop keeps.")
    crop_mode: Literal["center", "squash"] = Field(
        default="squash", description="center: shorter side to size/crop_pct, then centre crop; squash: resize to size."
    )
    crop_offset: Literal["round", "floor"] = Field(
        default="round",
        description="Of half a pixel at the crop's edge: torchvision and timm round it (to even), transformers cuts it off.",
    )
    interpolation: Literal["nearest", "bilinear", "bicubic"] = Field(default="bilinear", description="Of resizing.")
    mean: tuple[float, ...] | None = Field(
        default=None, description="Of each channel of pixels in [0, 1], which a module of your own wants subtracted."
    )
    std: tuple[float, ...] | None = Field(default=None, description="What it then wants them divided by.")

    @model_validator(mode="before")
    @classmethod
    def _channels_of_the_mean(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("channels") is None and data.get("mean") is not None:
            return {**data, "channels": len(data["mean"])}
        return data

    @model_validator(mode="after")
    def _normalisation_fits(self) -> Self:
        mean, std = self.mean, self.std
        if mean is None and std is None:
            return self
        if mean is None or std is None or len(mean) != len(std) or len(mean) not in (1, 3):
            raise ValueError("mean and std belong together, with one number or three each")
        if self.channels != len(mean):
            raise ValueError(f"mean and std have {len(mean)} numbers, so channels must be {len(mean)}, not {self.channels}")
        if not all(0 <= value <= 1 for value in mean) or not all(0 < value <= 1 for value in std):
            raise ValueError("mean and std are those of pixels in [0, 1]: divide those of 0 to 255 by 255")
        return self


def _not_normalised(value: ImageInput | None) -> ImageInput | None:
    if value is not None and value.mean is not None:
        raise ValueError("the normalisation of a model by name is part of its network: leave mean and std out")
    return value


Preprocessing = Annotated[ImageInput | None, AfterValidator(_not_normalised)]
"""Of a model by name."""


class WeightsPart(DeeplyFrozen):
    """One of the files of weights that are in several."""

    uri: str = Field(description="As that of weights in one file.")
    prefix: str = Field(default="", description="Stands before its tensors' names in the model, such as `unet.`.")


class Weights(DeeplyFrozen):
    """One set of trained parameters, and what of the model goes with them."""

    uri: str = Field(description="`pkg:package/path`, `file:path`, `hf://repo@revision/file`, `https://...` or `s3://...`.")
    sha256: Sha256 | None = Field(description="Hash of the file; None where none is published, as of models by name of a hub.")
    parts: tuple[WeightsPart, ...] = Field(
        default=(), description="The files, where they are several; `uri` is then where these lie."
    )
    file: str | None = Field(
        default=None, description="Name under which a data folder has it, where the address's own says too little."
    )
    converted: bool = Field(
        default=False, description="The file was made of what is at `uri`, and can be had in a data folder only."
    )
    licence: str = Field(description="SPDX identifier, or a sentence where there is none.")
    source: str = Field(description="Who trained it on what, or the recipe that did.")
    recipe: str | None = Field(default=None, description="Name of the recipe that makes these weights.")
    unpack: Target | None = Field(
        default=None,
        description="Of a format of its own: called as unpack(path), it gives the path of safetensors made of the file, kept "
        'below `zoo.home.cache_dir("unpacked")`, and their SHA-256.',
    )
    classes: tuple[str, ...] | None = Field(default=None, description="Class names in the order of the outputs.")
    class_ids: tuple[str, ...] | None = Field(
        default=None, description="Ids of the same classes, such as WordNet's, for datasets that name their classes so."
    )
    config: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of the model's target.")
    input: Preprocessing = Field(default=None, description="Preprocessing, where it differs from the model's.")

    @classmethod
    def shipped(cls, recipe: str, sha256: str, *, note: str = "", **fields: Any) -> "Weights":
        """The weights that lie in the package `zoo_PLUGIN` of a recipe `PLUGIN/NAME`, as `weights/NAME.safetensors`.

        `note` says what became of them after the training, such as `rounded to float16`; `fields` are further ones, or others.
        """
        plugin, name = recipe.split("/")
        known = {
            "uri": f"pkg:zoo_{plugin}/weights/{name}.safetensors",
            "licence": "Apache-2.0",
            "source": f"recipe {recipe}, seed 0{note and f', {note}'}",
        }
        return cls(sha256=sha256, recipe=recipe, **known | fields)


class ModelSpec(Spec):
    """A model: what implements one or several tasks."""

    tasks: dict[TaskName, Target] = Field(min_length=1, description="Task to the callable that builds the model.")
    modality: Modality = Field(description="What it takes.")
    weights: dict[Tag, Weights] = Field(
        default_factory=dict, description="Tag (`mnist`) to trained weights: of what it adds to its parts, if it has any."
    )
    parts: dict[Role, TaskName] = Field(
        default_factory=dict,
        description="Models that it is made of: role to what each must do. The target gets each, loaded, as the keyword argument "
        "of its role. Named `NAME(MODEL)`, or `NAME(role=MODEL, ...)`.",
    )
    made_of: dict[Role, str] = Field(
        default_factory=dict, description="Names of the parts: those in the brackets of a name, or what it is made of without."
    )
    config: dict[str, Any] = Field(default_factory=dict, description="Default keyword arguments of the target.")
    input: Preprocessing = Field(default=None, description="Preprocessing of images; None takes them as they are.")
    classes: tuple[str, ...] | None = Field(default=None, description="Class names in order, of a model that needs no weights.")
    outputs: str | None = Field(
        default=None,
        description="Config key of the number of classes; None: the target's parameter classes, num_classes, num_labels or "
        "n_classes, if it has one.",
    )
    options: Target | None = Field(default=None, description="pydantic class of the options that a run may set.")
    kind: Literal["certify"] | None = Field(
        default=None,
        description="certify: of task attack, it certifies and does not attack, and benchmarks of that kind are for it.",
    )
    files: tuple[str, ...] = Field(
        default=(), description="Other files that it reads, as `/path`, `file:path` or `pkg:package/path`: part of a run's key."
    )
    reuse: bool = Field(
        default=True, description="Whether stored predictions may be used again; False of a remote model, or one that is random."
    )
    inputs: Literal["torch", "numpy"] = Field(
        default="torch",
        description="What it is called with: torch, tensors on its device; numpy, arrays on the CPU in the same layout, and it "
        "may answer with arrays.",
    )
    device: Literal["cpu"] | None = Field(
        default=None, description="Where it runs, whatever a run asks for; None: where the run does. Of `numpy` it is the CPU."
    )
    weights_as: Literal["tensors", "file"] = Field(
        default="tensors",
        description="tensors: they are loaded into what the target builds; file: the target gets the path of the file, its hash "
        "checked, as `weights`: .onnx, .npz, .json, .ubj, .skops, .gguf. A pickle is refused.",
    )
    remote: bool = Field(
        default=False,
        description="It asks a service: nothing of a run is used again, and nobody waits for its answers (`zoo.remote`).",
    )
    paper: str = Field(default="", description="Reference: authors, year, title, arXiv id or DOI.")

    @model_validator(mode="after")
    def _a_file_is_one(self) -> Self:
        if self.weights_as == "file" and any(weights.parts or weights.unpack for weights in self.weights.values()):
            raise ValueError("weights that the target gets as a file are in one, and nothing unpacks them")
        return self

    @model_validator(mode="after")
    def _roles_are_free(self) -> Self:
        if taken := [role for role in self.parts if role in LOADED_BY or role in self.config]:
            raise ValueError(f"a part cannot be called {taken[0]!r}, which is an argument already")
        if unknown := [role for role in self.made_of if role not in self.parts]:
            raise ValueError(f"made_of names {unknown[0]!r}, which is none of the parts")
        return self


class DataFile(DeeplyFrozen):
    """One file of a dataset, known by the hash of its content."""

    name: str = Field(description="File name, and where it lies below the dataset's folder.")
    sha256: Sha256 | None = Field(description="Hash of the content; None where no trustworthy figure is known.")
    size: int | None = Field(default=None, ge=0, description="Bytes of what is downloaded.")
    urls: tuple[str, ...] = Field(default=(), description="Where to get it, in order of preference.")
    gzip: bool = Field(default=False, description="The hash is that of the decompressed content: containers differ.")
    content_size: int | None = Field(default=None, ge=0, description="Bytes of the decompressed content; more is never unpacked.")
    member_of: str | None = Field(
        default=None, description="Another file of this dataset, the archive that holds it under its name."
    )
    md5: str | None = Field(
        default=None, description="Publisher's own MD5 of the file as downloaded, where that is all there is."
    )
    aliases: tuple[str, ...] = Field(default=(), description="Other paths below the folder under which it is accepted.")


class DatasetSpec(Spec):
    """A dataset: splits of samples with stable ids."""

    modality: Modality = Field(description="What a sample's input is.")
    tasks: tuple[TaskName, ...] = Field(
        default=("classify", "embed"), min_length=1, description="Tasks that its targets serve; labelled samples serve both."
    )
    target: Target = Field(description="Called as target(files, split) -> zoo.data.Dataset.")
    splits: dict[str, int | None] = Field(min_length=1, description="Split to its number of samples.")
    classes: tuple[str, ...] | None = Field(default=None, description="Class names in the order of the labels.")
    files: tuple[DataFile, ...] = Field(default=(), description="Files to find or download.")
    folders: tuple[str, ...] = Field(default=(), description="Folder names accepted below ZOO_DATA_DIR.")
    contents: tuple[str, ...] = Field(default=(), description="What such a folder holds where its files are too many to declare.")
    licence: str = Field(description="SPDX identifier, or a sentence where there is none.")
    citation: str = Field(description="Authors, year, title, venue.")
    homepage: str = Field(default="", description="URL of its publisher.")
    path: str | None = Field(default=None, description="The user's own path, of a generic dataset such as `folder:PATH`.")
    held_out: str | None = Field(
        default=None,
        description="Name of the dataset whose test is what train of this one leaves out, where test of this one is the whole.",
    )
    base: str | None = Field(
        default=None,
        description="Name of the dataset whose samples these are, changed: weights trained on that one suit this one.",
    )


class MetricSpec(Spec):
    """A metric: a mergeable fold from predictions and targets to a score with an interval."""

    task: TaskName = Field(description="The task whose predictions it folds.")
    target: Target = Field(description="Subclass of zoo.metrics.Metric; its fields are the options.")
    direction: Literal["higher", "lower", "none"] = Field(description="Which way is better.")
    unit: str = Field(default="", description="Unit of the value: `nats`, `dB`, or empty for a ratio.")
    range: tuple[float | None, float | None] = Field(default=(0.0, 1.0), description="Smallest and largest possible value.")
    reference: str = Field(description="Reference implementation that a parity test pins it to.")


class BenchmarkSpec(Spec):
    """Task + dataset + split + metrics + protocol: what a run runs a model on."""

    task: TaskName = Field(description="What a model of it does.")
    modality: Modality = Field(description="What it takes.")
    dataset: str = Field(description="Name of the dataset.")
    split: str = Field(default="test", description="The split that is scored.")
    metrics: tuple[str, ...] = Field(min_length=1, description="`name` or `name:option=value,...`; first is primary.")
    protocol: dict[str, Any] = Field(default_factory=dict, description="What else the task needs to know.")
    aux: dict[str, str] = Field(default_factory=dict, description="Other models that it needs: role to model name.")
    pass_mark: str | None = Field(default=None, description="`accuracy > 0.90`, `nll <= 0.3`; the metric is one of `metrics`.")

    @model_validator(mode="after")
    def _pass_mark_names_a_metric(self) -> Self:
        if self.pass_mark is not None and parse_pass_mark(self.pass_mark).metric not in self.metrics:
            raise ValueError(f"the pass mark {self.pass_mark!r} is of none of the benchmark's metrics: {', '.join(self.metrics)}")
        return self


class SuiteRun(DeeplyFrozen):
    """One run of a suite: of the model that is asked for, or of another one on it."""

    benchmark: str = Field(description="Name of the benchmark or dataset.")
    model: str | None = Field(default=None, description="Who runs on it, such as an attack; None: the model that is asked for.")
    role: str | None = Field(
        default=None, description="What the model that is asked for is in a run of another model: `victim`. None: no part of it."
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Of the model that runs.")
    protocol: dict[str, Any] = Field(default_factory=dict, description="What it changes of the benchmark's protocol.")
    limit: int | None = Field(default=None, ge=1, description="Only so many samples, unless whoever runs it says otherwise.")

    @model_validator(mode="after")
    def _a_role_is_in_a_run_of_another(self) -> Self:
        if self.role is not None and self.model is None:
            raise ValueError("a role is that of the model asked for in a run of another: say which model runs")
        return self


class SuiteSpec(Spec):
    """A named set of runs: what `zoo run MODEL --on SUITE` runs a model on."""

    runs: tuple[SuiteRun, ...] = Field(min_length=1, description="Its runs, each a column of the table.")
    models: tuple[str, ...] = Field(
        default=(), description="Names or patterns (`cnn/*`) of the models that it runs where none is asked for."
    )


class TechniqueSpec(Spec):
    """A technique of training that a recipe has, or that whoever trains switches on by name."""

    kind: TechniqueKind = Field(description="What it changes; a training has one optimizer, one schedule and one precision.")
    target: Target = Field(
        description="pydantic class: its fields are the options, its instances do what the kind demands (`zoo.training`)."
    )
    config: dict[str, Any] = Field(default_factory=dict, description="Fields of the target that are fixed, and no options.")
    excludes: tuple[str, ...] = Field(default=(), description="Names of others that it cannot be combined with.")
    paper: str = Field(default="", description="Reference: authors, year, title, arXiv id or DOI.")


class Optimizer(DeeplyFrozen):
    """An optimizer by name, with its settings."""

    name: str = Field(default="adamw", description="Technique of kind optimizer, perhaps with options: adamw, lamb, sgd.")
    lr: float = Field(default=1e-3, gt=0, description="Learning rate, the largest of the schedule.")
    weight_decay: float = Field(default=0.0, ge=0, description="Of all parameters.")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Of those that have one, such as sgd; the others ignore it.")


class RecipeSpec(Spec):
    """How a model's weights are trained on a dataset; `zoo train` executes it."""

    model: str = Field(default="", description="Name of the model; empty: whoever trains names one.")
    task: TaskName = Field(
        default="classify", description="The task of the model that is trained; that of the benchmark, if it has one."
    )
    benchmark: str | None = Field(
        default=None,
        description="Name of the benchmark whose task, protocol and other models validation takes, and its dataset, if no other.",
    )
    protocol: dict[str, Any] = Field(
        default_factory=dict, description="What validation changes of the benchmark's protocol, such as fewer draws."
    )
    dataset: str = Field(default="", description="Name of the dataset; empty: the benchmark's, or whoever trains names one.")
    split: str = Field(default="train", description="Split to train on; a share of it is held out for validation.")
    share: float = Field(
        default=1.0, gt=0, le=1, description="Share of the split that is used at all, of every class alike; the seed draws it."
    )
    trainer: Target = Field(default="zoo.training.loop:train", description="Called as trainer(job) -> trained state.")
    config: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of the model's target.")
    input: Preprocessing = Field(default=None, description="Preprocessing, where it differs from the model's.")
    epochs: int = Field(default=10, ge=1, description="Passes over the training samples.")
    batch_size: int = Field(default=64, ge=1, description="Samples of a step.")
    optimizer: Optimizer = Field(default=Optimizer(), description="The optimizer and its settings.")
    schedule: str = Field(
        default="cosine", description="How the learning rate changes: a technique of kind schedule, perhaps with options."
    )
    techniques: tuple[str, ...] = Field(
        default=(), description="Other techniques, `name` or `name:option=value,...`, such as training/bf16."
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="Share of the target that all classes get alike.")
    class_weights: Literal["none", "balanced"] = Field(
        default="none", description="balanced: a class counts as if all were equally large."
    )
    augment: tuple[str, ...] = Field(
        default=(), description="Augmentations, `name` or `name:option=value,...`, applied in order."
    )
    ema: float | None = Field(default=None, gt=0, lt=1, description="Decay of the exponential moving average of the weights.")
    clip_norm: float | None = Field(default=None, gt=0, description="Largest gradient norm.")
    validation: float = Field(default=0.1, gt=0, lt=1, description="Share of the train split that selects the checkpoint.")
    hold_out: Literal["samples", "classes"] = Field(
        default="samples",
        description="What validation takes: samples of every class, or whole classes, which training then never sees.",
    )
    metric: str = Field(default="accuracy", description="Metric on the validation split that selects the checkpoint.")
    seed: int = Field(default=0, description="Of parameters, order, and augmentation.")
    options: dict[str, Any] = Field(default_factory=dict, description="What a trainer of its own needs to know.")


class CommandSpec(Spec):
    """A command that a plugin adds to `zoo`; its code is imported when the command runs."""

    target: Target = Field(description="A click command, a Typer app, or a function whose parameters Typer reads.")


class TaskSpec(DeeplyFrozen):
    """A task: what models do, and the class that knows how it is predicted, verified, stored and read back."""

    name: TaskName = Field(description="Its name, a verb: `transcribe`. Specs name it so, whoever's they are.")
    summary: str = Field(min_length=1, description="One line: what a model of it does.")
    target: Target = Field(description="Subclass of `zoo.tasks.Task`, whose `name` is this one, or that knows which class suits.")
    modalities: tuple[Modality, ...] = Field(
        default=(), description="What its models take; the first is that of an object of the user's own. Empty: anything."
    )
    targets_of: TaskName | None = Field(
        default=None, description="Another task whose targets it takes: a dataset that serves that one serves it, too."
    )
    classes: bool = Field(
        default=False, description="Whether a model has an output for each class, so that weights, models and callers name them."
    )
    labels: bool = Field(
        default=False,
        description="Whether its targets are labels, or have one: a limited run then takes of every class its share.",
    )
    form: Target | None = Field(
        default=None,
        description="Called as form(model, data, wanted) -> `zoo.inference.Form`: how `zoo.predict` answers. None: it says "
        "nothing of what has no targets.",
    )


class ModalitySpec(DeeplyFrozen):
    """A modality: what a sample's input is, and how a file of the user's own is read as one."""

    name: Modality = Field(description="Its name: `audio`. Specs name it so, whoever's they are.")
    summary: str = Field(min_length=1, description="One line: type, shape, unit and range of an input.")
    suffixes: tuple[str, ...] = Field(default=(), description="How names of its files end (`.wav`): what counts in a folder.")
    reader: Target | None = Field(
        default=None, description="Called as reader(path) -> the input in one file. None: `zoo.predict` takes no files of it."
    )
    picture: Target | None = Field(
        default=None,
        description="Called as picture(input) -> PIL image, which a report shows of a sample. None: its first numbers.",
    )


class SpecKind(DeeplyFrozen):
    """A kind of entry that a plugin adds. Every plugin may then implement the hook `zoo_<name>s`, which returns its specs."""

    name: KindName = Field(description="Its name, in the singular: `homework`, of which `zoo list homeworks` lists all.")
    spec: Target = Field(description="Class of its specs, a subclass of `zoo.specs.Spec`.")
    summary: str = Field(min_length=1, description="One line: what it is.")


KINDS: dict[str, type[Spec]] = {
    "model": ModelSpec,
    "dataset": DatasetSpec,
    "metric": MetricSpec,
    "benchmark": BenchmarkSpec,
    "recipe": RecipeSpec,
    "suite": SuiteSpec,
    "technique": TechniqueSpec,
    "command": CommandSpec,
}
"""Every kind of entry that the core knows; plugins add others. A hook `zoo_<kind>s` returns specs of that kind."""
