"""`zoo list` and `zoo show`, and that listing stays light."""

import os
import pty
import re
import subprocess
import sys

import pytest

from zoo.tasks.declared import MODALITIES as MODALITY_SPECS
from zoo.tasks.declared import TASK_SPECS
from zoo_cli.listing import COLUMNS, KINDS, MODALITIES, TASKS

HEAVY = {"torch", "torchvision", "transformers", "numpy", "pandas", "pydantic", "pluggy", "yaml", "sqlalchemy", "rich", "typer"}
PLUGINS = {"zoo_data", "zoo_intro", "zoo_cnn", "zoo_sequence", "zoo_homework"}
OWN = {"zoo.specs", "zoo.plugins.registry", "zoo.plugins.inquiry", "zoo.hookspecs"}


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "datasets"], ["list", "homeworks"], ["list", "--json"], ["--version"], ["--help"]]
)
def test_listing_from_a_warm_index_imports_nothing_heavy(zoo_process, arguments):
    # given a warm index; an edit of deepzoo itself at this moment, in a checkout, takes another attempt
    assert zoo_process("list").code == 0
    modules = next(found for _ in range(5) if "zoo.plugins.inquiry" not in (found := imported(arguments)))
    # then
    assert "zoo_cli.app" in modules
    assert not (HEAVY | PLUGINS) & {name.partition(".")[0] for name in modules}
    assert not OWN & modules


def imported(arguments: list[str]) -> set[str]:
    """The modules that a command has imported when it ends."""
    code = (
        "import sys, zoo_cli.app as app\n"
        f"sys.argv = ['zoo', *{arguments!r}]\n"
        "try: app.main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split())


def test_each_entry_is_one_tab_separated_line_in_a_pipe(zoo):
    done = zoo("list", "datasets")
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert {len(line) for line in lines} == {len(COLUMNS["datasets"][0])}
    assert [line[0] for line in lines] == sorted(line[0] for line in lines)
    assert "data/digits" in [line[0] for line in lines]


def test_models_are_listed_where_no_kind_is_named(zoo):
    assert zoo("list").out == zoo("list", "models").out != ""


@pytest.mark.parametrize("kind", KINDS)
def test_json_holds_the_whole_specs(zoo, kind):
    entries = zoo("list", kind, "--json").json
    assert entries
    for entry in entries:
        assert entry["kind"] == kind.removesuffix("s")
        assert entry["spec"]["name"] == entry["name"]


def test_filters_narrow_the_list(zoo):
    text = zoo("list", "benchmarks", "--modality", "text", "--json").json
    assert text and {entry["modality"] for entry in text} == {"text"}
    digits = zoo("list", "benchmarks", "--dataset", "digits", "--json").json
    assert "data/digits" in [entry["name"] for entry in digits]
    intro = zoo("list", "--plugin", "intro", "--task", "classify", "--json").json
    assert intro and {entry["plugin"] for entry in intro} == {"intro"}


def test_entries_of_a_kind_that_a_plugin_adds_are_listed_filtered_and_shown(zoo):
    lines = [line.split("\t") for line in zoo("list", "homeworks").out.splitlines()]
    assert [line[0] for line in lines] == ["homework/hw1", "homework/hw2"]
    assert {entry["kind"] for entry in zoo("list", "homeworks", "--json").json} == {"homework"}
    assert zoo("list", "homeworks", "--plugin", "cnn").err == "no homeworks match\n"
    shown = zoo("show", "hw2").out
    assert "homework/hw2  benchmark" in shown and "homework/hw2  homework" in shown
    assert re.search(r"accepts +predictions, weights, onnx, code\n", shown)


def test_nothing_that_matches_is_no_error(zoo):
    done = zoo("list", "models", "--modality", "vector")
    assert (done.code, done.out, done.err) == (0, "", "no models match\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("models", "--dataset", "digits"), "models have no --dataset"),
        (("models", "--plugin", "nowhere"), "there is no plugin 'nowhere'"),
        (("models", "--task", "juggle"), "'juggle' is not one of"),
        (("models", "--task", "classification"), "did you mean classify"),
        (("modles",), "did you mean models"),
        (("animals",), "'animals' is not one of"),
        (("homework",), "did you mean homeworks"),
        (("homeworks", "--task", "classify"), "homeworks have no --task"),
        (("benchmarks", "--dataset", "digit"), "there is no dataset named 'digit'"),
    ],
)
def test_a_filter_that_cannot_be_is_a_user_error(zoo, arguments, says):
    done = zoo("list", *arguments)
    assert (done.code, done.out) == (2, "")
    assert says in done.err and "hint:" in done.err


def test_the_filters_know_every_task_and_modality():
    assert set(TASK_SPECS) == set(TASKS)
    assert set(MODALITY_SPECS) == set(MODALITIES)


