"""Who handed in what: from files, a folder a student, an LMS's zip, or a manifest, to attempts that can be graded one by one.

Nothing is opened here but zips, and those with care: a submission is known by its name, its size and its hash.
"""

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from zoo.errors import DataError, OptionError
from zoo_homework.intake.candidates import KINDS, MAYBE, UNKNOWN, candidates, highest, is_plain_folder, is_program, rank
from zoo_homework.intake.manifest import Row, read_manifest
from zoo_homework.intake.names import around_students, left_out, owner, printable_name
from zoo_homework.intake.unpacking import DEEPEST, Refused, names_in_zip, unpack_class, unpack_zip
from zoo_homework.specs import HomeworkSpec, SubmissionKind
from zoo_homework.statuses import Status, SubmissionError
from zoo_homework.worker.prediction_files import PICKLES


@dataclass(frozen=True)
class Attempt:
    """One thing that a student handed in: `path` a file, or a folder with a `predict.py`. `problem` is why it cannot be graded.

    `name` is how reports call it; `sha256` that of the file, or of all paths and contents of the folder, and `content` that of
    what is graded of it, which differs for a zip; `late` is set where an LMS said so, whatever the time.
    """

    student: str
    name: str
    path: Path | None
    kind: SubmissionKind | None = None
    sha256: str = ""
    submitted: datetime | None = None
    problem: tuple[Status, str] | None = None
    late: bool = False
    content: str = ""


def collect(
    paths: Sequence[Path], spec: HomeworkSpec, work: Path, manifest: Path | None = None, allow_code: bool = False
) -> list[Attempt]:
    """Attempts, by student and then by time and name. `work` is where zips are unpacked. Raises ZooError for a wrong path.

    A path that is the only one may be a class: a folder with a folder or a file a student, or the zip of an LMS (Moodle's and
    Canvas' names are understood). Of several paths each is one student's, so that `class/*` is what `class` is, and nobody
    hands in for another: a folder, or a file, whose stem is the student, or its folder where stems are the same.
    """
    for path in paths:
        if not os.path.lexists(path):
            raise OptionError(f"there is no {path}", "give a file, a folder with a folder a student, or an LMS's zip")
    collector = _Collector(spec, work, allow_code)
    rows = [attempt for row in read_manifest(manifest) for attempt in collector.of_row(row)] if manifest is not None else []
    if len(paths) == 1:
        found = collector.of_only_path(paths[0], manifest is None)
    else:
        found = [attempt for path in paths if _counts(path) for attempt in collector.of_one_of(path, paths)]
    attempts = [collector.known(attempt) for attempt in rows + collector.without_companions(found)]
    return sorted(attempts, key=lambda a: (a.student, a.submitted.timestamp() if a.submitted else 0.0, a.name))


def _counts(path: Path) -> bool:
    """Whether an entry of a class is neither hidden nor a folder of grades that was written beside the submissions."""
    grades = all(os.path.lexists(path / name) for name in ("grades.csv", "manifest.json"))
    return not left_out(path.name) and not grades


