"""`zoo sample`: pictures into a file, a text to the terminal behind its prompt, and what cannot be asked."""

import pytest
from PIL import Image


def test_pictures_are_a_grid_in_a_file(zoo, tmp_path):
    done = zoo("sample", "generative/ddpm", "-n", "4", "--steps", "2", "--output", str(tmp_path / "four.png"))
    assert done.code == 0, done.err
    assert f"4 pictures of generative/ddpm@mnist-samples in {tmp_path / 'four.png'}" in done.out
    with Image.open(tmp_path / "four.png") as picture:
        assert picture.size == (2 * 58 + 2, 2 * 58 + 2)


def test_a_text_stands_behind_its_prompt(zoo):
    done = zoo("sample", "generative/char-gpt", "--prompt", "ROMEO:", "--length", "12", "-n", "2")
    assert done.code == 0, done.err
    again = zoo("sample", "generative/char-gpt", "--prompt", "ROMEO:", "--length", "12", "-n", "2", "--json").json
    assert done.out == "".join(f"ROMEO:{text}\n" for text in again["texts"])
    assert [len(text) for text in again["texts"]] == [12, 12] and len(set(again["seeds"])) == 2


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("generative/char-gpt", "--prompt", "naïve"), "'ï' is not among them", "its own alphabet"),
        (("generative/vae@mnist", "--class", "3"), "cannot be asked for a class", "leave --class out"),
        (("generative/vae@mnist", "--prompt", "a three"), "takes no prompt", "leave --prompt out"),
        (("generative/vae",), "several weights", "generative/vae@TAG"),
        (("generative/ddpm-class", "--class", "ten"), "draws no 'ten'", "its classes are: 0, 1, 2"),
        (("generative/ddpm", "--stepz", "3"), "no such option '--stepz'", "the model takes --sampler, --steps"),
        (("generative/ddpm", "--store", "uint8"), "no such option '--store'", "see zoo sample --help"),
        (("generative/ddpm", "-n", "0"), "'0' is not a whole number of at least 1", ""),
        (("cnn/lenet5",), "does not generate", "classify"),
    ],
)
def test_what_cannot_be_asked_is_told(zoo, arguments, message, hint):
    done = zoo("sample", *arguments)
    assert done.code == 2 and not done.out
    assert message in done.err and hint in done.err
