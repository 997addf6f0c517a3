"""Attention maps and rollout: against a loop in float64, of our Transformers and of timm's by name, and the figure of them."""

import numpy as np
import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import zoo
from zoo.errors import ModelError, OptionError
from zoo_vit import SMALL
from zoo_vit.convnet import ConvNet
from zoo_vit.drawing import draw, drawer
from zoo_vit.maps import attention_maps, grid_of, on_patches, rollout, transformer_in
from zoo_vit.vit import VisionTransformer


@given(
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 8),
    st.sampled_from([torch.float32, torch.float64]),
    st.integers(0, 2**31),
)
@settings(max_examples=40)
def test_rollout_is_the_papers_loop_in_float64(blocks: int, heads: int, tokens: int, dtype: torch.dtype, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    maps = [torch.randn(2, heads, tokens, tokens, generator=random).to(dtype).softmax(-1) for _ in range(blocks)]
    found = rollout(maps)
    assert found.dtype == dtype
    for sample in range(2):
        expected = np.eye(tokens)
        for weights in maps:
            mixed = np.zeros((tokens, tokens))
            for i in range(tokens):
                for j in range(tokens):
                    mean = sum(float(weights[sample, head, i, j]) for head in range(heads)) / heads
                    mixed[i, j] = (mean + (i == j)) / 2
                mixed[i] /= mixed[i].sum()
            expected = mixed @ expected
        np.testing.assert_allclose(found[sample].double().numpy(), expected, atol=1e-12 if dtype == torch.float64 else 1e-6)


def test_a_rollout_of_no_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="one block"):
        rollout([])


def test_the_maps_are_what_the_blocks_multiply_their_values_by() -> None:
    torch.manual_seed(0)
    model = VisionTransformer(**SMALL).eval()
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    hooks = [block.attn.register_forward_hook(lambda _, given, out: seen.append((given[0], out))) for block in model.blocks]
    maps = attention_maps(model, torch.rand(2, 1, 28, 28))
    for hook in hooks:
        hook.remove()
    assert len(maps) == len(seen) == 5
    with torch.inference_mode():
        for block, weights, (tokens, out) in zip(model.blocks, maps, seen, strict=True):
            values = block.attn.qkv(tokens)[..., 128:].view(2, 50, 4, 16).transpose(1, 2)
            torch.testing.assert_close(block.attn.proj((weights @ values).transpose(1, 2).flatten(2)), out)


@pytest.mark.parametrize(
    ("name", "blocks", "heads", "tokens", "grid"),
    [
        ("vit_tiny_patch16_224", 12, 3, 197, (14, 14)),
        ("deit_tiny_distilled_patch16_224", 12, 3, 198, (14, 14)),  # a second token ahead
        ("vit_tiny_r_s16_p8_224", 12, 3, 50, (7, 7)),  # patches of a convolutional stem
        ("vit_pwee_patch16_reg1_gap_256", 16, 4, 257, (16, 16)),  # a register, and no class token
        ("vit_relpos_small_patch16_224", 12, 6, 196, (14, 14)),
        ("eva02_tiny_patch14_224", 12, 3, 257, (16, 16)),
        ("vit_small_patch16_18x2_224", 18, 12, 197, (14, 14)),  # two attentions side by side
    ],
)
def test_any_vit_of_timm_is_read_and_left_as_it_was(
    name: str, blocks: int, heads: int, tokens: int, grid: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False).eval()
    images = torch.rand(1, *model.pretrained_cfg["input_size"])
    with torch.inference_mode():
        before = model(images)
    fused = [getattr(module, "fused_attn", None) for module in model.modules()]
    maps = attention_maps(model, images)
    assert [tuple(weights.shape) for weights in maps] == blocks * [(1, heads, tokens, tokens)]
    assert on_patches(model, maps[-1], tuple(images.shape[2:])).shape == (1, heads, *grid)
    assert fused == [getattr(module, "fused_attn", None) for module in model.modules()]
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    with torch.inference_mode():
        assert torch.equal(before, model(images))


