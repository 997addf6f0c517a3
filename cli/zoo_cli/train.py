"""`zoo train`: make a model's weights by a recipe, or check its gradients."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import zoo
from zoo.foresight import Foresight
from zoo.units import size_of
from zoo_cli.flags import refuse_given
from zoo_cli.gradcheck import print_gradients
from zoo_cli.groups import Command
from zoo_cli.progress import progress_bar
from zoo_cli.render import duration, interval, note, number, print_fields, print_json, say, say_wrapped, styled
from zoo_cli.trainings import print_trainings
from zoo_cli.types import AtLeast, Name, parsed
from zoo_cli.warned_index import open_index

if TYPE_CHECKING:
    from zoo.training.job import TrainingProgress
    from zoo.training.record import TrainingRecord

STEPS = 20
"""Of a profile, unless it is said how many."""
OF_A_CHECK = ("seed", "dataset", "model", "data_dir")
OF_A_PROFILE = (*OF_A_CHECK, "techniques", "without", "device")


@click.command(
    cls=Command,
    examples=(
        "zoo train intro/mlp-digits",
        "zoo train cnn/lenet5-mnist --output lenet5.safetensors",
        "zoo train hub/finetune --model timm/resnet18 --dataset folder:photos --output photos.safetensors",
        "zoo train cnn/lenet5-digits --with bf16 --with wsd:warmup=0.1",
        "zoo train cnn/lenet5-digits --processes 2 --with zero-1",
        "zoo train cnn/lenet5-digits --with bf16 --with sgd --profile",
        "zoo train cnn/lenet5-digits --gradcheck",
        "zoo list recipes",
    ),
)
@click.argument("recipe", type=Name("recipe"))
@click.option("--output", type=click.Path(dir_okay=False), help="Copy the weights to this .safetensors file, too.")
@click.option("--epochs", type=AtLeast(1), help="Instead of the recipe's own number.")
@click.option("--seed", type=int, help="Instead of the recipe's own.")
@click.option("--dataset", type=Name("dataset"), metavar="NAME", help="Instead of the recipe's own, such as folder:PATH.")
@click.option("--model", type=Name("model"), metavar="NAME", help="Instead of the recipe's own, such as timm/resnet18.")
@click.option("--set", "overrides", metavar="FIELD=VALUE", multiple=True, help="Another field of the recipe, such as ema=0.99.")
@click.option(
    "--with",
    "techniques",
    metavar="TECHNIQUE",
    multiple=True,
    type=Name("technique"),
    help="Switch a technique on, such as training/bf16 or lamb:trust_clip=true.",
)
@click.option("--without", metavar="TECHNIQUE", multiple=True, type=Name("technique"), help="Switch one of the recipe's off.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, mps, or auto.")
@click.option("--processes", type=AtLeast(1), default=1, show_default=True, help="Train in so many, on CPUs or a GPU each.")
@click.option("--fresh", is_flag=True, help="Train anew what is finished, or was interrupted.")
@click.option("--gradcheck", is_flag=True, help="Train nothing: check gradients on a batch against central differences.")
@click.option(
    "--profile",
    type=AtLeast(1),
    is_flag=False,
    flag_value=STEPS,
    metavar="[STEPS]",
    help=f"Train nothing: take a few steps ({STEPS}), and show what they cost, without and with each technique.",
)
@click.option(
    "--save-figures", type=click.Path(file_okay=False), metavar="DIR", help="Draw loss, rate and memory into this folder."
)
@click.option("--data-dir", type=click.Path(), help="Folder of datasets, looked in before ZOO_DATA_DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print the training record, or the check, as JSON.")
def train(recipe: str, as_json: bool, gradcheck: bool, profile: int | None, overrides: tuple[str, ...], **settings: Any) -> int:
    """Train the weights of a model by RECIPE, and say where they are.

    On data of your own the model gets an output for each of their classes; where they have no train split, a fifth of every
    class is held out.

    The epoch that is best on a validation part of the train split is kept; the test split is never seen. An interrupted
    training goes on where it stopped and ends with the same weights. --set takes YAML and parts of fields, such as
    config.width=16 or options.pretrained=null. --profile takes some steps of the recipe as it is, with each technique of --with,
    and with all of them, and writes no weights. --gradcheck takes 8 samples, or as many as --set batch_size=N says.

    Exit codes: 0 trained, or gradients agree; 1 a gradient is off.
    """
    if gradcheck and profile:
        raise click.UsageError("--gradcheck and --profile both train nothing: take one of them")
    if gradcheck:
        settings = _only("--gradcheck trains nothing, on the CPU", settings, OF_A_CHECK)
    figures = None if gradcheck else settings.pop("save_figures")
    if profile:
        settings = _only("--profile trains nothing to its end", settings, OF_A_PROFILE) | {"steps": profile}
    open_index()
    fields = parsed("--set", "FIELD=VALUE", overrides)
    foresight = Foresight()
    with progress_bar("batches") as show:

        def progress(step: "TrainingProgress") -> None:
            if step.note:
                note(step.note)
            if show is not None and step.epoch == 0:
                show("downloading MiB", step.done >> 20, step.total >> 20 or None)
            elif show is not None:
                news = [
                    f"{name} {number(value)}" for name, value in (("loss", step.loss), ("score", step.score)) if value is not None
                ]
                share = (step.epoch - 1 + step.done / max(1, step.total)) / max(1, step.epochs)
                show(f"epoch {step.epoch}/{step.epochs}", step.done, step.total, ", ".join(news), foresight.left(share))

        do: Any = zoo.gradcheck if gradcheck else zoo.profile_training if profile else zoo.train
        done = do(recipe, progress=progress, overrides=fields, **settings)
    if figures:
        from zoo.training import compared, save_pictures

        save_pictures(done if profile else compared([done]), Path(figures))
    if as_json:
        print_json(done.model_dump(mode="json"))
    elif gradcheck:
        print_gradients(done)
    elif profile:
        print_trainings(done)
    else:
        _print(done, str(settings["output"] or done.weights))
    return 1 if gradcheck and not done.passed else 0


def _only(why: str, settings: dict[str, Any], taken: tuple[str, ...]) -> dict[str, Any]:
    """The settings of these names. Raises UsageError where another was given, which is of training alone."""
    refuse_given(why, settings.keys() - set(taken))
    return {name: settings[name] for name in taken}


def _print(record: "TrainingRecord", weights: str) -> None:
    recipe, data = record.recipe, record.dataset
    resumed = f", resumed after epoch {record.resumed_from}" if record.resumed_from is not None else ""
    say_wrapped(f"{styled(recipe.name, bold=True)}: {recipe.model} on {data.name}, split {data.split}")
    say()
    print_fields(
        [
            ("trained on", f"{data.trained_on:,} samples, {recipe.epochs} epochs, seed {recipe.seed}"),
            ("validated on", f"{data.validated_on:,} other samples of the same split"),
            ("kept", f"epoch {record.epoch}, {recipe.metric} {_score(record)} on the validation samples"),
            ("took", f"{record.seconds:.1f} s on {record.device}{_processes(record)}{resumed}"),
            ("by", ", ".join((recipe.optimizer.name, recipe.schedule, *recipe.techniques))),
            ("a step", _step(record)),
            ("memory", _memory(record)),
            ("known", "\n".join(record.remarks)),
            ("not reused", record.doubt),
            ("weights", f"{weights}\nSHA-256 {record.weights_sha256}"),
            ("curves", record.curves),
            ("key", f"{record.key[:12]}, by which zoo compare knows this training"),
            ("run them", _run(record, weights)),
        ]
    )


def _processes(record: "TrainingRecord") -> str:
    return f", in {record.processes} processes by {record.parallel}" if record.processes > 1 else ""


def _score(record: "TrainingRecord") -> str:
    bounds = interval(record.score, record.ci_low, record.ci_high)
    return f"{number(record.score, record.ci_low, record.ci_high)} {bounds}".rstrip()


def _step(record: "TrainingRecord") -> str:
    """What a step took: seconds, samples, operations, and updates that were left out."""
    cost = record.cost
    if cost is None:
        return ""
    parts = []
    if cost.step_seconds is not None:
        parts.append(f"{duration(cost.step_seconds)} (median), {cost.samples_per_second or 0:,.0f} samples/s")
    if cost.flops is not None:
        parts.append(f"{cost.flops / 1e9:.3g} GFLOP")
    if cost.communication_bytes:
        parts.append(f"{size_of(cost.communication_bytes)} sent by each process")
    if cost.skipped:
        parts.append(f"{cost.skipped:,} of {cost.steps:,} updates skipped: scaled gradients overflowed")
    return ", ".join(parts)


def _memory(record: "TrainingRecord") -> str:
    """Bytes by kind."""
    cost = record.cost
    if cost is None:
        return ""
    kinds = {
        "parameters": cost.parameter_bytes,
        "gradients": cost.gradient_bytes,
        "optimizer": cost.optimizer_bytes,
        "activations": cost.activation_bytes,
    }
    told = ", ".join(f"{kind} {size_of(count)}" for kind, count in kinds.items())
    return told if cost.activation_peak_bytes is None else f"{told} ({size_of(cost.activation_peak_bytes)} at their peak)"


def _run(record: "TrainingRecord", weights: str) -> str:
    """The command that scores the weights on what they have not seen, and what it is not to be taken for."""
    data = record.dataset
    run = f"zoo run {record.recipe.model} --weights {weights} --on {data.scored_on or data.name}"
    if not data.held_out:
        return run
    seen = f"{len(data.held_out):,} samples were held out, and are listed in the record"
    return f"{run}\n{seen}" if data.scored_on else f"{run}\nscores what was trained on, too: {seen}"
