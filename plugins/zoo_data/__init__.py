"""Plugin `data`."""
