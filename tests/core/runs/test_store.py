"""The store: immutable records, and a ZOO_HOME that cannot be written, is full, or holds something else."""

import os
import sqlite3
import subprocess
import sys

import pytest
from sqlalchemy import create_engine, text

import zoo
from zoo.errors import AmbiguousNameError, StoreError, UnknownNameError
from zoo.runs.store import Store


@pytest.fixture
def record(toy):
    return zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", key="toy")


def run(toy):
    return zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", key="toy")


def test_a_record_comes_back_as_it_was(record):
    assert Store().record(record.run_id) == record
    assert Store().records() == [record]


def test_a_record_cannot_be_changed(record, zoo_home):
    with sqlite3.connect(zoo_home / "zoo.db") as database, pytest.raises(sqlite3.DatabaseError, match="immutable"):
        database.execute("UPDATE records SET record = '{}'")
    assert Store().record(record.run_id) == record


def test_a_record_is_never_written_twice(record):
    with pytest.raises(StoreError, match="cannot write the record"):
        Store().add(record)
    assert Store().records() == [record]


def test_opening_the_store_leaves_nothing_in_it(zoo_home):
    Store()
    Store()
    with sqlite3.connect(zoo_home / "zoo.db") as database:
        assert database.execute("SELECT count(*) FROM records").fetchone() == (0,)


def test_records_are_found_by_prefix_model_and_benchmark(record, toy):
    second = zoo.evaluate("intro/logistic", "digits")
    store = Store()
    assert store.record(second.run_id[:8]) == second
    assert store.records(model="intro/logistic") == store.records(model="intro/logistic@digits") == [second]
    assert store.records(benchmark=record.benchmark) == [record]
    assert store.records(limit=1) == [second]
    with pytest.raises(UnknownNameError, match="no run 'zzz'"):
        store.record("zzz")
    with pytest.raises(UnknownNameError):
        store.record("%")
    with pytest.raises(AmbiguousNameError) as caught:
        store.record("")
    assert set(caught.value.candidates) == {record.run_id, second.run_id}


def test_many_first_runs_at_once_make_one_store(toy_environment):
    script = "import sys; from zoo.runs.store import Store; print('ready', flush=True); sys.stdin.readline(); Store()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    openers = [subprocess.Popen([sys.executable, "-c", script], env=toy_environment, **pipes) for _ in range(6)]
    for opener in openers:
        opener.stdout.readline()
    for opener in openers:
        opener.stdin.write("\n")
        opener.stdin.flush()
    ends = [opener.communicate(timeout=60)[1] for opener in openers]
    assert ends == [""] * 6


def test_another_store_takes_the_records(toy, zoo_home, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_STORE", f"sqlite:///{tmp_path / 'team.db'}")
    record = run(toy)
    assert Store().records() == [record]
    assert not (zoo_home / "zoo.db").exists()
    monkeypatch.delenv("ZOO_STORE")
    assert Store().records() == []


@pytest.mark.parametrize(
    "url", ["nonsense", "mysterysql://host/x", "sqlite:////no/such/folder/zoo.db", "postgresql+nodriver://me:secret@host/x"]
)
def test_a_store_that_cannot_be_opened_says_so_and_keeps_the_password(url, toy, monkeypatch, shard_files):
    monkeypatch.setenv("ZOO_STORE", url)
    with pytest.raises(StoreError, match="cannot open the store") as caught:
        run(toy)
    assert "secret" not in str(caught.value)
    assert shard_files() == []


def test_a_damaged_store_says_so_before_anything_is_computed(toy, zoo_home, shard_files):
    zoo_home.mkdir()
    (zoo_home / "zoo.db").write_bytes(b"this is no database, and long enough to be read as one" * 20)
    with pytest.raises(StoreError, match="not a database"):
        run(toy)
    assert shard_files() == []


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("nonsense", "as a URL"),
        ("mysterysql://host/x", "that SQLAlchemy knows"),
        ("sqlite:////no/such/folder/zoo.db", "does its folder exist"),
        ("postgresql+nodriver://host/x", "that SQLAlchemy knows"),
    ],
)
def test_the_advice_is_about_what_went_wrong(url, advice):
    with pytest.raises(StoreError) as caught:
        Store(url)
    assert advice in caught.value.hint and "space" not in caught.value.hint


def test_reading_makes_nothing(zoo_home):
    assert Store(writing=False).records() == []
    assert not zoo_home.exists()
    zoo_home.mkdir()
    (zoo_home / "zoo.db").touch()
    assert Store(writing=False).records() == []
    with pytest.raises(StoreError, match="only read here"):
        Store(writing=False).add(None)


def test_what_is_read_only_can_be_read(toy, read_only):
    _, lock = read_only
    record = run(toy)
    lock(True)
    try:
        assert Store(writing=False).records() == [record]
        assert Store(writing=False).record(record.run_id[:6]) == record
    finally:
        lock(False)


