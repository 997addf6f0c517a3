"""A homework made ready: its benchmark, the samples that it is graded on with their labels, its metrics."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.data import Dataset
from zoo.errors import DataError, OptionError, PluginError
from zoo.metrics import Metric, build_metric
from zoo.opening import open_dataset
from zoo.specs import BenchmarkSpec, DatasetSpec, HomeworkSpec, MetricSpec
from zoo_homework.reading import class_index, class_number, delimiter_of, read_table
from zoo_homework.statuses import SubmissionError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Folder = str | os.PathLike[str] | None
PARTS = (".csv", ".tsv")
OURS = {"zoo", "zoo_homework"}
"""Packages that the worker itself needs."""
LABELS = "write UTF-8 CSV with columns id and label, one row a sample of the test set"


@dataclass(frozen=True)
class Homework:
    """A homework and the split that it is graded on. `targets` int64 [n] are the labels, by number in `classes`.

    `public` says that the labels are those of the published dataset, which anybody can look up. `inputs` is None where
    only labels were given: then predictions alone can be handed in.
    """

    spec: HomeworkSpec
    benchmark: BenchmarkSpec
    dataset: DatasetSpec
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    targets: "Array"
    inputs: Dataset | None
    fingerprint: str
    public: bool
    metrics: tuple[tuple[str, Metric, MetricSpec], ...]

    @property
    def mark(self) -> tuple[str, float]:
        """Metric of the pass mark, and the value that must be exceeded."""
        metric, _, bound = str(self.benchmark.pass_mark).partition(" > ")
        return metric, float(bound)

    @property
    def masks(self) -> tuple[str, ...]:
        """Packages that hold or open the dataset, or define the homework: no submission may see them, for labels may be there."""
        packed = [
            url.removeprefix("pkg:").partition("/")[0] for file in self.dataset.files for url in file.urls if url[:4] == "pkg:"
        ]
        opening = self.dataset.target.partition(":")[0].partition(".")[0]
        return tuple(sorted({*packed, opening, *_modules(self.spec.name, self.benchmark.name)} - OURS))

    @property
    def others(self) -> tuple[str, ...]:
        """Packages with the datasets and homeworks of other plugins, which no program needs to see, either."""
        entries = registry()
        specs = [*entries.datasets(), *entries.homeworks()]
        return tuple(sorted(_modules(*(spec.name for spec in specs)) - OURS - {*self.masks}))

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that hold the labels, here and where they come from."""
        names = [name for file in self.dataset.files for name in (file.name, *file.aliases, *file.urls)]
        return tuple(sorted({Path(name).name for name in (*names, *filter(None, [self.dataset.path]))}))


def open_homework(name: str, *, test_set: str | None = None, data_dir: Folder = None) -> Homework:
    """The homework of a name. `test_set`, or else the variable that `test_variable` names, replaces the published test split.

    It is the name of a dataset (`csv:PATH`, `galaxy10:PATH`), or the path of a CSV file with columns `id` and `label`.
    Raises ZooError where the homework or its data are absent or do not fit.
    """
    entries = registry()
    spec = entries.homework(name)
    benchmark = entries.benchmark(spec.benchmark)
    if benchmark.task != "classify" or benchmark.pass_mark is None:
        raise PluginError(
            f"{spec.name} cannot be graded: {benchmark.name} is of task {benchmark.task}, pass mark {benchmark.pass_mark}",
            "a homework needs a benchmark of task classify that has a pass mark",
        )
    dataset = entries.dataset(benchmark.dataset)
    test_set = own_test_set(spec, test_set)
    metrics = tuple((text, build_metric(text, entries.metric(text)), entries.metric(text)) for text in benchmark.metrics)
    if test_set is None:
        opened = open_dataset(dataset, benchmark.split, data_dir)
        return _of_samples(spec, benchmark, dataset, opened, tuple(opened.classes or ()), metrics, public=True)
    classes = dataset.classes
    if classes is None:
        raise DataError(f"{dataset.name} does not declare its classes, so no other test set fits it", "declare them in its spec")
    if Path(test_set).suffix.lower() in PARTS and ":" not in test_set and "text" not in _header(Path(test_set)):
        return _of_labels(spec, benchmark, dataset, Path(test_set), classes, metrics)
    named = test_set if ":" in test_set or Path(test_set).suffix.lower() not in PARTS else f"csv:{test_set}"
    own = entries.dataset(named)
    if own.modality != benchmark.modality:
        raise OptionError(f"{named} is {own.modality}, and {spec.name} is about {benchmark.modality}", "give another test set")
    split = next((name for name in ("all", "test") if name in own.splits), next(iter(own.splits)))
    opened = open_dataset(own, split, data_dir)
    return _of_samples(spec, benchmark, own, opened, classes, metrics, public=False)