class _Collector:
    def __init__(self, spec: HomeworkSpec, work: Path, allow_code: bool) -> None:
        self.spec, self.work = spec, work
        self.gradable = {kind for kind in spec.accepts if kind != "code" or allow_code}

    def of_row(self, row: Row) -> list[Attempt]:
        """A row of a manifest, which is an attempt whatever it is; a folder is looked through as a student's is."""
        student, name = printable_name(row.student), printable_name(row.file)
        if row.path is None or not is_plain_folder(row.path):
            return [Attempt(student, name, row.path, submitted=row.submitted)]
        found = self.without_companions(self._of_folder(student, name, row.path))
        return [replace(attempt, submitted=row.submitted or attempt.submitted) for attempt in found]

    def of_only_path(self, path: Path, zip_may_be_class: bool) -> list[Attempt]:
        if is_plain_folder(path) and not is_program(path):
            return [attempt for child in sorted(path.iterdir()) if _counts(child) for attempt in self._of_entry(child)]
        plain = stat.S_ISREG(path.lstat().st_mode)  # opening a pipe would wait forever
        if zip_may_be_class and plain and path.suffix.lower() == ".zip":
            around = around_students(names_in_zip(path))
            if around is not None:
                return self._of_class_zip(path, around)
        return self.of_one_of(path, [path])

    def of_one_of(self, path: Path, paths: Sequence[Path]) -> list[Attempt]:
        """One student's path. Where files in several folders have its stem, the student is the folder."""
        folders = {other.resolve().parent for other in paths if other.stem == path.stem}
        if is_plain_folder(path) or len(folders) == 1 or owner(path.name).file != path.name:
            return self._of_entry(path if path.is_symlink() else path.resolve())
        student = printable_name(path.resolve().parent.name)
        return [Attempt(student, f"{student}/{printable_name(path.name)}", path)]

    def _of_entry(self, path: Path) -> list[Attempt]:
        """What one entry of a class's folder holds: a file, or a folder of attempts."""
        is_folder = is_plain_folder(path)
        student, _, late = owner(path.name, is_folder)
        if is_folder:
            return self._of_folder(printable_name(student), printable_name(path.name), path)
        return [Attempt(printable_name(student), printable_name(path.name), path, late=late)]

    def _of_folder(self, student: str, name: str, folder: Path) -> list[Attempt]:
        try:
            paths = candidates(folder, self.gradable)
        except OSError as error:
            return [Attempt(student, name, None, problem=(Status.NOT_A_FILE, f"it cannot be read: {error.strerror}"))]
        below = [path.relative_to(folder).as_posix() for path in paths]
        names = [name if part == "." else f"{name}/{printable_name(part)}" for part in below]
        return [Attempt(student, *one) for one in zip(names, paths, strict=True)] or [Attempt(student, name, None)]

    def _of_class_zip(self, archive: Path, around: str) -> list[Attempt]:
        folder = self.work / "class"
        try:
            refused = unpack_class(archive, folder, around, self.spec.limits.file_bytes)
        except SubmissionError as error:
            hint = "get it from the LMS again, or unpack it yourself"
            raise DataError(f"{archive} is not unpacked: {error.message}", hint) from error
        of: dict[str, dict[PurePosixPath, Refused]] = defaultdict(dict)
        for path, why in refused.items():
            of[path.parts[0]][path] = why
        names = {child.name for child in folder.iterdir()} | set(of)
        entries = [folder / name for name in sorted(names) if _counts(folder / name)]
        return [attempt for entry in entries for attempt in self._with_refused(entry, of[entry.name])]

    def _with_refused(self, entry: Path, refused: Mapping[PurePosixPath, Refused]) -> list[Attempt]:
        """The attempts of an entry of a class's zip, and what of it was not unpacked: a program that lacks it is refused."""
        found = {attempt.path: attempt for attempt in (self._of_entry(entry) if os.path.lexists(entry) else [])}
        for path, (status, message, time) in refused.items():
            student, _, late = owner(entry.name, len(path.parts) > 1)
            at = next((parent for parent in (entry.parent / path).parents if parent in found), entry.parent / path)
            attempt = found.get(at) or Attempt(printable_name(student), printable_name(str(path)), at, late=late)
            when = datetime.fromtimestamp(time, UTC)
            found[at] = replace(attempt, submitted=when, problem=(status, printable_name(message)))
        return list(found.values())

    def without_companions(self, found: Sequence[Attempt]) -> list[Attempt]:
        """Leave out what cannot be graded here where its student handed in something that can. A zip is what it holds."""
        of: dict[str, list[tuple[int, Attempt]]] = defaultdict(list)
        for attempt in found:
            opened = self.known(attempt) if _is_zip(attempt.path) else attempt
            of[attempt.student].append((rank(opened.path, self.gradable), opened))
        return [attempt for ranked in of.values() for attempt in highest(ranked)[1]]

    def known(self, attempt: Attempt) -> Attempt:
        """The attempt with its kind, time and hash, or with what is wrong with it. Whatever happens, it stays with this one."""
        if attempt.problem is not None or attempt.kind is not None:
            return attempt
        try:
            path = _there(attempt)
            if not is_plain_folder(path):
                attempt = replace(attempt, submitted=attempt.submitted or _latest([path]))
            parts = _checked_parts(path, self.spec.limits.file_bytes)
            found = _hash(path, parts)
            attempt = replace(attempt, submitted=attempt.submitted or _latest(parts), sha256=found, content=found)
            if _is_zip(path):
                path = self._unzipped(path, found)
                attempt = replace(attempt, path=path, content=content_sha256(path, self.spec.limits.file_bytes))
            return replace(attempt, kind=self._kind(path))
        except SubmissionError as error:
            problem = (error.status, printable_name(error.message))
        except OSError as error:
            problem = (Status.NOT_A_FILE, f"it cannot be read: {error.strerror}")
        except Exception as error:
            problem = (Status.INTERNAL, f"the grader failed on it: {type(error).__name__}")
        return replace(attempt, problem=problem)

    def _unzipped(self, archive: Path, sha256: str) -> Path:
        """The one submission that a student's zip holds beside companions."""
        folder = self.work / "unpacked" / sha256
        if not folder.exists():
            unpack_zip(archive, folder, self.spec.limits.file_bytes)
        inside = candidates(folder, self.gradable)
        best, paths = highest((UNKNOWN if _is_zip(path) else rank(path, self.gradable), path) for path in inside)
        if not paths:
            raise SubmissionError(Status.BAD_FORMAT, "the zip holds no files")
        if len(paths) > 1 and best >= MAYBE:
            names = [(path / "predict.py" if path.is_dir() else path).relative_to(folder).as_posix() for path in paths]
            told = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
            raise SubmissionError(Status.BAD_FORMAT, f"the zip holds {len(names)} submissions, expected is one: {told}")
        return paths[0]

    def _kind(self, path: Path) -> SubmissionKind:
        suffix = path.suffix.lower()
        kind = "code" if path.is_dir() else KINDS.get(suffix)
        if kind is None and suffix in PICKLES:
            raise SubmissionError(
                Status.PICKLE,
                f"{suffix} files are pickles, which can run code when they are opened; hand in CSV, Parquet, .npy or safetensors",
            )
        if kind is None:
            said = f"a {suffix or 'nameless'} file is no submission; known: {', '.join(KINDS)}, .zip"
            raise SubmissionError(Status.BAD_FORMAT, "a zip in a zip is not opened" if suffix == ".zip" else said)
        if kind not in self.spec.accepts:
            said = f"{self.spec.name} does not take {kind}, only: {', '.join(self.spec.accepts)}"
            raise SubmissionError(Status.NOT_ACCEPTED, said)
        return kind


