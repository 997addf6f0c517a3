"""Runs: a model mapped over the shards of a split, and the stored predictions folded into scores."""