def own_test_set(spec: HomeworkSpec, given: str | None = None) -> str | None:
    """The test set given, or else that of the variable; None: the published one. Raises OptionError for an empty name."""
    if given is not None and not given.strip():
        raise OptionError(
            "--test-set is empty", f"name a set, or leave it out for that of {test_variable(spec)}, else the public one"
        )
    return given or os.environ.get(test_variable(spec)) or None


def test_variable(spec: HomeworkSpec) -> str:
    """The environment variable of a homework's own test set: `ZOO_TEST_SET_HW2` of `homework/hw2`."""
    return "ZOO_TEST_SET_" + "".join(c if c.isalnum() else "_" for c in spec.name.rpartition("/")[2]).upper()


def _modules(*names: str) -> set[str]:
    """The packages of the plugins of some entries."""
    plugins = {name.partition("/")[0] for name in names}
    return {str(plugin["module"]).partition(".")[0] for plugin in registry().index.plugins if plugin["id"] in plugins}


def _of_samples(
    spec: HomeworkSpec,
    benchmark: BenchmarkSpec,
    dataset: DatasetSpec,
    opened: Dataset,
    classes: tuple[str, ...],
    metrics: tuple[tuple[str, Metric, MetricSpec], ...],
    public: bool,
) -> Homework:
    import numpy as np

    own = tuple(opened.classes or ())
    targets = np.array([_class_number(own[int(target)], classes) for target in opened.targets], dtype=np.int64)
    return Homework(spec, benchmark, dataset, classes, tuple(opened.ids), targets, opened, opened.fingerprint, public, metrics)


def _of_labels(
    spec: HomeworkSpec,
    benchmark: BenchmarkSpec,
    dataset: DatasetSpec,
    path: Path,
    classes: tuple[str, ...],
    metrics: tuple[tuple[str, Metric, MetricSpec], ...],
) -> Homework:
    import hashlib

    import numpy as np

    try:
        content = path.read_bytes()
        columns = read_table(content, path.suffix.lower())
    except SubmissionError as error:
        raise DataError(f"cannot read the test set {path}: {error.message}", LABELS) from error
    if not {"id", "label"} <= set(columns) or not columns["id"]:
        raise DataError(f"{path} has no rows with columns id and label", LABELS)
    seen: set[str] = set()
    for number, name in enumerate(columns["id"], 2):
        if not name or name in seen:
            what = f"the id {name!r} a second time" if name else "no id"
            raise DataError(f"row {number} of {path} has {what}", "every sample needs an id of its own")
        seen.add(name)
    labels = [_class_number(label, classes, f"row {row} of {path}") for row, label in enumerate(columns["label"], 2)]
    targets, sha256 = np.array(labels, dtype=np.int64), hashlib.sha256(content).hexdigest()
    return Homework(spec, benchmark, dataset, classes, tuple(columns["id"]), targets, None, sha256, False, metrics)


def _class_number(label: str, classes: Sequence[str], where: str = "the test set") -> int:
    number = class_number(label, class_index(classes))
    if number is None:
        raise DataError(f"{where} has a label {label!r}", f"the homework's classes are: {', '.join(classes)}")
    return number


def _header(path: Path) -> list[str]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            line = file.readline()
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter_of(line)), [])]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read the test set {path}: {error}", "give a UTF-8 CSV file that is there") from error
