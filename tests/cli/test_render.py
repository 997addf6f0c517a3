"""Lists on a terminal that is too narrow for them: what is left out, what is cut, and where."""

import os
import re

import pytest

from zoo_cli.render import pairs, print_list

HEADER = ("RUN", "AGE", "MODEL", "METRIC")
ROWS = [("4d2e2477", "22 s", "sequence/ngram-bag@sms-spam", "f1:positive=spam"), ("bcae82fd", "3 min", "intro/mlp", "accuracy")]


@pytest.fixture
def printed(monkeypatch, capsys):
    """The lines of the list above on a terminal of so many columns."""

    def call(columns: int) -> list[str]:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setattr("shutil.get_terminal_size", lambda *_, **__: os.terminal_size((columns, 40)))
        print_list(HEADER, ROWS, drop=("AGE",), cut=("METRIC", "MODEL"), tail="MODEL")
        return capsys.readouterr().out.splitlines()

    return call


def test_with_room_for_all_of_it_nothing_is_cut(printed):
    lines = printed(62)
    assert max(map(len, lines)) == 62
    assert re.split(" {2,}", lines[1]) == list(ROWS[0])


def test_what_may_be_left_out_goes_first_and_then_the_first_column_to_cut(printed):
    assert printed(55)[:2] == [
        "RUN       MODEL                        METRIC",
        "4d2e2477  sequence/ngram-bag@sms-spam  f1:positive=spam",
    ]
    assert printed(50)[1] == "4d2e2477  sequence/ngram-bag@sms-spam  f1:positiv…"


def test_a_model_keeps_its_tag(printed):
    lines = printed(40)
    assert lines[1] == "4d2e2477  …/ngram-bag@sms-spam  f1:posi…"
    assert max(map(len, lines)) == 40


def test_settings_are_shown_as_they_were_meant():
    assert pairs({"norm": "linf", "eps": 0.30000001192092896, "steps": 20}) == "norm=linf, eps=0.3, steps=20"
