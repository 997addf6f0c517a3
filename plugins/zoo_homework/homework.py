"""A homework made ready: its benchmark, the samples that it is graded on with their labels, its metrics."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.data import Dataset, read_header
from zoo.errors import DataError, OptionError, PluginError, reason_of
from zoo.metrics import Metric, build_metric
from zoo.opening import open_dataset
from zoo.passmark import PassMark, parse_pass_mark
from zoo.specs import BenchmarkSpec, DatasetSpec, MetricSpec
from zoo_homework.specs import HomeworkSpec, SubmissionKind
from zoo_homework.statuses import SubmissionError
from zoo_homework.worker.prediction_files import class_index, class_number, read_table

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Folder = str | os.PathLike[str] | None
PARTS = (".csv", ".tsv")
OURS = {"zoo", "zoo_homework"}
"""Packages that the worker itself needs."""
SERVED: dict[str, tuple[SubmissionKind, ...]] = {
    "classify": ("predictions", "weights", "onnx", "code"),
    "embed": ("weights", "onnx", "code"),
    "segment": ("weights", "onnx", "code"),
    "detect": ("weights", "code"),
}
"""Task to the kinds of submission that can be graded for it. A generator would be given the answer, as it is made from that."""
LABELS = "write UTF-8 CSV with columns id and label, one row a sample of the test set"


@dataclass(frozen=True)
class Homework:
    """A homework and the split that it is graded on. `targets` int64 [n] are the labels, by number in `classes`; of other
    tasks than classify they are empty, and read from `inputs` as they are needed.

    `public` says that the labels are those of the published dataset, which anybody can look up. `inputs` is None where
    only labels were given: then predictions alone can be handed in. By `test_set` and `data_dir` others open the same.
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
    test_set: str | None = None
    data_dir: Folder = None

    @property
    def mark(self) -> PassMark:
        """What the score must be to pass."""
        return parse_pass_mark(str(self.benchmark.pass_mark))

    @property
    def of_labels(self) -> bool:
        """Whether the metric of the pass mark asks only which class is predicted."""
        return next(metric for text, metric, _ in self.metrics if text == self.mark.metric).of_labels

    @property
    def task(self) -> str:
        return self.benchmark.task

    @cached_property
    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """Height and width of every target of task segment; of other tasks there are none."""
        if self.task != "segment" or self.inputs is None:
            return ()
        import numpy as np

        read = getattr(self.inputs, "target", None) or (lambda row: self.inputs[row].target)
        return tuple(tuple(np.shape(read(row))[-2:]) for row in range(len(self.ids)))

    @property
    def about(self) -> dict[str, Any]:
        """What a submission's model needs to know of the inputs beside them."""
        told = {"task": self.task, "modality": self.benchmark.modality, "protocol": self.benchmark.protocol}
        return {**told, "classes": self.classes, "sizes": self.sizes}

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
        specs = [*entries.datasets(), *entries.entries("homework")]
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
    spec = homework_spec(name)
    test_set = own_test_set(spec, test_set)
    return replace(_opened(spec, test_set, data_dir), test_set=test_set, data_dir=data_dir)


