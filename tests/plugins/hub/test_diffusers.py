"""Pipelines of diffusers: what is drawn is what the pipeline itself draws from the same noise, whatever the batch."""

from pathlib import Path

import pytest
import torch

import zoo
from zoo.errors import ModelError, OptionError, WeightsError
from zoo.lookup import registry

SEEDS = [3, 1, 4]


def drawn(folder: Path, seeds: list[int], **options: int) -> list[torch.Tensor]:
    from zoo.models import Choice, named_model

    model = named_model(registry().model(f"diffusers/{folder}"), "generate", Choice(), options).load()
    with torch.inference_mode():
        return list(model([None] * len(seeds), seeds))


@pytest.mark.parametrize("scheduler", ["DDPM", "DDIM"])
def test_images_are_those_of_the_pipeline(pipeline: Path, tmp_path: Path, scheduler: str) -> None:
    import diffusers

    whole = diffusers.DDPMPipeline.from_pretrained(pipeline)
    kind = getattr(diffusers, f"{scheduler}Pipeline")
    theirs = kind(whole.unet, getattr(diffusers, f"{scheduler}Scheduler").from_config(whole.scheduler.config))
    theirs.save_pretrained(tmp_path / "pipeline")
    theirs.set_progress_bar_config(disable=True)
    generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    expected = theirs(batch_size=3, generator=generators, num_inference_steps=4, output_type="pt").images
    ours = drawn(tmp_path / "pipeline", SEEDS, steps=4)
    assert torch.allclose(torch.stack(ours), torch.as_tensor(expected), atol=1e-5)
    assert ours[0].shape == (1, 8, 8)


def test_an_image_hangs_on_its_seed_alone(pipeline: Path) -> None:
    together = drawn(pipeline, SEEDS, steps=4)
    alone = [drawn(pipeline, [seed], steps=4)[0] for seed in SEEDS]
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(together, alone, strict=True))
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_the_state_is_that_of_the_network_alone(pipeline: Path) -> None:
    from diffusers import UNet2DModel

    model = zoo.load(f"diffusers/{pipeline}", task="generate")
    theirs = UNet2DModel.from_pretrained(pipeline / "unet").state_dict()
    assert model.state_dict().keys() == theirs.keys()
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in theirs.items())


def test_a_condition_is_refused_where_there_is_none(pipeline: Path) -> None:
    model = zoo.load(f"diffusers/{pipeline}", task="generate")
    with pytest.raises(ModelError, match="takes no condition"):
        model(["a cat"], [0])


def test_steps_are_checked(pipeline: Path) -> None:
    with pytest.raises(OptionError, match="steps"):
        drawn(pipeline, SEEDS, steps=0)
    with pytest.raises(OptionError, match="11 steps are more than the 10"):
        drawn(pipeline, SEEDS, steps=11)
    all_of_them = zip(drawn(pipeline, SEEDS), drawn(pipeline, SEEDS, steps=10), strict=True)
    assert all(torch.equal(a, b) for a, b in all_of_them)


def test_weights_that_lack_a_parameter_are_refused(pipeline: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(pipeline, tmp_path / "lacking")
    file = folder / "unet/diffusion_pytorch_model.safetensors"
    state = load_file(file)
    state.pop("conv_in.bias")
    save_file(state, file)
    with pytest.raises(WeightsError, match=r"1 missing \(conv_in\.bias\)"):
        zoo.load(f"diffusers/{folder}", task="generate")
