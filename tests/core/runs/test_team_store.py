"""A team's store: the same on SQLite and on a real PostgreSQL server; migrated, refused to who would change it, away and back."""

import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

import zoo
from zoo.browsing.condition import read_condition
from zoo.errors import StoreError
from zoo.runs import copying, database, schema, waiting
from zoo.runs.alike import entry_of
from zoo.runs.asking import fits
from zoo.runs.checking import check_store
from zoo.runs.copying import Copied, pull, push
from zoo.runs.finding import Finding
from zoo.runs.rows import COLUMNS
from zoo.runs.store import Store
from zoo.runs.stored import stored_predictions

FIRST = Path(__file__).with_name("store_v1.sql")
"""A store that deepzoo wrote when its schema was 1: three runs, one of them with a name and a note."""
RUNS = ["c1310f4db3b5462b", "8d1b2f6085ec451f", "fd8c4877b37a4124"]
"""Newest first: twice the same on all of digits, and once on 20 samples of it."""


@pytest.fixture
def first_store(tmp_path):
    """The file of a store of schema 1, and its records' documents."""
    file = tmp_path / "first.db"
    with closing(sqlite3.connect(file)) as made:
        made.executescript(FIRST.read_text(encoding="utf-8"))
        return file, dict(made.execute("SELECT run_id, record FROM records"))


@pytest.fixture
def records(first_store):
    return Store(f"sqlite:///{first_store[0]}", writing=False).records()


@pytest.fixture
def filled(store_url, records):
    """A store of each kind with the three records."""
    for record in records:
        Store().add(record)
    return store_url


def engine_of(url: str):
    plain = make_url(url)
    return create_engine(plain.set(drivername="postgresql+psycopg") if plain.drivername == "postgresql" else plain)


