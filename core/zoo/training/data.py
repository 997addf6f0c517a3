"""The samples of a recipe: its split, or of the user's own data, which come as one heap, all but a part that is held out."""

import os

from zoo.data.dataset import Dataset
from zoo.data.download import Progress as DownloadProgress
from zoo.errors import DataError
from zoo.opening.datasets import open_dataset
from zoo.specs import DatasetSpec, RecipeSpec
from zoo.training.checking import check_labels
from zoo.training.split import Subset, split_validation

HELD_OUT = 0.2
"""Share of every class of the user's own data that training leaves alone."""
SEED = 0
"""Of what is held out: not the recipe's, so that all recipes leave the same samples alone."""


def training_data(
    spec: DatasetSpec,
    recipe: RecipeSpec,
    data_dir: str | os.PathLike[str] | None = None,
    progress: DownloadProgress | None = None,
) -> tuple[Dataset, tuple[str, ...]]:
    """The samples to divide into those to train and those to validate on, and the ids of those that are held out of both.

    Held out are samples of the user's own data (`folder:PATH`) whose split `test` is the whole: a seeded, stratified share.
    Raises DataError where the split is absent.
    """
    if recipe.split in spec.splits:
        dataset = open_dataset(spec, recipe.split, data_dir, progress)
        return _shared(dataset, recipe), _left_out(spec, recipe.split, dataset, data_dir)
    if spec.path is None or len(spec.splits) > 1 or recipe.split != "train":
        own = f"name one that is not scored later: split, such as {next(iter(spec.splits))}"
        hint = own if spec.path is not None else "take a dataset that has one: zoo list datasets"
        raise DataError(f"{spec.name} has no split {recipe.split!r}; its splits are: {', '.join(spec.splits)}", hint)
    whole = open_dataset(spec, next(iter(spec.splits)), data_dir, progress)
    check_labels(whole, recipe)
    kept, held_out = split_validation(whole, HELD_OUT, SEED)
    return _shared(Subset(whole, kept), recipe), tuple(whole.ids[position] for position in held_out)


def _shared(dataset: Dataset, recipe: RecipeSpec) -> Dataset:
    """The recipe's share of the samples. Of one seed a larger share holds a smaller one, but for groups, which stay whole."""
    if recipe.share == 1:
        return dataset
    check_labels(dataset, recipe)
    _, drawn = split_validation(dataset, recipe.share, recipe.seed)
    return Subset(dataset, drawn)


def _left_out(spec: DatasetSpec, split: str, dataset: Dataset, data_dir: str | os.PathLike[str] | None) -> tuple[str, ...]:
    """Ids of the split test that a split is without, where test is a heap that has the split's samples, too."""
    if spec.path is None or split == "test" or "test" not in spec.splits:
        return ()
    trained, scored = set(dataset.ids), open_dataset(spec, "test", data_dir).ids
    return tuple(id_ for id_ in scored if id_ not in trained) if not trained.isdisjoint(scored) else ()
