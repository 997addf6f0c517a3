"""Hashes of files are kept, and computed anew after any change of the file."""

import hashlib
import os
import time

import pytest

from zoo.identity import files
from zoo.identity.files import file_sha256, hashing_anew


@pytest.fixture
def opened(monkeypatch):
    """Files that were opened to be hashed."""
    found = []
    real = open
    monkeypatch.setattr(files, "open", lambda path, mode: found.append(path) or real(path, mode), raising=False)
    return found


def settle(monkeypatch):
    """Let the files of now be old."""
    monkeypatch.setattr(files, "SETTLED_NS", -1)


def test_a_file_is_hashed_once(tmp_path, monkeypatch, opened):
    settle(monkeypatch)
    (tmp_path / "a").write_bytes(b"first")
    assert file_sha256(tmp_path / "a") == file_sha256(tmp_path / "a") == hashlib.sha256(b"first").hexdigest()
    assert len(opened) == 1


def test_a_file_that_changed_just_now_is_hashed_every_time(tmp_path, opened):
    (tmp_path / "a").write_bytes(b"first")
    file_sha256(tmp_path / "a")
    file_sha256(tmp_path / "a")
    assert len(opened) == 2


def test_an_edit_that_keeps_size_and_mtime_is_seen(tmp_path, monkeypatch):
    settle(monkeypatch)
    path = tmp_path / "a"
    path.write_bytes(b"first")
    before = path.stat()
    first = file_sha256(path)
    time.sleep(0.02)  # beyond one tick of the file system's clock
    path.write_bytes(b"other")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert file_sha256(path) != first


def test_another_file_in_its_place_is_seen(tmp_path, monkeypatch):
    settle(monkeypatch)
    for name, content in (("a", b"first"), ("b", b"other")):
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, ns=(0, 0))
    first = file_sha256(tmp_path / "a")
    os.replace(tmp_path / "b", tmp_path / "a")
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"other").hexdigest() != first


def test_hashing_anew_opens_every_file(tmp_path, monkeypatch, opened):
    settle(monkeypatch)
    (tmp_path / "a").write_bytes(b"first")
    file_sha256(tmp_path / "a")
    with hashing_anew():
        file_sha256(tmp_path / "a")
    assert len(opened) == 2


def test_a_cache_that_is_broken_or_cannot_be_written_costs_time_alone(tmp_path, zoo_home):
    (tmp_path / "a").write_bytes(b"first")
    (zoo_home / "cache" / "hashes").mkdir(parents=True)
    (zoo_home / "cache" / "hashes" / "hashes.sqlite").write_bytes(b"no database" * 100)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"first").hexdigest()


def test_many_files_are_hashed_by_threads_and_the_cache_is_closed_after(tmp_path, monkeypatch, zoo_home):
    from concurrent.futures import ThreadPoolExecutor

    settle(monkeypatch)
    paths = [tmp_path / str(number) for number in range(20)]
    for path in paths:
        path.write_text(path.name)
    with files.session(), ThreadPoolExecutor(4) as pool:
        found = list(pool.map(file_sha256, paths))
    assert found == files.files_sha256(paths) == [hashlib.sha256(path.name.encode()).hexdigest() for path in paths]
    assert [path.name for path in (zoo_home / "cache" / "hashes").iterdir()] == ["hashes.sqlite"]
