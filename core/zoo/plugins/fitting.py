"""Which benchmarks a model fits: those that its weights are for, or that it needs none for, and those that it has claims on."""

from typing import Any

from zoo.plugins.composed import untagged
from zoo.plugins.entries import Entry, Index
from zoo.specs import CERTIFY


def benchmarks_of(index: Index, model: Entry) -> list[str]:
    """Full names of the benchmarks that a model can be run on as it is, in the order of the index, then of the catalogue."""
    from zoo.plugins.catalogue import load_catalogue

    name = model["name"]
    fitting = [b for task in model["tasks"] for b in index.select("benchmark", task=task, modality=model["modality"])]
    claimed = [claim.benchmark for claim in load_catalogue().claims if untagged(claim.model) == name]
    suited = [b["name"] for b in fitting if suits(index, model["spec"], b["spec"])]
    # A restorer of pictures needs no weights, too, but draws none: what it was measured on says more.
    return list(dict.fromkeys([*(suited if model["spec"]["weights"] or not claimed else ()), *claimed]))


def suits(index: Index, model: dict[str, Any], benchmark: dict[str, Any]) -> bool:
    """Whether a model has weights for a benchmark's dataset, or none at all where the benchmark brings the models it needs, or
    where its task is a plugin's and nobody trains the model.

    Under task attack, who certifies suits benchmarks that certify, and no others.
    """
    if benchmark["task"] == "attack" and (model["kind"] == CERTIFY) != (benchmark["protocol"].get("kind") == CERTIFY):
        return False
    weights = model["weights"]
    if model["parts"] and not model["made_of"]:
        return False
    if weights:
        return benchmark["dataset"].rpartition("/")[2] in weights
    trained = benchmark["task"] not in index.tasks or any(r["spec"]["model"] == model["name"] for r in index.select("recipe"))
    return bool(benchmark["aux"]) or not trained
