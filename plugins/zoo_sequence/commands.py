"""The command `zoo gradient-norms`: it parses, measures, prints a table, and saves a picture."""

import json
from pathlib import Path

import click

SHOWN = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Steps back that the table shows; the picture shows all."""


@click.command("gradient-norms")
@click.argument("models", nargs=-1)
@click.option("--back", type=click.IntRange(1, 900), default=100, show_default=True, help="Steps to look back.")
@click.option("--places", type=click.IntRange(1), default=64, show_default=True, help="Places of the text to average over.")
@click.option("--untrained", is_flag=True, help="Measure fresh parameters alone, not the shipped weights too.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the fresh parameters.")
@click.option("--gain", type=click.FloatRange(0), default=1.0, show_default=True, help="Factor of the fresh recurrent weights.")
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("gradient-norms.svg"), show_default=True, help="Picture to write."
)
@click.option("--json", "as_json", is_flag=True, help="Print all norms as JSON.")
def gradient_norms(
    models: tuple[str, ...], back: int, places: int, untrained: bool, seed: int, gain: float, output: Path, as_json: bool
) -> None:
    """How far back gradients reach: their norm with respect to the input t steps back, of recurrent language models.

    MODELS are char-rnn, char-gru and char-lstm, if none is named. The loss is that of one character, the norm a mean over places
    in the test split of tiny Shakespeare.

    \b
    Examples:
      zoo gradient-norms
      zoo gradient-norms char-lstm --back 500 --output lstm.svg
      zoo gradient-norms char-rnn --untrained --gain 3
    """
    from zoo.charts import Curve, line_chart
    from zoo.home import writing
    from zoo_sequence.gradient_norms import MODELS, measured

    found = measured(models or MODELS, back, places, trained=not untrained, seed=seed, gain=gain)
    chart = line_chart(
        {name: Curve(norms.tolist()) for name, norms in found.items()},
        "Gradient of the loss with respect to the input t steps back",
        "t, characters back",
        "mean norm",
        log=True,
    )
    with writing(output) as temporary:
        temporary.write_text(chart.svg(), encoding="utf-8")
    if as_json:
        told = {"back": back, "places": places, "seed": seed, "gain": gain, "picture": str(output)}
        print(json.dumps({**told, "norms": {name: norms.tolist() for name, norms in found.items()}}, indent=2))
        return
    width = max(map(len, found))
    print(f"{'t':>5}  " + "  ".join(f"{name:>{width}}" for name in found))
    for t in (t for t in SHOWN if t <= back):
        print(f"{t:>5}  " + "  ".join(f"{norms[t]:>{width}.2e}" for norms in found.values()))
    print(f"the picture is {output}")
