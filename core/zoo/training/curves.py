"""The curves of a training, drawn: its losses and its score, epoch by epoch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.charts import Curve, line_chart
from zoo.training.job import Epoch

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH, HEIGHT = 640, 240


def draw_curves(history: Sequence[Epoch], metric: str) -> "Image":
    """Two panels over the epochs: the loss, or what was told of its parts, and below the scores on the validation samples."""
    from PIL import Image

    losses = _told([epoch.losses for epoch in history]) or {"loss": Curve([epoch.loss for epoch in history])}
    scores = {metric: Curve([epoch.score for epoch in history]), **_told([epoch.scores for epoch in history])}
    picture = Image.new("RGB", (WIDTH, 2 * HEIGHT))
    for place, (title, curves) in enumerate((("training", losses), ("validation", scores))):
        panel = line_chart(curves, title, "epoch", first=history[0].epoch, size=(WIDTH, HEIGHT))
        picture.paste(panel.image(), (0, place * HEIGHT))
    return picture


def _told(epochs: Sequence[dict[str, float]]) -> dict[str, Curve]:
    """A curve of each name that any epoch has."""
    names = dict.fromkeys(name for epoch in epochs for name in epoch)
    return {name: Curve([epoch.get(name) for epoch in epochs]) for name in names}
