"""What the store says at a glance: by SQLite alone, without importing what opens any database.

So `zoo list` can say what was run, and a name mistyped is answered at once. Of another database nothing is known here.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any
from urllib.parse import quote

from zoo.home import variable, zoo_home
from zoo.plugins.composed import entry_of_name, untagged
from zoo.runs.labels import NAME, RUN_ID


def may_be_run(text: str) -> bool:
    """Whether a text may be the id or the name of a run."""
    if RUN_ID.fullmatch(text):
        return True
    if not NAME.fullmatch(text):
        return False
    if variable("ZOO_STORE"):
        return True
    return bool(_asked("SELECT 1 FROM run_labels WHERE name = ?", text))


def runs_by_model() -> Counter[str]:
    """How many own runs there are of each model, whatever its weights and parts."""
    found: Counter[str] = Counter()
    for name, count in _asked("SELECT model, count(*) FROM records GROUP BY model"):
        found[entry_of_name(untagged(name))] += count
    return found


def runs_by_benchmark() -> Counter[str]:
    """How many own runs there are on each benchmark."""
    return Counter(dict(_asked("SELECT benchmark, count(*) FROM records GROUP BY benchmark")))


def _asked(query: str, *values: str) -> list[Any]:
    """The answer of the store; nothing where there is none, where it has no such table, or is another database."""
    if variable("ZOO_STORE"):
        return []
    try:
        with closing(sqlite3.connect(f"file:{quote(str(zoo_home() / 'zoo.db'))}?mode=ro", uri=True)) as store:
            return store.execute(query, values).fetchall()
    except sqlite3.Error:
        return []
