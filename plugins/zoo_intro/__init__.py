"""Topic 1: softmax regression and multilayer perceptrons, one of them in NumPy with backpropagation by hand."""

from zoo import hookimpl
from zoo.data import CLOTHES, DIGITS
from zoo.specs import ImageInput, ModelSpec, Optimizer, RecipeSpec, Weights

PIXELS = ImageInput(channels=1, size=(8, 8))
"""The images of digits as they are; whatever else comes in is made so."""
MLP_PAPER = "Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors, doi:10.1038/323533a0"


MODELS = [
    ModelSpec(
        name="logistic",
        summary="Multinomial logistic (softmax) regression on pixels",
        tasks={"classify": "zoo_intro.networks:Logistic"},
        modality="image",
        input=PIXELS,
        config={"inputs": 64, "classes": 10},
        weights={
            "digits": Weights.shipped(
                "intro/logistic-digits", "fd88e224999f55216c3d5d4f989610c8b9f7a0402ce43ce5d1e21ccd1de611a7", classes=DIGITS
            )
        },
        paper="Bishop 2006, Pattern Recognition and Machine Learning, section 4.3.4",
    ),
    ModelSpec(
        name="mlp",
        summary="Multilayer perceptron with ReLU, in PyTorch",
        tasks={"classify": "zoo_intro.networks:MLP"},
        modality="image",
        input=PIXELS,
        config={"inputs": 64, "hidden": [64, 64], "classes": 10},
        weights={
            "digits": Weights.shipped(
                "intro/mlp-digits", "2fc532f5c559edf4b276f9c77e7cb178de76e6570f52a15a78992f73dda28a42", classes=DIGITS
            )
        },
        paper=MLP_PAPER,
    ),
    ModelSpec(
        name="mlp-wide",
        summary="Perceptron of 256, 128 and 100 hidden units for grey 28x28 images; 247,766 parameters",
        tasks={"classify": "zoo_intro.networks:MLP"},
        modality="image",
        input=ImageInput(channels=1, size=(28, 28)),
        config={"inputs": 784, "hidden": [256, 128, 100], "classes": 10},  # as the authors of Fashion-MNIST tried
        weights={
            "fashion-mnist": Weights.shipped(
                "intro/mlp-wide-fashion-mnist",
                "1306ae0ce59d7c1251b62248f70ed29724e5b614ba3727608f38359066de916a",
                classes=CLOTHES,
            )
        },
        paper=MLP_PAPER,
    ),
    ModelSpec(
        name="mlp-numpy",
        summary="The same perceptron in NumPy alone, with hand-written backpropagation",
        tasks={"classify": "zoo_intro.mlp_numpy:MLP"},
        modality="image",
        input=PIXELS,
        config={"inputs": 64, "hidden": [64, 64], "classes": 10},
        weights={
            "digits": Weights.shipped(
                "intro/mlp-numpy-digits", "8d93297b2641a4315ce24a7901aef7c199f504ffbedc789dbc3cfffdfe8f6049", classes=DIGITS
            )
        },
        paper=MLP_PAPER,
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
        optimizer=Optimizer(name="adamw", lr=1e-2, weight_decay=1e-2),
        metric="nll",  # 143 samples are too few to choose by accuracy
    ),
    RecipeSpec(
        name="mlp-digits",
        summary="Perceptron of two hidden layers on digits: AdamW, 40 epochs, seconds",
        model="intro/mlp",
        dataset="data/digits",
        epochs=40,
        batch_size=32,
        optimizer=Optimizer(name="adamw", lr=2e-3, weight_decay=0.1),
        metric="nll",
    ),
    RecipeSpec(
        name="mlp-wide-fashion-mnist",
        summary="Perceptron of 256, 128 and 100 hidden units on Fashion-MNIST: AdamW, 20 epochs, a minute or two",
        model="intro/mlp-wide",
        dataset="data/fashion-mnist",
        epochs=20,
        batch_size=128,
        optimizer=Optimizer(name="adamw", lr=1e-3, weight_decay=0.1),
    ),
    RecipeSpec(
        name="mlp-numpy-digits",
        summary="The NumPy perceptron on digits: gradient descent with momentum, by its own trainer",
        model="intro/mlp-numpy",
        dataset="data/digits",
        trainer="zoo_intro.trainer:train",
        epochs=40,
        batch_size=32,
        optimizer=Optimizer(name="sgd", lr=0.02, momentum=0.9, weight_decay=5e-3),
        metric="nll",
    ),
]


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return MODELS


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return RECIPES
