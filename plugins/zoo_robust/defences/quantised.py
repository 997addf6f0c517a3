"""A defence that is none: pixels are rounded to a few levels before an undefended network sees them."""

from torch import Tensor

from zoo_robust.networks import SmallConvNet


class QuantisedConvNet(SmallConvNet):
    """The small convnet on images rounded to `levels` evenly spaced values in [0, 1].

    Rounding has gradient 0 everywhere, so an attack that follows gradients stands still: the network looks robust and is not
    (gradient masking, Athalye, Carlini & Wagner 2018, arXiv:1802.00420, section 3). Proposed as a defence by Guo et al. 2018,
    arXiv:1711.00117 (bit-depth reduction), after Xu et al. 2018, arXiv:1704.01155.
    """

    def __init__(self, classes: int = 10, levels: int = 8) -> None:
        super().__init__(classes)
        self.steps = levels - 1

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = super().forward(self._rounded(images))  # type: ignore[no-untyped-call]
        return logits

    def bpda(self, images: Tensor) -> Tensor:
        """The same logits, with the gradient of rounding taken to be 1: what an attacker who knows of it follows."""
        logits: Tensor = super().forward(images + (self._rounded(images) - images).detach())  # type: ignore[no-untyped-call]
        return logits

    def _rounded(self, images: Tensor) -> Tensor:
        return (images * self.steps).round() / self.steps
