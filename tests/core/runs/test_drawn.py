"""Sampling outside of a benchmark: what follows from the seed, what is refused, pictures in a file, texts in pieces."""

import pytest
import torch
from PIL import Image

import zoo
from zoo.errors import ModelError, OptionError
from zoo.plugins.registry import registry
from zoo.runs import drawn
from zoo.runs.drawn import Pictures, Texts
from zoo.specs import ModelSpec


class Painter(torch.nn.Module):
    """Draws noise, lighter for `day`; what it was asked is kept."""

    classes = ("day", "night")

    def __init__(self, prompt=None):
        super().__init__()
        self.prompt = prompt

    def forward(self, conditions, seeds):
        made = [torch.rand(1, 8, 6, generator=torch.Generator().manual_seed(seed)) / 2 for seed in seeds]
        return [image + (condition == "day") / 2 for image, condition in zip(made, conditions, strict=True)]


class Plain(Painter):
    classes = ()


class Mender(torch.nn.Module):
    def forward(self, conditions, seeds):
        return [image for image, scale, sigma in conditions]


class Scribe(torch.nn.Module):
    def write(self, prompt, seed, length):
        if "?" in prompt:
            raise ModelError("this scribe knows no '?'")
        for place in range(length):
            assert torch.is_inference_mode_enabled()
            yield f"{prompt}{(seed + place) % 10}"


@pytest.fixture
def named(monkeypatch):
    """Gives a class of this file a name in the registry."""

    def give(target, modality="image"):
        spec = ModelSpec(
            name="toy/model", summary="A toy.", modality=modality, tasks={"generate": f"{__name__}:{target.__name__}"}
        )
        monkeypatch.setattr(type(registry()), "tagged_model", lambda self, name: (spec, None))
        monkeypatch.setattr("zoo.opening.models.load_target", lambda target_: target)

    return give


def test_the_first_pictures_are_the_same_however_many_are_asked_for(named):
    named(Painter)
    few, many = zoo.sample("toy/model", n=3, seed=5), zoo.sample("toy/model", n=20, seed=5)
    assert isinstance(few, Pictures) and len(many.images) == 20 and few.seeds == many.seeds[:3]
    assert all(torch.equal(a, b) for a, b in zip(few.images, many.images, strict=False))
    assert not torch.equal(few.images[0], few.images[1])
    assert not torch.equal(few.images[0], zoo.sample("toy/model", n=1, seed=6).images[0])


def test_a_class_that_is_asked_for_is_drawn_and_another_is_refused(named):
    named(Painter)
    assert float(zoo.sample("toy/model", n=4, class_name="day").images[0].float().mean()) > 128
    with pytest.raises(OptionError, match="draws no 'nigth'") as caught:
        zoo.sample("toy/model", class_name="nigth")
    assert "did you mean night" in caught.value.hint and "day, night" in caught.value.hint
    named(Plain)
    with pytest.raises(OptionError, match="cannot be asked for a class"):
        zoo.sample("toy/model", class_name="day")


@pytest.mark.parametrize("asked", [{"n": 0}, {"length": 0}, {"prompt": "a cat"}])
def test_what_it_does_not_take_is_refused(named, asked):
    named(Painter)
    with pytest.raises(OptionError, match=next(iter(asked))):
        zoo.sample("toy/model", **asked)


def test_what_restores_pictures_draws_none_from_nothing(named):
    named(Mender)
    with pytest.raises(ModelError, match="draws nothing from nothing"):
        zoo.sample("toy/model")


def test_pictures_are_saved_side_by_side(named, tmp_path):
    named(Painter)
    made = zoo.sample("toy/model", n=5)
    with Image.open(made.save(tmp_path / "grid.png")) as picture:
        factor = drawn.SHOWN // 6
        assert picture.size == (3 * (6 * factor + 2) + 2, 2 * (8 * factor + 2) + 2)  # three in a row, a border of 2
        corner = picture.getpixel((2, 2))[0]
    assert corner == int(made.images[0][0, 0, 0])
    with pytest.raises(OptionError, match=r"\.png"):
        made.save(tmp_path / "grid.xyz")


def test_a_text_is_drawn_only_as_far_as_it_is_read(named):
    named(Scribe, "text")
    made = zoo.sample("toy/model", n=2, prompt="x", length=3)
    assert isinstance(made, Texts) and [len(list(text)) for text in made.texts] == [3, 3] and made.seeds[0] != made.seeds[1]
    assert not torch.is_inference_mode_enabled()
    piece = next(zoo.sample("toy/model", length=10**9).texts[0])
    assert len(piece) == 1 and not torch.is_inference_mode_enabled()


def test_a_prompt_that_cannot_be_read_is_said_before_the_first_piece(named):
    named(Scribe, "text")
    with pytest.raises(ModelError, match="knows no"):
        next(zoo.sample("toy/model", prompt="why?").texts[0])


def test_a_model_that_writes_nothing_says_so(named):
    named(Painter, "text")
    with pytest.raises(ModelError, match="writes nothing"):
        zoo.sample("toy/model")
