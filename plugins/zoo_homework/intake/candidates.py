"""What counts among the files of a student: submissions that can be graded here, before companions such as a report."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TypeVar

from zoo_homework.intake.names import left_out, owner
from zoo_homework.intake.unpacking import DEEPEST
from zoo_homework.specs import SubmissionKind
from zoo_homework.worker.prediction_files import PICKLES, TABLES

KINDS: dict[str, SubmissionKind] = {
    **dict.fromkeys((*TABLES, ".npy"), "predictions"),
    ".safetensors": "weights",
    ".onnx": "onnx",
    ".py": "code",
}
GRADABLE, MAYBE, REFUSED, UNKNOWN, NOTHING = 4, 3, 2, 1, 0
"""Ranks, of which a student's highest counts. MAYBE is a `.py` not called predict.py, which other code may import."""
T = TypeVar("T")


def rank(path: Path | None, gradable: Collection[SubmissionKind]) -> int:
    """By name alone, where `gradable` are the kinds that are graded here. A folder is one with a `predict.py`."""
    if path is None:
        return NOTHING
    suffix, is_folder = path.suffix.lower(), is_plain_folder(path)
    kind = "code" if is_folder else KINDS.get(suffix)
    if suffix == ".zip" and not is_folder:
        return GRADABLE
    if kind in gradable:
        return GRADABLE if is_folder or kind != "code" or owner(path.name).file == "predict.py" else MAYBE
    return REFUSED if kind or suffix in PICKLES else UNKNOWN


def highest(ranked: Iterable[tuple[int, T]]) -> tuple[int, list[T]]:
    """The highest rank, and what has it."""
    listed = list(ranked)
    best = max((rank for rank, _ in listed), default=NOTHING)
    return best, [one for rank, one in listed if rank == best]


def candidates(folder: Path, gradable: Collection[SubmissionKind]) -> list[Path]:
    """What may be a submission in a folder or below it, by path: folders with a `predict.py`, and files that are in none.

    Where programs are not graded, files beside one that are graded are there, too.
    """
    found, ahead = [], [(folder, 0, False)]
    while ahead:
        here, depth, in_program = ahead.pop()
        if not in_program and is_program(here):
            in_program = True
            found.append(here)
            if "code" in gradable:
                continue
        for child in here.iterdir():
            if left_out(child.name):
                continue
            if is_plain_folder(child):
                ahead += [(child, depth + 1, in_program)] if depth < DEEPEST else []
            elif not in_program or rank(child, gradable) == GRADABLE:
                found.append(child)
    return sorted(found)


def is_program(folder: Path) -> bool:
    return (folder / "predict.py").is_file()


def is_plain_folder(path: Path) -> bool:
    """Whether it is a folder rather than a link to one; False for what cannot even be looked up."""
    try:
        return path.is_dir() and not path.is_symlink()
    except (OSError, ValueError):
        return False
