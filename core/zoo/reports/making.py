"""Making a report: which runs or trainings are meant, what is told of them, and the file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.comparing.matching import RUN_ID, check_ids, differences, is_plain
from zoo.comparing.matching import names as run_names
from zoo.errors import AmbiguousNameError, OptionError, RunError, UnknownNameError, ZooError
from zoo.home import using, writing
from zoo.lazy import load_target
from zoo.opening.datasets import Folder
from zoo.plugins.blame import in_plugin
from zoo.plugins.registry import Registry, one_look_up
from zoo.reports.blocks import Heading, Section
from zoo.reports.differences import difference_section
from zoo.reports.kinds.view import View
from zoo.reports.page import Page
from zoo.reports.samples import packed
from zoo.reports.scores import knowledge_section, origin_section, score_section
from zoo.reports.stored import StoredRun
from zoo.reports.trainings import learning_section, training_page
from zoo.runs.progress import ProgressCallback
from zoo.runs.record import RunRecord
from zoo.runs.store import Store
from zoo.tasks.by_name import is_core
from zoo.training.found import is_training, named_trainings
from zoo.training.record import TrainingRecord

RUNS = 6
"""Runs that one report holds."""
PICTURES = 500
KINDS = "zoo.reports.kinds."
VIEWS = {
    "Attack": "attack:AttackView",
    "Certify": "attack:CertifyView",
    "Classify": "classify:ClassifyView",
    "Detect": "detect:DetectView",
    "Embed": "embed:EmbedView",
    "Generate": "generate:RestoreView",
    "ImageLikelihood": "generate:LikelihoodView",
    "Sampling": "generate:SamplingView",
    "Segment": "segment:SegmentView",
    "TextLikelihood": "generate:TextView",
}
"""What shows the runs of a task's class, and of those that are made of it."""
OTHER = "other:OtherView"
"""What shows those of a task that a plugin declares."""

Asked = str | os.PathLike[str] | RunRecord | TrainingRecord


@in_plugin()
def report(
    runs: Asked | Sequence[Asked],
    path: str | os.PathLike[str],
    *,
    pictures: int = PICTURES,
    data_dir: Folder = None,
    home: Folder = None,
    store: Folder = None,
    progress: ProgressCallback | None = None,
) -> Path:
    """Write one file of HTML about runs on the same samples, or about trainings; it needs no network. Returns its path.

    A run is a record, its id, perhaps cut short, or a benchmark: then the newest run of each model on it, the best first. None
    means the newest run there is. A training is its record, key, weights or recipe. `pictures` is how many samples are shown at
    the most; all are counted and listed. Figures are those of the records, and of predictions that have not changed since.
    `progress` is told how far it is. `home` and `store` stand for `ZOO_HOME` and `ZOO_STORE` (see `zoo.home.using`).

    Raises ZooError: RunError where stored predictions are not those that were scored, or runs are not of the same samples;
    UnknownNameError for a name of nothing; OptionError for what cannot be in one report; StoreError where nothing can be written.
    """
    listed = [runs] if isinstance(runs, (str, os.PathLike, RunRecord, TrainingRecord)) else list(runs)
    asked = [os.fspath(one) if isinstance(one, os.PathLike) else one for one in listed]
    if not 0 <= pictures <= 100_000:
        raise OptionError(f"`pictures` must be from 0 to 100,000, not {pictures}")
    with using(home, store), one_look_up() as entries:
        trainings = [
            one for one in asked if isinstance(one, TrainingRecord) or (isinstance(one, str) and _is_training(entries, one))
        ]
        if trainings and len(trainings) < len(asked):
            raise OptionError("a report is of runs or of trainings, and both are named", "make a report of each")
        page = training_page(_trainings(trainings)) if trainings else _run_page(entries, asked, pictures, data_dir, progress)
    target = Path(path)
    with writing(target) as temporary:
        temporary.write_text(page.html(), encoding="utf-8")
    return target


def _is_training(entries: Registry, name: str) -> bool:
    """Whether it is the name of a training, and neither of a run nor of a benchmark: a folder may be called as one."""
    try:
        entries.benchmark(name)
    except ZooError:
        return _run(name) is None and is_training(name)
    return False


def _run(name: str) -> RunRecord | None:
    """The run of an id; None where there is none. Raises AmbiguousNameError."""
    if not RUN_ID.fullmatch(name):
        return None
    try:
        return Store(writing=False).record(name)
    except AmbiguousNameError:
        raise
    except UnknownNameError:
        return None


def _trainings(asked: Sequence[Asked]) -> list[TrainingRecord]:
    found = [[one] if isinstance(one, TrainingRecord) else named_trainings(str(one)) for one in asked]
    return list({record.key: record for records in found for record in records}.values())


