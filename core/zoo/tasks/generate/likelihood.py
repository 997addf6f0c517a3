"""generate, the likelihood of given images: log-likelihood, or draws from which a lower bound of it follows.

Input of a sample: an image. Target: any; it is not looked at. The protocol says what a pixel is, since a likelihood of one
kind of pixels cannot be compared to that of another.
Prediction: importance weights of latent draws, log p(x, z) - log q(z | x) in nats, float [b, draws]; or, of a model that knows
its density, log p(x), float [b, 1]. Their mean is the ELBO, their log-mean-exp the IWAE bound, from the same draws.
Stored: `log_weights` list<float64>.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol

import numpy as np
import pyarrow as pa
from pydantic import Field

from zoo.data.dataset import Sample
from zoo.errors import ModelError
from zoo.imaging.images import prepare_image, stack
from zoo.seeds import sample_seed
from zoo.specs import Frozen
from zoo.tasks.arrow import from_lists, to_lists
from zoo.tasks.base import Batch, DataInfo, Task
from zoo.tasks.checks import check_floats

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]


class LikelihoodSettings(Frozen):
    """What a protocol of this kind says."""

    pixels: Annotated[
        Literal["binarised", "dequantised"],
        Field(
            description="binarised: a pixel is 1 with its grey value as probability; dequantised: its 8 bits lie anywhere in "
            "their 256th of [0, 1]. Both seeded by sample id."
        ),
    ]
    draws: Annotated[int, Field(ge=1, le=10_000, description="Latent draws per image, for bounds.")] = 50


class ImageDensity(Protocol):
    """What a model of this kind does, beside drawing images, which is not asked of it here."""

    def log_weights(self, images: "Tensor", draws: int, seeds: Sequence[int], /) -> "Tensor":
        """log p(x, z_k) - log q(z_k | x) in nats, float [b, draws], with z_k drawn from q(z | x); or log p(x), float [b, 1].

        `images` float32 [b, c, h, w], of pixels 0 and 1 where they are binarised. All randomness of image i comes from seeds[i],
        and draw k is the same however many are asked for, so that more draws add to fewer.
        """


def binarised(image: "Tensor", sample_id: str) -> "Tensor":
    """Pixels that are 1 with their value in [0, 1] as probability, else 0. Drawn by NumPy from the sample's id alone.

    So every model in every run meets the same binary image. Source: Salakhutdinov & Murray 2008, On the quantitative analysis
    of deep belief networks, doi:10.1145/1390156.1390266, section 6; the fixed draw is ours.
    """
    import torch

    drawn = np.random.default_rng(sample_seed(0, f"binarise/{sample_id}")).random(tuple(image.shape))
    return (torch.from_numpy(drawn) < image).to(image.dtype)


def dequantised(image: "Tensor", sample_id: str) -> "Tensor":
    """Pixels of 8 bits v as (v + u) / 256, u even in [0, 1): a density of these bounds the probability of the 8 bits from below.

    Drawn as in `binarised`. Source: Theis, van den Oord & Bethge 2016, A note on the evaluation of generative models,
    arXiv:1511.01844, section 3.1; the fixed draw is ours.
    """
    import torch

    drawn = np.random.default_rng(sample_seed(0, f"dequantise/{sample_id}")).random(tuple(image.shape))
    return (((255 * image).round().double() + torch.from_numpy(drawn)) / 256).to(image.dtype)


PIXELS = {"binarised": binarised, "dequantised": dequantised}


class ImageLikelihood(Task):
    """Runs an `ImageDensity` on the dataset's own images."""

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 1
    stacks: ClassVar[bool] = True
    settings: ClassVar[type[LikelihoodSettings]] = LikelihoodSettings

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        return ("elbo-binarised", "iwae-binarised")

    def prepare(self, sample: Sample) -> Sample:
        image = prepare_image(sample.input, self.model.input)
        return Sample(sample.id, PIXELS[self.how.pixels](image, sample.id), None)

    def collate(self, samples: Sequence[Sample]) -> Any:
        return stack([sample.input for sample in samples])

    def predict(self, model: ImageDensity, batch: Batch) -> "Tensor":
        """Log-weights float64 [b, draws or 1] on the CPU."""
        if not callable(getattr(model, "log_weights", None)):
            raise ModelError(
                f"{self.model.name} draws images but knows no likelihood of those it is given",
                "a model that does has log_weights(images, draws, seeds); zoo list benchmarks --task generate",
            )
        return verify_weights(
            model.log_weights(batch.inputs, self.how.draws, batch.seeds), self.how.draws, batch.ids, self.model.name
        )

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("log_weights", pa.list_(pa.float64()))])

    def encode(self, predictions: "Tensor", batch: Batch) -> dict[str, pa.Array]:
        return {"log_weights": to_lists(predictions)}

    def decode(self, table: pa.Table) -> dict[str, Array]:
        """`log_weights` float64 [n, draws], or [n, 1] where they are log-likelihoods; `pixels` str [n], as the protocol says."""
        weights = from_lists(table["log_weights"], self.how.draws)
        return {"log_weights": weights, "pixels": np.full(len(weights), self.how.pixels)}


def verify_weights(weights: Any, draws: int, ids: Sequence[str], model: str) -> "Tensor":
    """The log-weights as float64 on the CPU, if they are finite and [b, draws] or [b, 1]; else PredictionError."""
    wide = getattr(weights, "ndim", 0) == 2 and weights.shape[1] == 1  # of a density
    return check_floats(weights, (len(ids), 1 if wide else draws), "log-weights", ids, model, double=True).detach().cpu()
