"""orl-faces: ten photographs of each of 40 people."""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.data import ArrayDataset, DataFiles, pointer_problem
from zoo.errors import DataError

if TYPE_CHECKING:
    import numpy as np

PEOPLE, SHOTS, WIDTH, HEIGHT = 40, 10, 92, 112
LARGEST_FILE = 1 << 20
"""Bytes of a photograph; one has some ten thousand."""
PIXELS_SHA256 = "2e4844a9f4fa4397058f69d6208047170f2e9d399cda18b55c1e8d28f0a83431"
"""Of the pixels of all photographs in order: the comments in their files differ from copy to copy."""


def open_faces(files: DataFiles, split: str) -> ArrayDataset:
    """Photographs uint8 [1, 112, 92], grey, of the people `s1` to `s40`, which are the classes. Ids are `s1/1` to `s40/10`.

    Raises DataError where one is missing or is not the published one.
    """
    import torch

    people = [f"s{person}" for person in range(1, PEOPLE + 1)]
    names = [f"{person}/{shot}" for person in people for shot in range(1, SHOTS + 1)]
    folder = files.folder(people[0], people[-1])
    images = torch.stack([torch.from_numpy(read_photograph(folder / f"{name}.pgm")) for name in names]).unsqueeze(1)
    found = hashlib.sha256(images.numpy().data).hexdigest()
    if found != PIXELS_SHA256:
        raise DataError(
            f"the photographs in {folder} are not those that were published: the SHA-256 of their pixels is {found}",
            f"get them anew from {files.spec.homepage}",
        )
    return ArrayDataset(images, [index // SHOTS for index in range(len(names))], names, people)


def read_photograph(path: Path) -> "np.ndarray":
    """Pixels uint8 [112, 92] of a PGM file. Raises DataError naming a file that is missing or something else."""
    import numpy as np
    from PIL import Image

    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE)
        if pointer := pointer_problem(content):
            raise DataError(f"{path} cannot be read: {pointer[0]}", pointer[1])
        with Image.open(BytesIO(content), formats=["PPM"]) as image:
            if (image.size, image.mode) != ((WIDTH, HEIGHT), "L"):
                raise DataError(f"{path} is not a grey image of {WIDTH}x{HEIGHT} pixels", "get the whole set anew")
            return np.array(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} cannot be read: {error}", "get the whole set anew") from error