def test_timms_maps_are_those_of_the_same_weights_here() -> None:
    torch.manual_seed(0)
    theirs = timm.models.VisionTransformer(
        img_size=28, patch_size=4, in_chans=1, num_classes=10, embed_dim=64, depth=5, num_heads=4, mlp_ratio=2.0
    )
    mine = VisionTransformer(**SMALL)
    mine.load_state_dict(theirs.state_dict())
    images = torch.rand(2, 1, 28, 28)
    for one, other in zip(
        attention_maps(mine.eval(), images), attention_maps(theirs.eval(), mine.normalise(images)), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", ["resnet18", "swin_tiny_patch4_window7_224"])
def test_what_is_no_plain_transformer_is_not_drawn(name: str) -> None:
    assert transformer_in(timm.create_model(name, pretrained=False)) is None
    assert drawer(ConvNet()) is None
    assert drawer(lambda images: images) is None


@pytest.mark.parametrize("name", ["cait_xxs24_224", "xcit_nano_12_p16_224"])
def test_weights_that_are_no_attention_to_tokens_are_refused(name: str) -> None:
    model = timm.create_model(name, pretrained=False).eval()
    with pytest.raises(ModelError, match=r"no attention|no grid"):
        draw(model, torch.rand(3, 224, 224))


@pytest.mark.parametrize(("patches", "size", "grid"), [(49, (28, 28), (7, 7)), (98, (224, 112), (14, 7)), (1, (16, 16), (1, 1))])
def test_the_grid_follows_the_image(patches: int, size: tuple[int, int], grid: tuple[int, int]) -> None:
    assert grid_of(patches, size) == grid


@pytest.mark.parametrize(("patches", "size"), [(48, (28, 28)), (50, (28, 28)), (12, (28, 28))])
def test_a_count_that_is_no_grid_is_refused(patches: int, size: tuple[int, int]) -> None:
    with pytest.raises(ModelError, match="no grid"):
        grid_of(patches, size)


class Told(nn.Module):
    """One block, whose attention [1, heads, n, n] is given."""

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights, self.cls_token, self.patch_embed = weights, nn.Parameter(torch.zeros(1, 1, 1)), nn.Identity()
        self.blocks = nn.ModuleList([nn.ModuleDict({"attn_drop": nn.Identity()})])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.blocks[0]["attn_drop"](self.weights)


def test_the_figure_shows_the_image_then_each_head_then_the_rollout() -> None:
    weights = torch.zeros(1, 3, 5, 5)
    weights[..., 1] = 1.0  # what patches attend to, which the class token's row is not
    for head, patch in enumerate((2, 3, 3)):
        weights[0, head, 0] = torch.eye(5)[patch + 1]
    image = torch.zeros(1, 8, 8)
    image[0, :4, 4:] = 1
    picture = np.asarray(drawer(Told(weights))(image)).astype(int).sum(2)
    assert picture.shape == (128 + 18, 5 * 130)
    tiles = [picture[16:144, 1 + 130 * place : 129 + 130 * place].reshape(2, 64, 2, 64).mean((1, 3)) for place in range(5)]
    assert [int(tile.argmax()) for tile in tiles] == [1, 2, 3, 3, 3]
    assert tiles[0].tolist() == [[0, 765], [0, 0]]
    assert tiles[4].reshape(4)[2] > tiles[4].reshape(4)[0]  # a third of the heads looks there


class Untrained(nn.Module):
    """A ViT of one's own, around timm's."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = timm.models.VisionTransformer(
            img_size=8, patch_size=4, in_chans=1, num_classes=10, embed_dim=12, depth=2, num_heads=2
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.inner(images)


def test_a_run_of_a_transformer_saves_its_figures(zoo_home) -> None:
    record = zoo.evaluate(Untrained(), "digits", classes="dataset", limit=20, save_figures=3)
    figures = [artifact.path for artifact in record.artifacts if artifact.path.startswith("figures/")]
    assert len(figures) == 3
    assert all((zoo_home / "runs" / record.key / path).stat().st_size for path in figures)


def test_a_run_of_another_classifier_says_that_nobody_draws_it(zoo_home) -> None:
    with pytest.raises(OptionError, match="task classify cannot be drawn, and no plugin draws what intro/mlp@digits sees"):
        zoo.evaluate("intro/mlp", "digits", limit=20, save_figures=3)
