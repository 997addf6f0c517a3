"""Lists, tables and lines on a terminal of any width: nothing is cut, and no control character reaches it."""

import os
import re
import shlex
import subprocess
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_cli.columns import laid_out, wrapped
from zoo_cli.render import note, pairs, print_list, print_row, print_table, say, say_wrapped, styled, write

HEADER = ("RUN", "AGE", "MODEL", "METRIC", "SUMMARY")
ROWS = [
    ("4d2e2477", "22 s", "sequence/ngram-bag@sms-spam", "f1:positive=spam", "What is counted of words and of their neighbours"),
    ("bcae82fd", "3 min", "intro/mlp", "accuracy", "Two layers"),
]
WORDS = st.text(alphabet="abcdefgh/@.,'", min_size=1, max_size=40)
CELLS = st.lists(WORDS, max_size=6).map(" ".join)


@pytest.fixture
def terminal(monkeypatch, capsys):
    """What is written, as lines without colours, on a terminal of so many columns."""

    def call(columns: int, write, *arguments, **settings) -> list[str]:
        for stream in ("stdout", "stderr"):
            monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setattr("shutil.get_terminal_size", lambda *_, **__: os.terminal_size((columns, 40)))
        write(*arguments, **settings)
        return re.sub(r"\x1b\[[0-9;]*m", "", "".join(capsys.readouterr())).splitlines()

    return call


def test_with_room_for_all_of_it_a_row_is_a_line(terminal):
    lines = terminal(120, print_list, HEADER, ROWS)
    assert len(lines) == 3
    assert re.split(" {2,}", lines[1]) == list(ROWS[0])


def test_the_last_column_wraps_within_itself_first(terminal):
    lines = terminal(95, print_list, HEADER, ROWS)
    assert " ".join(line.split("  ")[-1] for line in lines[1:3]) == ROWS[0][-1]
    assert len({line.index(word) for line, word in zip(lines[:2], ("SUMMARY", "What"), strict=True)}) == 1


def test_what_has_no_room_beside_the_rest_stands_below_it(terminal):
    lines = terminal(60, print_list, HEADER, ROWS)
    assert lines[0].split() == ["RUN", "AGE", "MODEL"]
    assert lines[1:4] == [
        "4d2e2477  22 s   sequence/ngram-bag@sms-spam",
        "    f1:positive=spam",
        "    What is counted of words and of their neighbours",
    ]


@given(rows=st.lists(st.tuples(WORDS, CELLS, CELLS, CELLS), min_size=1, max_size=4), width=st.integers(20, 100))
def test_no_word_is_cut_and_no_line_is_wider_than_the_terminal_but_for_a_long_word(rows, width):
    lines = laid_out(("NAME", "XA", "XB", "XC"), rows, width, wrap=(3, 2, 1))[1:]
    words = " ".join(lines).split()
    cells = Counter(word for row in rows for cell in row for word in cell.split())
    assert not cells - Counter(words)
    assert set(Counter(words) - cells) <= {"xa", "xb", "xc"}  # before what would not speak for itself
    longest = max(len(word) for word in words)
    assert max(map(len, lines)) <= max(width, longest + 4)


@given(st.text(alphabet="ab c", max_size=300), st.integers(10, 80))
def test_wrapping_keeps_every_word_in_order(text, width):
    assert " ".join(wrapped(text, width)).split() == text.split()


def test_a_command_that_is_wrapped_can_be_copied():
    command = "zoo run 'robust/denoised(base=cnn/lenet5@mnist, denoiser=vision/dncnn)' --on data/mnist --limit 500 --device cpu"
    lines = wrapped(command, 40)
    assert len(lines) > 2 and all(line.endswith(" \\") for line in lines[:-1])
    told = subprocess.run(
        ["sh", "-c", 'zoo() { printf "%s\\n" zoo "$@"; }\n' + "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines() == shlex.split(command)


def test_a_command_in_a_sentence_stays_on_one_line():
    text = "there is no such model as the one that is asked for; zoo list models --task classify shows those that there are"
    assert "zoo list models --task classify shows those that there are" in wrapped(text, 60)


def test_a_coloured_line_keeps_its_colours_where_it_wraps(terminal, capsys):
    lines = terminal(30, say_wrapped, f"{styled('note', fg='yellow')} a fact that is to be known of these scores", "  ")
    assert lines == ["  note a fact that is to", "      be known of these scores"]


def test_tables_put_their_last_columns_below_where_they_must(terminal):
    rows = [("balanced-accuracy", "0.9", "[0.8, 0.95]", "360")]
    lines = terminal(40, print_table, ("metric", "value", "95 % interval", "n"), rows)
    assert max(map(len, lines)) <= 40 and "[0.8, 0.95]" in " ".join(lines)


def test_a_growing_list_is_never_wider_than_the_terminal(terminal):
    row = ("robust/small-convnet@mnist-noise25", "robust/mnist-linf", "robust-accuracy", "0.87 ± 0.005", "0.8741", "reproduced")
    lines = terminal(60, print_row, ("CLAIM",) * 6, row, [34, 17, 15, 12], first=True)
    assert max(map(len, lines)) <= 60
    assert re.split(" {2,}", "  ".join(line.strip() for line in lines)) == list(row)


@pytest.mark.parametrize("tell", [say, note])
@pytest.mark.parametrize("hostile", ["\x1b]0;title\x07", "\x1b[2J", "a\rb", "\x9b31m", "\u202eevil", "\x08\x08", "\x7f"])
def test_no_escape_sequence_of_a_stranger_reaches_the_terminal(monkeypatch, capsys, tell, hostile):
    for terminal in (True, False):
        monkeypatch.setattr("sys.stdout.isatty", lambda terminal=terminal: terminal)
        monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal)
        monkeypatch.setenv("TERM", "xterm")
        tell(f"{styled('x', bold=True)} {hostile}")
        told = re.sub(r"\x1b\[[0-9;]*m", "", "".join(capsys.readouterr()))
        assert told.rstrip("\n").isprintable() and "\\" in told


def test_what_is_a_file_s_text_is_whole_in_a_pipe_and_tamed_on_a_terminal(monkeypatch, capsys):
    for terminal, told in ((True, "a\\x1b[2J\tb\n"), (False, "a\x1b[2J\tb\n")):
        monkeypatch.setattr("sys.stdout.isatty", lambda terminal=terminal: terminal)
        write("a\x1b[2J\tb\n")
        assert capsys.readouterr().out == told


def test_settings_are_shown_as_they_were_meant():
    assert pairs({"norm": "linf", "eps": 0.30000001192092896, "steps": 20}) == "norm=linf, eps=0.3, steps=20"


@pytest.mark.parametrize(
    "command", [(), ("run",), ("train",), ("results",), ("results", "export"), ("clean",), ("predict",), ("data", "get")]
)
def test_no_help_is_wider_than_80_columns_or_breaks_an_option(zoo, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    told = zoo(*command, "--help").out
    assert max(map(len, told.splitlines())) <= 80
    assert not re.search(r"\w-$", told, re.MULTILINE)