def test_a_name_that_is_several_kinds_shows_each(zoo):
    done = zoo("show", "digits")
    assert done.code == 0
    assert "data/digits  dataset" in done.out and "data/digits  benchmark" in done.out
    assert [entry["kind"] for entry in zoo("show", "digits", "--json").json] == ["dataset", "benchmark"]


@pytest.mark.parametrize("kind", [pytest.param(k, marks=pytest.mark.slow) if k in ("models", "benchmarks") else k for k in KINDS])
def test_every_entry_can_be_shown(zoo, kind):
    for entry in zoo("list", kind, "--json").json:
        done = zoo("show", entry["name"])
        assert (done.code, done.err) == (0, "")
        assert entry["spec"]["summary"] in done.out


def test_a_model_shows_how_to_run_it(zoo, toy):
    out = zoo("show", "toy/centroid@digits").out
    assert re.search(r"run it +zoo run toy/centroid --on data/digits", out)


def test_a_metric_shows_what_its_options_may_be(zoo):
    out = zoo("show", "ece").out
    assert "bins=INTEGER, at least 1, at most 10000 (default 15)" in out
    assert "norm=l1|l2|max (default l1)" in out


def test_data_of_the_user_s_own_shows_its_classes_and_samples(zoo, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("text,label\nhello,ham\nbuy,spam\nbye,ham\n")
    out = zoo("show", f"csv:{table}").out
    assert re.search(r"splits +train: 2 samples\n +test: 3 samples\n", out) and re.search(r"classes +2: ham, spam\n", out)
    table.write_text("text,label\nhello\n")
    done = zoo("show", f"csv:{table}")
    assert done.code == 2 and "row 2" in done.err


def test_an_unknown_tag_answers_with_the_tags(zoo, toy):
    done = zoo("show", "toy/centroid@mnist")
    assert done.code == 2 and "its tags are: digits" in done.err


def test_a_name_of_nothing_answers_with_the_nearest_of_all_kinds(zoo):
    done = zoo("show", "lenet", "--json")
    assert done.code == 2
    assert "cnn/lenet5" in done.json["error"]["hint"]


def test_a_bad_plugin_costs_one_warning_line(zoo, tmp_path, monkeypatch):
    # given a plugin that raises when it is imported
    (tmp_path / "zoo_broken.py").write_text("raise RuntimeError('out of order')")
    info = tmp_path / "zoo_broken-2.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-broken\nVersion: 2.1\n")
    (info / "entry_points.txt").write_text("[zoo]\nbroken = zoo_broken\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    # when
    done = zoo("list", "--json")
    # then
    assert done.code == 0 and done.json
    (line,) = done.err.splitlines()
    for part in ("'broken'", "zoo-broken 2.1", "(error)", "out of order", "zoo plugins install --upgrade zoo-broken"):
        assert part in line


def test_a_terminal_gets_an_aligned_table_in_colour_within_its_width(zoo_home):
    text = on_terminal("list", "datasets")
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text.splitlines()]
    assert "\x1b[1m" in text
    assert lines[0].startswith("DATASET")
    assert max(map(len, lines[:-1])) <= 80


def test_no_color_means_no_colour(zoo_home, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in on_terminal("list", "datasets")


def on_terminal(*arguments: str) -> str:
    """What a command prints on a terminal of 80 columns."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color"}
    with subprocess.Popen(
        [sys.executable, "-m", "zoo_cli", *arguments], stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        text = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            text += part
    os.close(leader)
    assert process.returncode == 0
    return text.decode().replace("\r\n", "\n")


def test_the_version_is_the_package_s(zoo):
    from zoo.version import __version__

    assert zoo("--version").out == f"deepzoo {__version__}\n"


@pytest.mark.parametrize("command", [(), ("list",), ("show",), ("run",), ("train",), ("results",), ("data",), ("data", "get")])
def test_every_help_ends_in_examples_(zoo, command):
    done = zoo(*command, "--help")
    assert done.code == 0
    examples = done.out.partition("Examples:\n")[2].split("\n")
    assert [line for line in examples if line.strip().startswith("zoo ")]


def test_zoo_alone_shows_its_help(zoo):
    done = zoo()
    assert (done.code, done.out) == (0, zoo("--help").out)


def test_models_and_benchmarks_that_a_claim_names_show_each_other(zoo):
    assert "vision/espcn" in next(line for line in zoo("show", "set5-x3").out.splitlines() if line.split()[:1] == ["models"])
    assert "vision/set12-sigma25" in zoo("show", "vision/dncnn").out.partition("benchmarks")[2].partition("run it")[0]


def test_a_metric_with_options_is_shown_and_the_options_are_checked(zoo):
    assert zoo("show", "f1:positive=spam").out.startswith("core/f1")
    done = zoo("show", "f1:positiv=spam")
    assert done.code == 2 and "it has no option 'positiv'" in done.err


def test_the_nearest_names_are_of_one_kind(zoo):
    hint = zoo("show", "cnn/resnet56", "--json").json["error"]["hint"]
    assert hint.startswith("did you mean cnn/resnet") and "data/" not in hint and "cifar10" not in hint