def _is_zip(path: Path | None) -> bool:
    return path is not None and path.suffix.lower() == ".zip" and not path.is_dir()


def _there(attempt: Attempt) -> Path:
    if attempt.path is None or not os.path.lexists(attempt.path):
        raise SubmissionError(Status.MISSING, f"there is no file {attempt.name}" if attempt.path else "nothing was handed in")
    return attempt.path


def _checked_parts(path: Path, most: int) -> list[Path]:
    """The files of a submission, by path. Raises SubmissionError for links, for what is no plain file, and for its size."""
    files, size, ahead = [], 0, [(path, 0)]
    while ahead:
        part, depth = ahead.pop()
        status = part.lstat()
        if stat.S_ISDIR(status.st_mode):
            if depth > DEEPEST:
                raise SubmissionError(Status.BAD_FORMAT, f"its folders are nested more than {DEEPEST} deep")
            ahead += [(child, depth + 1) for child in part.iterdir()]
        elif stat.S_ISREG(status.st_mode):
            files.append(part)
            size += status.st_size
        else:
            raise SubmissionError(Status.NOT_A_FILE, f"{part.name} is a link or no plain file")
    if size > most:
        raise SubmissionError(Status.TOO_LARGE, f"it has {size:,} bytes, more than the {most:,} allowed")
    if not size:
        raise SubmissionError(Status.EMPTY, "the file is empty")
    return sorted(files)


def content_sha256(path: Path, most: int) -> str:
    """Hash of a file, or of all paths and contents of a folder. Raises SubmissionError for links and more bytes than `most`."""
    return _hash(path, _checked_parts(path, most))


def _hash(path: Path, parts: Sequence[Path]) -> str:
    if path.is_file():
        return hash_file(path)
    hashes = [(part.relative_to(path).as_posix(), hash_file(part)) for part in parts]
    return hashlib.sha256(repr(hashes).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _latest(files: Sequence[Path]) -> datetime:
    """When the last of them was written. A folder's own time says nothing: it is that of its unpacking."""
    return datetime.fromtimestamp(max(file.lstat().st_mtime for file in files), UTC)
