"""Raises when it is imported."""

raise RuntimeError("out of order")
