"""Galaxy10 DECaLS, and a network for it."""
