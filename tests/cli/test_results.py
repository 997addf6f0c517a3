"""`zoo results` and `zoo clean`: lists, pages, columns, names, exports, shards, and what a terminal is spared."""

import json
import re
import sqlite3
import subprocess
from contextlib import closing

import pytest

import zoo as package
from zoo.runs.store import Store


@pytest.fixture
def runs(one_run):
    """A real record, and three like it of other days."""
    first = one_run
    made = [
        first.model_copy(update={"run_id": f"{number:016x}", "created": f"2026-01-0{number}T00:00:00.000+00:00"})
        for number in (1, 2, 3)
    ]
    for record in made:
        Store().add(record)
    return [first, *reversed(made)]


def test_a_page_is_a_part_of_the_list_and_says_how_many_more_there_are(zoo, runs):
    first = zoo("results", "--limit", "3")
    assert [line.split("\t")[0] for line in first.out.splitlines()] == [run.run_id for run in runs[:3]]
    assert first.err == "1 more run, older: --offset 3\n"
    rest = zoo("results", "--limit", "3", "--offset", "3")
    assert [line.split("\t")[0] for line in rest.out.splitlines()] == [runs[3].run_id] and rest.err == ""
    assert zoo("results", "--offset", "9").err == "there are 4 runs, none behind the first 9\n"


def test_filters_and_conditions_narrow_the_list(zoo, runs):
    assert len(zoo("results", "--until", "2026-01-02", "--json").json) == 2
    assert len(zoo("results", "--where", "accuracy > 0.1", "--where", "limit = 20").out.splitlines()) == 4
    assert zoo("results", "--where", "accuracy > 2").err == "no runs match\n"
    assert zoo("results", "--task", "classify", "--dataset", "digits", "--since", "1h").out.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--where", "acuracy > 1"), "did you mean accuracy"),
        (("--where", "accuracy >"), "cannot read --where"),
        (("--columns", "run,modle"), "did you mean model"),
        (("--columns", "run,,model"), "--columns has an empty name"),
        (("--columns", ""), "--columns has an empty name"),
        (("--since", "soon"), "--since 'soon'"),
        (("--task", "clasify"), "did you mean classify"),
        (("--limit", "0"), "at least 1"),
        (("--offset", "-1"), "at least 0"),
        (("nothing",), "there is no run 'nothing'"),
        (("name", "nothing", "x-y"), "there is no run 'nothing'"),
        (("export", "-o", "runs.xls"), ".csv, .parquet"),
        (("shards",), "'RUN'"),
    ],
)
def test_a_wrong_argument_is_answered_with_what_can_be(zoo, runs, arguments, says):
    done = zoo("results", *arguments)
    assert (done.code, done.out) == (2, "") and says in done.err and "hint:" in done.err


def test_one_run_has_no_filters(zoo, runs):
    done = zoo("results", runs[0].run_id, "--task", "classify")
    assert done.code == 2 and "leave out --task" in done.err


def test_columns_are_chosen_among_fields_settings_and_metrics(zoo, runs):
    line = zoo("results", "--columns", "run,seconds,limit,nll,settings", "--limit", "1").out.rstrip("\n").split("\t")
    nll = next(result.value for result in runs[0].results if result.metric == "nll")
    assert line[0] == runs[0].run_id and line[2] == "20" and line[4] == "limit=20"
    assert line[3].startswith(f"{nll:.4f}")


def test_a_run_is_called_by_the_name_that_it_was_given_and_its_record_stays(zoo, runs):
    assert zoo("results", "name", runs[0].run_id[:12], "baseline").err == f"run {runs[0].run_id} is called baseline\n"
    assert zoo("results", "note", "baseline", "before the clean-up").code == 0
    assert zoo("results", "baseline", "--json").json == json.loads(runs[0].model_dump_json())
    assert re.search(r"name +baseline\n +note +before the clean-up\n", zoo("results", "baseline").out)
    assert zoo("results", "--where", "name = baseline").out.rstrip("\n").split("\t")[-2:] == ["baseline", "before the clean-up"]
    assert zoo("results", "name", "baseline", "").err.endswith("has no name\n")


def test_what_was_put_into_the_store_by_others_does_not_steer_the_terminal(zoo, runs, zoo_home):
    with closing(sqlite3.connect(zoo_home / "zoo.db")) as store:
        store.execute("INSERT INTO run_labels VALUES (?, ?, ?)", (runs[0].run_id, "a\x1b[2Jb", "c\x07\u202ed\ne"))
        store.commit()
    for done in (zoo("results"), zoo("results", runs[0].run_id)):
        assert done.code == 0 and not set(done.out) & set("\x1b\x07\u202e") and "\\x1b" in done.out


def test_an_export_is_a_table_of_all_scores(zoo, runs, tmp_path):
    told = zoo("results", "export", "--until", "2026-01-02")
    header, *lines = told.out.splitlines()
    assert {"run_id", "accuracy", "accuracy.low", "nll.high", "settings"} <= set(header.split(",")) and len(lines) == 2
    file = tmp_path / "runs.csv"
    assert zoo("results", "export", "--until", "2026-01-02", "-o", str(file)).err == f"2 runs in {file}\n"
    assert file.read_text() == told.out
    assert package.results(until="2026-01-02").csv() == told.out


def test_where_the_shards_lie_and_the_line_that_reads_them(zoo, runs):
    done = zoo("results", "shards", runs[0].run_id)
    (file,) = done.out.splitlines()
    assert file.endswith(f"{runs[0].key}/shards/00000.parquet")
    found = zoo("results", "shards", runs[0].run_id, "--json").json
    assert found["files"] == [{"path": file, "present": True}]
    arguments = subprocess.run(["sh", "-c", f'duckdb() {{ printf "%s\\n" "$2"; }}; {done.err}'], capture_output=True, text=True)
    assert arguments.stdout.rstrip("\n") == found["duckdb"]
    duckdb = pytest.importorskip("duckdb")
    assert len(duckdb.sql(found["duckdb"]).fetchall()) == 20


def test_of_shards_that_are_gone_it_is_said(zoo, runs):
    assert zoo("clean", "--older-than", "0s", "--yes").code == 0
    done = zoo("results", "shards", runs[0].run_id)
    assert done.out == "" and done.err.startswith("1 of 1 file are no longer here")
    assert zoo("results", runs[0].run_id).code == 0


def test_cleaning_is_dry_until_it_is_told_otherwise(zoo, runs, zoo_home):
    orphan = zoo_home / "runs" / ("0" * 32)
    (orphan / "shards").mkdir(parents=True)
    (orphan / "shards" / "00000.parquet").write_bytes(b"x" * 50_000)
    done = zoo("clean")
    assert done.code == 0 and done.out.split("\t")[0] == "would go" and "--yes removes them" in done.err and orphan.is_dir()
    found = zoo("clean", "--yes", "--json").json
    assert not found["dry"] and [(one["path"], one["state"]) for one in found["removals"]] == [(str(orphan), "gone")]
    assert not orphan.exists() and zoo("clean").err.startswith("nothing to remove")
    assert zoo("clean", "--max-size", "lots").code == 2


def test_list_and_show_say_what_was_run(zoo, runs):
    line = next(line for line in zoo("list").out.splitlines() if line.startswith("intro/logistic\t")).split("\t")
    assert line[4:6] == ["yes", "4"]
    assert zoo("show", "intro/logistic").out.count("data/digits: accuracy ") >= 4
    benchmark = next(line for line in zoo("list", "benchmarks").out.splitlines() if line.startswith("data/mnist\t"))
    assert benchmark.split("\t")[4] == "-"
