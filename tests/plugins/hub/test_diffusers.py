"""Pipelines of diffusers: what is drawn is what the pipeline itself draws from the same noise, whatever the batch."""

from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo.errors import ModelError, OptionError, WeightsError
from zoo.plugins.registry import registry

SEEDS = [3, 1, 4]


def drawn(folder: Path, seeds: list[int], **options: Any) -> list[torch.Tensor]:
    from zoo.opening.composing import named_model
    from zoo.opening.models import Choice

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
    with pytest.raises(ModelError, match="takes no condition of type str"):
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


def test_a_prompt_is_drawn_as_by_the_pipeline(text_to_image: Path) -> None:
    import diffusers

    theirs = diffusers.StableDiffusionPipeline.from_pretrained(text_to_image)
    theirs.set_progress_bar_config(disable=True)
    for prompt in ("a cat", ""):
        generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
        made = theirs([prompt] * 3, generator=generators, num_inference_steps=3, guidance_scale=4.0, output_type="np").images
        ours = drawn(text_to_image, SEEDS, steps=3, guidance=4, **({"prompt": prompt} if prompt else {}))
        assert torch.allclose(torch.stack(ours), torch.as_tensor(made).permute(0, 3, 1, 2), atol=1e-4)
    alone = [drawn(text_to_image, [seed], steps=3, guidance=4)[0] for seed in SEEDS]
    assert torch.allclose(torch.stack(ours), torch.stack(alone), atol=1e-4)


def test_prompts_of_a_dataset_come_before_the_option(text_to_image: Path) -> None:
    model = zoo.load(f"diffusers/{text_to_image}", task="generate")
    with torch.inference_mode():
        cat, dog = model(["a cat", "a dog"], [0, 0])
        (again,) = model(["a dog"], [0])
    assert torch.allclose(dog, again, atol=1e-4) and not torch.allclose(cat, dog, atol=1e-4)


def test_the_state_of_several_networks_is_named_by_them(text_to_image: Path) -> None:
    from diffusers import AutoencoderKL

    state = zoo.load(f"diffusers/{text_to_image}", task="generate").state_dict()
    assert {name.partition(".")[0] for name in state} == {"vae", "text_encoder", "unet"}
    theirs = AutoencoderKL.from_pretrained(text_to_image / "vae").state_dict()
    assert all(torch.equal(state[f"vae.{name}"], tensor) for name, tensor in theirs.items())


def test_classes_are_drawn_by_the_seed_where_none_are_given(tmp_path: Path) -> None:
    from diffusers import AutoencoderKL, DDIMScheduler, DiTPipeline, DiTTransformer2DModel

    torch.manual_seed(0)
    transformer = DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=4, in_channels=4, out_channels=4, num_layers=1, sample_size=8,
        num_embeds_ada_norm=1000, norm_num_groups=4,
    )  # fmt: skip
    torch.nn.init.normal_(transformer.proj_out_2.weight)
    DiTPipeline(
        transformer, AutoencoderKL(norm_num_groups=4, block_out_channels=(8,)), DDIMScheduler(num_train_timesteps=10)
    ).save_pretrained(tmp_path)
    model = zoo.load(f"diffusers/{tmp_path}", task="generate")
    with torch.inference_mode():
        together = model([None, None, 7], [0, 1, 1])
        alone = [model([condition], [seed])[0] for condition, seed in ((None, 0), (None, 1), (7, 1), (3, 1))]
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(together, alone, strict=False))
    assert not torch.allclose(alone[2], alone[3], atol=1e-3)


def test_noise_that_does_not_follow_from_a_seed_is_refused(tmp_path: Path) -> None:
    from diffusers import DDIMScheduler, DDPMScheduler, LDMPipeline, UNet2DModel, VQModel

    unet = UNet2DModel(
        sample_size=8, in_channels=3, out_channels=3, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2,
    )  # fmt: skip
    for scheduler in (DDIMScheduler, DDPMScheduler):
        pipeline = LDMPipeline(VQModel(block_out_channels=(8,), norm_num_groups=4, num_vq_embeddings=8), unet, scheduler(10))
        pipeline.save_pretrained(tmp_path / scheduler.__name__)
    (image,) = drawn(tmp_path / "DDIMScheduler", [0], steps=2)
    assert image.shape == (3, 8, 8) and torch.equal(image, drawn(tmp_path / "DDIMScheduler", [0], steps=2)[0])
    with pytest.raises(ModelError, match="take another scheduler than DDPMScheduler"):
        drawn(tmp_path / "DDPMScheduler", [0], steps=2)


def test_options_that_a_pipeline_does_not_take_are_refused(pipeline: Path) -> None:
    with pytest.raises(OptionError, match="DDPMPipeline takes no prompt"):
        drawn(pipeline, SEEDS, prompt="a cat")
