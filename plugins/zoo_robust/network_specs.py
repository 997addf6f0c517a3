"""The network on which defences and certificates are compared, with its weights."""

from zoo.data import CLOTHES, DIGITS
from zoo.specs import ImageInput, ModelSpec, Weights
from zoo_robust.defence_specs import weights

CONVEX = "https://github.com/locuslab/convex_adversarial/raw/2cd8149249b9e90383af10fc7e9b9fe90166813e/models"
FAST = "https://github.com/locuslab/fast_adversarial/raw/54f728755e71857b632882ba6d6cef22f56e2172/MNIST/models"


def convex(dataset: str, sha256: str, classes: tuple[str, ...]) -> Weights:
    """Weights trained on a provable bound, L-infinity eps 0.1."""
    return Weights(
        uri=f"{CONVEX}/{dataset.replace('-', '_')}.pth",
        sha256=sha256,
        licence="MIT",
        source=f"Wong & Kolter 2018, trained on {dataset} with the convex outer bound, L-infinity eps 0.1",
        classes=classes,
    )


def noisy(tag: str, deviation: str, sha256: str) -> Weights:
    """Weights trained with Gaussian noise, to be smoothed with the same."""
    note = f"trained on mnist with Gaussian noise of deviation {deviation}"
    return Weights.shipped(f"robust/small-convnet-{tag}", sha256, note=note, classes=DIGITS)


MODELS = [
    ModelSpec(
        name="small-convnet",
        summary="Two strided convolutions and two linear layers for 28x28 grey images in [0, 1]; 166,406 parameters",
        tasks={"classify": "zoo_robust.networks:SmallConvNet"},
        modality="image",
        input=ImageInput(channels=1, size=(28, 28)),
        outputs="classes",
        weights={
            **weights(),
            "mnist-convex": convex("mnist", "95014ab0c04c73f48b3be0cb7acc42aff60ce4420c6c43bec25e9a1447279e08", DIGITS),
            "fashion-mnist-convex": convex(
                "fashion-mnist", "b90cca41cc42b427d5ba1d1c10d90a5a8b6b5219538a3a4d1c6f825d3f612bc5", CLOTHES
            ),
            "mnist-fast": Weights(
                uri=f"{FAST}/fgsm.pth",
                sha256="07536ed24c714dac89507d38ffc0090f110de3cd70c40d02d8d56491e187905b",
                licence="none stated",
                source="Wong, Rice & Kolter 2020, arXiv:2001.03994, trained on MNIST by FGSM with a random start, eps 0.3",
                classes=DIGITS,
            ),
            "mnist-noise25": noisy("mnist-noise25", "0.25", "05f4550f571ae0aa39cfdc2ebc5d169d9f46b0eaa385613e3b6778ac1a3d0ff2"),
            "mnist-noise50": noisy("mnist-noise50", "0.5", "08451f40e098cf57ed05967a566c05d2aaac07f3105a527f984a8f4d6efa0379"),
            "mnist-noise100": noisy("mnist-noise100", "1", "e8dc6d7e33faa61a40e241663c3ac8a15ee1e3913553770d0152e56fce08ff88"),
        },
        paper="Wong & Kolter 2018, Provable defenses via the convex outer adversarial polytope, arXiv:1711.00851",
    )
]
