"""Where the shards of a run are kept: in its folder below `ZOO_HOME`, or at an address, with the notes that belong to them."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from zoo.home import writing
from zoo.runs.complexity import FILE
from zoo.runs.key import DOUBT, seen
from zoo.runs.plan import Plan
from zoo.runs.store import Store
from zoo.runs.stored import AT, marked_in
from zoo.storage.address import checked_address, whole_address
from zoo.wording import without_secrets

NOTES = ("guard.json", FILE, DOUBT)
"""Files of a run's folder that tell of its shards: who finds those elsewhere must know these, too."""


def kept_at(plan: Plan, asked: str | None, store: Store) -> Plan:
    """The plan with the place of its shards: as asked, else `ZOO_SHARDS`, else where they are by the newest record of it.

    The notes on them are brought into the run's folder. Raises OptionError and StoreError where the address is of no use.
    """
    text = os.environ.get("ZOO_SHARDS") if asked is None else asked
    address = checked_address(text) if text else ""
    if text is None and not next(plan.folder.glob("shards/*.parquet"), None):
        newest = store.newest_of(plan.key)
        address = whole_address(newest.shards_at if newest is not None else marked_in(plan.folder))
    if not address:
        return plan
    plan = replace(plan, shards_at=address)
    _fetch_notes(plan)
    if not plan.doubt and seen(plan.folder):
        return plan.settled_again()
    return plan


def begin_at(plan: Plan) -> None:
    """Begin to keep a run's shards at its address, if it has one: whether that can be written is met before anything else."""
    if (at := plan.at) is not None:
        with writing(plan.folder / AT) as temporary:  # for who frees disk
            temporary.write_text(without_secrets(plan.shards_at), encoding="utf-8")
        at.write("manifest.json", (plan.folder / "manifest.json").read_bytes())


def send_notes(plan: Plan) -> None:
    """Put the notes on a run's shards beside these, where they are kept at an address."""
    if (at := plan.at) is not None:
        for name in NOTES:
            with suppress(FileNotFoundError):
                at.write(name, (plan.folder / name).read_bytes())


def _fetch_notes(plan: Plan) -> None:
    at = plan.at.asked_first() if plan.at is not None else None
    for path in (plan.folder / name for name in NOTES):
        if at is not None and not path.exists() and (content := at.read(path.name)):
            with writing(path) as temporary:
                Path(temporary).write_bytes(content)