def test_a_record_of_another_version_is_told_from_a_damaged_store(record, zoo_home):
    engine = create_engine(f"sqlite:///{zoo_home / 'zoo.db'}")
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO records VALUES ('f', '', '9', 'm', 'b', '', 0, 0, '', '', '{\"schema_version\": 2}')")
        )
    with pytest.raises(StoreError, match="not readable by this version"):
        Store().records()


def test_a_file_in_the_place_of_zoo_home_says_so(toy, zoo_home):
    zoo_home.write_text("a file")
    with pytest.raises(StoreError, match="ZOO_HOME"):
        run(toy)
    zoo_home.unlink()
    assert run(toy).shards.computed == 4


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A disk of 4 MB of its own for ZOO_HOME, and how to mount it anew."""
    home = tmp_path / "disk"
    home.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")

    def mount(options):
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(home)], capture_output=True, check=False)

    if mount("size=4m").returncode:
        pytest.skip("mounting is not allowed here")
    monkeypatch.setenv("ZOO_HOME", str(home))
    yield home, mount
    subprocess.run(["umount", str(home)], check=True)


@pytest.fixture(params=["by permission", "by mount"])
def read_only(request, tmp_path, zoo_home, monkeypatch):
    """A ZOO_HOME, and how to make it read-only and writable again."""
    if request.param == "by mount":
        home, mount = request.getfixturevalue("disk")
        return home, lambda locked: mount(f"remount,{'ro' if locked else 'rw'}")
    if os.geteuid() == 0:
        pytest.skip("permissions do not hold root back")
    zoo_home.mkdir(exist_ok=True)
    return zoo_home, lambda locked: zoo_home.chmod(0o500 if locked else 0o700)


@pytest.mark.parametrize("used_before", [False, True])
def test_a_read_only_home_says_so(used_before, toy, read_only, shard_files):
    home, lock = read_only
    if used_before:
        Store()
    lock(True)
    with pytest.raises(StoreError, match="ZOO_HOME"):
        run(toy)
    lock(False)
    assert not list(home.rglob("*.parquet"))
    assert run(toy).shards.computed == 4


def test_a_folder_of_runs_that_cannot_be_made_says_so(toy, zoo_home):
    zoo_home.mkdir()
    (zoo_home / "runs").write_text("a file")
    with pytest.raises(StoreError, match="ZOO_HOME"):
        run(toy)


FULL = """
import resource, sys
import zoo, zoo_toy
from zoo.errors import StoreError
options = {"classes": "dataset", "key": "toy"}
zoo.evaluate(zoo_toy.Linear(seed=9), "toy/vectors", limit=600, **options)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
try:
    zoo.evaluate(zoo_toy.Linear(), "toy/vectors", **options)
except StoreError as error:
    print("StoreError:", error)
"""


@pytest.mark.parametrize(("size", "what"), [pytest.param(1, "zoo.db", marks=pytest.mark.slow), (3000, "00000.parquet")])
def test_a_disk_that_refuses_more_leaves_no_part_of_a_shard(size, what, toy, toy_environment, zoo_home, shard_files):
    """Files may not grow beyond `size` bytes, so that writes fail half-way as on a full disk."""
    if what != "zoo.db":
        toy_environment["ZOO_STORE"] = "sqlite://"  # in memory, so that the shards are what does not fit
    done = subprocess.run([sys.executable, "-c", FULL, str(size)], env=toy_environment, capture_output=True, text=True)
    assert done.stdout.startswith("StoreError: cannot"), done.stderr
    assert what in done.stdout and "ZOO_HOME" in done.stdout
    assert not list(zoo_home.rglob("*.tmp"))
    assert len(shard_files()) == 2  # those of the run before
    assert run(toy).shards.computed == 4


def test_a_store_that_a_full_disk_kept_from_being_made_is_made_when_there_is_space(toy_environment, zoo_home):
    code = "import resource, zoo; resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY)); zoo.Store()"
    done = subprocess.run([sys.executable, "-c", code], env=toy_environment, capture_output=True, text=True)
    assert "StoreError: cannot open the store" in done.stderr
    assert not (zoo_home / "zoo.db").read_bytes()  # SQLite takes an empty file for none
    assert Store().records() == []


def test_a_full_disk_leaves_no_part_of_a_shard(toy, disk):
    home, _ = disk
    Store()
    with pytest.raises(OSError, match="No space left"), open(home / "filler", "wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 1024)
    with pytest.raises(StoreError, match=r"No space left|disk is full"):
        run(toy)
    assert not list(home.rglob("*.tmp")) and not list(home.rglob("*.parquet"))
    (home / "filler").unlink()
    assert run(toy).shards.computed == 4


def test_a_record_that_cannot_be_written_costs_no_shard(toy, zoo_home):
    Store()
    with sqlite3.connect(zoo_home / "zoo.db") as database:
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON records WHEN NEW.run_id != 'probe' "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    with pytest.raises(StoreError, match="disk is full") as caught:
        run(toy)
    assert "predictions are kept" in caught.value.hint
    with sqlite3.connect(zoo_home / "zoo.db") as database:
        database.execute("DROP TRIGGER full")
    assert run(toy).shards.reused == 4
