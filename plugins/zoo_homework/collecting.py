"""Who handed in what: from files, a folder a student, an LMS's zip, or a manifest, to attempts that can be graded one by one.

Nothing is opened here but zips, and those with care: a submission is known by its name, its size and its hash.
"""

import csv
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from zoo.errors import DataError, OptionError
from zoo.specs import HomeworkSpec, SubmissionKind
from zoo_homework.extracting import names_in_zip, unpack_zip
from zoo_homework.reading import PICKLES, TABLES
from zoo_homework.statuses import Status, SubmissionError

KINDS: dict[str, SubmissionKind] = {
    **dict.fromkeys((*TABLES, ".npy"), "predictions"),
    ".safetensors": "weights",
    ".onnx": "onnx",
    ".py": "code",
}
MOODLE = re.compile(r"(?P<student>.+?_\d+)_assignsubmission_.*")
CANVAS = re.compile(r"(?P<student>[^_]+?)(?:_LATE)?_\d+_\d+_(?P<file>.+)")
IGNORED = ("__MACOSX", ".DS_Store", "__pycache__", "Thumbs.db", "desktop.ini")
LMS_BYTES = 64 << 30


@dataclass(frozen=True)
class Attempt:
    """One thing that a student handed in: `path` a file, or a folder with a `predict.py`. `problem` is why it cannot be graded.

    `name` is how reports call it; `sha256` that of the file, or of all paths and contents of the folder.
    """

    student: str
    name: str
    path: Path | None
    kind: SubmissionKind | None = None
    sha256: str = ""
    submitted: datetime | None = None
    problem: tuple[Status, str] | None = None


def collect(paths: Sequence[Path], spec: HomeworkSpec, work: Path, manifest: Path | None = None) -> list[Attempt]:
    """Attempts, by student and then by time and name. `work` is where zips are unpacked. Raises ZooError for a wrong path.

    One path may be a class: a folder with a folder or a file a student, or the zip of an LMS (Moodle's and Canvas' names are
    understood). Of several paths each is one student's, so that `class/*` is what `class` is: a file (its stem is the student,
    or its folder where stems are the same), or a folder; but one that holds folders is a class, as a class's zip is.
    """
    listed = list(_of_manifest(manifest)) if manifest is not None else []
    found: list[Found] = []
    for path in paths:
        if not os.path.lexists(path):
            raise OptionError(f"there is no {path}", "give a file, a folder with a folder a student, or an LMS's zip")
        found += _of_path(path, work, paths)
    found = listed + _without_companions(found)
    attempts = [_known(student, name, path, when, spec, work) for student, name, path, when in found]
    return sorted(attempts, key=lambda a: (a.student, a.submitted.timestamp() if a.submitted else 0.0, a.name))


Found = tuple[str, str, Path | None, datetime | None]
"""Student, name, path, time of one submission."""


def _without_companions(found: Sequence[Found]) -> list[Found]:
    """Leave out what is of no known kind where its student handed in something that is, such as a report or Moodle's text."""

    def known(path: Path | None) -> bool:
        return path is not None and (path.is_dir() or path.suffix.lower() in (*KINDS, *PICKLES, ".zip"))

    able = {student for student, _, path, _ in found if known(path)}
    return [one for one in found if one[0] not in able or known(one[2])]


