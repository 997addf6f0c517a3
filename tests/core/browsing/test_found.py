"""Past runs as a list: told apart, filtered, paged, exported, named; and records that stay as they are."""

import csv
import io
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

import zoo
from zoo.browsing import duckdb_query, name_run, note_run, shard_files
from zoo.errors import AmbiguousNameError, OptionError, StoreError, UnknownNameError
from zoo.runs import store
from zoo.runs.store import Store


@pytest.fixture
def base(one_run):
    """A real record, of this moment, to make others of."""
    return one_run


def added(base, number: int, **changes):
    """A record like another, of its own id and time."""
    update = {"run_id": f"{number:016x}", "created": f"2026-01-{number % 28 + 1:02d}T00:00:00.{number % 1000:03d}+00:00"}
    record = base.model_copy(update={**update, **changes})
    Store().add(record)
    return record


def test_a_row_says_what_ran_its_scores_and_its_settings(base):
    (row,) = zoo.results()
    assert (row.run_id, row.model, row.benchmark) == (base.run_id, "intro/logistic@digits", "data/digits")
    assert (row.metric, row.value, row.ci_low) == ("accuracy", base.primary.value, base.primary.ci_low)
    assert row.settings == {"limit": 20} and row.limit == 20
    assert row.scores["nll"][0] == next(result.value for result in base.results if result.metric == "nll")


def test_settings_tell_runs_of_one_model_apart(zoo_home):
    plain = zoo.evaluate("intro/logistic", "digits")
    zoo.evaluate("intro/logistic", "digits", precision="bf16", seed=2)
    zoo.evaluate("intro/logistic", "digits", outputs="dataset")
    told = [row.settings for row in zoo.results()]
    assert told == [{"outputs": "dataset"}, {"precision": "bf16", "seed": 2}, {}]
    assert zoo.results()[-1].run_id == plain.run_id


def test_filters_narrow_the_list(base):
    made = added(base, 1, benchmark="data/mnist", dataset=base.dataset.model_copy(update={"name": "data/mnist"}))
    assert [row.run_id for row in zoo.results(dataset="mnist")] == [made.run_id]
    assert [row.run_id for row in zoo.results(benchmark="mnist")] == [made.run_id]
    assert [row.run_id for row in zoo.results(model="logistic", task="classify", dataset="digits")] == [base.run_id]
    assert zoo.results(task="attack").total == 0
    assert [row.run_id for row in zoo.results(until="2026-01-02")] == [made.run_id]
    assert zoo.results(until="2026-01-01").total == zoo.results(until="2026-01-02T00:00").total == 0
    assert [row.run_id for row in zoo.results(since="1h")] == [base.run_id]
    assert [row.run_id for row in zoo.results(since=datetime.now(UTC) - timedelta(minutes=5))] == [base.run_id]
    assert zoo.results(where=["accuracy > 0.1", "limit = 20"]).total == 2
    assert zoo.results(where="accuracy > 2").total == 0


@pytest.mark.parametrize(
    ("filters", "error", "says"),
    [
        ({"model": "intro/logistik"}, UnknownNameError, "intro/logistic"),
        ({"benchmark": "digtis"}, UnknownNameError, "data/digits"),
        ({"dataset": "digtis"}, UnknownNameError, "data/digits"),
        ({"task": "clasify"}, UnknownNameError, "classify"),
        ({"where": "acuracy > 0.9"}, UnknownNameError, "accuracy"),
        ({"where": "accuracy >"}, OptionError, "accuracy > 0.9"),
        ({"since": "yesterday"}, OptionError, "30d"),
        ({"since": "2026-13-01"}, OptionError, "2026-11-30"),
        ({"limit": 0}, OptionError, ""),
        ({"offset": -1}, OptionError, ""),
    ],
)
def test_a_filter_that_cannot_be_is_refused_with_what_can(base, filters, error, says):
    with pytest.raises(error) as caught:
        zoo.results(**filters)
    assert says in caught.value.hint


def test_of_no_runs_everything_may_be_asked(zoo_home):
    assert zoo.results(where="acuracy > 0.9").total == 0
    assert not (zoo_home / "zoo.db").exists()


