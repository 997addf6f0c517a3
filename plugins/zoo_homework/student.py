"""For the student: is my file well-formed, and what does it score on the validation split; and files to start from."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import registry
from zoo.data import Dataset
from zoo.errors import DataError, OptionError
from zoo.home import writing
from zoo.metrics import build_metric
from zoo.opening import open_dataset
from zoo.runs import Result, groups_of
from zoo.specs import BenchmarkSpec
from zoo_homework.homework import Folder, homework_spec, open_homework, own_test_set
from zoo_homework.specs import HomeworkSpec
from zoo_homework.statuses import Status, SubmissionError

VALIDATION_SHARE, VALIDATION_SEED = 0.1, 0
"""The validation split is that which recipes with seed 0 hold out by default, so that a recipe's own network never saw it."""


@dataclass(frozen=True)
class Checked:
    """What a check found: the status that the grader would give, one line, and the scores on the validation split."""

    ok: bool
    status: Status
    message: str
    split: str = ""
    results: tuple[Result, ...] = ()

    def summary(self) -> dict[str, Any]:
        results = [result.model_dump(mode="json", exclude={"detail"}) for result in self.results if result.value is not None]
        return {"ok": self.ok, "status": str(self.status), "split": self.split, "message": self.message, "results": results}


def validation_split(dataset: Dataset) -> Dataset:
    """The samples of a train split that anybody may validate on; whole groups of near-identical ones."""
    from zoo.training import Subset, split_validation

    _, held_out = split_validation(dataset, VALIDATION_SHARE, VALIDATION_SEED)
    return Subset(dataset, held_out)


@dataclass(frozen=True)
class Split:
    """What a file can be predictions of. `samples` is None where only labels were given; labels of a test set are not here."""

    name: str
    title: str
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    samples: Dataset | None


def check_file(name: str, path: Path, data_dir: Folder = None, test_set: str | None = None) -> Checked:
    """Check a file of predictions. Raises OptionError where it is no such file, or there is none."""
    from zoo_homework.intake.candidates import KINDS
    from zoo_homework.worker.prediction_files import read_predictions

    if not path.is_file():
        raise OptionError(f"there is no file {path}", "give a CSV, Parquet or .npy file of predictions")
    if path.suffix.lower() == ".zip" or KINDS.get(path.suffix.lower(), "predictions") != "predictions":
        raise OptionError(f"{path} is no file of predictions", f"check takes only those; zoo grade {name} {path} takes all kinds")
    spec, benchmark = _found(name)
    if benchmark.task != "classify":
        raise OptionError(
            f"{spec.name} takes no predictions: it is of task {benchmark.task}", f"it takes {', '.join(spec.accepts)}"
        )
    splits = [_test(spec, benchmark, data_dir, test_set), *_validation_if_any(benchmark, data_dir)]
    try:
        meant = _meant(path, splits)
        predictions = read_predictions(path, meant.ids, meant.classes, meant.title)
    except SubmissionError as error:
        return Checked(False, error.status, f"{error.status}: {error.message}")
    message = f"{path} is well-formed for the {len(meant.ids):,} samples of the {meant.title}"
    if meant.name == "validation" and meant.samples is not None:
        return Checked(True, Status.GRADED, message, meant.name, _score(predictions, meant.samples, benchmark))
    more = f"; for a score, predict the validation split: zoo homework inputs {name} --split validation"
    return Checked(True, Status.GRADED, message + (more if len(splits) > 1 else ""), meant.name)


def _meant(path: Path, splits: Sequence[Split]) -> Split:
    """The split that a file is about: the one with most of its ids, or of as many samples as an array has; else the first."""
    from zoo_homework.worker.prediction_files import read_array, read_table

    content, suffix = path.read_bytes(), path.suffix.lower()
    if suffix == ".npy":
        shape = read_array(content).shape
        return next((split for split in splits if shape[:1] == (len(split.ids),)), splits[0])
    found = {str(id_) for id_ in read_table(content, suffix).get("id", ())}
    return max(splits, key=lambda split: len(found.intersection(split.ids)))


