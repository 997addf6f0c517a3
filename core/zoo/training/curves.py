"""The curves of a training, drawn: its losses and its score, epoch by epoch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.charts import Curve, line_chart
from zoo.training.job import Epoch

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH, HEIGHT = 640, 240


def draw_curves(history: Sequence[Epoch], metric: str) -> "Image":
    """Two panels over the epochs: the loss and what was told beside it, and below them the score on the validation samples."""
    from PIL import Image

    names = dict.fromkeys(name for epoch in history for name in epoch.losses)
    losses = {name: Curve([epoch.losses.get(name) for epoch in history]) for name in names}
    losses = losses or {"loss": Curve([epoch.loss for epoch in history])}
    scores = {metric: Curve([epoch.score for epoch in history])}
    picture = Image.new("RGB", (WIDTH, 2 * HEIGHT))
    for place, (title, curves) in enumerate((("training", losses), ("validation", scores))):
        panel = line_chart(curves, title, "epoch", first=history[0].epoch, size=(WIDTH, HEIGHT))
        picture.paste(panel.image(), (0, place * HEIGHT))
    return picture
