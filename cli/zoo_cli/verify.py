"""`zoo verify`: the claims of the catalogue, run again."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from zoo.plugins.index import catalogue_files
from zoo_cli.groups import Command
from zoo_cli.progress import progress_bar
from zoo_cli.render import counted, note, print_json, print_row, styled
from zoo_cli.types import Choice, check_typed

if TYPE_CHECKING:
    from zoo.plugins.catalogue import Claim
    from zoo.runs.progress import Progress
    from zoo.runs.verifying import Effort, Verdict

HEADER = ("CLAIM", "BENCHMARK", "METRIC", "CLAIMED", "MEASURED", "VERDICT")
COLOURS = {
    "reproduced": "green",
    "off": "red",
    "altered": "red",
    "misspelt": "red",
    "other data": "yellow",
    "not runnable": "yellow",
}


@click.command(cls=Command, examples=("zoo verify", "zoo verify cnn/lenet5", "zoo verify --quick", "zoo verify --kind published"))
@click.argument("model", required=False)
@click.option("--benchmark", metavar="NAME", help="Only claims on this benchmark.")
@click.option("--kind", type=Choice(["published", "measured"]), help="Only claims of this kind.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps, or auto.")
@click.option("--data-dir", type=click.Path(), help="Folder of datasets, looked in before ZOO_DATA_DIR.")
@click.option("--quick", is_flag=True, help="Only claims that are known to take under a minute.")
@click.option("--reuse", is_flag=True, help="Score stored predictions where there are any, compute only the rest.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
def verify(
    model: str | None,
    benchmark: str | None,
    kind: str | None,
    device: str,
    data_dir: str | None,
    quick: bool,
    reuse: bool,
    as_json: bool,
) -> int:
    """Run the claims of registry.yaml again, all of them or those on MODEL, and say which hold here, each as it is known.

    Every file is opened and hashed, and everything is computed anew.

    Exit codes: 0 none is off, altered or misspelt, 1 at least one is. A claim that cannot be run here, or only on other data,
    says why and is neither.
    """
    for kinds, name in ((("model",), model), (("benchmark", "dataset"), benchmark)):
        if name is not None and not _is_claimed(name):
            check_typed(kinds, name)
    from zoo.runs.verifying import effort, quick_claims, select_claims

    claims = select_claims(model=model, benchmark=benchmark, kind=kind)
    if quick:
        claims = quick_claims(claims)
    if not claims:
        raise click.UsageError("none of these claims is known to take under a minute")
    note(_foreseen(effort(claims)))
    widths = [max(map(len, column)) for column in zip(HEADER[:4], *map(_claimed, claims), strict=True)]
    verdicts = []
    for verdict in _shown(claims, device, data_dir, reuse):
        verdicts.append(verdict)
        if not as_json:
            print_row(HEADER, _row(verdict), widths, first=len(verdicts) == 1)
    if as_json:
        print_json([verdict.model_dump(mode="json") for verdict in verdicts])
    else:
        counts = {status: sum(verdict.status == status for verdict in verdicts) for status in COLOURS}
        always = ("reproduced", "off", "not runnable")
        told = ", ".join(f"{count} {status}" for status, count in counts.items() if count or status in always)
        note(f"{told} of {counted(len(verdicts), 'claim')}")
    return 1 if any(verdict.wrong for verdict in verdicts) else 0


def _is_claimed(name: str) -> bool:
    """Whether the catalogue may say something of a name that no installed entry has."""
    return any(name in path.read_text(encoding="utf-8", errors="replace") for path in catalogue_files() if path.is_file())


def _foreseen(effort: "Effort") -> str:
    """`3 claims in 2 runs, about 40 s; of 1 run it is not known how long it takes`."""
    minutes = effort.seconds / 60
    how_long = f"about {minutes:.0f} minutes" if minutes >= 2 else f"about {effort.seconds:.0f} s"
    unknown = f"; of {counted(effort.unknown, 'run')} it is not known how long it takes" if effort.unknown else ""
    return f"{counted(effort.claims, 'claim')} in {counted(effort.runs, 'run')}, {how_long}{unknown}"


def _shown(claims: "list[Claim]", device: str, data_dir: str | None, reuse: bool) -> "Iterator[Verdict]":
    """Verdicts as they come. The bar is gone when one does, so that it can be printed at once."""
    from zoo.runs.verifying import verify as verified

    show: Callable[..., None] | None = None

    def progress(claim: "Claim", step: "Progress") -> None:
        if show is not None:
            show(step.stage, step.done, step.total, f"{claim.model} on {claim.where}", step.left)

    found = verified(claims, device=device, data_dir=data_dir, reuse=reuse, progress=progress)
    for _ in claims:
        with progress_bar() as bar:
            show = bar
            verdict = next(found)
        yield verdict


def _claimed(claim: "Claim") -> tuple[str, str, str, str]:
    return claim.model, claim.where, claim.metric, f"{claim.value:g} ± {claim.tolerance:g}"


def _row(verdict: "Verdict") -> tuple[str, ...]:
    measured = "-" if verdict.value is None else f"{verdict.value:.4f}"
    by = f" by {verdict.difference:+.4f}" if verdict.status == "off" and verdict.difference is not None else ""
    text = f"{verdict.status}{by}" + (f": {verdict.reason}" if verdict.reason else "")
    return *_claimed(verdict.claim), measured, styled(text, fg=COLOURS[verdict.status])
