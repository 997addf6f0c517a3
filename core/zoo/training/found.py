"""Finished trainings by name: a key, the path of weights or a record, or a recipe."""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from zoo.errors import AmbiguousNameError, OptionError, UnknownNameError, ZooError
from zoo.home import zoo_home
from zoo.plugins.registry import registry
from zoo.remarks import remark
from zoo.training.record import TrainingRecord

LAST = 10
"""Trainings of a recipe that are taken, the newest ones."""
KEY = re.compile(r"[0-9a-f]{4,64}")


def named_trainings(*names: str) -> list[TrainingRecord]:
    """The records of trainings, in order, each once.

    Raises UnknownNameError where there is none of a name, AmbiguousNameError for a key that several begin with, OptionError
    for what is no training, or of another version.
    """
    found: dict[str, TrainingRecord] = {}
    for name in names:
        for record in _named(name):
            found.setdefault(record.key, record)
    return list(found.values())


def is_training(name: str) -> bool:
    """Whether a name is a training's, or a recipe's and so that of its trainings, and nothing else's."""
    if _is_path(name) or (KEY.fullmatch(name) and any(_of_key(name))):
        return True
    return _recipe(name)[1] or any(record.recipe.name == name for record in _all())


def training_of(weights_sha256: str) -> TrainingRecord | None:
    """The training here that made the weights of this hash; None where there is none."""
    for path in _paths():
        try:
            record = _read(path)
        except OptionError:  # another version's, of which nothing was asked
            continue
        if record.weights_sha256 == weights_sha256:
            return record
    return None


def _named(name: str) -> list[TrainingRecord]:
    if _is_path(name):
        return [_at(Path(name))]
    if KEY.fullmatch(name) and (paths := list(_of_key(name))):
        if len(paths) > 1:
            keys = [path.parent.name for path in paths]
            raise AmbiguousNameError(f"training {name!r} is ambiguous", f"name one of: {', '.join(keys)}", keys)
        return [_read(paths[0])]
    recipe, known = _recipe(name)
    records = sorted((one for one in _all() if one.recipe.name == recipe), key=lambda one: one.created)
    if not records:
        raise _unknown(recipe, known)
    if len(records) > LAST:
        remark(f"{recipe} has {len(records)} trainings, of which the last {LAST} are taken")
    return records[-LAST:]


def _is_path(name: str) -> bool:
    return name.endswith((".safetensors", ".json")) or (("/" in name or "\\" in name) and Path(name).is_dir())


def _at(path: Path) -> TrainingRecord:
    """The record of a folder of a training, of the weights or the record in it, or of a copy of the weights."""
    if not path.exists():
        raise UnknownNameError(f"there is no file {path}", "name a training's weights, its training.json, or its key")
    folder = path if path.is_dir() else path.parent
    if path.suffix == ".json":
        return _read(path)
    if path.is_dir() or (folder / "training.json").is_file():
        return _read(folder / "training.json")
    import hashlib

    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    for record in _all():
        if record.weights_sha256 == sha256:
            return record
    raise UnknownNameError(
        f"{path} is not of a training that is kept here", "train them here, or name the folder of the training"
    )


def _paths() -> list[Path]:
    return sorted((zoo_home() / "trained").glob("*/training.json"))


def _of_key(prefix: str) -> Iterator[Path]:
    """Records whose key begins so. A folder's name ends with the first twelve digits of the key."""
    for path in _paths():
        short = path.parent.name.rpartition("-")[2]
        if short.startswith(prefix[:12]) and (len(prefix) <= 12 or _read(path).key.startswith(prefix)):
            yield path


def _all() -> list[TrainingRecord]:
    """All that can be read; others were made by another version."""
    records = []
    for path in _paths():
        try:
            records.append(_read(path))
        except OptionError as error:
            remark(f"{error.message}, and left out")
    return records


def _read(path: Path) -> TrainingRecord:
    try:
        return TrainingRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UnknownNameError(
            f"cannot read {path}: {error.strerror}", "name a training's weights, its record, or its key"
        ) from error
    except ValidationError as error:
        what = f"{path} is no record of a training by this version of deepzoo"
        raise OptionError(what, "train again, so that there is one") from error


def _recipe(name: str) -> tuple[str, bool]:
    """The full name of a recipe, or the name as it is; and whether there is a recipe of it."""
    try:
        return registry().recipe(name).name, True
    except UnknownNameError:
        return name, False


def _unknown(name: str, recipe: bool) -> ZooError:
    if recipe:
        return UnknownNameError(f"{name} has not been trained here", f"zoo train {name}")
    from zoo.runs.store import Store

    try:
        run = Store(writing=False).record(name)
    except UnknownNameError:
        return UnknownNameError(f"there is no training {name!r}", "name a key, a file of weights, or a recipe: zoo list recipes")
    return OptionError(f"{name} is a run of {run.model.name}, not a training", "compare runs with runs, trainings with trainings")
