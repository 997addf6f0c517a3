"""The commands of this room: each parses, measures, and prints a table or JSON."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.wording import harmless, harmless_json

if TYPE_CHECKING:
    from zoo.metrics import Score
    from zoo_robust.fragility.stealth_trial import Trials

MODEL = click.argument("model")
ON = click.option("--on", required=True, help="Benchmark of task classify, or dataset.")
WEIGHTS = click.option("--weights", type=click.Path(path_type=Path), help="File of weights of your own for the model.")
LIMIT = click.option("--limit", type=click.IntRange(1), help="Samples, drawn by the seed; all, if not given.")
SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything that is drawn.")
LINES = click.option(
    "--lines", type=click.IntRange(1), default=32, show_default=True, help="Random directions of noise a sample."
)
PREMISE = (
    "the bound is that of a trigger whose direction is even in n dimensions: where data, and a trigger like them, have few\n"
    "intrinsic dimensions, it promises too much at the full n"
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def options(*decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several decorators as one, the first outermost."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


@click.command("fragility")
@options(MODEL, ON, WEIGHTS)
@click.option(
    "--attack", "attacks", multiple=True, default=("robust/deepfool",), show_default=True, help="Attack of minimal norm."
)
@options(LIMIT, LINES, SEED, JSON)
def fragility(
    model: str, on: str, weights: Path | None, attacks: tuple[str, ...], limit: int | None, lines: int, seed: int, as_json: bool
) -> None:
    """How far a mistake is: the smallest adversarial perturbation beside random noise that does as much (Euclidean norms).

    Noise does as much at the smallest length at which MODEL errs on half of so many random lines through a sample, on either
    side of it. --attack may be given several times, each with options: robust/deepfool:steps=100; the smallest norm counts.

    \b
    Examples:
      zoo fragility cnn/lenet5 --on digits
      zoo fragility cnn/lenet5@mnist --on mnist --limit 1000 --json
    """
    from zoo_robust.fragility.norms import expected_ratio, measured
    from zoo_robust.fragility.subject import opened

    norms = measured(opened(model, on, weights), tuple(dict.fromkeys(attacks)), limit=limit, lines=lines, seed=seed)
    scores = norms.scores()
    flat = expected_ratio(norms.dimension)
    if as_json:
        said = {"victim": norms.victim, "dataset": norms.dataset, "samples": norms.seen, "right": len(norms.ids)}
        drawn = {"dimension": norms.dimension, "flat_ratio": flat, "lines": lines, "seed": seed}
        _print_json({**said, **drawn, "scores": _plain(scores)})
        return
    _say(
        f"{norms.victim} on {norms.dataset}: right on {len(norms.ids):,} of {norms.seen:,} samples of {norms.dimension:,} numbers"
    )
    _table(("median of", "value"), [(name, shown(score)) for name, score in scores.items()])
    _say(f"a flat boundary in {norms.dimension:,} dimensions has ratio {flat:.4g}, about 1.48 times the root")
    _notes(scores)


@click.command("intrinsic-dimension")
@options(MODEL, ON, WEIGHTS)
@click.option("--delta", "deltas", type=click.FloatRange(0), multiple=True, default=(0.0,), show_default=True,
              help="δ, in units of the mean square about the centre; several may be given.")  # fmt: skip
@options(LIMIT, SEED, JSON)
def intrinsic_dimension(
    model: str, on: str, weights: Path | None, deltas: tuple[float, ...], limit: int | None, seed: int, as_json: bool
) -> None:
    """n(δ) = -1 - log2 P(<x - y, y> >= δ) of the inputs, and of what each layer of MODEL makes of them.

    x and y are independent samples about the mean; n(0) of an even ball of d dimensions is d. Half as many pairs are drawn as
    there are samples; where none of them exceeds δ, a lower bound is shown.

    \b
    Examples:
      zoo intrinsic-dimension cnn/lenet5 --on digits
      zoo intrinsic-dimension cnn/lenet5@mnist --on mnist --delta 0 --delta 0.1
    """
    from zoo_robust.fragility.dimension import measured
    from zoo_robust.fragility.subject import opened

    subject = opened(model, on, weights)
    layers = measured(subject, deltas=tuple(dict.fromkeys(deltas)), limit=limit, seed=seed)
    if as_json:
        found = [
            {**asdict(layer), "by_delta": _plain({f"{d:g}": score for d, score in layer.by_delta.items()})} for layer in layers
        ]
        _print_json({"model": subject.info.name, "dataset": subject.data.name, "seed": seed, "layers": found})
        return
    pairs = next(iter(layers[0].by_delta.values())).n
    _say(f"{subject.info.name} on {subject.data.name}: {pairs:,} independent pairs")
    rows = [(layer.layer, f"{layer.width:,}", *(shown(score) for score in layer.by_delta.values())) for layer in layers]
    _table(("layer", "width", *(f"n({delta:g})" for delta in layers[0].by_delta)), rows)


@click.command("concentration")
@click.argument("dimensions", type=int, nargs=-1)
@click.option("--attack", default="robust/deepfool", show_default=True, help="Attack of minimal norm.")
@click.option("--samples", type=click.IntRange(1), default=1000, show_default=True, help="Points whose norms are measured.")
@click.option("--pairs", type=click.IntRange(1), default=100_000, show_default=True, help="Pairs of points for n(0).")
@options(LINES, SEED, JSON)
def concentration(
    dimensions: tuple[int, ...], attack: str, samples: int, pairs: int, lines: int, seed: int, as_json: bool
) -> None:
    """What dimension does, where the answer is known: even balls of DIMENSIONS, each halved by a plane that classifies it.

    DIMENSIONS are 2, 10, 100 and 1000, if none is named. Norms are in radii of the ball; beside each stands what it is exactly.

    \b
    Examples:
      zoo concentration
      zoo concentration 3 30 300 --samples 200
    """
    from zoo_robust.fragility.concentration import concentration as measured

    balls = measured(dimensions or (2, 10, 100, 1000), attack=attack, samples=samples, pairs=pairs, lines=lines, seed=seed)
    if as_json:
        _print_json({"attack": attack, "lines": lines, "seed": seed, "balls": [asdict(ball) for ball in balls]})
        return
    rows = [
        (
            f"{ball.d:,}",
            *(shown(ball.dimension), f"{ball.exact_dimension:.4g}"),
            *(shown(ball.adversarial), f"{ball.exact_adversarial:.4g}"),
            *(shown(ball.noise), f"{ball.exact_noise:.4g}"),
            *(shown(ball.ratio), f"{ball.exact_ratio:.4g}"),
        )
        for ball in balls
    ]
    _table(("d", "n(0)", "exactly", "adversarial", "exactly", "noise", "exactly", "ratio", "exactly"), rows)


@click.command("stealth-attack")
@options(MODEL, ON, WEIGHTS)
@click.option("--triggers", type=click.IntRange(1), default=20, show_default=True, help="Triggers, one altered network each.")
@click.option("--kind", type=click.Choice(["noise", "sample"]), default="noise", show_default=True,
              help="Triggers are even noise, or samples of the split that the attacker knows.")  # fmt: skip
@click.option("--trigger", "ids", multiple=True, help="Id of a sample as a trigger; several may be given.")
@click.option("--answer", help="Class to plant; another than the victim's, drawn by the seed, if not given.")
@click.option("--gamma", type=float, default=0.9, show_default=True, help="Threshold of the neuron, between 0 and 1.")
@click.option("--lead", type=float, default=10.0, show_default=True, help="Of the planted answer at the trigger, in logits.")
@click.option("--known", type=click.IntRange(2), default=1000, show_default=True, help="Samples that the attacker knows.")
@click.option("--known-split", default="train", show_default=True, help="The split that they are of.")
@options(LIMIT, SEED)
@click.option("--output", type=click.Path(path_type=Path), help="File for the altered weights, of one trigger.")
@JSON
def stealth_attack(model: str, on: str, weights: Path | None, output: Path | None, as_json: bool, seed: int, **how: Any) -> None:
    """Plant an answer to a trigger into MODEL by altering one neuron, and count what else changes on the data of --on.

    The neuron is that of the layer before the last which has the least output weights. The attacker never sees those data.

    \b
    Examples:
      zoo stealth-attack cnn/lenet5 --on digits --known 500
      zoo stealth-attack cnn/lenet5@mnist --on mnist --triggers 1 --output altered.safetensors
      zoo run cnn/lenet5 --on mnist --weights altered.safetensors
    """
    from zoo.errors import OptionError
    from zoo_robust.fragility.stealth_trial import tried, write
    from zoo_robust.fragility.subject import opened

    if output is not None and (len(how["ids"]) or how["triggers"]) != 1:
        raise OptionError("`output` holds one altered network, so it needs one trigger", "ask for 1 of `triggers`, or name one")
    subject = opened(model, on, weights)
    found = tried(subject, seed=seed, **how)
    if output is not None:
        write(output, subject, found)
    if as_json:
        _print_json(_told(found) | {"seed": seed, "output": output and str(output)})
        return
    _print_trials(found)
    if output is not None:
        _say(f"the altered weights are {output}")


def _print_trials(found: "Trials") -> None:
    _say(
        f"{found.victim} on {found.dataset}: neuron {found.site.neuron} of {found.site.hidden}, {found.samples:,} samples, "
        f"n = {found.width:,} (intrinsic {shown(found.dimension)}), γ = {found.gamma:g}; {found.outside:,} lie beyond the known"
    )
    rows = [
        (
            *(trial.trigger, f"{trial.was} → {trial.answer}", "yes" if trial.hit else "no"),
            *(
                f"{trial.changed:,} ({shown(trial.share)})",
                f"{trial.delta:.3f}",
                _bound(trial.bound),
                _bound(trial.bound_intrinsic),
            ),
        )
        for trial in found.trials
    ]
    _table(("trigger", "planted", "hit", "changed", "δ", f"bound, n {found.width}", "bound, intrinsic n"), rows)
    _say(PREMISE)
    scores = found.scores()
    _table(("score", "value"), [(name, shown(score)) for name, score in scores.items()])
    _notes(scores)
    for trial in found.trials:
        if trial.own:
            _say(f"{trial.trigger} is itself among the samples, as {', '.join(trial.own)}: its prediction should change")


def _told(found: "Trials") -> dict[str, Any]:
    trials = [
        {name: getattr(trial, name) for name in ("trigger", "was", "answer", "hit", "changed", "own", "delta")}
        | {"share": asdict(trial.share), "bound": trial.bound, "bound_intrinsic": trial.bound_intrinsic}
        for trial in found.trials
    ]
    told = {"victim": found.victim, "dataset": found.dataset, "site": asdict(found.site), "samples": found.samples}
    geometry = {"width": found.width, "dimension": asdict(found.dimension), "gamma": found.gamma, "outside": found.outside}
    return {**told, **geometry, "scores": _plain(found.scores()), "trials": trials}


def shown(score: "Score") -> str:
    """`1.595 [1.493, 1.818]`, `≥ 9.71`, or why there is neither."""
    if score.value is None:
        return f"≥ {score.ci_low:.4g}" if score.ci_low is not None else score.interval
    bounds = f" [{score.ci_low:.4g}, {score.ci_high:.4g}]" if score.ci_low is not None else ""
    return f"{score.value:.4g}{bounds}"


def _bound(probability: float) -> str:
    return f"≥ {math.floor(1e4 * probability) / 1e4:.4f}" if probability > 0 else "says nothing"


def _notes(scores: "dict[str, Score]") -> None:
    for name, score in scores.items():
        if score.note:
            _say(f"{name}: {score.note}")
        if score.value is not None and score.ci_low is None:
            _say(f"{name}: no interval, {score.interval.removeprefix('none: ')}")


def _plain(scores: "dict[str, Score]") -> dict[str, Any]:
    return {name: asdict(score) for name, score in scores.items()}


def _print_json(told: dict[str, Any]) -> None:
    print(harmless_json(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _say(line: str) -> None:
    """A line, of which nothing that a stranger chose steers a terminal."""
    print(harmless(line))
