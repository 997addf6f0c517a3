"""imagenet-sample: images whose names begin with the WordNet id of their class, as `n01440764_tench.JPEG`."""

from zoo.data import DataFiles
from zoo.errors import DataError
from zoo_data.folder import ImageFolder


def open_sample(files: DataFiles, split: str) -> ImageFolder:
    """Images uint8 [3, h, w] of all 1,000 classes, which are the WordNet ids in order, however many images are there.

    Raises DataError where there is none, or one of another class.
    """
    classes = files.spec.classes or ()
    labels = {name: label for label, name in enumerate(classes)}
    folder = files.folder("images") / "images"
    paths = sorted(folder.glob("n*.JPEG"))
    strangers = [path.name for path in paths if path.name.partition("_")[0] not in labels]
    if strangers or not paths:
        what = f"{strangers[0]} is of none of ImageNet's 1,000 classes" if strangers else f"{folder} has no images n*.JPEG"
        raise DataError(what, f"get them anew from {files.spec.homepage}")
    return ImageFolder(folder, [(path, labels[path.name.partition("_")[0]]) for path in paths], classes)
