"""Plugin `homework`."""
