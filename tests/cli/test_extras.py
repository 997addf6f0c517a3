"""Commands that plugins add."""

import subprocess
import sys

import pytest

ENTRIES = """
from zoo.hookspecs import hookimpl
from zoo.specs import CommandSpec

@hookimpl
def zoo_commands():
    def command(name, target, **more):
        return CommandSpec(name=name, summary=f"The {name} of PLUGIN.", target=f"PLUGIN_code:{target}", **more)
    return [
        command("plain", "plain"), command("app", "app"), command("clicked", "clicked"), command("wrong", "wrong"),
        command("leaving", "leaving"), command("interrupting", "interrupting"), command("nowhere", "nowhere"),
        command("list", "plain"), command("bare", "bare"), command("needy", "plain", requires=("no-such-dist>=2",)),
    ]
"""

CODE = """
import click
import typer

app = typer.Typer()
bare = typer.Typer(no_args_is_help=True)

@bare.command()
def first():
    'Do the first.'

@bare.command()
def second():
    'Do the second.'

@app.command()
def one():
    raise typer.Exit(3)

@app.command()
def two():
    raise typer.Abort

@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.argument("name", type=click.Choice(["a", "b"]))
def clicked(name, as_json):
    print("PLUGIN", name)
    return 1

def plain(count: int, json: bool = False):
    print("PLUGIN", count)

def leaving(json: bool = False):
    raise SystemExit(0)

def interrupting(json: bool = False):
    raise KeyboardInterrupt

def wrong():
    raise KeyError("lost")
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a plugin of this id, whose commands are those above."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def call(name):
        (tmp_path / f"{name}.py").write_text(ENTRIES.replace("PLUGIN", name))
        (tmp_path / f"{name}_code.py").write_text(CODE.replace("PLUGIN", name))
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[zoo]\n{name} = {name}\n")
        sys.modules.pop(name, None)
        sys.modules.pop(f"{name}_code", None)

    return call


def test_a_plugin_adds_a_command_from_a_plain_function(zoo_process, toy):
    done = zoo_process("greet", "you", "--times", "2")
    assert (done.code, done.out, done.err) == (0, "hello you\nhello you\n", "")
    assert "Greet somebody." in zoo_process("--help").out
    assert "--times" in zoo_process("greet", "--help").out


def test_its_errors_end_as_ours_do(zoo_process, toy):
    failed = zoo_process("greet", "you", "--times", "10")
    assert (failed.code, failed.err) == (2, "error: too often\n hint: greet less\n")
    assert zoo_process("greet", "--shout").code == 2


def test_a_command_that_no_plugin_adds_is_unknown(zoo):
    assert zoo("greet", "you").code == 2


def test_a_function_an_app_and_a_click_command_run_to_their_exit_code(zoo, install):
    install("mine")
    assert (zoo("plain", "3").code, zoo("plain", "3").out) == (0, "mine 3\n")
    assert zoo("app", "one").code == 3
    assert (zoo("clicked", "a").code, zoo("clicked", "a").out) == (1, "mine a\n")
    aborted = zoo("app", "two")
    assert (aborted.code, aborted.err) == (130, "error: interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plain", "many", "--json"), "invalid value for 'count'"),
        (("plain", "--json"), "missing argument"),
        (("app", "three", "--json"), "no such command 'three'"),
        (("clicked", "c", "--json"), "'c' is not one of"),
        (("clicked", "--shout", "--json"), "no such option '--shout'"),
    ],
)
def test_wrong_arguments_are_told_as_ours_are(zoo, install, arguments, message):
    install("mine")
    done = zoo(*arguments)
    assert (done.code, done.err) == (2, "")
    assert message in done.json["error"]["message"].lower()
    assert done.json["error"]["hint"].startswith(("see zoo ", "did you mean"))


def test_its_requirements_are_checked_before_its_code_is_imported(zoo, install):
    install("mine")
    done = zoo("needy", "1")
    assert (done.code, done.out) == (2, "")
    assert "mine/needy needs no-such-dist>=2" in done.err and "pip install 'no-such-dist>=2'" in done.err


def test_a_bug_of_its_own_is_reported_to_its_authors(zoo, install):
    install("mine")
    done = zoo("wrong")
    assert done.code == 2
    assert done.err.splitlines()[0] == "error: plugin 'mine' (mine 1.0): zoo wrong raised KeyError: 'lost'"
    assert "zoo -p no:mine" in done.err and "deepzoo" not in done.err


@pytest.mark.parametrize("target", ["leaving", "interrupting", "nowhere"])
def test_it_cannot_end_the_process_nor_pass_for_ctrl_c(zoo, install, target):
    install("mine")
    done = zoo(target, "--json")
    assert done.code == 2 and done.json["error"]["type"] == "PluginError"
    assert done.json["error"]["message"].startswith("plugin 'mine' (mine 1.0): ")


def test_names_that_are_taken_are_there_in_full(zoo, install):
    install("mine")
    install("yours")
    help_ = zoo("--help").out
    assert "mine/plain" in help_ and "The plain of yours." in help_
    assert "What there is: models" in help_ and "mine/list" in help_
    ambiguous = zoo("plain", "1")
    assert (ambiguous.code, ambiguous.out) == (2, "")
    assert "name one of: mine/plain, yours/plain" in ambiguous.err
    assert zoo("yours/plain", "1").out == "yours 1\n"
    assert zoo("mine/list", "7").out == "mine 7\n"


def test_only_the_command_that_runs_is_imported(install, zoo_process):
    install("mine")
    zoo_process("--help")
    code = (
        "import sys, zoo_cli.app as app\n"
        "sys.argv = ['zoo', *sys.argv[1:]]\n"
        "try: app.main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('mine', 'mine_code', 'typer') if name in sys.modules], file=sys.stderr)"
    )

    def imported(*arguments):
        return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True).stderr.splitlines()[-1]

    # an edit of deepzoo itself at this moment, in a checkout, asks the plugins anew, which imports their entry modules
    assert imported("--help") in ("[]", "['mine']")
    assert imported("clicked", "a") in ("['mine_code', 'typer']", "['mine', 'mine_code', 'typer']")
    assert "mine_code" in imported("plain", "1")


def test_a_group_without_a_command_shows_its_help(install, zoo):
    install("grouped")
    done = zoo("bare")
    assert (done.code, done.err) == (0, "") and "Do the second." in done.out


def test_what_a_plugin_prints_as_it_is_imported_stays_out_of_json(install, zoo_process, tmp_path):
    install("noisy")
    path = tmp_path / "noisy.py"
    path.write_text("print('NOISE')\n" + path.read_text())
    done = zoo_process("list", "models", "--json")
    assert done.code == 0 and done.json
    assert "NOISE" not in done.err  # it is asked in a process of its own
