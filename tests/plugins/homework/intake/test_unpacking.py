"""Zips by strangers: what they may hold, and that only those who made them bear what they hold otherwise."""

import io
import struct
import time
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from zoo_homework.intake import unpacking
from zoo_homework.intake.unpacking import names_in_zip, unpack_class, unpack_zip
from zoo_homework.statuses import SubmissionError

MOST = 1 << 20


def zipped(path: Path, *members: tuple[str, str], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def refusal(archive: Path, folder: Path, most: int = MOST) -> str:
    with pytest.raises(SubmissionError) as caught:
        unpack_zip(archive, folder, most)
    assert not folder.exists()
    return f"{caught.value.status}: {caught.value.message}"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_to_any_size_at_one_read_are_refused(method: int, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "my.zip", ("my.csv", "x" * 100), method=method)
    assert "unsafe-archive: the zip is not compressed by deflate" in refusal(archive, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a/" * 32 + "b.csv", "nested more than 32 deep"),
        ("a" * 256, "too long"),
        ("/".join(["a" * 200] * 6), "too long"),
        ("my:run.csv", "colon or a backslash"),
        ("a\\b.csv", "colon or a backslash"),
        ("a/../../b.csv", "leads out"),
    ],
)
def test_paths_that_no_submission_needs_are_refused(name: str, said: str, tmp_path: Path) -> None:
    assert said in refusal(zipped(tmp_path / "my.zip", (name, "x")), tmp_path / "out")


def test_a_path_twice_or_below_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = zipped(tmp_path / "twice.zip", ("a.csv", "x"), ("a.csv", "y"))
    below = zipped(tmp_path / "below.zip", ("a", "x"), ("a/b.csv", "y"))
    assert all("one path twice" in refusal(archive, tmp_path / "out") for archive in (twice, below))


def test_a_zip_that_says_it_is_small_and_is_not_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "my.zip", ("my.csv", "x" * MOST))
    content = archive.read_bytes()
    archive.write_bytes(content.replace(struct.pack("<L", MOST), struct.pack("<L", 10)))
    assert refusal(archive, tmp_path / "out", most=100).startswith("unsafe-archive")


@pytest.mark.parametrize("zip64", [False, True])
def test_a_huge_table_of_contents_is_not_read(zip64: bool, tmp_path: Path) -> None:
    """By the size in the end record, and by that in the one of zip64, which takes its place whatever the first one says."""
    size = 200 << 20
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, 0 if zip64 else size, 0, 0)
    if zip64:
        record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, size, 0)
        end = record + struct.pack("<4sLQL", b"PK\6\7", 0, size, 1) + end
    with open(tmp_path / "my.zip", "wb") as file:
        file.truncate(size)
        file.seek(0, io.SEEK_END)
        file.write(end)
    began = time.perf_counter()
    assert "table of contents is larger" in refusal(tmp_path / "my.zip", tmp_path / "out")
    assert names_in_zip(tmp_path / "my.zip") == []
    assert time.perf_counter() - began < 1


def test_a_zip_of_more_than_4_gb_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)  # so that a small one has the records of a large one
    archive = zipped(tmp_path / "all.zip", ("ada/my.csv", "x" * 100))
    assert b"PK\6\6" in archive.read_bytes()
    assert unpack_class(archive, tmp_path / "out", "", MOST) == {}
    assert (tmp_path / "out/ada/my.csv").read_text() == "x" * 100


def test_times_are_local_and_a_time_that_is_none_stops_nothing(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "my.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.csv", (2026, 11, 24, 18, 0, 0)), "x")
        archive.writestr(zipfile.ZipInfo("b.csv", (2026, 2, 31, 0, 0, 0)), "x")
    unpack_zip(tmp_path / "my.zip", tmp_path / "out", MOST)
    local = time.mktime((2026, 11, 24, 18, 0, 0, 0, 0, -1))
    assert [(tmp_path / "out" / name).stat().st_mtime for name in ("a.csv", "b.csv")] == [local, 0.0]


def test_a_full_disk_is_not_the_students_fault(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "my.zip", ("my.csv", "x"))
    (tmp_path / "file").write_text("where no folder can be")
    with pytest.raises(SubmissionError) as caught:
        unpack_zip(archive, tmp_path / "file/out", MOST)
    assert str(caught.value.status) == "grader-error"


def test_what_is_wrong_in_a_classs_zip_is_left_out_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_FILES", 20)
    bad = ["ada/my:run.csv", "bob/a\\b.csv", f"cyd/{'c' * 260}.csv", "dan/../../dan.csv"]
    good = [("eve/my.csv", "x"), ("fay/1.csv", "x"), *((f"gus/{n}.csv", "x") for n in range(21))]
    archive = zipped(tmp_path / "all.zip", *((name, "x") for name in bad), *good, ("fay/bomb.csv", "0" * (MOST + 1)))
    link = zipfile.ZipInfo("eve/link.csv")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(link, "/etc/passwd")
    refused = unpack_class(archive, tmp_path / "out/class", "", MOST)
    found = {str(path): str(why.status) for path, why in refused.items()}
    assert found == {**dict.fromkeys([*bad, "eve/link.csv", "gus/0.csv"], "unsafe-archive"), "fay/bomb.csv": "too-large"}
    files = sorted(path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert [path.as_posix() for path in files] == ["class/eve/my.csv", "class/fay/1.csv"]


@pytest.mark.parametrize("name", ["../x.csv", "/x.csv", "hw2/../x/y.csv"])
def test_a_path_that_leads_out_and_is_nobodys_refuses_the_classs_zip(name: str, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "all.zip", ("hw2/ada/my.csv", "x"), ("hw2/bob/my.csv", "x"), (name, "x"))
    with pytest.raises(SubmissionError, match="leads out"):
        unpack_class(archive, tmp_path / "out", "hw2", MOST)
    assert not (tmp_path / "out").exists()


def test_only_what_lies_in_the_folder_around_the_students_is_unpacked(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "all.zip", ("hw2/ada/my.csv", "x"), ("__MACOSX/hw2/._ada", "x"))
    assert unpack_class(archive, tmp_path / "out", "hw2", MOST) == {}
    assert [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.csv")] == [PurePosixPath("ada/my.csv")]
    assert not list((tmp_path / "out").rglob("._ada"))
