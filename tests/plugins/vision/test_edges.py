"""Edge detectors: what they say of a step, PiDiNet's convolutions against their equations, its score on BSDS500."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import zoo
from zoo.errors import OptionError
from zoo.opening.weights import find_weights, load_state, read_state
from zoo_vision.edges import Canny, Sobel
from zoo_vision.pidinet import AngularDifference, CentralDifference, PiDiNet, RadialDifference
from zoo_vision.segmentation_specs import MODELS


def step(height: int = 40, width: int = 60, contrast: float = 0.8) -> Tensor:
    """A grey image, dark to the left of column 30 and bright to the right."""
    image = torch.full((1, 1, height, width), 0.1)
    image[..., width // 2 :] += contrast
    return image


@pytest.mark.parametrize("detect", [Sobel(), Canny()])
def test_a_step_is_an_edge_and_flat_parts_are_none(detect: Sobel | Canny) -> None:
    edges = detect(step())[0, 0]
    assert edges.shape == (40, 60) and float(edges.min()) >= 0 and float(edges.max()) <= 1
    assert set(edges[12:-12].argmax(dim=1).tolist()) <= {29, 30}
    assert float(edges[:, :12].max()) < 0.02


@pytest.mark.parametrize("detect", [Sobel(), Canny()])
def test_a_fainter_step_is_a_fainter_edge(detect: Sobel | Canny) -> None:
    strong, weak = detect(torch.cat([step(), step(contrast=0.2)]))
    assert float(strong.max()) > 1.5 * float(weak.max()) > 0


def test_cannys_value_says_at_which_thresholds_a_pixel_is_an_edge() -> None:
    from skimage.feature import canny

    image = torch.rand(1, 1, 40, 50, generator=torch.Generator().manual_seed(0))
    detect = Canny(sigma=1.5, levels=8)
    edges = detect(image)[0, 0]
    for level in range(1, 9):
        high = 0.8 * level / 8
        found = canny(image[0, 0].double().numpy(), 1.5, 0.4 * high, high)
        assert ((edges >= level / 8 - 1e-6).numpy() == found).all()


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="option sigma of vision/canny"):
        zoo.evaluate("vision/canny", "bsds500", options={"sigma": -1}, data_dir=tmp_path)


def windows(x: Tensor, radius: int) -> Tensor:
    """The window around every pixel: [b, c, h, w, side, side], zeros outside."""
    side = 2 * radius + 1
    return torch.nn.functional.pad(x, [radius] * 4).unfold(2, side, 1).unfold(3, side, 1)


def test_central_differences_follow_their_equation() -> None:
    """y = Σ w_i (x_i - x_c)."""
    layer, x = CentralDifference(3, 4), torch.rand(2, 3, 7, 8)
    around = windows(x, 1)
    expected = torch.einsum("bchwij,ocij->bohw", around - around[..., 1:2, 1:2], layer.weight)
    # At the border the zeros outside stand for pixels: x_i - x_c there is -x_c, in both.
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_angular_differences_follow_their_equation() -> None:
    """y = Σ w_i (x_i - x_next) over the ring, next clockwise; the centre counts for nothing."""
    layer, x = AngularDifference(3, 4), torch.rand(2, 3, 7, 8)
    around = windows(x, 1).flatten(4)
    ring = [0, 1, 2, 5, 8, 7, 6, 3]  # clockwise
    expected = sum(
        torch.einsum("bchw,oc->bohw", around[..., here] - around[..., after], layer.weight.flatten(2)[..., here])
        for here, after in zip(ring, ring[1:] + ring[:1], strict=True)
    )
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_radial_differences_follow_their_equation() -> None:
    """y = Σ w_i (x_outer - x_inner) along eight directions."""
    layer, x = RadialDifference(3, 4), torch.rand(2, 3, 7, 8)
    around = windows(x, 2)
    directions = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    expected = sum(
        torch.einsum(
            "bchw,oc->bohw",
            around[..., 2 + 2 * dy, 2 + 2 * dx] - around[..., 2 + dy, 2 + dx],
            layer.weight.flatten(2)[:, :, tap],
        )
        for tap, (dy, dx) in enumerate(directions, 1)
    )
    assert torch.allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize("kind", [CentralDifference, AngularDifference, RadialDifference])
def test_differences_of_a_flat_image_are_nothing(kind: type) -> None:
    flat = torch.full((1, 4, 9, 9), 0.7)
    assert float(kind(4, 4, groups=4)(flat)[..., 2:-2, 2:-2].detach().abs().max()) < 1e-5


def test_pidinet_maps_have_the_size_of_their_images() -> None:
    network = PiDiNet(width=4, dilated=4).eval()
    with torch.inference_mode():
        for height, width in ((8, 9), (33, 50)):
            edges = network(torch.rand(2, 3, height, width))
            assert edges.shape == (2, 1, height, width)
            assert float(edges.min()) >= 0 and float(edges.max()) <= 1


def test_published_weights_fit_strictly(real_data: Path) -> None:
    spec = next(spec for spec in MODELS if spec.name == "pidinet")
    network = PiDiNet()
    state, _ = read_state(find_weights(spec.weights["bsds500"]), sha256=spec.weights["bsds500"].sha256)
    load_state(network, state, "pidinet")
    assert f"{sum(p.numel() for p in network.parameters()):,} parameters" in spec.summary


@pytest.mark.slow
def test_pidinet_on_bsds500_scores_as_published(real_data: Path) -> None:
    """Published for all 200 test images: ODS .807, OIS .823. Here are 25; `zoo verify` takes all that there are."""
    ods, ois, _ = (result.value for result in zoo.evaluate("vision/pidinet", "bsds500", limit=25).results)
    assert ods == pytest.approx(0.807, abs=0.04)
    assert ois is not None and ods is not None and ois >= ods


@pytest.mark.slow
def test_canny_on_bsds500_scores_as_published(real_data: Path) -> None:
    ods, ois, _ = (result.value for result in zoo.evaluate("vision/canny", "bsds500", limit=25).results)
    assert ods == pytest.approx(0.60, abs=0.04)
    assert ois is not None and ods is not None and ois >= ods


def test_edges_of_a_photograph_beat_noise(real_data: Path) -> None:
    def noise(images: Tensor) -> Tensor:
        return torch.rand(len(images), 1, *images.shape[2:], generator=torch.Generator().manual_seed(0))

    sobel = zoo.evaluate("vision/sobel", "bsds500", limit=1).results[0].value
    random = zoo.evaluate(noise, "bsds500", limit=1).results[0].value
    assert sobel is not None and random is not None and sobel > random + 0.1
    assert np.isfinite(sobel)
