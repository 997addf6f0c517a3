"""Plugin `intro`."""
