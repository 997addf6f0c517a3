"""Plugin `sequence`."""
