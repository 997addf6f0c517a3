"""Names and notes of runs, which stand beside their records."""

from zoo.runs.labels import Label
from zoo.runs.store import Store


def name_run(run: str, name: str) -> Label:
    """Give a run (an id, perhaps cut short, or its name) a name by which it can be called; an empty one takes it away.

    Raises OptionError for what cannot be a name, AmbiguousNameError where another run has it.
    """
    return Store().set_label(run, name=name)


def note_run(run: str, note: str) -> Label:
    """Put a note of one line on a run; an empty one takes it away. Raises OptionError where it is no plain text."""
    return Store().set_label(run, note=note)
