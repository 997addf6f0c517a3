"""Grading attempts, each in a process of its own, and keeping what came of them, so that a second run only does the rest.

Whatever goes wrong with an attempt is its status; it never stops the others and never passes.
"""

import hashlib
import json
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from zoo import __version__, registry
from zoo.engines import checked_engine
from zoo.errors import OptionError
from zoo.home import data_dirs, writing, zoo_home
from zoo.runs import Result
from zoo_homework.grades.scoring import Grade, grade_predictions, predictions_of, printable, stopped, tied
from zoo_homework.grades.scratch import temporary
from zoo_homework.homework import Homework
from zoo_homework.intake.attempts import Attempt, content_sha256
from zoo_homework.sandbox import launching
from zoo_homework.sandbox.hiding import hidden_paths, is_shown
from zoo_homework.sandbox.watching import output_of
from zoo_homework.statuses import Status, SubmissionError
from zoo_homework.worker.inputs import write_inputs

LIBRARIES = ("numpy", "pyarrow", "torch", "onnx", "onnxruntime")
OF_THE_GRADER = (Status.INTERNAL, Status.NOT_ISOLATED)
"""Statuses that say something of the grader rather than of the submission: they are tried again."""
FORM = 2
"""Of what is kept; another number where outcomes of an earlier form would be misread."""
PROGRAMS = ("onnx", "code")
"""Kinds that are a stranger's program."""


@dataclass(frozen=True)
class GradingOptions:
    """How to grade. `allow_code` runs submissions that are programs, `unsafe` even where they cannot be isolated.

    `engine` "here" grades `jobs` at a time, `local:N` and `ray` in processes of their own, each in the sandbox of its machine.
    """

    jobs: int = 0
    engine: str = "here"
    allow_code: bool = False
    unsafe: bool = False
    fresh: bool = False

    def __post_init__(self) -> None:
        """Raises OptionError for an engine that there is not, or one that says itself how many grade at a time."""
        if checked_engine(self.engine) != "here" and self.jobs:
            raise OptionError(f"`jobs` is not for engine {self.engine}", "write local:N for N at a time")


@dataclass(frozen=True)
class Graded:
    """What came of an attempt: a grade and, of task classify, the predictions; or a status that says why there is none."""

    attempt: Attempt
    status: Status
    message: str = ""
    grade: Grade | None = None
    predictions: "np.ndarray[Any, Any] | None" = None

    @property
    def passed(self) -> bool:
        return self.status is Status.GRADED and self.grade is not None and self.grade.passed


def versions() -> dict[str, str]:
    """Of what takes part in grading; absent libraries are left out."""
    found = {"python": platform.python_version(), "deepzoo": __version__}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def environment() -> str:
    """Hash of all that is installed: what a submission that runs may come to depend on."""
    found = sorted(f"{one.name} {one.version}" for one in metadata.distributions())
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


