"""A sweep as it is written in a YAML file: models, benchmarks, and settings of `zoo.evaluate` by their names."""

import inspect
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import OptionError, did_you_mean

EXAMPLE = "models: [cnn/*, intro/mlp]"
_LISTS = ("models", "benchmarks", "metrics")
_MAPS = ("options", "protocol", "aux")


class SweepFile(NamedTuple):
    """What a file says: `models` and `benchmarks`, and all else as keywords of `zoo.sweep`."""

    models: list[str]
    benchmarks: list[str]
    settings: dict[str, Any]


def read_sweep(path: Path) -> SweepFile:
    """Read a file such as `models: [cnn/*]`, `benchmarks: [mnist, digits]`, `limit: 1000`. Raises OptionError naming the key."""
    import yaml

    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise OptionError(f"cannot read {path}: {reason}", "name a file that is there") from error
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place is not None else ""
        raise OptionError(f"{path}{where} is no YAML: {getattr(error, 'problem', None) or error}", f"write {EXAMPLE}") from error
    if not isinstance(told, dict):
        raise OptionError(f"{path} holds no mapping of models, benchmarks and settings", f"write {EXAMPLE}")
    known = _known()
    for key in told:
        if key is True:  # what YAML makes of `on`
            raise OptionError(f"{path} has the key on, which YAML reads as true", "write benchmarks: [...]")
        if key not in known:
            raise OptionError(f"{path} has no key {key!r}", did_you_mean(str(key), known, f"its keys are: {', '.join(known)}"))
    for key in (*_LISTS, *_MAPS):
        _check_form(path, key, told)
    lists = {key: [told[key]] if isinstance(told.get(key), str) else list(told.get(key) or ()) for key in _LISTS}
    rest = {key: value for key, value in told.items() if key not in _LISTS and value is not None}
    return SweepFile(
        lists["models"], lists["benchmarks"], {**rest, **({"metrics": lists["metrics"]} if lists["metrics"] else {})}
    )


def _known() -> list[str]:
    """All keys: what `zoo.sweep` takes, and what that hands on to `zoo.evaluate`."""
    from zoo.runs.evaluate import evaluate
    from zoo.sweeps.run import sweep

    names = {**inspect.signature(sweep).parameters, **inspect.signature(evaluate).parameters}
    return [name for name in names if name not in ("model", "benchmark", "progress", "settings", "name")]


def _check_form(path: Path, key: str, told: dict[Any, Any]) -> None:
    value = told.get(key)
    if value is None:
        return
    if key in _MAPS:
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise OptionError(f"{path}: {key} must be a mapping", f"write {key}: {{name: value}}")
    elif not isinstance(value, str) and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        raise OptionError(f"{path}: {key} must be a list of names", f"write {key}: [a, b]; quote a name that begins with *")
