"""Topic 1: softmax regression and multilayer perceptrons, one of them in NumPy with backpropagation by hand."""

from zoo.hookspecs import hookimpl
from zoo.specs import ModelSpec, Optimizer, RecipeSpec

MODELS = [
    ModelSpec(
        name="logistic",
        summary="Multinomial logistic (softmax) regression on pixels",
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
    ModelSpec(
        name="mlp-numpy",
        summary="The same perceptron in NumPy alone, with hand-written backpropagation",
        tasks={"classify": "zoo_intro.mlp_numpy:MLP"},
        modality="image",
        config={"inputs": 64, "hidden": [64, 64], "classes": 10},
        paper="Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors, doi:10.1038/323533a0",
    ),
]

RECIPES = [
    RecipeSpec(
        name="logistic-digits",
        summary="Softmax regression on digits: AdamW, 60 epochs, seconds",
        model="intro/logistic",
        dataset="data/digits",
        epochs=60,
        batch_size=32,
        optimizer=Optimizer(name="adamw", lr=3e-3, weight_decay=1e-2),
    ),
    RecipeSpec(
        name="mlp-digits",
        summary="Perceptron of two hidden layers on digits: AdamW, 60 epochs, seconds",
        model="intro/mlp",
        dataset="data/digits",
        epochs=60,
        batch_size=32,
        optimizer=Optimizer(name="adamw", lr=2e-3, weight_decay=1e-2),
    ),
    RecipeSpec(
        name="mlp-numpy-digits",
        summary="The NumPy perceptron on digits: gradient descent with momentum, by its own trainer",
        model="intro/mlp-numpy",
        dataset="data/digits",
        trainer="zoo_intro.trainer:train",
        epochs=60,
        batch_size=32,
        optimizer=Optimizer(name="sgd", lr=0.02, momentum=0.9, weight_decay=1e-3),
        schedule="constant",
    ),
]


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return MODELS


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return RECIPES
