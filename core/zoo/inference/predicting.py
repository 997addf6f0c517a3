"""`zoo.predict`: a model over files without labels."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.devices import pick_device
from zoo.errors import DataError, ModelError, OptionError, no_exit
from zoo.inference.inputs import Item, Items, gathered
from zoo.opening.composing import named_model
from zoo.opening.models import Model
from zoo.opening.own import own_model
from zoo.opening.written import is_written
from zoo.plugins.blame import in_plugin
from zoo.runs.progress import Progress, ProgressCallback
from zoo.runs.request import How, Request
from zoo.runs.written import opened
from zoo.specs import Modality, TaskName
from zoo.tasks.base import DataInfo
from zoo.tasks.by_name import declared_task

if TYPE_CHECKING:
    import pyarrow as pa

    from zoo.inference.answers import Form

Row = dict[str, Any]
Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


class Answers:
    """Rows of what a model says, made as they are asked for, once; `columns` name and type them.

    `unreadable` maps each file that could not be read to the reason: whole when the rows are.
    """

    def __init__(self, rows: Iterator[Row], columns: "pa.Schema", unreadable: Mapping[str, str], inputs: int, name: str) -> None:
        self._rows = rows
        self.columns = columns
        self.unreadable = unreadable
        self.inputs = inputs
        """How many inputs there are, with those that cannot be read."""
        self.model = name

    def __iter__(self) -> Iterator[Row]:
        return self._rows


def predict(
    model: Any,
    files: Paths,
    *,
    task: str | None = None,
    top: int = 1,
    threshold: float = 0.25,
    degraded: str | None = None,
    pictures: str | os.PathLike[str] | None = None,
    lines: bool = False,
    weights: str | os.PathLike[str] | None = None,
    weights_key: str | None = None,
    allow_pickle: bool = False,
    classes: Sequence[str] | str | os.PathLike[str] | None = None,
    input: Any = None,
    options: Mapping[str, Any] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    device: str = "auto",
    precision: str = "fp32",
    batch_size: int | str = "auto",
    workers: int | None = None,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> Answers:
    """What a model says of files without labels: pictures, texts (`lines`: one a line), rows of CSV or Parquet, folders of them.

    `model` is as in `zoo.evaluate`; one of your own takes pictures, or what a plugin's task takes. Rows by task: classify, the
    `top` classes with their probabilities; detect, a row a box of a score of at least `threshold`, x1 y1 x2 y2 in pixels, and an
    empty one where there is none; segment, the pixels of each class; embed, a vector; generate, pictures restored that suffer
    from what `degraded` says (`noise:25`, `bicubic:3`); a plugin's task, what it says. Restored pictures and label maps (a PNG
    whose values are the labels) go into the folder `pictures`.
    A file that cannot be read is none of the rows, but in `unreadable`.

    Raises ZooError: for a model that cannot be opened, and DataError where no input can be read.
    """
    asked = locals()
    request = Request.of({**dict.fromkeys(Request.model_fields), **_settings(asked), "model": model, "benchmark": None})
    how = How.of({**{name: field.default for name, field in How.model_fields.items()}, **_settings(asked)})
    if top < 1 or not 0 <= threshold <= 1:
        raise OptionError("`top` must be at least 1, and `threshold` in [0, 1]")
    with no_exit("the model or its data"), in_plugin():
        opened, kind, modality = _opened(request)
        items, unreadable = gathered([files] if isinstance(files, (str, os.PathLike)) else list(files), modality, lines=lines)
        _refuse_nothing(items, unreadable)
        names = _classes(opened, kind, top)
        form = _form(kind, opened, DataInfo("these files", "", modality, names), items, asked)
        rows, inputs = _rows(form, opened, items, unreadable, request, how), len(items) + len(unreadable)
        return Answers(rows, form.schema, unreadable, inputs, opened.info.name)


def _settings(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the keywords that a run has, too."""
    return {name: asked[name] for name in (*Request.model_fields, *How.model_fields) if name in asked}