def _of_manifest(manifest: Path) -> Iterator[Found]:
    """Rows of a CSV with columns student, file and, if wanted, submitted (ISO 8601 with offset); files relative to it."""
    try:
        with open(manifest, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read the manifest {manifest}: {error}", "write a CSV with columns student and file") from error
    if not rows or not {"student", "file"} <= set(rows[0]):
        raise DataError(f"{manifest} has no rows with columns student and file", "the first row names the columns")
    for number, row in enumerate(rows, 2):
        if not row["student"]:
            raise DataError(f"row {number} of {manifest} names no student", "fill it in or remove the row")
        path = manifest.parent / row["file"] if row["file"] else None
        yield row["student"], row["file"], path, _when(row.get("submitted"), f"row {number} of {manifest}") or _mtime(path)


def _when(text: str | None, where: str) -> datetime | None:
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{where}: {text!r} is no time", "write it as 2026-11-24T18:00:00+01:00") from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _student(path: Path, paths: Sequence[Path]) -> str:
    """Whose a file is that is given by itself: its stem, or its folder's name where files of several folders have that stem."""
    folders = {other.resolve().parent for other in paths if other.stem == path.stem}
    return path.resolve().parent.name if len(folders) > 1 else path.stem


def _of_path(path: Path, work: Path, paths: Sequence[Path]) -> list[Found]:
    if path.is_dir() and not path.is_symlink():
        if _is_code(path) or (len(paths) > 1 and not _has_folders(path)):
            return _of_student(path.resolve().name, path)
        return [found for child in _listed(path) for found in _of_student(child.name, child)]
    if path.suffix.lower() == ".zip" and not path.is_symlink() and _is_class(path):
        try:
            folder = _unpacked(path, work / "class" / hash_file(path), LMS_BYTES)
        except SubmissionError as error:
            hint = "get it from the LMS again, or unpack it yourself"
            raise DataError(f"{path} is not unpacked: {error.message}", hint) from error
        inner = _listed(folder)
        top = inner[0] if len(inner) == 1 and inner[0].is_dir() and not _is_code(inner[0]) and _only_folders(inner[0]) else folder
        return [found for child in _listed(top) for found in _of_student(child.name, child)]
    student = _student(path, paths)
    name = path.name if student == path.stem else f"{student}/{path.name}"
    return [(student, name, path, _mtime(path))]


def _is_class(path: Path) -> bool:
    """Whether a zip is a class's rather than one student's: it has folders a student, or Canvas' names."""
    names = [name for name in names_in_zip(path) if not set(Path(name).parts) & set(IGNORED)]
    tops = {name.partition("/")[0] for name in names if "/" in name}
    flat = [name for name in names if "/" not in name]
    if any(MOODLE.fullmatch(top) for top in tops) or (flat and all(CANVAS.fullmatch(name) for name in flat)):
        return True
    if len(tops) == 1:  # one folder around the folders of the students
        return all(name.count("/") > 1 for name in names) and len({name.split("/")[1] for name in names}) > 1
    return len(tops) > 1 and not flat


def _has_folders(folder: Path) -> bool:
    return any(child.is_dir() and not _is_code(child) for child in _listed(folder))


def _only_folders(folder: Path) -> bool:
    return all(child.is_dir() for child in _listed(folder))


def _of_student(name: str, path: Path) -> list[Found]:
    """The submissions of one entry of a class's folder: a file, a folder of attempts, or a folder with a `predict.py`."""
    canvas = CANVAS.fullmatch(name)
    if path.is_symlink() or not path.is_dir():
        return [(canvas["student"] if canvas else path.stem, name, path, _mtime(path))]
    moodle = MOODLE.fullmatch(name)
    student = moodle["student"] if moodle else name
    if _is_code(path):
        return [(student, name, path, _mtime(path))]
    inside = _listed(path)
    if not inside:
        return [(student, name, None, None)]
    return [(student, f"{name}/{child.name}", child, _mtime(child)) for child in inside]


def _is_code(folder: Path) -> bool:
    return (folder / "predict.py").is_file()


def _listed(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.name not in IGNORED and not child.name.startswith("._"))


def _known(student: str, name: str, path: Path | None, when: datetime | None, spec: HomeworkSpec, work: Path) -> Attempt:
    """The attempt with its kind and hash, or with what is wrong with it."""
    attempt = Attempt(student, name, path, submitted=when)
    try:
        if path is None or not os.path.lexists(path):
            what = f"there is no file {name}" if name and path is not None else "nothing was handed in"
            raise SubmissionError(Status.MISSING, what)
        size = _size(path)
        if size > spec.limits.file_bytes:
            raise SubmissionError(Status.TOO_LARGE, f"it has {size:,} bytes, more than the {spec.limits.file_bytes:,} allowed")
        if not size:
            raise SubmissionError(Status.EMPTY, "the file is empty")
        attempt = replace(attempt, sha256=_hash(path))
        if path.suffix.lower() == ".zip" and path.is_file():
            path = _unzipped(path, attempt.sha256, spec, work)
        kind = _kind(path)
        if kind not in spec.accepts:
            raise SubmissionError(Status.NOT_ACCEPTED, f"{spec.name} does not take {kind}, only: {', '.join(spec.accepts)}")
        return replace(attempt, path=path, kind=kind)
    except SubmissionError as error:
        return replace(attempt, path=None, problem=(error.status, error.message))
    except OSError as error:
        return replace(attempt, path=None, problem=(Status.NOT_A_FILE, f"it cannot be read: {error.strerror}"))


def _kind(path: Path) -> SubmissionKind:
    suffix = path.suffix.lower()
    if path.is_dir() or suffix == ".py":
        return "code"
    if suffix in PICKLES:
        raise SubmissionError(
            Status.PICKLE,
            f"{suffix} files are pickles, which can run code when they are opened; hand in CSV, Parquet, .npy or safetensors",
        )
    if suffix not in KINDS:
        raise SubmissionError(
            Status.BAD_FORMAT, f"a {suffix or 'nameless'} file is no submission; known: {', '.join(KINDS)}, .zip"
        )
    return KINDS[suffix]


def _unzipped(path: Path, sha256: str, spec: HomeworkSpec, work: Path) -> Path:
    """What a student's zip holds: one file of a known kind, or a folder with a `predict.py`."""
    folder = _unpacked(path, work / "unpacked" / sha256, spec.limits.file_bytes)
    for found in sorted(folder.rglob("predict.py")):
        return found.parent
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not set(file.parts) & set(IGNORED)]
    if len(files) != 1:
        raise SubmissionError(Status.BAD_FORMAT, f"the zip holds {len(files)} files; expected one submission or a predict.py")
    return files[0]


def _unpacked(archive: Path, folder: Path, most: int) -> Path:
    """The folder with an archive's content: whole or absent, so that what a killed grader left is never taken for it."""
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        unpack_zip(archive, partial, most)
        os.replace(partial, folder)
    return folder


def _size(path: Path) -> int:
    """Bytes of a file or of a folder's files. Raises SubmissionError for links and whatever is no plain file."""
    sizes = []
    for part in [path, *(path.rglob("*") if path.is_dir() and not path.is_symlink() else ())]:
        status = part.lstat()
        if stat.S_ISREG(status.st_mode):
            sizes.append(status.st_size)
        elif not stat.S_ISDIR(status.st_mode):
            raise SubmissionError(Status.NOT_A_FILE, f"{part.name} is a link or no plain file")
    return sum(sizes)


def _hash(path: Path) -> str:
    if path.is_file():
        return hash_file(path)
    parts = [(str(part.relative_to(path)), hash_file(part)) for part in sorted(path.rglob("*")) if part.is_file()]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mtime(path: Path | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC) if path is not None else None
    except OSError:
        return None
