"""A constant in a module of its own: an edit here is an edit of the attack."""

DECAY = 1.0
