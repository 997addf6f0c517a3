"""Wants a deepzoo of the future."""

raise AssertionError("never imported")
