"""The diffusion model: sampling as diffusers' own pipeline does it, determined by seeds, exact where the model is."""

import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMScheduler
from torch import nn

from zoo.errors import ModelError, OptionError
from zoo_generative.ddpm import DDPM, NOISE


@pytest.fixture
def small():
    torch.manual_seed(0)
    return DDPM(side=8, widths=(8, 16), steps=4).eval()


@torch.no_grad()
def test_sampling_is_that_of_diffusers_pipeline(small):
    pipeline = DDIMPipeline(small.unet, DDIMScheduler(**NOISE, timestep_spacing="trailing"))
    pipeline.set_progress_bar_config(disable=True)
    made = [
        pipeline(1, generator=torch.Generator().manual_seed(seed), num_inference_steps=4, output_type="np").images
        for seed in (3, 4)
    ]
    wanted = torch.stack([torch.from_numpy(image)[0].permute(2, 0, 1) for image in made])
    torch.testing.assert_close(small([None, None], [3, 4]), wanted, atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_an_image_hangs_on_its_seed_alone(sampler):
    torch.manual_seed(0)
    model = DDPM(side=8, widths=(8, 16), steps=4, sampler=sampler).eval()
    together, alone = model([None] * 3, [1, 2, 3]), model([None], [2])
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=0)
    assert not torch.equal(together[0], together[2])
    assert 0 <= float(together.min()) <= float(together.max()) <= 1


class Knowing(nn.Module):
    """The exact v of a distribution of one image: what a perfectly trained network would say."""

    def __init__(self, image, noising):
        super().__init__()
        self.image, self.kept = 2 * image - 1, noising.alphas_cumprod
        self.place = nn.Parameter(torch.zeros(()))  # where it is

    def forward(self, x, t, class_labels=None):
        a, s = self.kept[t].sqrt(), (1 - self.kept[t]).sqrt()
        noise = (x - a * self.image) / s

        class Output:
            sample = a * noise - s * self.image

        return Output


@torch.no_grad()
@pytest.mark.parametrize("steps", [1, 5, 20])
def test_a_network_that_knows_the_image_draws_it(steps):
    image = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(5))
    model = DDPM(side=8, widths=(8, 16), steps=steps)
    model.unet = Knowing(image, model.noising)
    torch.testing.assert_close(model([None], [0])[0], image, atol=1e-3, rtol=0)


def test_a_network_that_knows_the_image_has_no_loss():
    image = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(6))
    model = DDPM(side=8, widths=(8, 16))
    model.unet = Knowing(image, model.noising)
    losses = [float(model.loss(image[None], torch.randn(1, 1, 8, 8), torch.tensor([t]))) for t in (0, 300, 700)]
    assert losses == pytest.approx([0, 0, 0], abs=1e-4)


def test_steps_beyond_those_of_training_are_refused():
    import zoo

    with pytest.raises(OptionError, match="steps"):
        zoo.evaluate("generative/ddpm", "mnist-samples", options={"steps": 1001})


class Telling(Knowing):
    """The exact v of a distribution of one image a class, and of their mean where none is told."""

    def __init__(self, images, noising):
        super().__init__(images[0], noising)
        self.images = torch.cat([2 * images - 1, (2 * images - 1).mean(0, keepdim=True)])

    def forward(self, x, t, class_labels=None):
        self.image = self.images[class_labels]
        return super().forward(x, t)


@pytest.fixture
def conditional():
    images = torch.stack([torch.zeros(1, 8, 8), torch.ones(1, 8, 8)]) * 0.4 + 0.3  # 0.3 and 0.7
    model = DDPM(side=8, widths=(8, 16), steps=5, classes=("dark", "light"), guidance=0.0)
    model.unet = Telling(images, model.noising)
    return model


@torch.no_grad()
def test_the_class_that_is_asked_for_is_drawn_and_none_is_any(conditional):
    drawn = conditional(["light", "dark", None], [1, 2, 3])
    torch.testing.assert_close(drawn.mean((1, 2, 3)), torch.tensor([0.7, 0.3, 0.5]), atol=2e-3, rtol=0)


@torch.no_grad()
def test_guidance_goes_on_from_any_image_beyond_the_class(conditional):
    """By v of the class plus 0.5 of its difference from v of any, the last step lands at 0.7 + 0.5 (0.7 - 0.5)."""
    conditional.guidance = 0.5
    x, t = torch.randn(1, 1, 8, 8), torch.tensor(700)
    light, anything = (conditional.unet(x, t, torch.tensor([number])).sample for number in (1, 2))
    found = conditional._guided(x, t, torch.tensor([1]))
    torch.testing.assert_close(found, 1.5 * light - 0.5 * anything)
    drawn = conditional(["light", None], [1, 2])
    torch.testing.assert_close(drawn.mean((1, 2, 3)), torch.tensor([0.8, 0.5]), atol=2e-3, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("sampler", [DDIMScheduler, DDPMScheduler])
def test_strong_guidance_ends_at_the_edge_of_the_range(conditional, sampler):
    """Not beyond it, where a scheduler would take for noise what it cuts off the image."""
    conditional.guidance, conditional.sampler, conditional.steps = 10.0, sampler, 20
    drawn = conditional(["light", "dark"], [1, 2])
    torch.testing.assert_close(drawn.mean((1, 2, 3)), torch.tensor([1.0, 0.0]), atol=2e-3, rtol=0)


@torch.no_grad()
def test_a_class_that_it_does_not_know_is_refused(conditional):
    with pytest.raises(ModelError, match="draws no 'grey'") as caught:
        conditional(["light", "grey"], [1, 2])
    assert "dark, light" in caught.value.hint


@torch.no_grad()
def test_an_image_of_a_class_hangs_on_its_seed_alone():
    torch.manual_seed(0)
    model = DDPM(side=8, widths=(8, 16), steps=3, classes=("dark", "light")).eval()
    together, alone = model(["dark", "light", None], [1, 2, 3]), model(["light"], [2])
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=0)
    assert not torch.allclose(model(["dark"], [2]), alone, atol=1e-3)
