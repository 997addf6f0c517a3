"""Topic 2: convolution and pooling, from LeNet-5 over AlexNet to residual networks."""

from zoo import hookimpl
from zoo.data import CLOTHES, DIGITS
from zoo.specs import ImageInput, ModelSpec, Optimizer, RecipeSpec, Weights

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
GREY_28 = ImageInput(channels=1, size=(28, 28))
IMAGENET_INPUT = ImageInput(channels=3, size=(224, 224), crop_pct=0.875, crop_mode="center")
LENET_PAPER = "LeCun, Bottou, Bengio & Haffner 1998, Gradient-based learning applied to document recognition, Proc. IEEE 86(11)"
RESNET_PAPER = "He, Zhang, Ren & Sun 2016, Deep residual learning for image recognition, arXiv:1512.03385"
PUBLISHED = "https://github.com/akamaster/pytorch_resnet_cifar10/raw/d5489e8995e81e91ce6b1d69dcc98ad579b0b153/pretrained_models"


LENET_WEIGHTS = {
    "mnist": Weights.shipped(
        "cnn/lenet5-mnist", "be072442badeac839fcf1e1cb5d86c4d5c650126766f8cccb87c0ac2a8c94fcc", classes=DIGITS
    ),
    "digits": Weights.shipped(
        "cnn/lenet5-digits", "46e9065f4b83bb922eb773df777c6a1d51e553cd05e992be0bb830a6b142ce43", classes=DIGITS
    ),
}


def published_cifar_resnet(depth: int, short_hash: str, sha256: str, parameters: str) -> ModelSpec:
    """A CIFAR ResNet with the weights that Y. Idelbayev trained and published."""
    return ModelSpec(
        name=f"resnet{depth}",
        summary=f"ResNet-{depth} for 32x32 images, parameter-free shortcuts (option A); {parameters} parameters",
        tasks={"classify": "zoo_cnn.resnet:CifarResNet"},
        modality="image",
        config={"depth": depth, "classes": 10},
        input=ImageInput(channels=3, size=(32, 32)),
        weights={
            "cifar10": Weights(
                uri=f"{PUBLISHED}/resnet{depth}-{short_hash}.th",
                sha256=sha256,
                licence="BSD-2-Clause",
                source="Yerlan Idelbayev 2018, pytorch_resnet_cifar10, trained on the 50,000 training images of CIFAR-10",
                classes=CIFAR10,
            )
        },
        paper=RESNET_PAPER,
    )


def imagenet_resnet(depth: int, parameters: str) -> ModelSpec:
    """An ImageNet ResNet without weights of its own; torchvision's fit strictly."""
    return ModelSpec(
        name=f"resnet{depth}",
        summary=f"ResNet-{depth} for 224x224 images, parameters named as torchvision's; {parameters} parameters",
        tasks={"classify": "zoo_cnn.resnet:ResNet"},
        modality="image",
        config={"depth": depth, "classes": 1000},
        input=IMAGENET_INPUT,
        paper=RESNET_PAPER,
    )


