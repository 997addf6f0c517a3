"""Freeing disk: what goes, what never does, and that a kill leaves nothing half there."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from filelock import FileLock

import zoo
from zoo.errors import OptionError, StoreError
from zoo.runs.store import Store

KEY = "0123456789abcdef0123456789abcdef"


def folder(home, name: str, *, size: int = 1000, age: timedelta | None = None, part: str = "runs"):
    """A folder of a run, or a training, without a record."""
    made = home / part / name
    (made / "shards").mkdir(parents=True)
    for path in (made / "shards" / "00000.parquet", made / "manifest.json"):
        path.write_bytes(b"x" * size)
        if age is not None:
            os.utime(path, (time.time() - age.total_seconds(),) * 2)
    return made


def aged(path, age: timedelta) -> None:
    for one in path.rglob("*"):
        os.utime(one, (time.time() - age.total_seconds(),) * 2)


@pytest.fixture
def run(zoo_home, one_run):
    """The folder of a finished run."""
    return zoo_home / "runs" / one_run.key


def removed(**settings) -> list[str]:
    return [removal.piece.path.name for removal in zoo.clean(yes=True, **settings).removals if removal.state == "gone"]


def test_by_itself_it_only_says_what_would_go(zoo_home, run):
    orphan = folder(zoo_home, KEY, size=50_000)
    found = zoo.clean()
    assert found.dry and [(one.piece.path, one.reason, one.state) for one in found.removals] == [
        (orphan, "no record", "would go")
    ]
    assert 100_000 <= found.freed <= 150_000
    assert orphan.is_dir() and not (orphan / "lock").exists()


def test_what_has_no_record_goes_and_what_has_one_stays(zoo_home, run):
    orphan, unfinished = folder(zoo_home, KEY), folder(zoo_home, "intro-mlp-1234", part="trained")
    finished = folder(zoo_home, "intro-mlp-5678", part="trained")
    (finished / "training.json").write_text("{}")
    assert removed() == [KEY, "intro-mlp-1234"]
    assert not orphan.exists() and not unfinished.exists()
    assert run.is_dir() and finished.is_dir()
    assert removed() == []


def test_predictions_of_finished_runs_go_by_age_and_their_records_stay(zoo_home, run):
    young = folder(zoo_home, KEY)
    aged(run, timedelta(days=40))
    assert removed(older_than="30d") == []  # it was scored just now
    record = Store().record(zoo.results()[0].run_id)
    assert removed(older_than=timedelta(0)) == [*sorted([run.name, young.name])]
    assert Store().record(record.run_id) == record
    again = zoo.evaluate("intro/logistic", "digits", limit=20)
    assert (again.key, again.results, again.shards.computed) == (record.key, record.results, 1)


def test_an_age_spares_what_was_interrupted_a_moment_ago(zoo_home):
    folder(zoo_home, KEY, age=timedelta(hours=1))
    assert removed(older_than="1d") == []
    assert removed(older_than="30min") == [KEY]


def test_by_size_the_oldest_go_first_and_no_more_than_must(zoo_home, monkeypatch):
    keys = [f"{number:032x}" for number in range(4)]
    for number, key in enumerate(keys):
        folder(zoo_home, key, size=50_000, age=timedelta(days=10 - number))
    monkeypatch.setattr(Store, "keys", lambda self: dict.fromkeys(keys, "2020-01-01T00:00:00+00:00"))
    each = zoo.clean().left // 4
    assert removed(max_size=2 * each) == keys[:2]
    assert removed(max_size="1GB") == []


def test_weights_of_finished_trainings_go_only_where_it_is_said(zoo_home):
    finished = folder(zoo_home, "intro-mlp-5678", part="trained", age=timedelta(days=90))
    (finished / "training.json").write_text("{}")
    aged(finished, timedelta(days=90))
    assert removed(trainings=True) == removed(older_than="30d") == removed(max_size=0) == []
    assert removed(trainings=True, older_than="30d") == [finished.name]


def test_what_is_in_use_is_left_alone(zoo_home):
    orphan = folder(zoo_home, KEY)
    with FileLock(orphan / "lock"):
        (removal,) = zoo.clean(yes=True).removals
        assert removal.state == "in use" and (orphan / "shards" / "00000.parquet").is_file()
    assert removed() == [KEY]


def test_a_run_that_goes_on_is_left_alone_from_its_first_sample_to_its_record(zoo_home):
    states = {}

    def told(step):
        states[step.stage] = [removal.state for removal in zoo.clean(yes=True, older_than="0s").removals]

    record = zoo.evaluate("intro/logistic", "digits", limit=20, progress=told)
    assert states == {"loading": ["in use"], "predicting": ["in use"], "scoring": ["in use"]}
    assert zoo.results()[0].run_id == record.run_id


def test_a_run_that_was_finished_in_the_meantime_stays(zoo_home, run, monkeypatch):
    monkeypatch.setattr(Store, "keys", lambda self: {})  # as it was when the list was made
    (removal,) = zoo.clean(yes=True).removals
    assert removal.state == "in use" and any(run.glob("shards/*.parquet"))


def test_nothing_outside_of_the_home_is_touched(zoo_home, tmp_path):
    outside = tmp_path / "outside"
    folder(tmp_path, "outside", part=".")
    (zoo_home / "runs").mkdir(parents=True)
    (zoo_home / "runs" / KEY).symlink_to(outside)
    orphan = folder(zoo_home, KEY[::-1])
    (orphan / "shards" / "link").symlink_to(outside)
    mine = folder(zoo_home, "my-own-notes")
    assert removed() == [KEY[::-1]]
    assert (outside / "manifest.json").is_file() and (mine / "manifest.json").is_file()
    elsewhere = tmp_path / "elsewhere"
    folder(elsewhere, KEY, part=".")
    (zoo_home / "trained").symlink_to(elsewhere)
    found = zoo.clean(yes=True)
    assert found.elsewhere == (zoo_home / "trained",) and (elsewhere / KEY / "manifest.json").is_file()


def test_a_kill_in_the_middle_leaves_nothing_half_there(zoo_home):
    for number in range(3):
        folder(zoo_home, f"{number:032x}")
    training = folder(zoo_home, "intro-mlp-5678", part="trained")
    (training / "training.json").write_text("{}")
    script = (
        "import os, signal, shutil, zoo\n"
        "rmtree, count = shutil.rmtree, [0]\n"
        "def dying(folder):\n"
        "    count[0] += 1\n"
        "    if count[0] == 3:\n"
        "        (folder / 'manifest.json').unlink(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "    rmtree(folder)\n"
        "shutil.rmtree = dying\n"
        "zoo.clean(yes=True, older_than='0s', trainings=True)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    # what is there under its own name is whole
    whole = [path for part in ("runs", "trained") for path in (zoo_home / part).iterdir() if not path.name.startswith(".gone-")]
    assert len(whole) == 1 and all((path / "manifest.json").is_file() for path in whole)
    # and the next cleaning clears the remains away
    found = zoo.clean(yes=True)
    assert [removal.piece.kind for removal in found.removals].count("remains") == 1
    assert not any(path.name.startswith(".gone-") for part in ("runs", "trained") for path in (zoo_home / part).iterdir())


def test_a_store_that_cannot_be_read_means_that_nothing_is_known_and_nothing_goes(zoo_home):
    orphan = folder(zoo_home, KEY)
    (zoo_home / "zoo.db").write_bytes(b"no database at all, " * 100)
    with pytest.raises(StoreError):
        zoo.clean(yes=True)
    assert orphan.is_dir()


@pytest.mark.parametrize("settings", [{"older_than": "soon"}, {"older_than": "-1d"}, {"max_size": "much"}, {"max_size": "5"}])
def test_what_is_no_age_or_size_is_refused(settings):
    with pytest.raises(OptionError):
        zoo.clean(**settings)
