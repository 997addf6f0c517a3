"""Tiny models with random weights, saved as their authors would publish them: one of each kind that `hub` takes."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

WORDS = ["a", "all", "and", "at", "bark", "cat", "day", "dogs", "long", "mat", "night", "on", "sat", "slept", "the"]


@pytest.fixture(scope="session")
def detr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny DETR with random weights, as its authors would publish it."""
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessor, ResNetConfig

    torch.manual_seed(0)
    backbone = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1] * 4, layer_type="basic", out_features=["stage4"]
    )
    config = DetrConfig(
        use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=backbone, num_queries=5,
        d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16,
        id2label={0: "N/A", 1: "person", 2: "dog"}, label2id={"N/A": 0, "person": 1, "dog": 2},
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("detr")
    DetrForObjectDetection(config).save_pretrained(folder)
    DetrImageProcessor(size={"shortest_edge": 64, "longest_edge": 96}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def segformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SegFormer with random weights, as its authors would publish it."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

    torch.manual_seed(0)
    config = SegformerConfig(
        depths=[1] * 4, hidden_sizes=[8, 8, 8, 8], num_attention_heads=[1] * 4, decoder_hidden_size=8,
        id2label={0: "tree", 1: "left", 2: "right"}, label2id={"tree": 0, "left": 1, "right": 2},
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("segformer")
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with random weights, in the layout of sentence-transformers."""
    from transformers import BertConfig, BertModel

    path = tmp_path_factory.mktemp("tiny-bert")
    save_words(path)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=64,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    BertModel(config).save_pretrained(path)
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    write(path / "modules.json", [{"path": place, "type": f"sentence_transformers.models.{kind}"} for place, kind in kinds])
    write(path / "1_Pooling/config.json", {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False})
    write(path / "sentence_bert_config.json", {"max_seq_length": 8})
    return path


@pytest.fixture(scope="session")
def text_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT that tells spam from ham."""
    from transformers import BertConfig, BertForSequenceClassification

    path = tmp_path_factory.mktemp("bert-classifier")
    save_words(path)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=64, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=32, id2label={0: "spam", 1: "ham"}, label2id={"spam": 0, "ham": 1},
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def image_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny ViT that tells left from right, for images of 16x16 pixels."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    path = tmp_path_factory.mktemp("vit")
    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=16, patch_size=4,
        id2label={0: "right", 1: "left", 2: "neither"}, label2id={"right": 0, "left": 1, "neither": 2},
    )  # fmt: skip
    ViTForImageClassification(config).save_pretrained(path)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def timm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny EfficientNet of two named classes in timm's own layout."""
    import timm
    from timm.models import save_for_hf

    path = tmp_path_factory.mktemp("timm")
    torch.manual_seed(0)
    network = timm.create_model("test_efficientnet.r160_in1k", num_classes=2)
    save_for_hf(network, str(path), model_config={"label_names": ["right", "left"]}, safe_serialization=True)
    return path


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny GPT-2 of single characters, with a window of 256."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    path = tmp_path_factory.mktemp("gpt2")
    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    characters = Tokenizer(models.BPE({sign: i for i, sign in enumerate([*signs, "<end>"])}, []))
    characters.pre_tokenizer, characters.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=characters, bos_token="<end>", eos_token="<end>").save_pretrained(path)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=257, n_positions=256, n_embd=16, n_layer=2, n_head=2, bos_token_id=256, eos_token_id=256)
    GPT2LMHeadModel(config).save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny DDPM of grey images of 8x8 pixels."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    path = tmp_path_factory.mktemp("ddpm")
    torch.manual_seed(0)
    network = UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    DDPMPipeline(network, DDPMScheduler(num_train_timesteps=10)).save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def text_to_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Stable Diffusion: three networks of two libraries, a tokenizer, and two parts that are absent."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    path = tmp_path_factory.mktemp("stable-diffusion")
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 8), layers_per_block=1, cross_attention_dim=16, norm_num_groups=4,
        attention_head_dim=2, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    letters = list("abcdefghijklmnopqrstuvwxyz")
    names = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    write(path / "words/vocab.json", {name: number for number, name in enumerate(names)})
    (path / "words/merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer.from_pretrained(path / "words", model_max_length=16)
    text = CLIPTextConfig(
        vocab_size=len(names), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    autoencoder = AutoencoderKL(
        block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    StableDiffusionPipeline(
        autoencoder, CLIPTextModel(text), tokenizer, unet,
        DDIMScheduler(), None, None, requires_safety_checker=False,
    ).save_pretrained(path / "pipeline")  # fmt: skip
    return path / "pipeline"


@pytest.fixture
def sides(tmp_path: Path) -> str:
    """Six photographs, the bright side of which is the left or the right: `folder:PATH`."""
    from PIL import Image

    for side, angle in (("left", 90), ("right", 270)):
        (tmp_path / "sides" / side).mkdir(parents=True)
        for i, size in enumerate(((40, 30), (24, 36), (32, 32))):
            gradient = Image.linear_gradient("L").rotate(angle).resize(size)
            Image.merge("RGB", (gradient, gradient, gradient.point(lambda value: value // 2))).save(
                tmp_path / "sides" / side / f"{i}.png"
            )
    return f"folder:{tmp_path / 'sides'}"


def save_words(path: Path) -> None:
    """A tokenizer of a few words."""
    from transformers import BertTokenizerFast

    (path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    BertTokenizerFast(vocab=str(path / "vocab.txt"), model_max_length=32).save_pretrained(path)


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
