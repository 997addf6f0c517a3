"""Results as Hugging Face reads them: the header of a model card (model-index), and the files of `.eval_results`."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.errors import OptionError
from zoo.metrics.names import parse_metric

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

    from zoo.runs.record import Result, RunRecord

TASK_TYPES = {
    ("classify", "image"): "image-classification",
    ("classify", "text"): "text-classification",
    ("classify", "vector"): "tabular-classification",
    ("detect", "image"): "object-detection",
    ("segment", "image"): "image-segmentation",
    ("embed", "image"): "image-feature-extraction",
    ("embed", "text"): "feature-extraction",
    ("generate", "text"): "text-generation",
    ("generate", "image"): "image-to-image",
}
"""The hub's names of tasks; of others "other"."""
FOLDER = ".eval_results"


def header(records: "Sequence[RunRecord]", modality: str | None, known: Mapping[str, str], hub_ids: Mapping[str, str]) -> str:
    """The YAML between the dashes of a model card, without them."""
    from huggingface_hub import ModelCardData

    results = [
        _eval_result(record, result, modality, hub_ids)
        for record in records
        for result in record.results
        if result.value is not None and math.isfinite(result.value)
    ]
    licence = known.get("licence", "")
    data = ModelCardData(
        model_name=records[0].model.label,
        eval_results=results or None,
        license=licence.lower() if _is_spdx(licence) else None,
        library_name="deepzoo",
        tags=sorted({record.task for record in records}),
        datasets=list(dict.fromkeys(hub_ids[r.dataset.name].partition(":")[0] for r in records if r.dataset.name in hub_ids))
        or None,
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
    )
    return data.to_yaml().rstrip("\n") + "\n"


def eval_results(records: "Sequence[RunRecord]", hub_ids: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """YAML by file name, an own file each score as the hub wants it, and what is in none of them, and why.

    Only the primary score goes there, and only of datasets whose id on the hub is known.
    """
    import yaml

    try:
        from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
    except ImportError as error:
        raise OptionError("this huggingface_hub knows no .eval_results", "pip install -U huggingface_hub") from error
    files: dict[str, str] = {}
    missing: list[str] = []
    for record in records:
        score, data = record.primary, record.dataset
        if data.name not in hub_ids:
            missing.append(f"the id of {data.name} on the hub, so {score.metric} on {record.benchmark} is in no file of {FOLDER}")
            continue
        if score.value is None or not math.isfinite(score.value):
            missing.append(f"{score.metric} on {record.benchmark}, which has no value, and so no file of {FOLDER}")
            continue
        dataset, _, task = hub_ids[data.name].partition(":")
        entry = EvalResultEntry(
            dataset_id=dataset, task_id=task or "default", value=score.value, date=record.created, notes=_said(record, score)
        )
        text = yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, allow_unicode=True)
        files[_free(record.benchmark, files)] = text
    return files, missing


def checked_ids(datasets: Mapping[str, str], records: "Sequence[RunRecord]") -> dict[str, str]:
    """The hub's ids of datasets by full name: as given, `ORG/NAME` or `ORG/NAME:TASK`, and of `hf:ORG/NAME` its own.

    Raises OptionError for a dataset that no run is of, and for what cannot be an id.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    known = {record.dataset.name for record in records}
    found = {name: name.removeprefix("hf:") for name in known if name.startswith("hf:") and name.count("/") == 1}
    for given, id_ in datasets.items():
        names = [name for name in known if given in (name, name.rpartition("/")[2])]
        if len(names) != 1:
            raise OptionError(f"`datasets` names {given!r}, and no run is of it", f"they are of {', '.join(sorted(known))}")
        try:
            validate_repo_id(id_.partition(":")[0])
        except HFValidationError as error:
            raise OptionError(f"{id_!r} is no id of a dataset on the hub", "write ORG/NAME, or ORG/NAME:TASK") from error
        found[names[0]] = id_
    return found


def _eval_result(record: "RunRecord", result: "Result", modality: str | None, hub_ids: Mapping[str, str]) -> "EvalResult":
    from huggingface_hub import EvalResult

    name, options = parse_metric(result.metric)
    bounds = {"ci_low": result.ci_low, "ci_high": result.ci_high} if result.ci_low is not None else {}
    data = record.dataset
    known = hub_ids.get(data.name)
    return EvalResult(
        task_type=TASK_TYPES.get((record.task, modality or ""), "other"),
        task_name=record.task,
        dataset_type=known.partition(":")[0] if known else data.name.rpartition("/")[2] or data.name,
        dataset_name=record.benchmark,
        dataset_split=data.split,
        dataset_args=_plain({"fingerprint": data.fingerprint, "samples": data.samples, "protocol": record.protocol}),
        metric_type=name,  # of a plugin by others with the plugin: it is not the hub's of the same bare name
        metric_name=result.metric,
        metric_value=result.value,
        metric_args=_plain({**options, "n": result.n, **bounds, "interval": result.interval, "run": record.run_id}),
    )


def _said(record: "RunRecord", score: "Result") -> str:
    """What a reader of one number must know."""
    between = "" if score.ci_low is None else f" [{score.ci_low:.6g}, {score.ci_high:.6g}]"
    data, by = record.dataset, score.interval or "nothing"
    limit = f", {data.limit:,} of the split's samples" if data.limit is not None else ""
    said = f"{score.metric}{between}, n = {score.n:,}, 95 % interval by {by}, split {data.split}{limit}"
    return f"{said}; {record.benchmark} of deepzoo {record.environment.deepzoo}, run {record.run_id}"


def _free(benchmark: str, taken: Mapping[str, str]) -> str:
    """A file name of a benchmark that is not taken."""
    stem = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "-" for sign in benchmark).strip("-")[:80]
    stem = stem or "result"
    names = [f"{stem}.yaml", *(f"{stem}-{number}.yaml" for number in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)


def _is_spdx(licence: str) -> bool:
    return bool(licence) and len(licence) < 40 and all(sign.isalnum() or sign in "-.+" for sign in licence)


def _plain(value: Any) -> Any:
    """What YAML holds: tuples as lists, nothing but plain values."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