def homework_key(homework: Homework) -> str:
    """Hash of all but the submission that determines a grade: homework, split and labels, metrics, versions."""
    labels = hashlib.sha256(repr((homework.ids, homework.targets.tolist(), homework.classes)).encode()).hexdigest()
    spec = homework.spec.model_dump(mode="json", include={"name", "limits"})
    facts = [FORM, spec, homework.benchmark.model_dump(mode="json"), homework.fingerprint, labels, versions()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@contextmanager
def scratch_of(attempts: Sequence[Attempt], homework: Homework) -> Iterator[Path]:
    """A temporary folder with the inputs that the attempts need. Labels are in none of it."""
    if homework.dataset.path and is_shown(launching.view(), Path(homework.dataset.path)):
        raise OptionError(f"{homework.dataset.path} lies where submissions could see it", "move it out of the Python environment")
    kinds = {attempt.kind for attempt in attempts}
    with temporary() as folder:
        if homework.inputs is not None:
            write_inputs(folder / "inputs", homework.inputs, homework.about, samples="weights" in kinds)
            if kinds & {*PROGRAMS}:
                write_inputs(folder / "shuffled", homework.inputs, homework.about, order=shuffled(homework))
        else:
            write_ids(folder / "inputs", homework)
        for inputs in (child for child in folder.iterdir() if child.is_dir()):
            _make_readable(inputs)
        yield folder


def shuffled(homework: Homework) -> list[int]:
    """The order in which programs get the samples, without their ids: a file of labels is often sorted by them."""
    keys = [hashlib.sha256(f"{homework.fingerprint} {name}".encode()).digest() for name in homework.ids]
    return sorted(range(len(keys)), key=keys.__getitem__)


def write_ids(folder: Path, homework: Homework) -> None:
    folder.mkdir()
    (folder / "split.json").write_text(json.dumps({**homework.about, "ids": homework.ids}))


class Grader:
    """Grades attempts one by one, on whichever thread asks."""

    def __init__(self, homework: Homework, kept: Path, options: GradingOptions, scratch: Path) -> None:
        self.homework, self.kept, self.options, self.scratch = homework, kept, options, scratch
        self.key = homework_key(homework)
        self.isolated = not launching.why_not_isolated()
        self.order = shuffled(homework)
        self.searching = Lock()
        self.shipped = {
            weights.sha256: f"{spec.name}@{tag}" for spec in registry().models() for tag, weights in spec.weights.items()
        }

    def grade(self, attempt: Attempt) -> Graded:
        """One attempt. Never raises."""
        try:
            self._check(attempt)
            stored = self._stored(attempt)
            content = self._content(stored, attempt)
            order = self.order if attempt.kind in PROGRAMS else list(range(len(self.order)))
            predictions = predictions_of(content, self.homework, order, who="the program" if attempt.kind == "code" else "")
            grade = self._grade(predictions, content, stored)
            classified = predictions if self.homework.task == "classify" else None
            said = "; ".join(filter(None, (_of_ties(classified), self._of_shipped(attempt))))
            return Graded(attempt, Status.GRADED, said, grade, classified)
        except SubmissionError as error:
            return Graded(attempt, error.status, error.message)
        except Exception as error:
            return Graded(attempt, Status.INTERNAL, printable(f"the grader failed: {type(error).__name__}: {error}"))

    def _check(self, attempt: Attempt) -> None:
        """Raise SubmissionError where the attempt is not to be run at all."""
        if attempt.problem is not None:
            raise SubmissionError(*attempt.problem)
        if attempt.kind == "code" and not self.options.allow_code:
            raise SubmissionError(Status.CODE_REFUSED, "it is a program, and programs are run only where the grader allows code")
        if attempt.kind != "predictions" and self.homework.inputs is None:
            raise SubmissionError(Status.NOT_ACCEPTED, "the test set has labels but no inputs, so only predictions can be graded")
        if attempt.kind in ("onnx", "code") and not self.options.unsafe and (why := launching.why_not_isolated()):
            raise SubmissionError(Status.NOT_ISOLATED, printable(f"it was not run, because it cannot be isolated here: {why}"))

    def _content(self, stored: Path, attempt: Attempt) -> bytes:
        """What came of an attempt, kept from the last time unless it is empty, as a full disk may leave a file."""
        kept = b"" if self.options.fresh or not stored.exists() else stored.read_bytes()
        return kept or self._run(stored, attempt)

    def _run(self, stored: Path, attempt: Attempt) -> bytes:
        """What the worker says of an attempt, kept for the next time."""
        assert attempt.path is not None and attempt.kind is not None
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            copied = _copied(attempt, Path(folder), self.homework.spec.limits.file_bytes)
            inputs = self.scratch / ("shuffled" if attempt.kind in PROGRAMS else "inputs")
            limits = self.homework.spec.limits
            task = launching.Call(attempt.kind, copied, inputs, limits, self._hidden(attempt.kind), self.isolated)
            try:
                content = output_of(launching.run(task, Path(folder)), limits)
            except SubmissionError as error:
                if error.again or error.status in OF_THE_GRADER:
                    raise
                content = stopped(error)
        with writing(stored) as temporary:
            temporary.write_bytes(content)
        return content

    def _hidden(self, kind: str) -> tuple[str, ...]:
        """What of the environment a submission must not see. Programs see no dataset at all; predictions are only parsed."""
        if kind == "predictions" or not self.isolated:
            return ()
        packages = {*self.homework.masks, *(self.homework.others if kind in PROGRAMS else ())}
        folders = [*data_dirs(), zoo_home()]
        with self.searching:
            return hidden_paths(
                launching.view(), frozenset(packages), frozenset(self.homework.files), tuple(str(folder) for folder in folders)
            )

    def _of_shipped(self, attempt: Attempt) -> str:
        """What to know of weights that came with the zoo; whoever hands them in has trained nothing."""
        known = self.shipped.get(attempt.sha256) if attempt.kind == "weights" else None
        return f"these are the zoo's own weights of {known}" if known else ""

    def _grade(self, predictions: Any, content: bytes, stored: Path) -> Grade:
        """The scores, which are kept beside the predictions: intervals take a second where there are many classes."""
        path, of = stored.with_suffix(".json"), hashlib.sha256(content).hexdigest()
        with suppress(OSError, ValueError, KeyError):
            told = json.loads(path.read_text())
            if told["of"] == of and not self.options.fresh:
                return Grade(tuple(Result.model_validate(result) for result in told["results"]), told["passed"])
        grade = grade_predictions(predictions, self.homework)
        with writing(path) as temporary:
            results = [result.model_dump(mode="json") for result in grade.results]
            temporary.write_text(json.dumps({"of": of, "results": results, "passed": grade.passed}))
        return grade

    def _stored(self, attempt: Attempt) -> Path:
        """Where the outcome of an attempt is kept: by its content, and by everything else that determines it."""
        suffix = attempt.path.suffix.lower() if attempt.path is not None and attempt.path.is_file() else ""
        around = "" if attempt.kind == "predictions" else environment()
        facts = (self.key, attempt.sha256, attempt.kind, suffix, self.isolated, around)
        key = hashlib.sha256(repr(facts).encode()).hexdigest()
        return self.kept / f"{key}.bin"


def _of_ties(predictions: "np.ndarray[Any, Any] | None") -> str:
    ties = tied(predictions) if predictions is not None else 0
    return f"{ties:,} of its predictions are ties, which count as wrong" if ties else ""


def _copied(attempt: Attempt, folder: Path, most: int) -> Path:
    """A copy that another user can read, under a name that is ours: a student's says nothing to us.

    It is what was hashed: where students can still write, a file may be another by now, or a link.
    """
    assert attempt.path is not None
    if attempt.path.is_dir():
        copied = Path(shutil.copytree(attempt.path, folder / "submission", symlinks=True))
    else:
        copied = folder / ("predict.py" if attempt.kind == "code" else f"submission{attempt.path.suffix.lower()}")
        shutil.copyfile(attempt.path, copied, follow_symlinks=False)
    with suppress(SubmissionError):
        if content_sha256(copied, most) == attempt.content:
            _make_readable(copied)
            return copied
    raise SubmissionError(Status.INTERNAL, "it changed while it was being graded", again=True)


def _make_readable(path: Path) -> None:
    for part in [path, *(path.rglob("*") if path.is_dir() else ())]:
        if not part.is_symlink():
            part.chmod(0o755 if part.is_dir() else 0o644)
