"""What the values in masks mean: classes by number, by the codes or colours of a list, or two values, one of them 255."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.data import plain, read_lines
from zoo.errors import DataError
from zoo.imaging import open_picture, take_orientation, undecodable
from zoo.remarks import remark

if TYPE_CHECKING:
    from PIL.Image import Image

Array = np.ndarray[Any, Any]

IGNORE = 255
"""The label of a pixel that counts for nothing, as `zoo.tasks.segment` has it."""
UNKNOWN = 256
BINARY = ("background", "object")
"""The classes of masks that hold 0 and 255 alone."""
_CODED = re.compile(r"(?P<code>#[0-9a-fA-F]{6}|\d+[\s,]+\d+[\s,]+\d+|\d+)[\s,:=]+(?P<name>\S.*)")
_CODES = "give each class its value in a file classes.txt beside the masks, a line each, such as: 255 object"
_IGNORE = "; where 255 is to be ignored, say so: masks:ignore=255:IMAGES:MASKS"


@dataclass(frozen=True)
class ClassList:
    """Class names in order and, where the list gives them, the value that stands for each in a mask."""

    names: tuple[str, ...]
    codes: tuple[int, ...] | None = None
    colours: bool = False


@dataclass(frozen=True)
class Coding:
    """The meaning of values: that of `codes[i]` is label i, those of `ignored` count for nothing, all others are unknown.

    With `colours` a value is red * 65,536 + green * 256 + blue.
    """

    codes: tuple[int, ...]
    ignored: tuple[int, ...] = (IGNORE,)
    colours: bool = False

    @property
    def identity(self) -> str:
        """What sets apart two codings of one number of classes, for a dataset's fingerprint."""
        if self.codes == tuple(range(len(self.codes))) and IGNORE in self.ignored and not self.colours:
            return repr(tuple(value for value in self.ignored if value != IGNORE))
        return repr((self.codes, self.ignored, self.colours))

    @cached_property
    def _label_of(self) -> Array:
        """Label by value, uint16, up to the largest value that has one; the last entry stands for all beyond."""
        table = np.full(max((*self.codes, *self.ignored), default=0) + 2, UNKNOWN, dtype=np.uint16)
        table[list(self.codes)] = np.arange(len(self.codes))
        table[list(self.ignored)] = IGNORE
        return table

    def read(self, path: Path) -> Array:
        """The label map in a file, uint8 [h, w]. Raises DataError naming the file, and values that mean nothing."""
        values = read_values(path, colours=self.colours)
        labels: Array = self._label_of[np.minimum(values, len(self._label_of) - 1, dtype=np.int64)]
        if labels.max() == UNKNOWN:
            unknown = np.unique(values[labels == UNKNOWN])[:5].tolist()
            shown = ", ".join(f"#{value:06x}" if self.colours else str(value) for value in unknown)
            raise DataError(f"the mask {path} has unknown labels: {shown}", self._known())
        return labels.astype(np.uint8)

    def _known(self) -> str:
        if self.codes != tuple(range(len(self.codes))):
            return "give the value or colour of every class in classes.txt"
        ignored = f", and {', '.join(map(str, self.ignored))} to ignore a pixel" if self.ignored else ""
        return f"there are {len(self.codes)} classes, so labels are 0 to {len(self.codes) - 1}{ignored}"


def read_class_list(path: Path) -> ClassList:
    """A class a line, in the order of the labels; or before each name its value in the masks, or its colour.

    `2 road`, `128 64 128 road` and `#804080 road` are codes where every line has one of one kind. Raises DataError.
    """
    lines = [plain(line) for line in read_lines(path)]
    coded = [_CODED.fullmatch(line) for line in lines]
    if not coded or not all(coded):
        names, codes, colours = tuple(lines), None, False
    else:
        texts = [found["code"] for found in coded if found]
        names = tuple(found["name"].strip() for found in coded if found)
        codes, colours = tuple(map(parse_code, texts)), not texts[0].isdecimal()
        if any(text.isdecimal() == colours for text in texts):
            raise DataError(f"{path} gives values for some classes and colours for others", "give all of one kind")
        if max(codes) >> 24:
            raise DataError(
                f"{path} gives a value or colour beyond {(1 << 24) - 1}", "write values of masks, or colours as #rrggbb"
            )
        if len(set(codes)) < len(codes):
            raise DataError(f"{path} gives two classes one value or colour", "give every class its own")
    if not names or len(set(names)) < len(names):
        raise DataError(f"{path} names no classes, or one twice", "write a class a line, in the order of the labels")
    return ClassList(names, codes, colours)


def parse_code(text: str) -> int:
    """A value, or a colour as one number: `#804080` or `128 64 128`."""
    if text.startswith("#"):
        return int(text[1:], 16)
    parts = [int(part) for part in re.split(r"[\s,]+", text)]
    return parts[0] if len(parts) == 1 else (parts[0] << 16) + (parts[1] << 8) + parts[2]