def rows(url: str, query: str) -> list:
    engine = engine_of(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def test_a_store_of_schema_1_opens_with_all_that_was_in_it(first_store):
    file, documents = first_store
    store = Store(f"sqlite:///{file}", writing=False)
    assert [record.run_id for record in store.records()] == RUNS
    assert store.label("baseline") == ("baseline", "before the data were cleaned")
    url = f"sqlite:///{file}"
    assert dict(rows(url, "SELECT run_id, record FROM records")) == documents
    assert rows(url, "SELECT version FROM schema_version") == [(2,)]
    assert rows(url, f"SELECT value, low, high, n FROM results WHERE metric = 'accuracy' AND run_id = '{RUNS[2]}'") == [
        (0.95, 0.763868806553258, 0.9911185511992047, 20)
    ]
    assert "records_1" not in {name for (name,) in rows(url, "SELECT name FROM sqlite_master")}


def test_a_server_s_store_of_schema_1_is_migrated_too(postgres_server, first_store):
    url = postgres_server.emptied()
    made = [part for part in FIRST.read_text(encoding="utf-8").split(";\n") if "TRIGGER" not in part and "END" not in part]
    engine = engine_of(url)
    with engine.begin() as connection:
        for statement in made:
            if statement.strip() and not statement.startswith(("BEGIN", "COMMIT")):
                connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()
    store = Store(url, writing=False)
    assert [record.run_id for record in store.records()] == RUNS
    assert store.label("baseline").note == "before the data were cleaned"
    assert dict(rows(url, "SELECT run_id, record FROM records")) == first_store[1]
    with pytest.raises(DBAPIError, match="immutable"):
        rows(url, "DELETE FROM records")


def test_a_store_of_schema_1_that_cannot_be_written_is_read_all_the_same(first_store, monkeypatch):
    file, documents = first_store
    before = file.read_bytes()
    monkeypatch.setattr(database, "connect", lambda url: (_ for _ in ()).throw(PermissionError(13, "no")))
    store = Store(f"sqlite:///{file}", writing=False)
    assert [record.run_id for record, _ in store.newest("data/digits", plain=True)] == RUNS[:1]
    assert {record.run_id for record in store.records()} == set(documents)
    assert file.read_bytes() == before


def test_a_migration_that_fails_leaves_the_store_as_it_was(first_store, monkeypatch):
    file, documents = first_store
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr("zoo.runs.schema.keep_immutable", lambda connection: 1 / 0)
        Store(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as left:
        assert dict(left.execute("SELECT run_id, record FROM records")) == documents
        assert not left.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchall()
    assert len(Store(f"sqlite:///{file}").records()) == 3


def test_a_store_of_a_later_deepzoo_is_refused(store_url):
    Store()
    engine = engine_of(store_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE schema_version SET version = 99"))
    engine.dispose()
    for writing in (True, False):
        with pytest.raises(StoreError, match="later deepzoo") as caught:
            Store(writing=writing)
        assert caught.value.hint == "pip install -U deepzoo"


def test_another_program_s_table_of_records_is_left_alone(tmp_path):
    with closing(sqlite3.connect(tmp_path / "music.db")) as other:
        other.executescript("CREATE TABLE records (artist TEXT, title TEXT); INSERT INTO records VALUES ('a', 'b')")
    with pytest.raises(StoreError, match="none of runs"):
        Store(f"sqlite:///{tmp_path / 'music.db'}")
    assert rows(f"sqlite:///{tmp_path / 'music.db'}", "SELECT * FROM records") == [("a", "b")]


def test_records_come_back_as_they_were_with_their_results_as_rows(filled, records):
    store = Store(writing=False)
    assert store.records() == records
    assert store.record(RUNS[0][:6]) == records[0] and list(store.records_of(RUNS[::-1])) == records[::-1]
    assert [row.run_id for row in store.rows(limit=2, offset=1)[0]] == RUNS[1:]
    assert store.rows(model="intro/logistic", benchmark="data/digits")[1] == 3 and store.rows(model="intro/log")[1] == 0
    found = {tuple(row) for row in rows(filled, "SELECT run_id, metric, value, low, high, n FROM results")}
    assert found == {
        (record.run_id, one.metric, one.value, one.ci_low, one.ci_high, one.n) for record in records for one in record.results
    }


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE records SET record = '{}'",
        "UPDATE records SET sha256 = ''",
        "DELETE FROM records",
        "UPDATE results SET value = 1",
        "DELETE FROM results",
        f"INSERT INTO records SELECT * FROM records WHERE run_id = '{RUNS[0]}'",
        f"REPLACE INTO records SELECT * FROM records WHERE run_id = '{RUNS[0]}'",
    ],
)
def test_the_database_itself_refuses_that_a_record_is_changed(filled, records, change):
    if change.startswith("REPLACE") and not filled.startswith("sqlite"):
        change = f"{change.replace('REPLACE', 'INSERT')} ON CONFLICT (run_id) DO UPDATE SET record = '{{}}'"
    engine = engine_of(filled)
    with pytest.raises(DBAPIError, match=r"immutable|duplicate key"), engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()
    assert Store().records() == records


def test_names_and_notes_may_change(filled):
    store = Store()
    store.set_label(RUNS[0], name="baseline", note="one")
    store.set_label("baseline", note="two")
    assert Store(writing=False).label(RUNS[0]) == ("baseline", "two")
    assert store.set_label("baseline", name="", note="") == ("", "")


def test_of_runs_that_are_alike_the_newest_is_found_and_no_other_is_read(filled, records, monkeypatch):
    store, read = Store(writing=False), []
    parsed = store.records_of
    monkeypatch.setattr(store, "records_of", lambda ids: parsed([*ids, *(read.extend(ids) or [])]))
    assert [(run.run_id, alike) for run, alike in store.newest("data/digits")] == [(RUNS[0], 2), (RUNS[2], 1)]
    assert [(run.run_id, alike) for run, alike in store.newest("data/digits", plain=True, metric="accuracy")] == [(RUNS[0], 2)]
    assert store.newest("data/digits", metric="fid") == [] == store.newest("data/digits", model="intro/mlp")
    assert set(read) == {RUNS[0], RUNS[2]}
    assert store.computing(records[:1]) == {records[0].key: records[1]}


CONDITIONS = [
    "accuracy > 0.95",
    "accuracy >= 0.95 and nll < 0.5",
    "not accuracy > 0.95",
    "accuracy.low < 0.8 or accuracy.n = 360",
    "accuracy:k=5 = 1",
    "accuracy = none",
    "fid = none and fid != 3",  # which no run has
    "fid > 3 or accuracy > 0",
    "limit = 20",
    "not limit = 20",
    "limit = none",
    "limit != none and samples > 10",
    "limit > 1 and not (seed = 3)",
    "seed = 0 and device ~ CP",
    "name = baseline or note ~ CLEANED",
    "not name = baseline",
    "name = none",
    "passed = none or passed = yes",
    "created > 2020-01-01",
    "run_id ~ 8d1b or run_id ~ C13",
    "ratio = 8/255 or width != 3",
    "nll = '0.1'",
    "not nll ~ 9",
    "alpha >= 0.3 and alpha <= 0.3",
    "big = 1000001 or big = 1000000",
    "accuracy = 0.9638",
]


def test_the_database_answers_a_condition_as_its_meaning_says(filled, records, monkeypatch):
    """Also where runs differ in metrics, settings have the names of metrics and fields, and what it cannot be asked."""
    kinds = [
        {},
        {"ratio": 8 / 255, "alpha": 0.30000001192},
        {"accuracy": 0.99},
        {"big": 1000000},
        {"device": "tpu", "nll": "odd"},
    ]
    for number, options in enumerate(kinds):
        base = records[number % 3]
        model = base.model.model_copy(update={"name": "gone/model", "options": options})
        results = [one for place, one in enumerate(base.results) if place != number]
        if number == 3:
            results = [one.model_copy(update={"metric": f"{one.metric}:x={k}"}) for k in (1, 2) for one in results]
        update = {"run_id": f"{number:016x}", "model": model, "results": tuple(results)}
        Store().add(base.model_copy(update=update))
    Store().set_label(RUNS[0], name="baseline", note="before the data were cleaned")
    store = Store(writing=False)
    told = [{name: getattr(row, name) for name in COLUMNS} for row in store.rows()[0]]
    assert len(told) == 8
    answered = 0
    for number, where in enumerate(CONDITIONS):
        asked = read_condition(where)
        meant = [row["run_id"] for row in told if fits(asked, row)]
        found, total = store.rows(asked=asked)
        assert ([row.run_id for row in found], total) == (meant, len(meant)), where
        answered += Finding(store._rows, [])._said(asked) is not None
        if number % 3:
            continue
        page, total = store.rows(asked=asked, model="gone/model", limit=2, offset=1)
        own = [run_id for run_id in meant if run_id not in RUNS]
        assert ([row.run_id for row in page], total) == (own[1:3], len(own)), where
    assert answered > len(CONDITIONS) - 8
    monkeypatch.setattr(Finding, "_said", lambda self, asked: None)  # each run is tested here, whatever the database
    for where in CONDITIONS if filled.startswith("sqlite") else CONDITIONS[::8]:
        asked = read_condition(where)
        assert [row.run_id for row in store.rows(asked=asked)[0]] == [row["run_id"] for row in told if fits(asked, row)], where


@pytest.mark.parametrize("store_url", ["postgresql", pytest.param("sqlite", marks=pytest.mark.slow)], indirect=True)
def test_many_processes_write_at_once_and_nothing_is_lost(store_url, first_store, toy_environment):
    code = """
import sqlite3, sys
from zoo.runs.record import RunRecord
from zoo.runs import store
from zoo.runs.store import Store
store._row = None  # which takes all plugins, and is made when it is asked for
texts = [text for (text,) in sqlite3.connect(sys.argv[1]).execute("SELECT record FROM records")]
for number in range(10):
    record = RunRecord.model_validate_json(texts[number % len(texts)])
    Store().add(record.model_copy(update={"run_id": f"{int(sys.argv[2]):08x}{number:08x}"}))
"""
    toy_environment["ZOO_STORE"] = store_url
    writers = [subprocess.Popen([sys.executable, "-c", code, first_store[0], str(n)], env=toy_environment) for n in range(2)]
    assert [writer.wait(120) for writer in writers] == [0] * 2
    store = Store(writing=False)
    assert store.count() == 20 == len(store.records())
    assert rows(store_url, "SELECT count(DISTINCT run_id) FROM results") == [(20,)]


def test_runs_are_kept_on_a_server_end_to_end(toy, postgres_server, monkeypatch, zoo_home):
    monkeypatch.setenv("ZOO_STORE", postgres_server.emptied())
    record = zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", key="toy")
    again = zoo.evaluate(toy.Linear(), "toy/vectors", classes="dataset", key="toy")
    assert again.shards.computed == 0 and not (zoo_home / "zoo.db").exists()
    assert [row.run_id for row in zoo.results(benchmark="toy/vectors", where="accuracy >= 0")] == [again.run_id, record.run_id]
    assert Store(writing=False).computing([again]) == {record.key: record}


def test_a_record_waits_while_the_server_is_away_and_is_written_when_it_is_back(postgres_server, records, monkeypatch, zoo_home):
    url = postgres_server.emptied()
    monkeypatch.setenv("ZOO_STORE", url)
    monkeypatch.setattr(waiting, "PAUSES", (0.01, 0.01))
    store = Store()
    postgres_server.stop()
    try:
        with pytest.warns(UserWarning, match=f"is away .*{RUNS[0]} waits in") as told:
            store.add(records[0])
        assert "hidden" not in str(told[0].message)
        with pytest.raises(StoreError, match="cannot open the store") as caught:
            Store()
        assert "hidden" not in str(caught.value) and "server up" in caught.value.hint
    finally:
        postgres_server.start()
    known = store.keys()
    assert store.has_key(records[0].key) and records[0].key in known  # so that no cleaning takes its predictions
    with pytest.warns(UserWarning, match="1 record that waited for the store .* is in it now"):
        found = Store(writing=False)
    assert found.records() == records[:1] and not list(zoo_home.rglob("waiting/*/*.json"))
    Store()  # which says nothing more


def test_an_answer_that_was_lost_is_no_second_record():
    from sqlalchemy.exc import IntegrityError, OperationalError

    ends = iter([OperationalError("", {}, Exception("server closed the connection")), IntegrityError("", {}, Exception("there"))])
    waiting.patiently(lambda document: (_ for _ in ()).throw(next(ends)))("")
    with pytest.raises(IntegrityError):
        waiting.patiently(lambda document: (_ for _ in ()).throw(IntegrityError("", {}, Exception("there"))))("")


def test_a_server_without_its_driver_names_what_to_install(monkeypatch):
    class Absent:
        def find_spec(self, name, *_):
            if name == "psycopg":
                raise ModuleNotFoundError("No module named 'psycopg'", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    with pytest.raises(StoreError) as caught:
        Store("postgresql://me:secret@127.0.0.1/zoo")
    assert caught.value.hint == "pip install 'deepzoo[postgres]'" and "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_way_to_write_the_address_means_psycopg(scheme, postgres_server):
    url = postgres_server.emptied().replace("postgresql", scheme)
    assert Store(url).count() == 0


def test_a_server_that_cannot_be_reached_says_so_without_the_password(postgres_server):
    for url, advice in (
        ("postgresql://me:secret@127.0.0.1:1/zoo", "server up"),
        (postgres_server.url.rpartition("/")[0].replace("hidden", "secret") + "/nosuch", "createdb"),
    ):
        for writing in (True, False):
            with pytest.raises(StoreError, match="cannot open the store") as caught:
                Store(url, writing=writing)
            assert advice in caught.value.hint and "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@127.0.0.1:port/zoo",
        "postgresql://me:secret@127.0.0.1:5432:5432/zoo",
        "postgresql://me:s3@secret@127.0.0.1/zoo",
        "postgresql://me:s3/secret@at@127.0.0.1/zoo",
        "postgresql://me:@127.0.0.1/secret@zoo",
        "postgres:me:secret@127.0.0.1",
        "host=127.0.0.1 password=secret",
        "mysql://me:secret@127.0.0.1:x/zoo",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_and_shown_nowhere(url):
    for writing in (True, False):
        with pytest.raises(StoreError, match="cannot open the store at an address that is not shown") as caught:
            Store(url, writing=writing)
        assert "secret" not in f"{caught.value} {caught.value.hint}" and (
            "~/.pgpass" in caught.value.hint or "://" in caught.value.hint
        )


def test_a_record_waits_for_a_database_and_not_for_one_way_to_write_it():
    ways = ["postgresql://ann:x@h/zoo", "postgres://bob@h:5432/zoo", "postgresql+psycopg://h/zoo?connect_timeout=3"]
    assert len({database.place_of(way) for way in ways}) == 1
    assert (
        len({database.place_of(way) for way in ("postgresql://h/a", "postgresql://h/b", "postgresql://h:1/a", "mysql://h/a")})
        == 4
    )


@pytest.mark.parametrize("source", ["nosuch.db", "postgres//me:secret@127.0.0.1/zoo"])
def test_nothing_is_copied_from_a_store_that_is_not_there(source, tmp_path, monkeypatch, zoo_home):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError) as caught:
        pull(source)
    assert "secret" not in str(caught.value) and not list(tmp_path.glob("*.db"))


@pytest.fixture
def copied(one_run, store_url, monkeypatch):
    """A real run in a home of its own, pushed to a store of each kind; the home is that of the run, the store its zoo.db."""
    monkeypatch.delenv("ZOO_STORE")
    assert push(store_url) == Copied(records=1, there=0, files=len(one_run.artifacts), absent=0, altered=())
    return store_url


def test_a_pushed_run_is_pulled_elsewhere_with_its_predictions(copied, one_run, tmp_path):
    other = tmp_path / "elsewhere"
    found = pull(copied, home=other)
    assert (found.records, found.files, found.absent, found.altered) == (1, len(one_run.artifacts), 0, ())
    with zoo.home.using(other):
        assert Store(writing=False).records() == [one_run]
        assert stored_predictions(one_run).num_rows == 20
    assert push(copied, home=other).there == 1 == pull(copied, home=other).there
    digests = {check_store().digest, check_store(home=other).digest, check_store(store=copied).digest}
    assert len(digests) == 1


def test_a_record_that_only_another_version_reads_is_not_copied_and_said(first_store, tmp_path):
    file, _ = first_store
    with closing(sqlite3.connect(file)) as older, older:
        older.execute("DROP TRIGGER IF EXISTS records_are_immutable")
        older.execute(
            "UPDATE records SET record = ? WHERE run_id = ?", ('{"run_id": "' + RUNS[0] + '", "artifacts": []}', RUNS[0])
        )
    found = pull(file, home=tmp_path / "elsewhere")
    assert found.records == 2 and found.altered == (f"run {RUNS[0]}: its document is not readable by this version",)


def test_two_who_copy_the_same_at_once_do_not_hinder_each_other(filled, records, tmp_path, monkeypatch):
    source = f"sqlite:///{tmp_path / 'source.db'}"
    for record in records:
        Store(source).add(record)
    before = records[0].model_copy(update={"run_id": "f" * 16})
    Store(source).add(before)
    seen = copying._written

    def slower(target, change):
        monkeypatch.setattr(copying, "_written", seen)
        Store(filled).add(before)  # somebody else, between the look and the write
        return seen(target, change)

    monkeypatch.setattr(copying, "_written", slower)
    assert push(filled, store=source) == Copied(records=0, there=4, files=0, absent=2, altered=())
    assert check_store(store=filled).digest == check_store(store=source).digest


def test_a_run_that_was_pulled_is_not_computed_again(copied, one_run, tmp_path):
    pull(copied, home=tmp_path / "elsewhere")
    again = zoo.evaluate("intro/logistic", "digits", limit=20, home=tmp_path / "elsewhere", progress=False)
    assert again.shards.computed == 0 and again.results == one_run.results


ALTERATIONS = {
    "UPDATE records SET record = replace(record, '\"value\":0', '\"value\":1')": "document is not what was recorded",
    "UPDATE records SET model = 'my/model'": "looked for",
    "UPDATE results SET value = 0.999 WHERE metric = 'accuracy'": "results are not those",
    "DELETE FROM results WHERE metric = 'nll'": "results are not those",
    "INSERT INTO results VALUES ('ffff', 'accuracy', 1, 1, 1, 9)": "results without a record",
    "UPDATE run_rows SET n = 21": "the list shows",
}


@pytest.mark.parametrize("change", ALTERATIONS)
def test_an_altered_store_is_told_from_a_copy(copied, one_run, tmp_path, change):
    Store(copied).rows()  # so that there is a row of each
    before = check_store(store=copied)
    assert before.altered == () and before.records == 1
    altered(copied, change)
    found = check_store(store=copied)
    assert len(found.altered) == 1 and ALTERATIONS[change] in found.altered[0]
    if "document" in ALTERATIONS[change]:
        assert found.digest != before.digest
        assert pull(copied, home=tmp_path / "elsewhere").records == 0 and push(copied).altered == ()


def test_who_alters_a_record_with_its_hash_has_another_digest_and_is_refused(copied, one_run, tmp_path):
    before = check_store(store=copied).digest
    document = one_run.model_copy(update={"created": "2020-01-01T00:00:00.000+00:00"}).model_dump_json()
    entry = entry_of(document)
    engine = engine_of(copied)
    altered(copied, "DELETE FROM records; DELETE FROM results")
    with engine.begin() as connection:
        schema.insert(connection, [entry])
    engine.dispose()
    assert check_store(store=copied).digest != before
    for done in (push(copied), pull(copied)):
        assert done.altered == (f"run {one_run.run_id}: another record in the other store",)
    assert Store().records() == [one_run]


def test_predictions_that_were_altered_are_told_and_not_copied(copied, one_run, zoo_home, store_url, tmp_path):
    (shard,) = (zoo_home / "runs" / one_run.key / "shards").glob("*.parquet")
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")
    assert check_store().altered == (f"{shard}: not what any run was scored on",)
    found = push(tmp_path / "another.db")
    assert (found.records, found.files, found.absent) == (1, 0, 1)
    altered(copied, "UPDATE run_files SET content = " + ("x'00'" if copied.startswith("sqlite") else "'\\x00'"))
    assert [one for one in check_store(store=copied).altered if one.startswith(f"file {one_run.artifacts[0].sha256[:12]}")]
    found = pull(copied, home=tmp_path / "elsewhere")
    assert (found.records, found.files, found.absent) == (1, 0, 1)


def test_a_store_by_a_stranger_lays_no_file_outside_of_a_run(one_run, tmp_path):
    for number, path in enumerate(("../../../stolen", "/stolen", "shards/../../../stolen", "..\\stolen")):
        artifact = one_run.artifacts[0].model_copy(update={"path": path})
        record = one_run.model_copy(update={"run_id": f"{number:016x}", "artifacts": (artifact,)})
        Store(f"sqlite:///{tmp_path / 'bad.db'}").add(record)
    with closing(sqlite3.connect(tmp_path / "bad.db")) as bad, bad:
        bad.execute("INSERT INTO run_files VALUES (?, ?)", (hashlib.sha256(b"x").hexdigest(), b"x"))
    assert pull(tmp_path / "bad.db", home=tmp_path / "elsewhere").files == 0
    assert not list(tmp_path.rglob("*stolen*"))


def altered(url: str, change: str) -> None:
    """Change a store as who keeps it could: its triggers removed."""
    engine = engine_of(url)
    with engine.begin() as connection:
        for table in ("records", "results", "run_files"):
            if url.startswith("sqlite"):
                for name in ("immutable", "kept", "not_replaced"):
                    connection.exec_driver_sql(f"DROP TRIGGER {table}_are_{name}")
            else:
                connection.exec_driver_sql(f"DROP TRIGGER {table}_are_immutable ON {table}")
        for statement in change.split("; "):
            connection.exec_driver_sql(statement)
    engine.dispose()
