"""digits: the 1,797 handwritten digits of 8x8 pixels that scikit-learn carries."""

from zoo.data import ArrayDataset, DataFiles


def open_digits(files: DataFiles, split: str) -> ArrayDataset:
    """Images float32 [1, 8, 8] in [0, 1] (17 grey levels, divided by 16): those of `sklearn.datasets.load_digits`.

    The published set has no split: every fifth sample, that is index % 5 == 0, is `test`, the others are `train`.
    """
    import numpy as np
    import torch

    # Of scikit-learn's file, as importing scikit-learn takes a second.
    rows = np.loadtxt(files.read("digits.csv").decode().splitlines(), delimiter=",", dtype=np.float32)
    picked = [index for index in range(len(rows)) if (index % 5 == 0) == (split == "test")]
    return ArrayDataset(
        torch.from_numpy(rows[picked, :-1] / 16).reshape(-1, 1, 8, 8),
        rows[picked, -1].astype(int).tolist(),
        [f"digits-{index:04}" for index in picked],
        files.spec.classes or (),
    )