def coding_of(listed: ClassList | None, ignore: str | None, masks: Sequence[Path]) -> tuple[tuple[str, ...], Coding]:
    """The classes, and what the values mean. Masks are looked into where neither the list nor `ignore` says enough.

    One mask does not show whether its 255 is an object or to be ignored. Where no mask has anything but 0 and 255, it is an
    object if there are two classes or no list: ignored, it would leave one class, of which every model is always right. That
    is said in a warning. With another number of classes it is refused. A class whose value is that of `ignore` counts for
    nothing. Raises DataError.
    """
    colours = listed is not None and listed.colours
    if ignore is not None and ignore.startswith("#") != colours:
        raise DataError(
            f"masks are not read by colour, as ignore={ignore} is" if not colours else f"ignore={ignore} is no colour", _CODES
        )
    ignored: tuple[int, ...] = (parse_code(ignore),) if ignore is not None else () if colours else (IGNORE,)
    if listed is None:
        return _unlisted(ignore is not None, ignored, masks)
    codes = listed.codes
    if codes is None:
        codes = tuple(range(len(listed.names)))
        if ignore is None and _two_valued(masks, len(codes)):
            if len(codes) != 2:
                raise DataError(
                    f"of the {len(codes)} classes in the list the masks hold the first alone, and 255", _CODES + _IGNORE
                )
            _say_binary(listed.names)
            codes, ignored = (0, IGNORE), ()
    if ignore is None:
        ignored = tuple(value for value in ignored if value not in codes)
    return listed.names, Coding(codes, ignored, colours)


def _unlisted(told: bool, ignored: tuple[int, ...], masks: Sequence[Path]) -> tuple[tuple[str, ...], Coding]:
    """Classes by number, up to the largest in any mask, unless most of the numbers up to it do not occur."""
    if not told and _two_valued(masks):
        _say_binary(BINARY)
        return BINARY, Coding((0, IGNORE), ())
    found = {value for path in masks for value in _distinct(path)}
    labels = sorted(found - set(ignored))
    if not told and len(labels) == 1 and labels != [0] and IGNORE in found:
        raise DataError(f"the masks hold {labels[0]} and 255 alone", _CODES + _IGNORE)
    most = labels[-1] if labels else 0
    if 2 * len(labels) < most + 1 or most >= IGNORE:
        shown = ", ".join(map(str, labels[:6])) + (", …" if len(labels) > 6 else "")
        raise DataError(f"the masks hold the values {shown}, which do not number classes from 0", _CODES)
    return tuple(map(str, range(most + 1))), Coding(tuple(range(most + 1)), ignored)


def _two_valued(masks: Iterable[Path], classes: int = IGNORE) -> bool:
    """Whether 255 occurs, and of the classes only 0 beside it, in masks of more than one bit; the first other one settles it."""
    seen, others = False, set(range(1, classes))
    for path in masks:
        with suppress(DataError):  # which is raised again when the sample is read
            values = set() if _has_one_bit(path) else _distinct(path)
            if values & others:
                return False
            seen = seen or IGNORE in values
    return seen


def _distinct(path: Path) -> set[int]:
    values = read_values(path)
    few = values.dtype.itemsize == 1
    return set((np.flatnonzero(np.bincount(values.reshape(-1))) if few else np.unique(values)).tolist())


def _has_one_bit(path: Path) -> bool:
    """Whether a mask has one bit a pixel, which tells two classes apart and nothing else."""
    with suppress(Exception), open_picture(path.read_bytes()) as opened:
        return bool(opened.mode == "1")
    return False


def _say_binary(names: Sequence[str]) -> None:
    remark(f"the masks hold 0 and 255 alone: 0 is taken for {names[0]!r}, 255 for {names[1]!r}{_IGNORE}", stacklevel=2)


def read_values(path: Path, *, colours: bool = False) -> Array:
    """The whole numbers [h, w] in a mask: grey values, indices of a palette, or colours. Raises DataError naming the file."""
    try:
        with open_picture(path.read_bytes()) as opened:
            depth, mode = _grey_bits(opened), opened.mode
            take_orientation(opened)  # so that it stays as stored, as its image does
            values = np.asarray(opened.convert("RGB") if colours else opened.copy())
    except Exception as error:
        raise undecodable(f"the mask {path}", error) from error
    if colours:
        packed: Array = values.astype(np.int64) @ (1 << 16, 1 << 8, 1)
        return packed
    if values.ndim != 2:
        raise DataError(
            f"the mask {path} is a picture of mode {mode}, not one label a pixel",
            "save class indices in one channel, or give the colour of each class in classes.txt: #804080 road",
        )
    if values.dtype.kind == "f":
        if not np.array_equal(np.floor(values), values):
            raise DataError(f"the mask {path} has values that are no whole numbers", "save class indices")
        values = values.astype(np.int64)
    if values.min() < 0:
        raise DataError(f"the mask {path} has a label {values.min()}, and labels are 0 or more", "write 255 to ignore a pixel")
    return np.where(values, 1, 0).astype(np.uint8) if mode == "1" else values // (255 // (2**depth - 1))


def _grey_bits(picture: "Image") -> int:
    """Bits of a grey value in the file, 2 or 4 of a PNG or TIFF, which PIL spreads over 0 to 255; 8 where it does not."""
    if picture.mode != "L":
        return 8
    tiles = getattr(picture, "tile", None)  # which only pictures of files have
    tile = tiles[0][3] if tiles else ""
    raw = tile if isinstance(tile, str) else str(tile[0])
    found = re.match(r"L;(2|4)(?!\d)", raw)
    return int(found[1]) if found else 8
