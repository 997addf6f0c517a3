"""`zoo store`: copies of records with their predictions, and whether a store is what its runs left."""

import sqlite3
from contextlib import closing


def test_what_is_pushed_is_pulled_elsewhere_and_checks_the_same(zoo, one_run, tmp_path, monkeypatch):
    team = str(tmp_path / "team.db")
    assert zoo("store", "push", team).err.startswith("1 record and 1 file of predictions copied, 0 records there already")
    assert zoo("store", "push", team, "--json").json["there"] == 1
    here = zoo("store", "check", "--json").json
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "elsewhere"))
    assert zoo("store", "pull", team).code == 0
    assert zoo("store", "check", "--json").json == here
    assert here["records"] == here["files"] == 1 and not here["altered"] and not here["waiting"]
    assert zoo("results").out.startswith(one_run.run_id)


def test_an_altered_store_is_said_and_fails(zoo, one_run, tmp_path, monkeypatch):
    team = tmp_path / "team.db"
    zoo("store", "push", str(team))
    with closing(sqlite3.connect(team)) as database, database:
        for name in ("immutable", "kept"):
            database.execute(f"DROP TRIGGER results_are_{name}")
        database.execute("UPDATE results SET value = 0.5 WHERE metric = 'accuracy'")
    monkeypatch.setenv("ZOO_STORE", f"sqlite:///{team}")
    checked = zoo("store", "check")
    assert checked.code == 1 and f"altered  run {one_run.run_id}: its results are not those of its document" in checked.out


def test_a_store_that_is_not_there_or_cannot_be_read_as_an_address_is_a_user_s_error(zoo, one_run, tmp_path):
    for place in (str(tmp_path / "nosuch.db"), "postgresql://me:secret@host:port/zoo", "postgres//me:secret@host/zoo"):
        done = zoo("store", "pull", place)
        assert done.code == 2 and "secret" not in done.err and "hint" in done.err
