"""Models that each break one rule of the contract; `zoo plugins check` names it."""

from zoo import hookimpl
from zoo.specs import ImageInput, ModelSpec

MODELS = [
    ("sound", "What the others would be without their fault", "Sound"),
    ("nondeterministic", "Draws from the global generator", "Nondeterministic"),
    ("batch-dependent", "Normalises by the batch", "BatchDependent"),
    ("networked", "Asks the network, and hides that it failed", "Networked"),
    ("nan", "Returns NaN", "Nan"),
    ("wrong-shape", "Returns a class too few", "WrongShape"),
    ("raising", "Raises", "Raising"),
    ("training", "Learns while it predicts", "Training"),
    ("pickling", "Reads a pickle", "Pickling"),
]


@hookimpl
def zoo_models():
    common = {"modality": "image", "input": ImageInput(channels=1, size=(8, 8)), "classes": tuple("0123456789")}
    return [
        ModelSpec(name=name, summary=summary, tasks={"classify": f"zoo_faulty.nets:{attribute}"}, **common)
        for name, summary, attribute in MODELS
    ]
