"""`zoo verify`: the claims of the catalogue, run again."""

from typing import TYPE_CHECKING

import click

from zoo_cli.groups import Command
from zoo_cli.progress import progress_bar
from zoo_cli.render import counted, note, print_json, print_list, styled
from zoo_cli.types import Choice

if TYPE_CHECKING:
    from zoo.catalogue import Claim
    from zoo.runs.progress import Progress
    from zoo.verifying import Verdict

HEADER = ("CLAIM", "BENCHMARK", "METRIC", "CLAIMED", "MEASURED", "VERDICT")
COLOURS = {"reproduced": "green", "off": "red", "not runnable": "yellow"}


@click.command(cls=Command, examples=("zoo verify", "zoo verify cnn/lenet5", "zoo verify --kind published --json"))
@click.argument("model", required=False)
@click.option("--benchmark", metavar="NAME", help="Only claims on this benchmark.")
@click.option("--kind", type=Choice(["published", "measured"]), help="Only claims of this kind.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps, or auto.")
@click.option("--data-dir", type=click.Path(), help="Folder of datasets, looked in before ZOO_DATA_DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
def verify(model: str | None, benchmark: str | None, kind: str | None, device: str, data_dir: str | None, as_json: bool) -> int:
    """Run the claims of registry.yaml again, all of them or those on MODEL, and say which hold here.

    Exit codes: 0 none is off, 1 at least one is. A claim that cannot be run here says why and is neither.
    """
    from zoo.verifying import select_claims
    from zoo.verifying import verify as verified

    claims = select_claims(model=model, benchmark=benchmark, kind=kind)
    with progress_bar() as show:

        def progress(claim: "Claim", step: "Progress") -> None:
            if show is not None:
                show(f"{claim.model} on {claim.benchmark}", step.done, step.total)

        verdicts = list(verified(claims, device=device, data_dir=data_dir, progress=progress))
    if as_json:
        print_json([verdict.model_dump(mode="json") for verdict in verdicts])
    else:
        _print(verdicts)
    return 1 if any(verdict.status == "off" for verdict in verdicts) else 0


def _print(verdicts: "list[Verdict]") -> None:
    print_list(HEADER, [_row(verdict) for verdict in verdicts], cut=("VERDICT",))
    counts = {status: sum(verdict.status == status for verdict in verdicts) for status in COLOURS}
    note(", ".join(f"{count} {status}" for status, count in counts.items()) + f" of {counted(len(verdicts), 'claim')}")


def _row(verdict: "Verdict") -> tuple[str, ...]:
    claim = verdict.claim
    measured = "-" if verdict.value is None else f"{verdict.value:.4f}"
    by = f" by {verdict.difference:+.4f}" if verdict.difference is not None else ""
    text = f"{verdict.status}{by}" + (f": {verdict.reason}" if verdict.reason else "")
    claimed = f"{claim.value:g} ± {claim.tolerance:g}"
    return claim.model, claim.benchmark, claim.metric, claimed, measured, styled(text, fg=COLOURS[verdict.status])
