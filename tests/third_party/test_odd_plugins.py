"""Odd and hostile plugins, really installed, ten at a time and all at once: each is named once and costs nobody else anything."""

import re
from pathlib import Path

import pytest
from tests.third_party.conftest import Done, Environment
from tests.third_party.odd import KINDS, write

from zoo.plugins.candidates import candidates

TENS = [list(KINDS)[start : start + 10] for start in range(0, len(KINDS), 10)]
COMMANDS = [
    ("list", "--json"),
    ("list", "models", "--task", "classify", "--json"),
    ("show", "cnn/lenet5", "--json"),
    ("results", "--json"),
    ("leaderboard", "digits", "--json"),
    ("data", "list", "--json"),
    ("plugins", "search", "--json"),
    ("plugins", "doctor", "--json"),
    ("run", "intro/mlp", "--on", "digits", "--json"),
    ("profile", "intro/mlp", "--repetitions", "2", "--json"),
]


class Odd(Environment):
    """An environment with odd plugins of some kinds."""

    def having(self, kinds: list[str]) -> "Odd":
        for kind in kinds:
            write(kind, self.packages)
        self.age()
        return self

    def zoo(self, *arguments: str, cwd: Path | None = None, **variables: str) -> Done:
        return super().zoo(*arguments, cwd=cwd, ZOO_PLUGIN_SECONDS="5", **variables)


@pytest.fixture
def odd(pristine: Environment, tmp_path: Path) -> Odd:
    made = pristine.copy(tmp_path / "environment", tmp_path / "home")
    return Odd(made.folder, made.home)


def check_states(odd: Odd, kinds: list[str]) -> None:
    """Each that can be named is listed, in its state and with its reason; nothing else is wrong."""
    done = odd.zoo("plugins", "list", "--json")
    assert done.code == 0
    found = {plugin["distribution"]: plugin for plugin in done.json}
    ours = [plugin for plugin in done.json if plugin["bundled"]]
    assert {plugin["state"] for plugin in ours} == {"ok"} and len(ours) > 10
    wrong = {
        kind: (plugin["state"], plugin["reason"])
        for kind in kinds
        if KINDS[kind].listed
        for plugin in [found[f"odd-{kind}"]]
        if plugin["state"] != KINDS[kind].state or KINDS[kind].reason not in plugin["reason"]
    }
    assert wrong == {}


def check_warnings(done: Done, kinds: list[str]) -> None:
    """A command that warns names each that is not well once, and nobody else, with no character that steers a terminal."""
    bad = {f"odd-{kind}" for kind in kinds if KINDS[kind].state != "ok"}
    named = re.findall(r"^warning: plugin '[^']*' \((odd-[a-z0-9-]+) ", done.err, re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) in (set(), bad)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.err + done.out)
    assert "spoilt" not in done.err + done.out and "Traceback" not in done.err


@pytest.mark.slow
@pytest.mark.parametrize("kinds", TENS, ids=lambda kinds: kinds[0])
def test_ten_at_a_time_each_gets_its_state_and_listing_works(odd: Odd, kinds: list[str]) -> None:
    odd.having(kinds)
    check_states(odd, kinds)
    done = odd.zoo("list", "--json")
    assert done.code == 0 and {entry["plugin"] for entry in done.json} >= {"cnn", "intro", "vit"}
    check_warnings(done, kinds)


@pytest.mark.slow
def test_all_at_once_every_command_works(odd: Odd) -> None:
    assert len(KINDS) >= 87
    odd.having(list(KINDS))
    check_states(odd, list(KINDS))
    for arguments in COMMANDS:
        done = odd.zoo(*arguments)
        assert done.code == 0, (arguments, done.err[-500:])
        assert done.json is not None
        check_warnings(done, list(KINDS))
    for arguments in (("list",), ("--help",), ("plugins", "list"), ("show", "odd-good/net")):
        done = odd.zoo(*arguments)
        assert done.code == 0, (arguments, done.err[-500:])
    (report,) = odd.zoo("plugins", "check", "odd-good", "--no-behaviour", "--json").json
    assert {finding["check"]: finding["state"] for finding in report["findings"]}["survives"] == "ok"
    assert odd.zoo("plugins", "disable", "odd-import-hang", "odd-prints").code == 0
    assert odd.zoo("plugins", "enable", "odd-prints").code == 0
    states = {plugin["id"]: plugin["state"] for plugin in odd.zoo("plugins", "list", "--json").json}
    assert (states["odd-import-hang"], states["odd-prints"]) == ("disabled", "ok")


@pytest.mark.slow
def test_all_at_once_a_run_is_the_same_as_without_them(odd: Odd) -> None:
    odd.having(["patches-torch", "kills-the-asker", "damaged-other", "import-segfault", "clears-path", "patches-metrics"])
    run = ("run", "intro/mlp", "--on", "digits", "--json")
    beside, alone = odd.zoo(*run), odd.zoo("--no-plugins", *run, "--fresh")
    assert beside.code == alone.code == 0
    assert beside.json["results"] == alone.json["results"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["import-hard-exit-0", "import-hang", "hook-interrupt", "no-return", "thread", "good"])
def test_a_check_survives_and_names_what_a_plugin_does(odd: Odd, kind: str) -> None:
    odd.having([kind])
    done = odd.zoo("plugins", "check", f"odd-{kind}", "--no-behaviour", "--json")
    assert done.code == 1
    findings = {finding["check"]: finding for report in done.json for finding in report["findings"]}
    assert findings["survives"]["state"] == "ok"
    if KINDS[kind].state == "ok":
        assert findings["loads"]["state"] == "ok" and findings["targets"]["state"] == "failed"
    else:
        assert findings["loads"]["state"] == "failed" and KINDS[kind].reason in findings["loads"]["message"]


def test_one_is_left_out_for_one_command(odd: Odd) -> None:
    odd.having(["import-exit-3", "good"])
    done = odd.zoo("-p", "no:odd-import-exit-3", "-p", "no:odd-nobody", "list", "--json")
    assert done.code == 0 and "odd-good/net" in [entry["name"] for entry in done.json]
    assert done.err == "warning: there is no plugin 'odd-nobody' to leave out\n"
    assert "odd-import-exit-3" in odd.zoo("list").err
    assert odd.zoo("-p", "odd-good", "list").code == 2


def test_what_is_left_of_a_distribution_is_no_candidate(tmp_path: Path) -> None:
    for kind in ("no-metadata", "noise-metadata", "damaged-other", "no-text-damaged"):
        write(kind, tmp_path)
    assert [(one.id, one.module) for one in candidates([str(tmp_path)])] == [("odd-no-text-damaged", "")]
