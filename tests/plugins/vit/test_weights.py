"""The shipped weights score what the catalogue claims and the topic asks for, and are timm's in name and number."""

from pathlib import Path

import pytest
import timm
import torch

import zoo
from zoo.plugins.catalogue import load_catalogue
from zoo_vit import SMALL

CLAIMS = {(claim.model, claim.benchmark): claim for claim in load_catalogue().claims if claim.model.startswith("vit/")}
LEAST = {"data/mnist": 0.990, "data/fashion-mnist": 0.90}


def test_there_is_a_claim_of_every_shipped_weight() -> None:
    shipped = {f"{spec.name}@{tag}" for spec in zoo.registry().models(plugin="vit") for tag in spec.weights}
    assert {model for model, _ in CLAIMS} == shipped


@pytest.mark.parametrize(
    "claim",
    [pytest.param(key, marks=[] if key[0] == "vit/vit-mini@mnist" else [pytest.mark.slow]) for key in sorted(CLAIMS)],
    ids=lambda key: key[0],
)
def test_the_weights_score_what_is_claimed(claim: tuple[str, str], real_data: Path) -> None:
    model, benchmark = claim
    score = zoo.evaluate(model, benchmark, data_dir=real_data).primary
    assert score.n == 10_000
    assert score.value == pytest.approx(CLAIMS[claim].value, abs=CLAIMS[claim].tolerance)
    assert score.value >= LEAST[benchmark]


@pytest.mark.parametrize("tag", ["mnist", "fashion-mnist"])
def test_the_shipped_transformers_run_in_timm(tag: str) -> None:
    mine = zoo.load(f"vit/vit-mini@{tag}")
    theirs = timm.models.VisionTransformer(
        img_size=28, patch_size=4, in_chans=1, num_classes=10, embed_dim=SMALL["dim"], depth=5, num_heads=4, mlp_ratio=2.0
    ).eval()
    theirs.load_state_dict(mine.state_dict(), strict=True)
    torch.manual_seed(0)
    images = torch.rand(3, 1, 28, 28)
    with torch.inference_mode():
        torch.testing.assert_close(mine(images), theirs(mine.normalise(images)), atol=1e-5, rtol=0)