def _opened(spec: HomeworkSpec, test_set: str | None, data_dir: Folder) -> Homework:
    entries = registry()
    benchmark = entries.benchmark(spec.benchmark)
    check_gradable(spec, benchmark)
    dataset = entries.dataset(benchmark.dataset)
    metrics = tuple((text, build_metric(text, entries.metric(text)), entries.metric(text)) for text in benchmark.metrics)
    mark = parse_pass_mark(str(benchmark.pass_mark))
    mark.check(benchmark.name, entries.metric(mark.metric).direction)
    if test_set is None:
        opened = open_dataset(dataset, benchmark.split, data_dir)
        return _of_samples(spec, benchmark, dataset, opened, tuple(opened.classes or ()), metrics, public=True)
    if benchmark.task == "classify" and _is_table_of_labels(test_set):
        return _of_labels(spec, benchmark, dataset, Path(test_set), _declared_classes(dataset), metrics)
    named = test_set if ":" in test_set or Path(test_set).suffix.lower() not in PARTS else f"csv:{test_set}"
    own = entries.dataset(named)
    if own.modality != benchmark.modality or benchmark.task not in own.tasks:
        about = f"{benchmark.modality} and of task {benchmark.task}"
        what = f"{named} is {own.modality} and serves {', '.join(own.tasks)}, and {spec.name} is about {about}"
        raise OptionError(what, "give another test set")
    split = next((name for name in ("all", "test") if name in own.splits), next(iter(own.splits)))
    opened = open_dataset(own, split, data_dir)
    classes = tuple(opened.classes or ()) if benchmark.task == "embed" else _declared_classes(dataset)
    if benchmark.task in ("segment", "detect") and tuple(opened.classes or ()) != classes:
        hint = f"they must be, in this order: {', '.join(classes)}"
        raise DataError(f"{named} has other classes than {dataset.name}", hint)
    return _of_samples(spec, benchmark, own, opened, classes, metrics, public=False)


def _is_table_of_labels(test_set: str) -> bool:
    """Whether it is a CSV file of labels alone, without texts."""
    path = Path(test_set)
    return path.suffix.lower() in PARTS and ":" not in test_set and "text" not in _header(path)


def _declared_classes(dataset: DatasetSpec) -> tuple[str, ...]:
    if dataset.classes is None:
        raise DataError(f"{dataset.name} does not declare its classes, so no other test set fits it", "declare them in its spec")
    return dataset.classes


def check_gradable(spec: HomeworkSpec, benchmark: BenchmarkSpec) -> None:
    """Raise PluginError where no submission of a kind that the homework accepts could be graded by the benchmark."""
    if benchmark.pass_mark is None:
        raise PluginError(f"{spec.name} cannot be graded: {benchmark.name} has no pass mark", "a homework needs one to pass by")
    if benchmark.task not in SERVED or benchmark.aux:
        what = f"needs other models ({', '.join(benchmark.aux)})" if benchmark.aux else f"is of task {benchmark.task}"
        why = f"{spec.name} cannot be graded: {benchmark.name} {what}, which the sandbox does not serve"
        raise PluginError(why, f"a homework can be of {', '.join(SERVED)}, without other models")
    served = SERVED[benchmark.task]
    if wrong := [kind for kind in spec.accepts if kind not in served]:
        raise PluginError(
            f"{spec.name} accepts {', '.join(wrong)}, which cannot be graded for task {benchmark.task}",
            f"accepts can be: {', '.join(served)}",
        )


def homework_specs() -> list[HomeworkSpec]:
    """Every homework that a plugin offers."""
    return [spec for spec in registry().entries("homework") if isinstance(spec, HomeworkSpec)]


def homework_spec(name: str) -> HomeworkSpec:
    """The homework of a full or bare name. Raises UnknownNameError."""
    spec = registry().entry("homework", name)
    assert isinstance(spec, HomeworkSpec)
    return spec


def own_test_set(spec: HomeworkSpec, given: str | None = None) -> str | None:
    """The test set given, or else that of the variable; None: the published one. Raises OptionError for an empty name."""
    if given is not None and not given.strip():
        raise OptionError(
            "`test_set` is empty", f"name a set, or leave it out for that of {test_variable(spec)}, else the public one"
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
    if benchmark.task != "classify":
        none = np.empty(0, dtype=np.int64)
        return Homework(spec, benchmark, dataset, classes, tuple(opened.ids), none, opened, opened.fingerprint, public, metrics)
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
        with open(path, "rb") as file:
            beginning = file.read(1 << 16)
    except OSError as error:
        raise DataError(f"cannot read the test set {path}: {reason_of(error)}", "give a CSV file that is there") from error
    return [name.strip() for name in read_header(beginning, ".csv", path)]
