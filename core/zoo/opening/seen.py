"""Whether a run scores what its weights were trained on, where the weights say what they have not seen."""

import json
from collections.abc import Sequence
from pathlib import Path

from zoo.opening.weights import read_metadata


def seen_in_training(weights: Path, dataset: str, ids: Sequence[str]) -> str:
    """What is to be said of a score of these weights on these samples; empty where nothing is known against it.

    `zoo train` writes into weights of the user's own data, where these have no test split of their own, which were held out.
    """
    metadata = read_metadata(weights)
    if "held_out" not in metadata or metadata.get("dataset") != dataset:
        return ""
    held_out = set(json.loads(metadata["held_out"]))
    seen = sum(id_ not in held_out for id_ in ids)
    if not seen:
        return ""
    return f"{seen:,} of these {len(ids):,} samples of {dataset} were at hand when {weights.name} was trained: the score flatters"
