"""Where state lies, and files that are whole or not there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.errors import OptionError, StoreError
from zoo.home import cache_dir, data_dirs, writing, zoo_home


def test_state_lies_below_zoo_home_which_is_not_made_by_asking(zoo_home: Path) -> None:
    assert cache_dir("index") == zoo_home / "cache" / "index"
    assert not zoo_home.exists()


def test_a_relative_or_home_zoo_home_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_HOME", "here")
    assert zoo_home() == tmp_path / "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ZOO_HOME", "~/there")
    assert zoo_home() == tmp_path / "there"


@pytest.mark.parametrize("value", [None, ""])
def test_without_zoo_home_it_is_the_platforms_folder(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("ZOO_HOME") if value is None else monkeypatch.setenv("ZOO_HOME", value)
    assert zoo_home().is_absolute()
    assert zoo_home().name == "deepzoo"


def test_the_given_data_folder_comes_before_those_of_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, one, two = folders = [tmp_path / name for name in ("given", "one", "two")]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setenv("ZOO_DATA_DIR", os.pathsep.join([str(one), "", str(two)]))
    assert data_dirs(given) == [given, one, two]
    monkeypatch.delenv("ZOO_DATA_DIR")
    assert data_dirs() == []


@pytest.mark.parametrize("given", ["absent", "file"])
def test_a_given_data_folder_that_is_none_is_an_error(given: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="there is no such folder"):
        data_dirs(tmp_path / given)


def test_a_folder_of_the_variable_that_is_not_there_costs_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DATA_DIR", os.pathsep.join([str(tmp_path / "unmounted"), str(tmp_path)]))
    with pytest.warns(UserWarning, match="ZOO_DATA_DIR names .*unmounted"):
        assert data_dirs() == [tmp_path]


def test_a_written_file_is_there_with_its_folders_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.txt"
    with writing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with writing(tmp_path / "file") as temporary:
            temporary.write_text("x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_a_block_that_raises_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), writing(path) as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_process_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    code = """
import os, signal, sys
from pathlib import Path
from zoo.home import writing
with writing(Path(sys.argv[1])) as temporary:
    temporary.write_text("new")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code, str(path)])
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    with writing(path) as temporary:
        temporary.write_text("next")
    assert path.read_text() == "next"


@pytest.mark.parametrize(
    ("path", "said"), [("file/below", "file is a file"), ("file/far/below", "file is a file"), ("folder", "folder is a folder")]
)
def test_where_something_is_in_the_way_the_error_says_what(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(StoreError, match=f"cannot write .*{said}") as caught, writing(tmp_path / path) as temporary:
        temporary.write_text("x")
    assert "ZOO_HOME" in caught.value.hint
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_full_disk_is_a_store_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No space left on device"), writing(tmp_path / "file") as temporary:
        temporary.write_bytes(b"part")
        with open("/dev/full", "wb") as full:
            full.write(b"x")
    assert list(tmp_path.iterdir()) == []
