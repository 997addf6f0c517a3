"""What installing would do, told before it is done: resolved by pip or uv, within what deepzoo needs as it is here."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from zoo.errors import PluginError
from zoo.home import offline_forced
from zoo.plugins.asked import Asked
from zoo.plugins.names import BUNDLED
from zoo.plugins.needed import counts, installed_version, parsed
from zoo.wording import without_secrets

UV_LINE = re.compile(
    r"^ \+ (?P<name>[\w.-]+)(?:\[[^\]]*\])?(?:==(?P<version>\S+))?(?: (?:@|\(from) (?P<url>[^\s)]+)\)?)?", re.MULTILINE
)
"""A line of `uv pip install --dry-run`: ` + humanize==4.1`, ` + zoo-demo @ file:///…`."""


@dataclass(frozen=True)
class Step:
    """One distribution that would be installed."""

    name: str
    version: str
    """Empty where it is not known before its build is run."""
    was: str
    """The version that is here; empty for none."""
    place: str
    """Where it comes from: `the folder ./demo`, `files.example.org`."""
    publisher: str | None
    """By the catalogue; empty where that has no entry of what was asked for, None of what comes along."""
    editable: bool = False


@dataclass(frozen=True)
class Plan:
    """What would be installed."""

    steps: tuple[Step, ...]
    whole: bool = True
    """Whether this is all. If not, what else comes along is known only when a build was run: code of what was asked for."""
    arguments: tuple[str, ...] = field(default=(), repr=False)
    """Those of the installer, for what was asked for; they may hold secrets."""


def installer() -> list[str]:
    """The command that installs into the running interpreter's environment. Raises PluginError where there is none."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "pip"]
    raise PluginError(f"there is neither pip for {sys.executable} nor uv", f"{sys.executable} -m ensurepip")


def static_plan(asked: Sequence[Asked]) -> Plan:
    """What is known before anything is run or fetched."""
    return Plan(tuple(_step(one, one.name, one.version) for one in asked), whole=False)


def check_needs(asked: Sequence[Asked], held: Mapping[str, str]) -> None:
    """Raise PluginError where a folder requires what clashes with what deepzoo needs."""
    for one in asked:
        for need in parsed(one.needs or ()):
            version = held.get(canonicalize_name(need.name))
            if version is not None and counts(need, frozenset()) and not need.specifier.contains(version, prereleases=True):
                why = f"{one.name} {one.version}".strip() + f" requires {need.name}{need.specifier}"
                raise _clash(f"{why}, and {_why_held(canonicalize_name(need.name), version)}")


def resolved(asked: Sequence[Asked], held: Mapping[str, str], upgrade: bool, more: Sequence[str]) -> Plan:
    """The whole plan. What is a folder whose needs are told is not built for it; what is not, is. Raises PluginError."""
    told = [one for one in asked if one.needs is not None]
    others = [one for one in asked if one.needs is None]
    needs = [] if _without_needs(more) else [need for one in told for need in one.needs or ()]
    if all(_is_met(need) for need in needs):
        needs = []
    steps = [_step(one, one.name, one.version) for one in told]
    wanted = [*(part for one in others for part in _argument(one, one.argument)), *needs]
    every = _dry_run(wanted, held, upgrade, more) if wanted else []
    for found in every:
        name = canonicalize_name(found.name)
        source = next((one for one in others if canonicalize_name(one.name) == name), None)
        if source is None and found.requested and not any(canonicalize_name(need.name) == name for need in parsed(needs)):
            source = next((one for one in others if not one.name), None)
        steps.append(replace(_step(source, found.name, found.version), place=source.place if source else found.place))
    commits = {found.path: found.commit for found in every if found.commit}
    return Plan(tuple(steps), arguments=tuple(part for one in asked for part in _argument(one, _at_commit(one, commits))))


