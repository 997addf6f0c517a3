"""Parameters that messages name are told as flags of the command that is running, and as they are in Python."""

import warnings

import click
import pytest
import typer

import zoo
from zoo.errors import OptionError
from zoo_cli.errors import guarded
from zoo_cli.flags import with_flags
from zoo_cli.run import run
from zoo_cli.train import train


@pytest.mark.parametrize(
    ("command", "text", "told"),
    [
        (run, "raise `limit`", "raise --limit"),
        (run, "pass `batch_size=1`, or `skip_bad=2`", "pass --batch-size 1, or --skip-bad 2"),
        (run, "on `benchmark=bsds500`, other `metrics`", "on --on bsds500, other --metric"),
        (run, "`protocol.save_inputs=true` or `options.steps=3`", "--save-inputs true or --steps 3"),
        (run, "name one: `aux.victim=MODEL`", "name one: --victim MODEL"),
        (run, "`weights=my file.pt`", "--weights 'my file.pt'"),
        (run, "`predict(inputs)` and `nowhere` and `Boxes`", "`predict(inputs)` and `nowhere` and `Boxes`"),
        (run, "`model` is an argument", "`model` is an argument"),
        (train, "`overrides.input.size=[28, 28]`", "--set 'input.size=[28, 28]'"),
        (train, "`limit` is not for it", "`limit` is not for it"),
        (None, "raise `limit`", "raise `limit`"),
    ],
)
def test_names_become_the_flags_of_the_command(command, text, told):
    assert with_flags(text, command) == told


def test_what_a_recipe_leaves_open_is_asked_for_by_its_flag():
    with pytest.raises(OptionError) as caught:
        zoo.train("hub/finetune", model="timm/resnet18")
    assert with_flags(caught.value.hint, train) == "name one: --dataset, such as folder:PATH"


def grouped() -> click.Group:
    @click.group()
    @click.option("--limit", is_flag=True)
    def outer(limit):
        pass

    @outer.command()
    @click.option("--at-most", "limit", default=0)
    def inner(limit):
        warnings.warn("so little `limit`", stacklevel=1)
        raise OptionError("`limit` is too small", "raise `limit=9`")

    @outer.command()
    def other():
        raise OptionError("`limit` is too small")

    return outer


def test_the_innermost_command_s_flags_are_told_in_errors_and_warnings(capsys):
    assert guarded(grouped(), ["inner"]) == 2
    err = capsys.readouterr().err
    assert "error: --at-most is too small\n hint: raise --at-most 9\n" in err and "warning: so little --at-most\n" in err
    guarded(grouped(), ["other"])
    assert capsys.readouterr().err == "error: `limit` is too small\n"


def test_a_command_of_typer_is_told_its_flags_too(capsys):
    app = typer.Typer()

    @app.command()
    def one(at_most: int = 0) -> None:
        raise OptionError("`at_most` is too small")

    outer = click.Command("outer", callback=lambda: typer.main.get_command(app).main([], standalone_mode=False))
    assert guarded(outer, []) == 2
    assert capsys.readouterr().err == "error: --at-most is too small\n"


@pytest.mark.parametrize(
    ("arguments", "called", "told", "said"),
    [
        (("--limit", "0"), {"limit": 0}, "--limit", "`limit` must be at least 1, not 0"),
        (("--data-dir", "nowhere"), {"data_dir": "nowhere"}, "--data-dir nowhere", "`data_dir` nowhere"),
        (("--save-figures", "2"), {"save_figures": 2}, "leave --save-figures out", "leave `save_figures` out"),
        (("--device", "cuda:99"), {"device": "cuda:99"}, "try --device auto", "try `device=auto`"),
    ],
)
def test_a_run_speaks_of_flags_at_the_command_line_and_of_parameters_in_python(zoo_process, arguments, called, told, said):
    with pytest.raises(zoo.ZooError) as caught:
        zoo.evaluate("intro/mlp", "digits", **called)
    assert said in str(caught.value) and "--" not in str(caught.value)
    done = zoo_process("run", "intro/mlp", "--on", "digits", *arguments)
    assert done.code == 2 and told in done.err and "`" not in done.err