def _opened(request: Request) -> tuple[Model, TaskName, Modality]:
    """The model, its task, and what it takes."""
    from zoo.plugins.registry import registry

    if not isinstance(request.model, str) or is_written(request.model):
        task: TaskName = request.task or "classify"
        modality = next(iter(declared_task(task).modalities), "image")
        return _own(request, task, modality), task, modality
    spec, tag = registry().tagged_model(request.model)
    if request.input is not None:
        raise OptionError("`input` is for models of your own; a model by name declares it")
    task = request.task or next(iter(spec.tasks))
    return named_model(spec, task, request.choice(tag), request.options), task, spec.modality


def _own(request: Request, task: TaskName, modality: Modality) -> Model:
    module, name, classes = request.model, None, request.classes
    if is_written(module):
        written = opened(module, request, None)
        module, name = written.module, written.name
        classes = classes if classes is not None or written.file is None else written.file.classes
    elif request.weights is not None:
        raise OptionError("weights are for models by name; load your own model's weights yourself")
    return own_model(module, classes=classes, input=request.input, name=name, task=task, modality=modality)


def _classes(model: Model, task: str, top: int) -> tuple[str, ...] | None:
    names = model.info.classes
    if names == "dataset":
        raise OptionError("`classes` are said to be a dataset's, and files have none", "name them in order")
    if names is None and task in ("classify", "detect"):
        raise ModelError(
            f"{model.info.name} does not say which class each of its outputs is", "name them in order: `classes=a,b,c`"
        )
    if isinstance(names, tuple) and task == "classify" and top > len(names):
        raise OptionError(f"`top={top}` is more than the {len(names)} classes of {model.info.name}")
    return names if isinstance(names, tuple) else None


def _form(task: str, model: Model, data: DataInfo, items: Sequence[Item], asked: Mapping[str, Any]) -> "Form":
    from zoo.inference.answers import Wanted, form_of

    folder = Path(asked["pictures"]) if asked["pictures"] else None
    names = _picture_names([item.id for item in items]) if folder else {}
    form = form_of(task, model.info, data, Wanted(asked["top"], asked["threshold"], asked["degraded"], folder, names))
    if folder and not form.draws:
        raise OptionError(f"{model.info.name} makes no pictures, so `pictures` have no meaning", "leave it out")
    if folder and folder.exists() and not folder.is_dir():
        raise OptionError(f"`pictures` {folder} is a file, not a folder", "name a folder")
    return form


def _picture_names(ids: Sequence[str]) -> dict[str, str]:
    """Where the picture made of each file lies in a folder: as the files lie in the folder that they share."""
    paths = {id_: Path(id_).absolute() for id_ in ids}
    shared = Path(os.path.commonpath([path.parent for path in paths.values()]))
    names = {id_: path.relative_to(shared).as_posix() for id_, path in paths.items()}
    made = {id_: name if name.lower().endswith(".png") else f"{name}.png" for id_, name in names.items()}
    if len(set(made.values())) < len(made):
        twice = next(name for name in made.values() if list(made.values()).count(name) > 1)
        raise DataError(f"two files would give one picture: {twice}", "rename one of them")
    return made


def _refuse_nothing(items: Sequence[Item], unreadable: Mapping[str, str]) -> None:
    if not items:
        first, reason = next(iter(unreadable.items()), ("the files", "there is nothing in them"))
        raise DataError(f"none of the files can be read; {first}: {reason}", "name files, or folders of them")


def _rows(
    form: "Form", model: Model, items: Sequence[Item], unreadable: dict[str, str], request: Request, how: How
) -> Iterator[Row]:
    """Rows, batch by batch, in the order of the inputs."""
    from zoo.runs.loading import Reading, auto_batch_size, load_batches, loading_threads
    from zoo.runs.predicting import Predictor

    samples = Items(items, form.target)
    device = pick_device(model.info.device or how.device)
    source, chunk = Reading(samples, form.task), range(len(items))
    size = how.fixed_batch or auto_batch_size(source, chunk, device.type)
    predictor = Predictor(form.task, model.load(), device, request.precision, size, may_halve=how.fixed_batch is None)
    done, some = 0, False
    for loaded in load_batches(source, [chunk], size, request.seed, loading_threads(samples, how.workers)):
        unreadable.update(loaded.bad)
        for part, predicted in predictor(loaded.batch) if loaded.batch is not None else ():
            some = True
            yield from form.rows(part, predicted)
        done += len(loaded.positions) + len(loaded.bad)
        how.tell(Progress("predicting", done, len(items)))
    if not some:
        _refuse_nothing((), unreadable)
