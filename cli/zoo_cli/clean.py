"""`zoo clean`: free disk below ZOO_HOME."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from zoo.units import size_of, time_in_words
from zoo_cli.groups import Command
from zoo_cli.progress import progress_bar
from zoo_cli.render import counted, note, print_json, print_list, styled

if TYPE_CHECKING:
    from zoo.disk.cleaning import Cleaning, Removal

COLOURS = {"would go": "yellow", "gone": "green", "in use": "cyan"}


@click.command(
    cls=Command, examples=("zoo clean", "zoo clean --yes", "zoo clean --older-than 30d", "zoo clean --max-size 5GB --yes")
)
@click.option("--older-than", metavar="AGE", help="What nobody wrote or scored for so long, of finished runs, too: 30d, 12h.")
@click.option("--max-size", metavar="SIZE", help="The oldest predictions beyond so much: 5GB.")
@click.option("--trainings", is_flag=True, help="Weights of finished trainings, too, by age and size.")
@click.option("--shards", is_flag=True, help="What goes at its address, too, where predictions are kept there.")
@click.option("--yes", is_flag=True, help="Remove it. Without this it is only said what would go.")
@click.option("--json", "as_json", is_flag=True, help="Print what goes as JSON.")
def clean(older_than: str | None, max_size: str | None, trainings: bool, shards: bool, yes: bool, as_json: bool) -> None:
    """Say what would go of the predictions and trainings below ZOO_HOME, or with --yes remove it.

    By itself that is what has no record: runs and trainings that were never finished. Records with their scores always stay; a
    run whose predictions are gone computes them anew. What is running at this moment is left alone.
    """
    from zoo.disk.cleaning import clean as cleaned

    with progress_bar("folders") as show:

        def progress(done: int, total: int) -> None:
            if show is not None:
                show("removing", done, total)

        found = cleaned(older_than=older_than, max_size=max_size, trainings=trainings, shards=shards, yes=yes, progress=progress)
    if as_json:
        print_json(_as_json(found))
        return
    print_list(("STATE", "SIZE", "USED", "WHY", "WHAT", "WHERE"), [_row(removal) for removal in found.removals])
    for folder in found.elsewhere:
        note(f"{folder} is a link, and what lies outside of ZOO_HOME is left alone")
    if elsewhere := sum(bool(removal.piece.shards_at) for removal in found.removals if not shards):
        note(f"predictions of {counted(elsewhere, 'run')} are kept at an address and left alone; --shards removes them there")
    busy = sum(removal.state == "in use" for removal in found.removals)
    going = len(found.removals) - busy
    if not found.removals:
        note(f"nothing to remove; runs and trainings take {size_of(found.left)}")
    elif found.dry:
        note(f"{counted(going, 'folder')} of {size_of(found.freed)} would go; --yes removes them")
    else:
        left = f"; {busy} in use and left alone" if busy else ""
        note(f"{counted(going, 'folder')} removed, {size_of(found.freed)} freed{left}; {size_of(found.left)} in use by the rest")


def _row(removal: "Removal") -> tuple[str, ...]:
    piece = removal.piece
    age = time_in_words((datetime.now(UTC) - piece.used).total_seconds())
    state = styled(removal.state, fg=COLOURS[removal.state])
    return state, size_of(piece.bytes), f"{age} ago", removal.reason, piece.kind, str(piece.path)


def _as_json(found: "Cleaning") -> dict[str, Any]:
    removals = [
        {
            "kind": removal.piece.kind,
            "path": str(removal.piece.path),
            "bytes": removal.piece.bytes,
            "used": removal.piece.used.isoformat(),
            "reason": removal.reason,
            "shards_at": removal.piece.shards_at,
            "state": removal.state,
        }
        for removal in found.removals
    ]
    return {"dry": found.dry, "freed": found.freed, "left": found.left, "removals": removals}
