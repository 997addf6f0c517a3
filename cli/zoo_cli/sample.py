"""`zoo sample`: let a generator draw pictures, or write."""

import sys
from typing import TYPE_CHECKING

import click

import zoo
from zoo_cli.open_options import OpenCommand, named_options
from zoo_cli.render import counted, print_json, say_wrapped, write
from zoo_cli.types import AtLeast, Name, pairs
from zoo_cli.warned_index import open_index

if TYPE_CHECKING:
    from zoo.runs.drawn import Texts


@click.command(
    cls=OpenCommand,
    examples=(
        "zoo sample generative/ddpm",
        "zoo sample generative/ddpm-class -n 9 --class 7 --output sevens.png",
        'zoo sample generative/char-gpt --prompt "ROMEO:" --length 400',
        "zoo sample generative/gan --seed 1",
    ),
)
@click.argument("model", type=Name("model"))
@click.option("-n", "--number", "n", type=AtLeast(1), help="How many. Default: 16 pictures, or one text.")
@click.option("--prompt", help="What a text goes on from, or what a pipeline for text is to draw.")
@click.option("--class", "class_name", metavar="NAME", help="Class of the pictures, of a model that is told one.")
@click.option("--length", type=AtLeast(1), default=200, show_default=True, help="Of a text, in the model's tokens.")
@click.option("--seed", type=int, default=0, show_default=True, help="What all of them follow from.")
@click.option("--output", type=click.Path(dir_okay=False), default="samples.png", show_default=True, help="File of the pictures.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the model. May be repeated.")
@click.option("--weights", type=click.Path(exists=True, dir_okay=False), help="A file of your own, instead of the model's.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps, or auto.")
@click.option("--json", "as_json", is_flag=True, help="Print the texts, or where the pictures are, as JSON.")
@click.pass_context
def sample(
    context: click.Context, /, model: str, output: str, options: tuple[str, ...], as_json: bool, **settings: object
) -> None:
    """Let MODEL draw pictures into one file, side by side, or write a text to the terminal.

    An option of the model may be given by name, too: --steps 50. The first samples of a seed are the same however many are made.
    """
    from zoo.runs.drawn import Pictures

    open_index()
    asked = {**pairs("--option", "NAME=VALUE", options), **named_options(context, model, "generate")}
    made = zoo.sample(model, options=asked, **settings)  # type: ignore[arg-type]
    if isinstance(made, Pictures):
        file = made.save(output)
        if as_json:
            print_json({"model": made.model, "seeds": made.seeds, "file": str(file)})
        else:
            say_wrapped(f"{counted(len(made.images), 'picture')} of {made.model} in {file}")
    elif as_json:
        print_json({"model": made.model, "seeds": made.seeds, "texts": ["".join(text) for text in made.texts]})
    else:
        _write(str(settings["prompt"] or ""), made)


def _write(prompt: str, made: "Texts") -> None:
    """Each text behind its prompt, piece by piece as it comes."""
    for text in made.texts:
        first = next(text, "")  # before anything is printed of a prompt that cannot be read
        write(prompt + first)
        for piece in text:
            write(piece)
            sys.stdout.flush()
        write("\n")
