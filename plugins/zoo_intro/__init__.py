"""Topic 1: softmax regression and multilayer perceptrons, one of them in NumPy with backpropagation by hand."""

from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec

DIGITS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")

MODELS = [
    ModelSpec(
        name="logistic",
        summary="Multinomial logistic (softmax) regression on raw pixels",
        tasks={"classify": "zoo_intro.networks:Logistic"},
        modality="image",
        config={"inputs": 64, "classes": 10},
        paper="Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4",
    ),
    ModelSpec(
        name="mlp",
        summary="Multilayer perceptron with ReLU, in PyTorch",
        tasks={"classify": "zoo_intro.networks:MLP"},
        modality="image",
        config={"inputs": 64, "hidden": [64, 64], "classes": 10},
        paper="Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors, doi:10.1038/323533a0",
    ),
]


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return MODELS