def _run_page(
    entries: Registry, asked: Sequence[Any], pictures: int, data_dir: Folder, progress: ProgressCallback | None
) -> Page:
    records, notes = _records(entries, asked)
    _check_one(records)
    names = _names(records)
    tell = progress or (lambda step: None)
    views = [_view(StoredRun(entries, record, name, data_dir, tell)) for record, name in zip(records, names, strict=True)]
    check_ids(records, [view.ids for view in views])
    sections = [score_section(entries, records, names), knowledge_section(records, names)]
    if len(records) > 1:
        sections.append(difference_section(records, names, data_dir))
    sections += _own_sections(views)
    sections.append(learning_section(records, names))
    first = records[0]
    return Page(
        title=f"{first.benchmark}: {', '.join(names)}",
        heading=first.benchmark,
        lead=f"{first.task} · {first.dataset.name}, split {first.dataset.split} · {first.dataset.samples:,} samples",
        names=names,
        notes=[*notes, *_absences(views)],
        sections=[section for section in sections if section is not None],
        samples=packed(views, names, pictures),
        last=origin_section(records, names),
    )


def _records(entries: Registry, asked: Sequence[Any]) -> tuple[list[RunRecord], list[str]]:
    """The runs that are meant, each once, and what was left out."""
    store = Store(writing=False)
    if not asked:
        newest = store.records(limit=1)
        if not newest:
            raise UnknownNameError("there is no run to report on", "zoo run intro/mlp --on digits")
        return newest, []
    found: dict[str, RunRecord] = {}
    notes = []
    for one in asked:
        run = one if isinstance(one, RunRecord) else _run(one)
        some, left = ([run], 0) if run is not None else _of_benchmark(entries, store, one)
        if left:
            notes.append(f"{left} more runs of {one} are here: of other models, or on other samples or settings than these.")
        found.update((record.run_id, record) for record in some)
    if len(found) > RUNS:
        raise OptionError(f"a report holds {RUNS} runs, not {len(found)}", "name fewer")
    return list(found.values()), notes


def _of_benchmark(entries: Registry, store: Store, name: str) -> tuple[list[RunRecord], int]:
    """The newest run of each model on a benchmark that fits the newest plain one, the best first; and how many do not."""
    try:
        benchmark = entries.benchmark(name).name
    except UnknownNameError as error:
        if not RUN_ID.fullmatch(name) or error.candidates:
            raise
        raise UnknownNameError(f"there is no run {name!r}", "zoo results shows them all") from error
    records = [record for record, _ in store.newest(benchmark)]
    if not records:
        raise UnknownNameError(f"there is no run of {benchmark}", f"zoo run MODEL --on {name}")
    first = next(filter(is_plain, records), records[0])
    alike = [record for record in reversed(records) if not differences(first, record)]
    newest = {_called(record): record for record in alike}
    ranked = sorted(newest.values(), key=_merit, reverse=True)
    return ranked[:RUNS], len(ranked[RUNS:]) + len({_called(one) for one in records} - newest.keys())


def _called(record: RunRecord) -> tuple[Any, ...]:
    """What tells a model with its settings from another."""
    others = tuple((role, other.label) for role, other in sorted(record.aux.items()))
    return record.model.label, repr(sorted(record.model.options.items())), others, record.execution.precision


def _merit(record: RunRecord) -> float:
    score = record.primary
    return float("-inf") if score.value is None else -score.value if score.direction == "lower" else score.value


def _check_one(records: Sequence[RunRecord]) -> None:
    for other in records[1:]:
        if differing := differences(records[0], other):
            raise RunError(
                f"runs {records[0].run_id} and {other.run_id} cannot be in one report, for they differ in {'; '.join(differing)}",
                "make a report of each",
            )


def _names(records: Sequence[RunRecord]) -> list[str]:
    """What the runs are called; of several with a letter, as two may have one name."""
    called = run_names(records)
    return called if len(called) == 1 else [f"{'ABCDEF'[place]} {name}" for place, name in enumerate(called)]


def _view(run: StoredRun) -> View:
    own = is_core(run.task.name)
    kind = next((VIEWS[one.__name__] for one in type(run.task).__mro__ if own and one.__name__ in VIEWS), OTHER)
    made: View = load_target(KINDS + kind)(run)
    return made


def _own_sections(views: Sequence[View]) -> list[Section]:
    """What is to be seen of each run, runs below each other."""
    found: dict[str, Section] = {}
    for view in views:
        for section in view.sections():
            joined = found.setdefault(section.title, Section(section.title))
            said = [block for block in section.blocks if not (isinstance(block, str) and block in joined.blocks)]
            joined.blocks += [*([Heading(view.run.name)] if len(views) > 1 else ()), *said]
    return list(found.values())


def _absences(views: Sequence[View]) -> list[str]:
    """What the page cannot show, since the samples are not here as they were."""
    told = dict.fromkeys(view.run.absent for view in views if view.run.absent)
    return [f"The samples themselves are not shown: {reason}. Predictions and scores are those of the record." for reason in told]
