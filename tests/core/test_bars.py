"""Progress where somebody looks, and nowhere else."""

import io
import re
import sys
import types

import pytest

import zoo
from zoo.bars import progress_bar, time_left
from zoo.errors import OptionError


@pytest.fixture
def terminal(monkeypatch):
    """Makes standard error a terminal of 80 columns, from within the test: pytest takes it back between fixtures and test."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def make() -> Terminal:
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("ZOO_PROGRESS", raising=False)
    return make


@pytest.fixture
def notebook(monkeypatch):
    """A kernel of a notebook; the lines that are shown in it."""
    shown: list[str] = []
    shell = type("ZMQInteractiveShell", (), {})()
    package, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    package.get_ipython = lambda: shell
    package.display = display
    display.HTML = str
    display.display = lambda text, display_id: types.SimpleNamespace(update=shown.append)
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.delenv("ZOO_PROGRESS", raising=False)
    return shown


def test_no_line_of_a_bar_is_wider_than_the_terminal(terminal):
    terminal = terminal()
    with progress_bar() as show:
        show("counting corrupt samples", 12_345_678, 99_999_999, "a very long note " * 10, 7265.4)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert "2:01:05 left" in plain and "12345678/99999999" in plain
    assert max(map(len, re.split("[\r\n]", plain))) <= 80


def test_a_run_shows_how_far_it_is_and_how_long_it_goes_on(terminal):
    terminal = terminal()
    zoo.evaluate("intro/logistic", "digits", limit=20)
    assert "predicting" in terminal.getvalue() and "left" in terminal.getvalue()


@pytest.mark.parametrize("quiet", ["argument", "variable", "pipe"])
def test_it_can_be_switched_off_and_a_pipe_sees_nothing(terminal, monkeypatch, quiet):
    terminal = terminal()
    if quiet == "variable":
        monkeypatch.setenv("ZOO_PROGRESS", "0")
    elif quiet == "pipe":
        monkeypatch.setattr(terminal, "isatty", lambda: False)
    zoo.evaluate("intro/logistic", "digits", limit=20, progress=False if quiet == "argument" else None)
    assert "\x1b" not in terminal.getvalue() and "predicting" not in terminal.getvalue()


def test_a_notebook_shows_one_line_that_ends_empty(notebook):
    zoo.evaluate("intro/logistic", "digits", limit=20)
    assert any("predicting 20 of 20" in line for line in notebook)
    assert notebook[-1] == ""


def test_what_a_notebook_shows_is_escaped(notebook):
    with progress_bar() as show:
        show("<script>", 1, 1, "<img src=x>")
    assert "<script>" not in "".join(notebook) and "<img" not in "".join(notebook)


def test_a_run_foresees_its_end_scoring_included(zoo_home):
    steps = []
    zoo.evaluate("intro/logistic", "digits", progress=steps.append, fresh=True)
    assert [step.stage for step in steps if step.stage == "scoring"]
    assert all(step.left is None or step.left >= 0 for step in steps)
    assert any(step.left is not None for step in steps if step.stage == "predicting")


def test_what_is_neither_a_function_nor_a_switch_is_refused():
    with pytest.raises(OptionError, match="progress"):
        zoo.evaluate("intro/logistic", "digits", progress="perhaps")


def test_times_left_are_clocks():
    assert [time_left(seconds) for seconds in (None, 0.4, 61, 36_000)] == [
        "-:--:-- left",
        "0:00:00 left",
        "0:01:01 left",
        "10:00:00 left",
    ]


def test_a_sweep_foresees_the_end_of_all_its_cells(zoo_home):
    steps = []
    zoo.sweep(["intro/logistic", "intro/mlp"], ["digits"], limit=20, progress=steps.append)
    assert all(step.left is None or step.left >= 0 for step in steps)
    assert any(step.left is not None for step in steps if step.done == 1)
