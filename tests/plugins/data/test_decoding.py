"""From the bytes of a picture to its pixels: every format and mode against PIL, more than 8 bits, EXIF, and what is refused."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from zoo.errors import DataError, OptionError
from zoo.imaging import decode, read_image
from zoo.remarks import hearing

Array = np.ndarray[Any, Any]


def saved(picture: Image.Image, kind: str, **how: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **how)
    return buffer.getvalue()


def grey(values: Any, dtype: Any) -> Image.Image:
    return Image.fromarray(np.asarray(values, dtype=dtype))


def colours(height: int = 5, width: int = 7) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))


def png(width: int, height: int, depth: int, kind: int, rows: bytes) -> bytes:
    """A PNG written by hand, of depths that PIL does not write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(values: Array, bits: int, photometric: int = 1, sample_format: int = 1) -> bytes:
    """An uncompressed grey TIFF of one strip whose tags say what PIL does not write."""
    data = values.tobytes()
    height, width = values.shape
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1), (278, height)]
    tags += [(279, len(data)), (339, sample_format)]
    entries = b"".join(struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


RAMP = np.array([[0, 257, 32896, 65535]])
TWELVE = np.array([[0, 16, 2056, 4095]])
"""Of 12 bits, packed by hand below: two values in three bytes."""
PACKED = bytes([0x00, 0x00, 0x10, 0x80, 0x8F, 0xFF])
SCALED = {
    "16-bit grey PNG": saved(grey(RAMP, np.uint16), "PNG"),
    "16-bit grey TIFF": saved(grey(RAMP, np.uint16), "TIFF"),
    "16-bit big-endian TIFF": saved(Image.frombytes("I;16B", (4, 1), RAMP.astype(">u2").tobytes()), "TIFF"),
    "16-bit TIFF, white is 0": tiff((65535 - RAMP).astype("<u2"), 16, photometric=0),
    "12-bit TIFF": tiff(np.frombuffer(PACKED, dtype=np.uint8).reshape(1, 6), 12).replace(
        struct.pack("<HHII", 256, 3, 1, 6), struct.pack("<HHII", 256, 3, 1, 4)
    ),
    "16-bit colour PNG": png(4, 1, 16, 2, b"\0" + np.repeat(RAMP, 3).astype(">u2").tobytes()),
    "16-bit grey PNG with alpha": png(4, 1, 16, 4, b"\0" + np.stack([RAMP[0], [65535] * 4], 1).astype(">u2").tobytes()),
    "16-bit PGM": b"P5\n4 1\n65535\n" + RAMP.astype(">u2").tobytes(),
    "12-bit PGM": b"P5\n4 1\n4095\n" + TWELVE.astype(">u2").tobytes(),
    "float TIFF in [0, 1]": saved(grey(RAMP / 65535, np.float32), "TIFF"),
    "float TIFF, white is 0": tiff((1 - RAMP / 65535).astype("<f4"), 32, photometric=0, sample_format=3),
    "PFM in [0, 1]": b"Pf\n4 1\n-1.0\n" + (RAMP / 65535).astype("<f4").tobytes(),
}


@pytest.mark.parametrize("content", SCALED.values(), ids=SCALED)
def test_more_than_eight_bits_are_scaled_by_what_the_format_says(content: bytes) -> None:
    found = decode(content)
    assert (found.dtype, found.shape) == (torch.uint8, (3, 1, 4))
    assert found[0, 0].tolist() == [0, 1, 128, 255]
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


REFUSED = {
    "int32 TIFF": saved(grey(RAMP, np.int32), "TIFF"),
    "int16 TIFF": tiff(np.array([[0, 100, -5, 32767]], dtype="<i2"), 16, sample_format=2),
    "float TIFF in 0 to 255": saved(grey([[0, 12.5, 255]], np.float32), "TIFF"),
    "float TIFF below 0": saved(grey([[-1, 0.5, 1]], np.float32), "TIFF"),
    "float TIFF with NaN": saved(grey([[np.nan, 0.5, 1]], np.float32), "TIFF"),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_values_whose_range_nothing_says_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot decode the image .*a\.tif: its .*values") as caught:
        read_image(tmp_path / "a.tif")
    assert "8 or 16 bits" in caught.value.hint


def palette_with_transparency() -> Image.Image:
    picture = colours().quantize(8)
    picture.info["transparency"] = 0
    return picture


MODES = {
    "CMYK JPEG": saved(colours().convert("CMYK"), "JPEG", quality=100),
    "CMYK TIFF": saved(colours().convert("CMYK"), "TIFF"),
    "YCbCr TIFF": saved(colours().convert("YCbCr"), "TIFF"),
    "LA PNG": saved(colours().convert("LA"), "PNG"),
    "RGBA PNG": saved(colours().convert("RGBA"), "PNG"),
    "RGBA WebP": saved(colours().convert("RGBA"), "WEBP", lossless=True),
    "palette PNG": saved(colours().quantize(8), "PNG"),
    "palette PNG with transparency": saved(palette_with_transparency(), "PNG", transparency=0),
    "1-bit PNG": saved(colours().convert("1"), "PNG"),
    "2-bit grey PNG": png(4, 1, 2, 0, b"\0" + bytes([0b00011011])),
    "RGB PNG with a transparent colour": saved(colours(), "PNG", transparency=(0, 0, 0)),
    "GIF": saved(colours().quantize(8), "GIF"),
    "lossless WebP": saved(colours(), "WEBP", lossless=True),
    "AVIF": saved(colours(), "AVIF", quality=90),
    "TGA": saved(colours(), "TGA"),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "colour PNG"])
def test_sixteen_bits_that_may_be_twelve_are_doubted(kind: str) -> None:
    def content(values: np.ndarray) -> bytes:
        if kind == "colour PNG":
            return png(4, 1, 16, 2, b"\0" + np.repeat(values, 3).astype(">u2").tobytes())
        return saved(grey(values, np.uint16), kind)

    with hearing(None) as heard, pytest.warns(UserWarning, match="if its values have 12 bits"):
        decode(content(TWELVE))
    assert len(heard) == 1
    with hearing(None) as heard:
        decode(content(RAMP))
        decode(content(np.zeros_like(TWELVE)))
    assert not heard


@pytest.mark.parametrize("content", MODES.values(), ids=MODES)
def test_every_mode_is_as_pil_converts_it(content: bytes) -> None:
    with Image.open(io.BytesIO(content)) as picture:
        expected = np.array(picture.convert("RGB")).astype(int)
    assert np.abs(decode(content).permute(1, 2, 0).numpy().astype(int) - expected).max() <= 2


ORIENTED = {
    "TIFF": {},
    "TIFF packed": {"compression": "tiff_lzw"},
    "PNG": {},
    "WEBP": {"lossless": True},
    "JPEG": {"quality": 100},
}


@pytest.mark.parametrize("kind", ORIENTED)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_as_stored_or_upright_as_pil_turns_it(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(colours(), kind.split()[0], exif=exif, **ORIENTED[kind])
    plain = saved(colours(), kind.split()[0], **ORIENTED[kind])
    with Image.open(io.BytesIO(content)) as picture:
        expected = np.array(ImageOps.exif_transpose(picture).convert("RGB")).astype(int)
    upright = decode(content, upright=True)
    assert np.abs(upright.permute(1, 2, 0).numpy().astype(int) - expected).max() <= 2
    assert torch.equal(decode(content), decode(plain))
    assert torch.equal(decode(content, size=(7, 5)), upright if orientation >= 5 else decode(plain))


def test_a_picture_that_is_not_turned_is_said_to_be_as_stored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    with pytest.warns(UserWarning, match="taken as stored, as torchvision and pycocotools take them"):
        decode(saved(colours(), "JPEG", exif=exif))


def test_of_an_animation_the_first_frame_is_taken_and_that_is_said() -> None:
    frames = [colours(), Image.new("RGB", (7, 5))]
    for kind, how in (("GIF", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("PNG", {})):
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:], **how)
        with pytest.warns(UserWarning, match="only the first is taken"):
            found = decode(content)
        with Image.open(io.BytesIO(content)) as picture:
            assert np.array_equal(found.permute(1, 2, 0).numpy(), np.array(picture.convert("RGB"))), kind


@pytest.mark.parametrize(("width", "height"), [(30_000, 20_000), (20_000, 7_000)])
def test_a_small_file_of_very_many_pixels_is_refused_before_it_is_unpacked(width: int, height: int) -> None:
    content = png(width, height, 1, 0, b"")
    with pytest.raises(DataError, match="more than 134,217,728") as caught:
        decode(content)
    assert "ZOO_MAX_PIXELS" in caught.value.hint


def test_the_bound_on_pixels_can_be_lowered_and_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(colours(), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # PIL's own, which would refuse
    with pytest.raises(DataError, match=r"far more|more than"):
        monkeypatch.setenv("ZOO_MAX_PIXELS", "34")
        decode(content)
    monkeypatch.setenv("ZOO_MAX_PIXELS", "35")
    assert decode(content).shape == (3, 5, 7)
    monkeypatch.setenv("ZOO_MAX_PIXELS", "many")
    with pytest.raises(OptionError, match="'many', which is no number of pixels"):
        decode(content)


@pytest.mark.parametrize(
    ("content", "problem", "cure"),
    [
        (b"", "the file is empty", "whole copy"),
        (b"no picture", "no image format that is known", "whole copy"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "no image format that is known", "whole copy"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "a pointer of Git LFS", "git lfs pull"),
        (b"/annex/objects/SHA256E-s12--4d7a.jpg\n", "a pointer of git-annex", "git annex get"),
    ],
)
def test_what_is_no_picture_is_named_with_its_cure(content: bytes, problem: str, cure: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=problem) as caught:
        read_image(tmp_path / "a.jpg")
    assert cure in caught.value.hint


def test_a_tiff_of_sixteen_bits_is_as_stored_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    values = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2000
    assert torch.equal(decode(saved(grey(values, np.uint16), "TIFF", exif=exif)), decode(saved(grey(values, np.uint16), "TIFF")))
