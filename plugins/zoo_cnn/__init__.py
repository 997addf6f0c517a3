"""Topic 2: convolution and pooling, from LeNet-5 over AlexNet to residual networks."""

from zoo.hookspecs import hookimpl
from zoo.specs import ImageInput, ModelSpec

DIGITS = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")

MODELS = [
    ModelSpec(
        name="lenet5",
        summary="LeNet-5: two convolutions with pooling, three dense layers; 61,706 parameters",
        tasks={"classify": "zoo_cnn.lenet:LeNet5"},
        modality="image",
        config={"classes": 10},
        input=ImageInput(channels=1, size=(28, 28)),
        paper="LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition, doi:10.1109/5.726791",
    ),
]


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return MODELS
