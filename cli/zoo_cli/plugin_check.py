"""`zoo plugins check`: the conformance kit's findings, as a report, as JSON, and as an exit code."""

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from zoo.plugins.index import load_index
from zoo_cli.completing import plugin_ids
from zoo_cli.groups import Command
from zoo_cli.render import print_json, say, say_wrapped, styled

if TYPE_CHECKING:
    from zoo.testing import Report

COLOURS = {"ok": "green", "failed": "red", "warned": "yellow", "skipped": "blue"}


@click.command(
    cls=Command, examples=("zoo plugins check demo", "zoo plugins check ./demo --json", "zoo plugins check demo --no-behaviour")
)
@click.argument("plugins", metavar="[ID|FOLDER]...", nargs=-1, shell_complete=plugin_ids)
@click.option("--behaviour/--no-behaviour", default=True, help="Also run every model and metric on a few samples.")
@click.option("--timeout", type=click.FloatRange(1), default=900, show_default=True, metavar="SECONDS", help="For one plugin.")
@click.option("-v", "--verbose", is_flag=True, help="Name the checks that passed, too.")
@click.option("--json", "as_json", is_flag=True, help="Print all findings as JSON.")
def check(plugins: tuple[str, ...], behaviour: bool, timeout: float, verbose: bool, as_json: bool) -> int:
    """Check that plugins keep the contract; all that are installed, where none is named. A FOLDER's project is built first.

    Static: specs, hashes, licences, what is imported. Behaviour: each model is built and run on a few samples in a process of
    its own, with the network closed; its outputs must be valid, deterministic, and independent of the batch.

    Exit codes: 0 all passed; 1 something failed; 2 your error.
    """
    from zoo.testing import check_plugin

    names = plugins or tuple(f"{p['id']}@{p['distribution']}" for p in load_index(strict=False).plugins)
    reports = []
    for name in names:
        reports.append(check_plugin(name, behaviour=behaviour, timeout=timeout))
        if not as_json:
            _print(reports[-1], verbose)
    if as_json:
        print_json([report.as_json() for report in reports])
    return 0 if all(report.passed for report in reports) else 1


def _print(report: "Report", verbose: bool) -> None:
    counts = Counter(finding.state for finding in report.findings)
    took = "" if report.import_ms is None else f", imported in {report.import_ms:.0f} ms"
    verdict = styled("passed", fg="green") if report.passed else styled("failed", fg="red")
    numbers = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    say_wrapped(f"{styled(report.plugin, bold=True)} ({report.distribution} {report.version}) {verdict}: {numbers}{took}")
    shown = report.findings if verbose else report.of("failed", "warned", "skipped")
    alike: dict[tuple[str, ...], list[str]] = {}
    for finding in shown:
        alike.setdefault((finding.state, finding.check, finding.message, finding.fix), []).append(finding.entry)
    for (state, name, message, fix), entries in alike.items():
        say_wrapped(
            f"{styled(f'{state:8}', fg=COLOURS[state])}{name}  {': '.join(filter(None, [', '.join(entries), message]))}", "  "
        )
        if fix:
            say(f"          {styled(fix, dim=True)}")
    sys.stdout.flush()
