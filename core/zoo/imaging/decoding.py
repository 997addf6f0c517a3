"""From the bytes of a picture to its pixels: scaled by what the format says of its values, refused where it says too little."""

import os
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.pointers import pointer_problem
from zoo.errors import DataError, OptionError, reason_of
from zoo.remarks import remark

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image
    from torch import Tensor

LARGEST = 1 << 27
"""Pixels of a picture, 134 millions or 0.4 GB in colour, unless the variable MOST_PIXELS says otherwise: a file of some kB may
unpack to anything."""
MOST_PIXELS = "ZOO_MAX_PIXELS"
SIXTEEN_BITS, TWELVE_BITS = 2**16 - 1, 2**12 - 1
"""The largest values."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "AVIF", "TGA", "JPEG2000")
"""By content, whatever a file is called; PIL knows others, of which some run programs, such as EPS."""
_ORIENTATION, _BITS_PER_SAMPLE, _PHOTOMETRIC = 0x0112, 258, 262
"""Tags of EXIF and TIFF."""
_AS_STORED = (
    "pictures that their EXIF turns are taken as stored, as torchvision and pycocotools take them; "
    "where masks or boxes were drawn on the turned pictures, turn the files"
)


def read_image(path: Path, *, size: tuple[int, int] | None = None, upright: bool = False) -> "Tensor":
    """The image in a file, as `decode` gives it. Raises DataError naming the file and what is wrong with it."""
    try:
        return decode(path.read_bytes(), size=size, upright=upright)
    except Exception as error:  # every decoder has errors of its own
        raise undecodable(f"the image {path}", error) from error


def undecodable(what: str, error: Exception) -> DataError:
    """The error of a picture that cannot be decoded, with the cure where the cause is known."""
    hint = error.hint if isinstance(error, DataError) and error.hint else "put a whole copy in its place"
    return DataError(f"cannot decode {what}: {reason_of(error)}", hint)


def decode(content: bytes, *, size: tuple[int, int] | None = None, upright: bool = False) -> "Tensor":
    """An image as uint8 [3, h, w], RGB; of an animation or of several pages the first. Transparency is left off.

    Grey values of 16 bits (of 12 in a TIFF that says so) are scaled to 8 and rounded; floating-point ones must lie in [0, 1];
    integers of 32 bits are refused, for nothing says how large they get. `upright` turns it as its EXIF says. Else it is as
    stored, which is the frame of masks and boxes for torchvision and pycocotools, unless it has the `size` (h, w) of its
    annotations only once turned. torchvision decodes what it can, since it is the fastest; PIL the rest.
    """
    with open_picture(content) as picture:
        orientation = take_orientation(picture)
        image = None
        if picture.format in ("JPEG", "MPO", "PNG", "WEBP") and picture.mode in ("RGB", "L"):
            with suppress(ImportError, RuntimeError):  # also where torchvision comes without its decoders
                image = _by_torchvision(content)
        image = _by_pil(picture) if image is None else image
    if orientation == 1:
        return image
    turned = _turned(image, orientation)
    if upright or (size is not None and image.shape[1:] != size and turned.shape[1:] == size):
        return turned
    remark(_AS_STORED, stacklevel=1)
    return image


def open_picture(content: bytes) -> "Image":
    """A picture of which the header is read, and its pixels when they are asked for.

    Raises ValueError or DataError where it is none, or has too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    if pointer := pointer_problem(content):
        raise DataError(*pointer)
    most = _most_pixels()
    if Image.MAX_IMAGE_PIXELS is not None and most > 2 * Image.MAX_IMAGE_PIXELS:  # where PIL refuses by itself
        Image.MAX_IMAGE_PIXELS = most
    hint = f"if you trust the file, allow more pixels by the environment variable {MOST_PIXELS}"
    try:
        picture = Image.open(BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:  # whose message is the address of our BytesIO
        raise ValueError("it is in no image format that is known here" if content else "the file is empty") from None
    except Image.DecompressionBombError as error:
        raise DataError(f"it has far more than {most:,} pixels", hint) from error
    if picture.width * picture.height > most:
        raise DataError(f"it has {picture.width} x {picture.height} pixels, more than {most:,}", hint)
    if picture.format != "MPO" and getattr(picture, "is_animated", False):  # a camera's MPO has a preview as second
        remark("of pictures with several frames or pages, only the first is taken", stacklevel=1)
    return picture


def _most_pixels() -> int:
    text = os.environ.get(MOST_PIXELS, "")
    if text and not text.isdecimal():
        raise OptionError(f"{MOST_PIXELS} is {text!r}, which is no number of pixels", f"set it to a number such as {4 * LARGEST}")
    return int(text) if text else LARGEST


def take_orientation(picture: "Image") -> int:
    """The orientation of EXIF, 1 to 8, which is then forgotten, for PIL turns a TIFF by itself.

    Of such a TIFF PIL then has a wrong size; a `copy` or `convert` of it has the right one.
    """
    from PIL import Image

    exif = Image.Image.getexif(picture)  # that of PNG would decode the whole picture first
    found = exif.get(_ORIENTATION, 1)
    if _ORIENTATION in exif:
        del exif[_ORIENTATION]
    return found if found in range(1, 9) else 1


def _turned(image: "Tensor", orientation: int) -> "Tensor":
    """The image [c, h, w] turned and mirrored as an orientation of EXIF says."""
    if orientation >= 5:
        image = image.transpose(1, 2)
    mirrored = [axis for axis, of in ((2, (2, 3, 6, 7)), (1, (3, 4, 7, 8))) if orientation in of]
    return image.flip(mirrored).contiguous()


def _by_torchvision(content: bytes) -> "Tensor":
    import torch
    from torchvision.io import ImageReadMode, decode_image

    image: Tensor = decode_image(torch.frombuffer(bytearray(content), dtype=torch.uint8), mode=ImageReadMode.RGB)
    if image.dtype == torch.uint16:  # of a PNG with 16 bits a channel
        _doubt_depth(int(image.to(torch.int32).max()))
        image = ((image.to(torch.int32) + 128) // 257).to(torch.uint8)
    return image


def _by_pil(picture: "Image") -> "Tensor":
    import numpy as np
    import torch

    if picture.mode.startswith("I") or picture.mode == "F":
        grey = _to_eight_bits(picture)
        return torch.from_numpy(grey).expand(3, -1, -1).contiguous()
    return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).contiguous()


def _to_eight_bits(picture: "Image") -> "np.ndarray[Any, Any]":
    """Grey values uint8 [h, w] of a picture with more bits than that. Raises DataError where their range is not known."""
    import numpy as np

    values = np.asarray(picture.copy()).astype(np.float64)
    tags = getattr(picture, "tag_v2", {})
    if picture.mode == "F":
        most, kind = 1, "floating-point"
    elif picture.mode.startswith("I;16") or picture.format in ("PPM", "PNG"):  # the latter fill 16 bits of PIL's mode I
        most, kind = 2 ** int(tags.get(_BITS_PER_SAMPLE, (16,))[0]) - 1, "grey"
    else:
        raise DataError(
            "its values are integers of 32 bits or with a sign, whose range nothing says", "save it with 8 or 16 bits"
        )
    if not (values.min() >= 0 and values.max() <= most):  # NaN is neither
        raise DataError(
            f"its {kind} values reach from {values.min():g} to {values.max():g}, not from 0 to {most}",
            "scale it, or save it with 8 or 16 bits",
        )
    if most == SIXTEEN_BITS:
        _doubt_depth(int(values.max()))
    if tags.get(_PHOTOMETRIC) == 0:  # white is 0, which PIL heeds in 8 bits alone
        values = most - values
    return np.floor(values * (255 / most) + 0.5).astype(np.uint8)


def _doubt_depth(largest: int) -> None:
    """Remark on a picture of 16 bits whose values may be of fewer, as those of many cameras and scanners are."""
    if 0 < largest <= TWELVE_BITS:
        remark(
            f"a picture of 16 bits with no value above {TWELVE_BITS} is read as nearly black; if its values have 12 bits, "
            "scale them to 16",
            stacklevel=1,
        )
