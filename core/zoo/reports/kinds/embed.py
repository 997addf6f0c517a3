"""embed: each query with the items that are most similar to it."""

from typing import TYPE_CHECKING

import numpy as np

from zoo.data.dataset import Sample
from zoo.metrics.base import State
from zoo.metrics.embed import blocks, places_of
from zoo.metrics.retrieval import RecallAtK
from zoo.reports.kinds.segment import beside
from zoo.reports.kinds.view import Array, View
from zoo.reports.seen import Seen, seen_picture, seen_sample
from zoo.reports.stored import StoredRun
from zoo.tasks.base import Rows

if TYPE_CHECKING:
    from PIL.Image import Image

NEAREST = 5
SIDE, FRAME = 84, 4
RIGHT, WRONG = (34, 139, 80), (200, 40, 60)


class EmbedView(View):
    """An embedder's run."""

    caption = "Below each sample the items that are most similar to it, framed green where they are of its class, else red."

    def __init__(self, run: StoredRun) -> None:
        self._states: list[State] = []
        super().__init__(run)

    def take(self, rows: Rows) -> None:
        self._states.append(RecallAtK().update(rows))

    def done(self) -> None:
        """The nearest items of every query: equally similar ones in an order by which wrong ones come first."""
        import torch

        places = places_of(RecallAtK().merge_all(self._states))
        self.near = np.full((len(places), NEAREST), -1)
        self.similar = np.full((len(places), NEAREST), np.nan)
        for block in blocks(places):
            count = min(NEAREST, len(block.gallery))
            size = block.match.shape[1]
            # A stable sort keeps wrong items before right ones of the same similarity.
            order = torch.argsort(block.match.to(torch.int8), dim=1, stable=True)
            found = torch.gather(block.similarity, 1, order)
            best = torch.sort(found, dim=1, descending=True, stable=True)
            picked = torch.gather(order, 1, best.indices[:, : min(count, size)]).numpy()
            values = best.values[:, : min(count, size)].numpy()
            kept = np.isfinite(values)
            self.near[block.queries[:, None], np.arange(picked.shape[1])] = np.where(kept, block.gallery[picked], -1)
            self.similar[block.queries[:, None], np.arange(picked.shape[1])] = np.where(kept, values, np.nan)
        self._labels: Array = places.labels
        self._place = {name: place for place, name in enumerate(self.ids)}
        names = self.run.classes
        top = int(places.labels.max(initial=-1)) + 1
        self.labels = tuple(names[one] if one < len(names) else f"class {one}" for one in range(max(top, len(names))))
        self.truth = places.labels
        self._codes = places.codes is not None

    def shared(self, sample: Sample) -> Seen | None:
        return seen_sample(sample, self.run.info.modality, f"the query {sample.id}")

    def own(self, sample: Sample | None, rows: Rows) -> Seen | None:
        """The nearest items in a row, framed green where they are of the query's class, else red."""
        pictures, said = [], []
        for other, right in self._neighbours(rows.ids[0]):
            found = self.run.sample(self.ids[other])
            picture = None if found is None else _small(found)
            if picture is None:
                return None
            pictures.append(_framed(picture, RIGHT if right else WRONG))
            said.append(f"{self.ids[other]}, {'right' if right else 'wrong'}")
        if not pictures:
            return None
        return seen_picture(beside(pictures), f"nearest to {rows.ids[0]}: {'; '.join(said)}", NEAREST * (SIDE + 12))

    def facts(self, rows: Rows) -> list[str]:
        place, told = self._place[rows.ids[0]], []
        what = "similarity" if self._codes else "cosine"
        for rank, (other, right) in enumerate(self._neighbours(rows.ids[0])):
            mark = "✓" if right else "✗"
            similar = self.similar[place, rank]
            told.append(f"{mark} {self.labels[self._labels[other]]}, {what} {similar:.3f}")
        return told or ["no query of the benchmark"]

    def _neighbours(self, name: str) -> list[tuple[int, bool]]:
        place = self._place[name]
        near = [int(other) for other in self.near[place] if other >= 0]
        return [(other, bool(self._labels[other] == self._labels[place])) for other in near]


def _small(sample: Sample) -> "Image | None":
    from zoo.imaging.images import prepare_image
    from zoo.tasks.drawing import to_picture

    shape = tuple(getattr(sample.input, "shape", ()))
    if len(shape) != 3 or shape[0] not in (1, 3):
        return None
    picture = to_picture(prepare_image(sample.input, None))
    picture.thumbnail((SIDE, SIDE))
    return picture


def _framed(picture: "Image", colour: tuple[int, int, int]) -> "Image":
    from PIL import ImageOps

    return ImageOps.expand(picture, FRAME, colour)
