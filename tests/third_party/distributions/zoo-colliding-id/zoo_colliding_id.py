"""Takes the id of a bundled plugin."""

raise AssertionError("never imported")