MODELS = [
    ModelSpec(
        name="lenet5",
        summary="LeNet-5: two convolutions with pooling, three dense layers; 61,706 parameters",
        tasks={"classify": "zoo_cnn.lenet:LeNet5", "embed": "zoo_cnn.lenet:LeNet5Features"},
        modality="image",
        config={"classes": 10},
        input=GREY_28,
        weights=LENET_WEIGHTS,
        paper=LENET_PAPER,
    ),
    ModelSpec(
        name="lenet5-numpy",
        summary="The same network in NumPy alone, with hand-written convolution, pooling and backpropagation",
        tasks={"classify": "zoo_cnn.lenet_numpy:LeNet5"},
        modality="image",
        config={"classes": 10},
        input=GREY_28,
        weights=LENET_WEIGHTS,
        paper=LENET_PAPER,
    ),
    ModelSpec(
        name="two-conv",
        summary="Two convolutions with batch normalisation and pooling, one dense layer; 50,794 parameters",
        tasks={"classify": "zoo_cnn.two_conv:TwoConv"},
        modality="image",
        config={"classes": 10},
        input=GREY_28,
        weights={
            "fashion-mnist": Weights.shipped(
                "cnn/two-conv-fashion-mnist", "7192d460577e19a2c6a324e07241dca69e1e07d0da5e7de26e7761a5199beebc", classes=CLOTHES
            )
        },
        paper="Ioffe & Szegedy 2015, Batch normalization, arXiv:1502.03167",
    ),
    ModelSpec(
        name="alexnet",
        summary="AlexNet in one column, parameters named as torchvision's; 61,100,840 parameters",
        tasks={"classify": "zoo_cnn.alexnet:AlexNet"},
        modality="image",
        config={"classes": 1000},
        input=IMAGENET_INPUT,
        paper="Krizhevsky, Sutskever & Hinton 2012, ImageNet classification with deep CNNs; one-column form: arXiv:1404.5997",
    ),
    published_cifar_resnet(20, "12fca82f", "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8", "269,722"),
    published_cifar_resnet(32, "d509ac18", "d509ac1820d7f25398913559d7e81a13229b1e7adc5648e3bfa5e22dc137f850", "464,154"),
    ModelSpec(
        name="resnet14",
        summary="ResNet-14 for grey 28x28 images, parameter-free shortcuts (option A); 172,218 parameters",
        tasks={"classify": "zoo_cnn.resnet:CifarResNet"},
        modality="image",
        config={"depth": 14, "classes": 10, "mean": [0.2860], "std": [0.3530]},  # of the training images of Fashion-MNIST
        input=GREY_28,
        weights={
            "fashion-mnist": Weights.shipped(
                "cnn/resnet14-fashion-mnist", "6297e97487badb5a75cf72198e534b8e38bf9abc6a622c220624417e1d705705", classes=CLOTHES
            )
        },
        paper=RESNET_PAPER,
    ),
    imagenet_resnet(18, "11,689,512"),
    imagenet_resnet(50, "25,557,032"),
]

RECIPES = [
    RecipeSpec(
        name="lenet5-mnist",
        summary="LeNet-5 on MNIST with small rotations, shifts and scalings; minutes on a CPU",
        model="cnn/lenet5",
        dataset="data/mnist",
        epochs=20,
        batch_size=128,
        optimizer=Optimizer(name="adamw", lr=4e-3, weight_decay=1e-2),
        schedule="onecycle",
        label_smoothing=0.05,
        augment=("affine:degrees=15,share=0.1",),
    ),
    RecipeSpec(
        name="lenet5-digits",
        summary="LeNet-5 on the 8x8 digits, enlarged to 28x28; a minute on a CPU",
        model="cnn/lenet5",
        dataset="data/digits",
        epochs=40,
        batch_size=32,
        optimizer=Optimizer(name="adamw", lr=2e-3, weight_decay=1e-2),
        schedule="onecycle",
        augment=("affine:degrees=10,share=0.1",),
        metric="nll",  # 143 samples are too few to choose by accuracy
    ),
    RecipeSpec(
        name="two-conv-fashion-mnist",
        summary="Two convolutions on Fashion-MNIST with mirror images and small shifts; minutes on a CPU",
        model="cnn/two-conv",
        dataset="data/fashion-mnist",
        epochs=12,
        batch_size=128,
        optimizer=Optimizer(name="adamw", lr=6e-3, weight_decay=1e-2),
        schedule="onecycle",
        augment=("crop:1", "hflip"),
    ),
    RecipeSpec(
        name="resnet14-fashion-mnist",
        summary="ResNet-14 on Fashion-MNIST with mirror images and small shifts; 25 CPU-minutes, or a few on a GPU",
        model="cnn/resnet14",
        dataset="data/fashion-mnist",
        epochs=15,
        batch_size=128,
        optimizer=Optimizer(name="sgd", lr=0.1, momentum=0.9, weight_decay=5e-4),
        schedule="onecycle",
        augment=("crop:2", "hflip"),
    ),
    RecipeSpec(
        name="resnet20-cifar10",
        summary="ResNet-20 as in the paper, but with a cosine schedule and Nesterov momentum; hours on a GPU, not run here",
        model="cnn/resnet20",
        dataset="data/cifar10",
        epochs=182,  # 64,000 steps of 128 over 45,000 images
        batch_size=128,
        optimizer=Optimizer(name="sgd", lr=0.1, momentum=0.9, weight_decay=1e-4),
        schedule="cosine",
        augment=("crop:4", "hflip"),
    ),
]


@hookimpl
def zoo_models() -> list[ModelSpec]:
    return MODELS


@hookimpl
def zoo_recipes() -> list[RecipeSpec]:
    return RECIPES
