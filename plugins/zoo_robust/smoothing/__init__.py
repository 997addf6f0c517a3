"""Randomised smoothing: a vote under noise, and the radius within which it cannot change."""
