"""Attacks, and what they share: the ball that they keep to and the bookkeeping of who still stands."""
