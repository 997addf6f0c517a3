"""Exit codes and messages: where every command ends."""

import json

import click
import pytest

from zoo.errors import DataError
from zoo_cli.errors import guarded


def ends(capsys, raised, *arguments):
    """Code and output of a command that raises."""

    @click.command()
    @click.option("--json", is_flag=True)
    @click.option("--fresh", is_flag=True)
    @click.argument("rest", nargs=-1)
    def command(**_):
        if raised is not None:
            raise raised

    code = guarded(command, arguments)
    return code, *capsys.readouterr()


def test_a_command_that_returns_nothing_exits_0(capsys):
    assert ends(capsys, None) == (0, "", "")


def test_a_user_error_is_two_lines_on_stderr_and_exits_2(capsys):
    code, out, err = ends(capsys, DataError("it is absent", "get it"))
    assert (code, out, err) == (2, "", "error: it is absent\n hint: get it\n")


def test_an_error_without_a_hint_is_one_line(capsys):
    assert ends(capsys, DataError("it is absent"))[2] == "error: it is absent\n"


def test_a_user_error_with_json_is_an_object_on_stdout(capsys):
    code, out, err = ends(capsys, DataError("it is absent", "get it"), "--json")
    assert (code, err) == (2, "")
    assert json.loads(out) == {"error": {"type": "DataError", "message": "it is absent", "hint": "get it"}}


def test_a_bug_shows_its_traceback_asks_to_be_reported_and_exits_70(capsys):
    code, out, err = ends(capsys, ZeroDivisionError("by zero"))
    assert (code, out) == (70, "")
    assert "Traceback" in err and "error: by zero" in err and "please report it" in err


def test_a_bug_with_json_is_an_object_on_stdout_with_the_traceback_beside_it(capsys):
    code, out, err = ends(capsys, ZeroDivisionError("by zero"), "--json")
    assert code == 70
    assert json.loads(out)["error"]["type"] == "ZeroDivisionError"
    assert "Traceback" in err


@pytest.mark.parametrize(("command", "says"), [("run", "shards are kept"), ("train", "checkpoints are kept"), ("list", "")])
def test_an_interrupt_exits_130_and_says_how_to_go_on(capsys, command, says):
    code, out, err = ends(capsys, KeyboardInterrupt(), command)
    assert (code, out) == (130, "")
    assert err.startswith("error: interrupted\n") and says in err


@pytest.mark.parametrize(("command", "says"), [("run", "without --fresh goes on from there"), ("train", None)])
def test_an_interrupt_of_a_fresh_start_promises_no_more_than_is_true(capsys, command, says):
    err = ends(capsys, KeyboardInterrupt(), command, "--fresh")[2]
    assert err == "error: interrupted\n" if says is None else says in err


def test_a_traceback_of_a_user_error_is_shown_on_request(capsys, monkeypatch):
    assert "Traceback" not in ends(capsys, DataError("it is absent"))[2]
    monkeypatch.setenv("ZOO_DEBUG", "1")
    assert "Traceback" in ends(capsys, DataError("it is absent"))[2]


def test_a_broken_pipe_that_is_not_our_output_is_a_bug(capfd):
    assert ends(capfd, BrokenPipeError("a worker died"))[0] == 70


def test_an_unknown_option_exits_2_with_the_nearest_one(zoo):
    done = zoo("list", "--taks", "classify")
    assert done.code == 2
    assert done.err.startswith("error: no such option '--taks'\n hint: did you mean --task")


def test_an_unknown_option_with_json_is_an_object_on_stdout(zoo):
    done = zoo("list", "--taks", "classify", "--json")
    assert (done.code, done.err) == (2, "")
    assert done.json["error"]["type"] == "UsageError"


def test_an_unknown_command_exits_2_with_the_nearest_one(zoo):
    done = zoo("lits")
    assert (done.code, done.err) == (2, "error: no such command 'lits'\n hint: did you mean list? See zoo --help\n")


def test_a_missing_argument_exits_2(zoo):
    done = zoo("run")
    assert (done.code, done.out) == (2, "")
    assert "missing argument" in done.err


def test_nobody_reading_the_output_is_no_error():
    import subprocess
    import sys

    command = f"{sys.executable} -m zoo_cli list metrics --json | head -c 1"
    done = subprocess.run(["bash", "-c", f"{command}; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout in ("[0\n", "[141\n")
