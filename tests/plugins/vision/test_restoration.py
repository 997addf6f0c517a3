"""Restorers: baselines, networks with their published weights, and the figures that those are known for."""

import numpy as np
import pytest
import torch

import zoo
from zoo.errors import ModelError, OptionError, PredictionError, WeightsError
from zoo.imaging.degrade import Degradation, Degraded
from zoo.imaging.matlab_resize import imresize
from zoo.runs import stored_predictions
from zoo.tasks.generate.restore import unpacked_image
from zoo_vision.classical import Bicubic, Identity, NonLocalMeans
from zoo_vision.dncnn import DnCNN
from zoo_vision.espcn import ESPCN
from zoo_vision.vdsr import VDSR


@pytest.fixture
def smooth() -> torch.Tensor:
    """A picture [3, 40, 48] of soft shapes."""
    y, x = torch.meshgrid(torch.linspace(0, 3, 40), torch.linspace(0, 3, 48), indexing="ij")
    return torch.stack([(x * y).sin(), (x - y).cos(), (x + y).sin()]) / 2 + 0.5


def psnr(a, b):
    return float(-10 * ((a - b) ** 2).mean().log10())


def run(model, image, scale=1, sigma=0.0):
    with torch.inference_mode():
        (restored,) = model([Degraded(image, scale, sigma)], [0])
    return restored


def quiet(network):
    """The network with all parameters zero."""
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    return network.eval()


def test_identity_clips_and_repeats_pixels():
    image = torch.tensor([[[-0.5, 2.0]]])
    assert run(Identity(), image, 2).tolist() == [[[0, 0, 1, 1], [0, 0, 1, 1]]]


def test_bicubic_is_matlabs_within_range(smooth):
    assert torch.equal(run(Bicubic(), smooth, 3), imresize(smooth, (120, 144)).clamp(0, 1))
    assert torch.equal(run(Bicubic(), smooth), smooth.clamp(0, 1))


@pytest.mark.parametrize("channels", [1, 3])
def test_non_local_means_removes_noise_in_place(smooth, channels):
    clean = smooth[:channels]
    noisy = Degradation.parse("noise:25")(clean, "a")
    restored = run(NonLocalMeans(), *noisy)
    assert restored.shape == clean.shape
    assert psnr(restored, clean) > psnr(noisy.image, clean) + 5
    assert torch.equal(run(NonLocalMeans(), clean), clean)  # nothing is known to be wrong with it


@pytest.mark.parametrize("network", [quiet(DnCNN()), quiet(VDSR()), quiet(ESPCN())], ids=["dncnn", "vdsr", "espcn"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_that_adds_nothing_is_its_baseline(smooth, network, channels):
    scale = 1 if isinstance(network, DnCNN) else 3
    image = (smooth[:channels] * 255).round() / 255
    restored = run(network, image, scale)
    torch.testing.assert_close(restored, run(Bicubic(), image, scale), atol=1.1 / 255 if scale > 1 else 0, rtol=0)


def test_dncnn_denoises_channels_one_by_one(smooth):
    torch.manual_seed(0)
    network = DnCNN(depth=4).eval()
    together = run(network, smooth)
    torch.testing.assert_close(together, torch.cat([run(network, channel[None]) for channel in smooth]))


def test_dncnn_is_no_model_of_super_resolution(smooth):
    with pytest.raises(ModelError, match="does not enlarge"):
        run(quiet(DnCNN()), smooth, 2)


def test_espcn_enlarges_by_its_own_scale_only(smooth):
    with pytest.raises(ModelError, match="enlarges by 3, not by 2"):
        run(ESPCN(3).eval(), smooth, 2)


def test_networks_are_as_large_as_their_summaries_say():
    sizes = [sum(p.numel() for p in network.parameters()) for network in (DnCNN(17), DnCNN(20), VDSR(), ESPCN())]
    models = [zoo.registry().model(f"vision/{name}") for name in ("dncnn", "dncnn-blind", "vdsr", "espcn")]
    for size, model in zip(sizes, models, strict=True):
        assert f"{size:,} parameters" in model.summary


@pytest.mark.parametrize("name", ["vision/dncnn", "vision/dncnn-blind", "vision/vdsr"])
def test_published_weights_load_strictly(real_data, name):
    assert not zoo.load(name, task="generate").training


def test_converted_weights_say_what_they_were_made_of(monkeypatch):
    monkeypatch.delenv("ZOO_DATA_DIR", raising=False)
    with pytest.raises(WeightsError, match=r"cannot be downloaded: they were made of https://.*\nput them at FOLDER/weights"):
        zoo.load("vision/vdsr", task="generate")


def test_a_network_of_the_users_own(tmp_path):
    from PIL import Image

    from zoo.tasks.generate.restore import restored

    pixels = np.random.default_rng(0).integers(0, 256, (24, 24), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    blur = torch.nn.AvgPool2d(3, 1, 1)

    def model(conditions, seeds):
        return restored(lambda images, **_: blur(images).clamp(0, 1), conditions)

    def unclipped(conditions, seeds):
        return restored(lambda images, **_: images, conditions)

    on = f"images:noise25:{tmp_path}"
    assert zoo.evaluate(model, on, device="cpu", workers=0).results[0].value > 5
    with pytest.raises(PredictionError, match=r"outside \[0, 1\] for 1 samples: a\.png"):
        zoo.evaluate(unclipped, on, device="cpu", workers=0)


def test_a_caller_may_change_how_pictures_are_spoilt_and_stored(real_data):
    record = zoo.evaluate("vision/identity", "set12-sigma25", limit=2, device="cpu", protocol={"degrade": "noise:50"})
    assert record.results[0].value == pytest.approx(14.6, abs=0.5)
    with pytest.raises(OptionError, match="no degradation 'blur'"):
        zoo.evaluate("vision/identity", "set12-sigma25", protocol={"degrade": "blur"})
    with pytest.raises(OptionError, match="store of the protocol of vision/set12-sigma25"):
        zoo.evaluate("vision/identity", "set12-sigma25", protocol={"store": "jpeg"})


@pytest.mark.parametrize(("scale", "expected"), [(2, 33.67), (3, 30.40), (4, 28.43)])
def test_bicubic_on_set5_is_as_published(real_data, scale, expected):
    record = zoo.evaluate("vision/bicubic", f"set5-x{scale}", device="cpu")
    assert record.results[0].value == pytest.approx(expected, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "expected"), [(2, 37.5), (3, 33.7), (4, 31.2)])
def test_vdsr_on_set5_is_as_known(real_data, scale, expected):
    record = zoo.evaluate("vision/vdsr", f"set5-x{scale}", device="cpu")
    assert record.results[0].value == pytest.approx(expected, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vision/dncnn", "vision/dncnn-blind"])
def test_dncnn_on_the_first_seven_of_set12_is_as_known(real_data, name):
    record = zoo.evaluate(name, "set12-sigma25", device="cpu")
    restored, clean = stored_predictions(record)["image"].to_pylist(), zoo.dataset("set12")
    decibels = []
    for packed, sample in zip(restored[:7], clean, strict=False):
        error = unpacked_image(packed).astype(float) - np.asarray(sample.target, dtype=float)
        decibels.append(10 * np.log10(255**2 / np.mean(error**2)))
    assert np.mean(decibels) == pytest.approx(30.3, abs=0.1)