def run_installer(arguments: Sequence[str], *, shown: bool, held: Mapping[str, str] | None = None) -> tuple[int, str]:
    """pip's or uv's exit code and what it said, without secrets; `shown` on stderr as it comes. `held` are kept as they are."""
    command = installer()
    is_pip = command[-2:] == ["-m", "pip"]
    action, *rest = arguments
    if not is_pip:  # uv is no part of the environment and asks nothing
        rest = ["--python", sys.executable, *(part for part in rest if part != "--yes")]
    with _constraints(held) as constraints:
        if action == "install" and offline_forced():
            rest = [*(("--no-index", "--no-build-isolation") if is_pip else ("--offline", "--no-build-isolation")), *rest]
        process = subprocess.Popen(
            [*command, action, *constraints, *rest],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env={**os.environ, **({"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""} if offline_forced() else {})},
        )
        said = []
        assert process.stdout is not None
        for line in process.stdout:
            said.append(without_secrets(line))
            if shown:
                sys.stderr.write(said[-1])
                sys.stderr.flush()
        return process.wait(), "".join(said)


def reason_in(said: str, held: Mapping[str, str]) -> str:
    """Why pip or uv could not, of what it said, in one line."""
    if clash := re.search(r"The conflict is caused by:\n(.+?)\n\s*\n", said, re.DOTALL):
        lines = [line.strip() for line in clash[1].splitlines()]
        ours = [found for line in lines if (found := re.fullmatch(r"The user requested \(constraint\) ([\w.-]+)==(\S+)", line))]
        theirs = [line.replace("depends on", "requires") for line in lines if "(constraint)" not in line]
        return ", and ".join([*theirs, *(_why_held(canonicalize_name(one[1]), one[2]) for one in ours)])
    if because := re.search(r"Because (.+?)(?:, we can conclude|\n\s*\n|\Z)", said, re.DOTALL):
        reason = " ".join(because[1].split())
        is_ours = any(f"{name}=={version}" in reason for name, version in held.items())
        return f"{reason}, which deepzoo needs as it is" if is_ours else reason
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if "[end of output]" in lines[1:]:  # of a build, whose last line says why
        return lines[lines.index("[end of output]") - 1][:300]
    errors = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("error:")]
    return [*errors, *lines[-1:], "it says nothing"][0][:300]


def failed(what: str, said: str, held: Mapping[str, str]) -> PluginError:
    """The error of an installer that failed."""
    reason = reason_in(said, held)
    if "deepzoo needs" in reason:
        return _clash(reason)
    if offline_forced():
        hint = "ZOO_OFFLINE keeps it from the network"
    elif re.search(r"[Nn]o matching distribution|find a version", reason):
        hint = "is its name right? What has no wheel is not known until it is run: name its archive or repository"
    else:
        hint = "its own words stand above"
    return PluginError(f"{what} cannot be installed: {reason}", hint)


@dataclass(frozen=True)
class _Found:
    name: str
    version: str
    place: str
    requested: bool
    path: str = ""
    """Of the address, of what comes from a repository, and its commit."""
    commit: str = ""


def _dry_run(arguments: Sequence[str], held: Mapping[str, str], upgrade: bool, more: Sequence[str]) -> list[_Found]:
    """What pip or uv would install. Wheels alone are looked at, since a source must be run for that. Raises PluginError."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        is_pip = installer()[-2:] == ["-m", "pip"]
        options = ["--dry-run", "--only-binary", ":all:", *(["--report", str(report)] if is_pip else [])]
        options += [*(["--upgrade"] if upgrade else []), *more]
        code, said = run_installer(["install", *options, *arguments], shown=False, held=held)
        if code:
            sys.stderr.write(said)
            raise failed(" and ".join(map(without_secrets, arguments)), said, held)
        if is_pip:
            return [_of_report(item) for item in json.loads(report.read_text(encoding="utf-8"))["install"]]
    lines = [line.groupdict("") for line in UV_LINE.finditer(said)]
    return [_Found(line["name"], line["version"], _host(line["url"]), bool(line["url"])) for line in lines]


def _of_report(item: Mapping[str, Any]) -> _Found:
    told = item["metadata"]
    source = item["download_info"]
    commit = source.get("vcs_info", {}).get("commit_id", "")
    return _Found(told["name"], told["version"], _host(source["url"]), item["requested"], urlsplit(source["url"]).path, commit)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"the folder {Path(parts.path).parent}" if parts.scheme == "file" else parts.hostname or "the package index"


def _step(one: Asked | None, name: str, version: str) -> Step:
    place, publisher = (one.place, one.publisher) if one else ("", None)
    shown = name or (one.argument if one else "")
    was = (installed_version(name) or "") if name else ""
    return Step(without_secrets(shown), version, was, place, publisher, bool(one and one.editable))


def _argument(one: Asked, argument: str) -> list[str]:
    return ["--editable", argument] if one.editable else [argument]


def _at_commit(one: Asked, commits: Mapping[str, str]) -> str:
    """The argument of what comes from a repository, at the commit that the plan was made of."""
    found = re.fullmatch(r"(?P<start>[^#]*?://[^/#]*/[^#@]*)(?:@[^#]*)?(?P<rest>#.*)?", one.argument)
    commit = commits.get(urlsplit(found["start"].partition("+")[2]).path) if found and one.origin == "vcs" else None
    return f"{found['start']}@{commit}{found['rest'] or ''}" if found and commit else one.argument


@contextmanager
def _constraints(held: Mapping[str, str] | None) -> Iterator[list[str]]:
    """Arguments that keep distributions as they are."""
    if not held:
        yield []
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "deepzoo-needs.txt"
        file.write_text("".join(f"{name}=={version}\n" for name, version in held.items()))
        yield ["--constraint", str(file)]


def _is_met(text: str) -> bool:
    """Whether what is installed is enough for a requirement."""
    found = parsed([text])
    if not found or found[0].url or found[0].extras:
        return False
    version = installed_version(found[0].name)
    return not counts(found[0], frozenset()) or (version is not None and found[0].specifier.contains(version, prereleases=True))


def _without_needs(more: Sequence[str]) -> bool:
    return "--no-deps" in more or os.environ.get("PIP_NO_DEPS", "0").lower() not in ("", "0", "false", "no", "off")


def _why_held(name: str, version: str) -> str:
    """`deepzoo needs click as it is here, 8.1.7`."""
    if name == BUNDLED:
        return f"this is deepzoo {version}, which deepzoo needs as it is"
    return f"deepzoo needs {name} as it is here, {version}"


def _clash(reason: str) -> PluginError:
    hint = "ask its publisher for a wider range, or give it an environment of its own"
    return PluginError(f"{reason}: nothing was installed", hint)