def test_pages_hold_every_run_once_and_say_how_many_more_there_are(base):
    for number in range(1, 8):
        added(base, number)
    pages = [zoo.results(limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [page.more for page in pages] == [5, 2, 0]
    assert [row.run_id for page in pages for row in page] == [row.run_id for row in zoo.results()]
    assert len(zoo.results(offset=100)) == 0 and zoo.results(offset=100).total == 8
    filtered = zoo.results(where="accuracy > 0", limit=3, offset=6)
    assert [row.run_id for row in filtered] == [row.run_id for row in pages[2]] and filtered.total == 8


def test_a_page_reads_no_record_and_no_other_row(base, monkeypatch):
    for number in range(1, 6):
        added(base, number)
    zoo.results()
    monkeypatch.setattr("zoo.runs.store._parsed", lambda text: pytest.fail("a record was read"))
    read, restored = [], store.restored
    monkeypatch.setattr(store, "restored", lambda stored: read.append(1) or restored(stored))
    assert len(zoo.results(limit=2)) == 2 == len(read)
    assert len(zoo.results(where="accuracy > 0 and limit = 20", limit=2)) == 2 == len(read) - 2


def test_a_store_of_before_there_were_rows_is_read_and_caught_up(base, zoo_home):
    told = zoo.results()
    with closing(sqlite3.connect(zoo_home / "zoo.db")) as database:
        database.executescript("DROP TABLE run_rows; DROP TABLE run_labels")
    assert zoo.results() == told
    with closing(sqlite3.connect(zoo_home / "zoo.db")) as database:
        assert database.execute("SELECT count(*) FROM run_rows").fetchone() == (1,)
    assert zoo.results(where="accuracy > 0") == told


def test_a_record_is_kept_even_where_no_row_can_be_made_of_it(base, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("zoo.runs.store._row", lambda record: 1 / 0)
        record = added(base, 1)
    assert Store().record(record.run_id) == record and zoo.results().total == 2


def test_of_a_model_that_there_no_longer_is_all_options_are_shown(base):
    model = base.model.model_copy(update={"name": "gone/model", "options": {"steps": 3}})
    added(base, 1, model=model)
    assert zoo.results(model="gone/model")[0].settings == {"steps": 3, "limit": 20}


def test_a_store_that_cannot_be_written_is_read_all_the_same(base, zoo_home, monkeypatch):
    told = zoo.results()
    with closing(sqlite3.connect(zoo_home / "zoo.db")) as database:
        database.executescript("DROP TABLE run_rows; DROP TABLE run_labels")
    monkeypatch.setattr("zoo.runs.database.connect", lambda url: (_ for _ in ()).throw(PermissionError(13, "no")))
    assert zoo.results() == told and zoo.results(where="accuracy > 0") == told


def test_a_name_and_a_note_stand_beside_the_record_which_stays_as_it_is(base):
    before = Store().record(base.run_id).model_dump_json()
    name_run(base.run_id[:8], "baseline")
    note_run("baseline", "before the data were cleaned")
    assert Store().record("baseline").model_dump_json() == before
    (row,) = zoo.results(where="name = baseline and note ~ CLEANED")
    assert (row.name, row.note) == ("baseline", "before the data were cleaned")
    name_run("baseline", "first")
    assert Store().label(base.run_id) == ("first", "before the data were cleaned")
    with pytest.raises(UnknownNameError):
        Store().record("baseline")
    name_run("first", "")
    note_run(base.run_id, "")
    assert Store().label(base.run_id) == ("", "")


@pytest.mark.parametrize(
    "name", ["abcdef12", "12", "a/b", "export", "-x", "a b", "a\x1b[31m", "a\n", "x" * 65, "\u202eabc", "a\u200b"]
)
def test_what_could_be_taken_for_something_else_is_no_name(base, name):
    with pytest.raises(OptionError):
        name_run(base.run_id, name)


@pytest.mark.parametrize("note", ["two\nlines", "\x1b[2J", "\x07", "\u202e", "\x9b", "x" * 2001])
def test_a_note_is_one_line_of_plain_text(base, note):
    with pytest.raises(OptionError):
        note_run(base.run_id, note)


def test_a_name_is_one_run_s(base):
    other = added(base, 1)
    name_run(base.run_id, "best")
    with pytest.raises(AmbiguousNameError, match="called 'best' already"):
        name_run(other.run_id, "best")
    name_run(base.run_id, "best")


def test_a_store_that_is_only_read_takes_no_names(base):
    with pytest.raises(StoreError, match="only read"):
        Store(writing=False).set_label(base.run_id, name="x-y")


def test_an_export_holds_what_the_list_says(base, tmp_path):
    added(base, 1, model=base.model.model_copy(update={"name": "=HYPERLINK('x')"}))
    found = zoo.results()
    table = pq.read_table(found.write(tmp_path / "runs.parquet"))
    assert table.column("run_id").to_pylist() == [row.run_id for row in found]
    assert table.column("accuracy").to_pylist() == [row.value for row in found]
    assert table.column("accuracy.low").to_pylist() == [row.ci_low for row in found]
    assert table.column("settings").to_pylist() == ["limit=20"] * 2
    rows = list(csv.DictReader(io.StringIO((found.write(tmp_path / "runs.csv")).read_text())))
    assert [row["run_id"] for row in rows] == [row.run_id for row in found]
    assert [float(row["nll"]) for row in rows] == [row.scores["nll"][0] for row in found]
    assert rows[1]["model"].startswith("'=")  # which no spreadsheet runs
    assert pq.read_table(zoo.results(where="accuracy > 2").write(tmp_path / "none.parquet")).num_rows == 0
    with pytest.raises(OptionError, match=r"none of \.csv, \.parquet"):
        found.write(tmp_path / "runs.xls")


def test_a_data_frame_is_the_same_table(base, monkeypatch):
    pandas = pytest.importorskip("pandas")
    frame = zoo.results().dataframe()
    assert list(frame["value"]) == [base.primary.value] and frame["passed"].isna().all()
    assert isinstance(frame, pandas.DataFrame)


def test_without_pandas_a_data_frame_says_what_to_install(base, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(OptionError, match="pandas"):
        zoo.results().dataframe()


def test_the_line_for_duckdb_reads_the_predictions(zoo_home, monkeypatch, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    home = tmp_path / "it's a [home]"
    monkeypatch.setenv("ZOO_HOME", str(home))
    record = zoo.evaluate("intro/logistic", "digits", limit=20)
    assert all(file.is_file() for file in shard_files(record))
    found = duckdb.sql(duckdb_query(record))
    assert "id" in found.columns and len(found.fetchall()) == 20
