"""Stand-ins for Galaxy10: a file of its structure from the real photographs of Galaxy Zoo 1, and a large one of noise."""

import csv
from pathlib import Path

import numpy as np

LABELS = {"dont_know": 0, "merger": 1, "elliptical": 2, "spiral_clockwise": 6, "spiral_anticlockwise": 7, "edge_on": 8}
"""Galaxy Zoo 1's classes under numbers of Galaxy10's: a stand-in to run the path on, not the same classes."""


def write_galaxy_zoo(source: Path, path: Path, each: int, side: int, chunk: int = 16) -> int:
    """`each` photographs of every class of Galaxy Zoo 1, cropped to the middle half and resized; how many there are."""
    import h5py
    from PIL import Image

    rows = list(csv.DictReader((source / "labels.csv").read_text().splitlines()))
    picked = [row for name in LABELS for row in [row for row in rows if row["class_name"] == name][:each]]
    order = np.random.default_rng(0).permutation(len(picked))
    with h5py.File(path, "w") as file:
        images = file.create_dataset(
            "images",
            (len(picked), side, side, 3),
            np.uint8,
            chunks=(chunk, side, side, 3),
            compression="gzip",
            compression_opts=1,
        )
        for place, row in enumerate(order):
            with Image.open(source / picked[row]["file"]) as image:
                quarter = image.width // 4
                crop = image.convert("RGB").crop((quarter, quarter, image.width - quarter, image.height - quarter))
                images[place] = np.asarray(crop.resize((side, side), Image.Resampling.BICUBIC))
        file["ans"] = np.array([LABELS[picked[row]["class_name"]] for row in order], dtype=np.uint8)
        file["ra"] = np.linspace(0, 359, len(picked))
        file["dec"] = np.linspace(-30, 30, len(picked))
    return len(picked)


def write_large(path: Path, gigabytes: float) -> int:
    """A file of full-sized images of noise that takes so many GB on disk; how many images there are."""
    import h5py

    count = int(gigabytes * 1e9 / (256 * 256 * 3))
    rng = np.random.default_rng(0)
    block = rng.integers(0, 256, (32, 256, 256, 3), dtype=np.uint8)
    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", (count, 256, 256, 3), np.uint8, chunks=(32, 256, 256, 3))
        for start in range(0, count, 32):
            images[start : start + 32] = np.roll(block, start, axis=2)[: count - start]
        file["ans"] = (np.arange(count) % 10).astype(np.uint8)
        file["ra"], file["dec"] = np.linspace(0, 359, count), np.linspace(-30, 30, count)
    return count
