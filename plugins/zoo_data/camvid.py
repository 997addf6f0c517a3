"""camvid: road scenes from a driving car, with a label for every pixel."""

from zoo.data import DataFiles
from zoo_data.labels import IGNORE, Coding
from zoo_data.masks import LabelledImages, paired

VOID = 11


def open_camvid(files: DataFiles, split: str) -> LabelledImages:
    """Images 480x360 and label maps of 11 classes; pixels labelled 11 (void) are ignored. Ids are the names of the frames.

    However many of a split's images are there are taken: the record names the number, and the fingerprint the content.
    """
    root = files.folder(split, f"{split}annot")
    classes = files.spec.classes or ()
    coding = Coding(tuple(range(len(classes))), ignored=(VOID, IGNORE))
    return LabelledImages(paired(root / split, root / f"{split}annot"), classes, coding)
