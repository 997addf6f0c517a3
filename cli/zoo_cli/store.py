"""`zoo store`: records with their predictions to and from another store, and whether a store is what its runs left."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zoo_cli.groups import Command, LazyGroup
from zoo_cli.render import counted, note, print_json, say

if TYPE_CHECKING:
    from zoo.runs.copying import Copied

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=LazyGroup, examples=("zoo store push postgresql://me@host/zoo", "zoo store pull team.db", "zoo store check"))
def store() -> None:
    """Records with their predictions, to and from another store; and whether this one is what its runs left.

    A store is the URL of a database, or a SQLite file. This one is that of ZOO_STORE, or zoo.db in ZOO_HOME.
    """


@store.command("push", cls=Command, examples=("zoo store push postgresql://me@host/zoo", "zoo store push team.db"))
@click.argument("other", metavar="STORE")
@as_json
def push(other: str, as_json: bool) -> int:
    """Copy the records of this store to STORE, and the predictions below ZOO_HOME; what is there stays as it is."""
    from zoo.runs.copying import push as copied

    return _tell(copied(other), as_json)


@store.command("pull", cls=Command, examples=("zoo store pull postgresql://me@host/zoo",))
@click.argument("other", metavar="STORE")
@as_json
def pull(other: str, as_json: bool) -> int:
    """Copy the records of STORE to this one, and the predictions that it keeps to ZOO_HOME; what is here stays as it is."""
    from zoo.runs.copying import pull as copied

    return _tell(copied(other), as_json)


@store.command("check", cls=Command, examples=("zoo store check", "zoo store check --json"))
@as_json
def check(as_json: bool) -> int:
    """Compute all hashes anew, of records, results and predictions, and say what is altered.

    Where anything is, or predictions lie at an address that does not answer, the exit code is 1. The digest is that of all
    records: a copy of a store has the same.
    """
    from zoo.runs.checking import check_store

    found = check_store()
    if as_json:
        print_json(asdict(found))
    else:
        for line in found.altered:
            say(f"altered  {line}")
        for line in found.unread:
            say(f"not read  {line}")
        whole = f"{counted(found.records, 'record')}, {counted(found.files, 'file')} of predictions, digest {found.digest}"
        note(whole if not found.altered else f"{len(found.altered):,} altered of {whole}")
        if found.waiting:
            note(
                f"{counted(found.waiting, 'record')} in ZOO_HOME wait for a store whose server was away, until it is opened again"
            )
    return 1 if found.altered or found.unread else 0


def _tell(found: "Copied", as_json: bool) -> int:
    if as_json:
        print_json(asdict(found))
    else:
        for line in found.altered:
            say(f"altered, not copied  {line}")
        absent = f"; {counted(found.absent, 'file')} of predictions not there to be copied" if found.absent else ""
        note(
            f"{counted(found.records, 'record')} and {counted(found.files, 'file')} of predictions copied, "
            f"{counted(found.there, 'record')} there already{absent}"
        )
    return 1 if found.altered else 0
