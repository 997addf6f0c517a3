"""What is shown of a sample: a small picture within the page, or the beginning of a text."""

import base64
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from zoo.errors import ModelError
from zoo.lazy import load_target
from zoo.reports.blocks import visible
from zoo.tasks.by_name import declared_modality
from zoo.wording import in_a_line

if TYPE_CHECKING:
    from PIL.Image import Image

    from zoo.data.dataset import Sample

SMALL = 64
"""Pixels on a side up to which a picture is kept as it is, without loss."""
WIDE = 320
"""Pixels of the longer side of what a plugin draws."""
LETTERS = 600
"""Characters of a text that are shown."""


class Seen(NamedTuple):
    """A picture as a data URI, with its size in pixels, or a text; `says` describes a picture to who does not see it."""

    says: str = ""
    source: str = ""
    width: int = 0
    height: int = 0
    text: str = ""

    def packed(self) -> dict[str, Any]:
        """What the page's script reads."""
        if not self.source:
            return {"t": visible(self.text)}
        return {"p": self.source, "w": self.width, "h": self.height, "a": visible(self.says)}


def seen_picture(picture: "Image", says: str, most: int) -> Seen:
    """A picture that is at most `most` pixels wide and high; larger ones are made smaller, and lose a little."""
    picture = picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
    if max(picture.size) > most:
        picture.thumbnail((most, most))
    buffer = BytesIO()
    if min(picture.size) <= SMALL:
        picture.save(buffer, "PNG", optimize=True)
        kind = "png"
    else:
        picture.save(buffer, "WEBP", quality=80, method=2)
        kind = "webp"
    return Seen(says, f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}", *picture.size)


def drawn_by_core(modality: str) -> bool:
    """Whether `seen_input` shows samples of a modality, and no plugin."""
    return _drawer(modality) is None


def seen_sample(sample: "Sample", modality: str, says: str) -> Seen | None:
    """The input of a sample: as its modality draws it, else as `seen_input` shows it."""
    target = _drawer(modality)
    return seen_input(sample.input, says) if target is None else seen_picture(load_target(target)(sample.input), says, WIDE)


def _drawer(modality: str) -> str | None:
    """What draws inputs of a modality, where that is said."""
    try:
        return declared_modality(modality).picture
    except ModelError:  # its plugin is gone, and the samples are here
        return None


def seen_input(value: Any, says: str, most: int = 160) -> Seen | None:
    """An input of any modality: a picture, a text, the fields of a row, the first numbers of a vector; None of anything else."""
    if isinstance(value, Mapping):
        return Seen(text="\n".join(f"{name}: {in_a_line(field)}" for name, field in value.items()))
    if isinstance(value, str):
        return Seen(text=value if len(value) <= LETTERS else f"{value[:LETTERS]}… ({len(value):,} characters)")
    shape = tuple(getattr(value, "shape", ()))
    if len(shape) == 3 and shape[0] in (1, 3):
        from zoo.imaging.images import prepare_image
        from zoo.tasks.drawing import to_picture

        picture = to_picture(prepare_image(value, None))
        return seen_picture(picture.convert("L") if shape[0] == 1 else picture, says, most)
    if len(shape) == 1:
        first = ", ".join(f"{number:.4g}" for number in value[:12].tolist())
        return Seen(text=f"{shape[0]:,} numbers: {first}{', …' if shape[0] > 12 else ''}")
    return None
