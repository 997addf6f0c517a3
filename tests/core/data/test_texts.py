"""Files of text and pointers: what is no UTF-8, and what only stands for a file, is named with its cure."""

from pathlib import Path

import pytest

from zoo.data.pointers import pointer_problem
from zoo.data.texts import EncodingError, decoded, read_lines
from zoo.errors import DataError

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


@pytest.mark.parametrize("content", [b"caf\xc3\xa9\n", b"\xef\xbb\xbfcaf\xc3\xa9\n"])
def test_utf8_is_read_with_or_without_a_mark(content: bytes, tmp_path: Path) -> None:
    assert decoded(content) == "café\n"
    (tmp_path / "a.txt").write_bytes(content + b"\n  b \n")
    assert read_lines(tmp_path / "a.txt") == ["café", "b"]


@pytest.mark.parametrize(
    ("content", "problem", "encoding"),
    [
        ("wide".encode("utf-16"), "FILE is UTF-16", "utf-16"),
        ("wide".encode("utf-16-le"), "FILE is UTF-16LE", "utf-16le"),
        ("“wide” and longer".encode("utf-16-be"), "FILE is UTF-16BE", "utf-16be"),
        ("wide".encode("utf-32"), "FILE is UTF-32", "utf-32"),
        (b"fine\ncaf\xe9", r"line 2 of FILE is not UTF-8 \(byte 0xe9\)", "latin1"),
        (b"\x93quoted\x94", r"line 1 of FILE is not UTF-8 \(byte 0x93\)", "cp1252"),
    ],
)
def test_the_advice_names_the_encoding_that_it_is(content: bytes, problem: str, encoding: str) -> None:
    with pytest.raises(EncodingError, match=problem) as caught:
        decoded(content, Path("FILE"))
    assert caught.value.hint.endswith(f"iconv -f {encoding} -t utf-8 FILE > utf8-FILE")


def test_pointers_are_known_by_their_content_and_are_short() -> None:
    assert pointer_problem(LFS) == ("it is a pointer of Git LFS, not the file itself", pointer_problem(LFS)[1])  # type: ignore[index]
    assert "git lfs pull" in pointer_problem(LFS)[1]  # type: ignore[index]
    assert "git annex get" in pointer_problem(b"/annex/objects/SHA256E-s1--ab.jpg\n")[1]  # type: ignore[index]
    assert pointer_problem(b"a file about Git LFS") is None
    assert pointer_problem(LFS + bytes(2000)) is None
    with pytest.raises(DataError, match="pointer of Git LFS"):
        decoded(LFS)