def write_split(name: str, split: str, output: Path, data_dir: Folder = None, test_set: str | None = None) -> tuple[int, str]:
    """Write ids, and texts where there are any, of a split as CSV, without labels; the number of rows, and of what."""
    spec, benchmark = _found(name)
    written = _validation(benchmark, data_dir) if split == "validation" else _test(spec, benchmark, data_dir, test_set)
    texts = written.samples if benchmark.modality == "text" else None
    with writing(output) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id"] if texts is None else ["id", "text"])
        for row, id_ in enumerate(written.ids):
            writer.writerow([id_] if texts is None else [id_, texts[row].input])
    return len(written.ids), written.title


def export_run(run: str, output: Path) -> int:
    """Write a run's predictions as a submission: `id` and `logit:CLASS`, exactly as they are stored; the number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from zoo import Store
    from zoo.runs import stored_predictions

    if output.suffix not in (".csv", ".parquet"):
        raise OptionError(f"cannot tell the format of {output}", "name a file that ends in .csv or .parquet")
    record = Store().record(run)
    if record.task != "classify":
        raise OptionError(f"run {record.run_id} is of task {record.task}", "homeworks are about classify")
    if record.dataset.limit is not None or record.dataset.skipped:
        raise OptionError(f"run {record.run_id} is not of the whole split", "run it again whole, without `limit` and `skip_bad`")
    table = stored_predictions(record)
    classes = _classes_of(record.dataset.name, record.dataset.split)
    logits = table["logits"].combine_chunks().flatten().to_numpy().reshape(table.num_rows, -1)
    if logits.shape[1] != len(classes):
        others = logits.shape[1] - len(classes)
        raise OptionError(
            f"{record.model.name} has {others} classes that {record.dataset.name} has not", "run it again with `outputs=dataset`"
        )
    columns = {"id": table["id"], **{f"logit:{name}": pa.array(logits[:, column]) for column, name in enumerate(classes)}}
    with writing(output) as temporary:
        if output.suffix == ".parquet":
            pq.write_table(pa.table(columns), temporary)
        else:
            _write_csv(temporary, list(columns), zip(table["id"].to_pylist(), *logits.T, strict=True))
    return int(table.num_rows)


def _write_csv(path: Path, header: Sequence[str], rows: Any) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([id_, *map(str, logits)] for id_, *logits in rows)


def _classes_of(dataset: str, split: str) -> tuple[str, ...]:
    spec = registry().dataset(dataset)
    classes = spec.classes or tuple(open_dataset(spec, split).classes or ())
    if not classes:
        raise DataError(f"{dataset} has no classes", "only runs of task classify on labelled data can be handed in")
    return classes


def _found(name: str) -> tuple[HomeworkSpec, BenchmarkSpec]:
    spec = homework_spec(name)
    return spec, registry().benchmark(spec.benchmark)


def _validation(benchmark: BenchmarkSpec, data_dir: Folder) -> Split:
    spec = registry().dataset(benchmark.dataset)
    if "train" not in spec.splits:
        raise DataError(f"{spec.name} has no train split, so there is no public validation split", "ask your instructor for one")
    samples = validation_split(open_dataset(spec, "train", data_dir))
    return Split("validation", "validation split", tuple(samples.ids), tuple(samples.classes or ()), samples)


def _validation_if_any(benchmark: BenchmarkSpec, data_dir: Folder) -> list[Split]:
    return [_validation(benchmark, data_dir)] if "train" in registry().dataset(benchmark.dataset).splits else []


def _test(spec: HomeworkSpec, benchmark: BenchmarkSpec, data_dir: Folder, test_set: str | None) -> Split:
    own = own_test_set(spec, test_set)
    if own is None:
        samples = open_dataset(registry().dataset(benchmark.dataset), benchmark.split, data_dir)
        return Split("test", "test split", tuple(samples.ids), tuple(samples.classes or ()), samples)
    homework = open_homework(spec.name, test_set=own, data_dir=data_dir)
    return Split("test", f"test set {own}", homework.ids, homework.classes, homework.inputs)


def _score(predictions: Any, dataset: Dataset, benchmark: BenchmarkSpec) -> tuple[Result, ...]:
    import numpy as np

    from zoo_homework.grades.scoring import score_predictions

    entries = registry()
    metrics = [(text, build_metric(text, entries.metric(text)), entries.metric(text)) for text in benchmark.metrics]
    targets = np.array([int(target) for target in dataset.targets], dtype=np.int64)
    return score_predictions(predictions, tuple(dataset.ids), targets, tuple(dataset.classes or ()), metrics, groups_of(dataset))
