"""digits: the 1,797 handwritten digits of 8x8 pixels that scikit-learn carries."""

from zoo.data import ArrayDataset, DataFiles


def open_digits(files: DataFiles, split: str) -> ArrayDataset:
    """Images float32 [1, 8, 8] in [0, 1] (17 grey levels, divided by 16).

    The published set has no split: every fifth sample, that is index % 5 == 0, is `test`, the others are `train`.
    """
    import torch
    from sklearn.datasets import load_digits

    data = load_digits()
    picked = [index for index in range(len(data.target)) if (index % 5 == 0) == (split == "test")]
    return ArrayDataset(
        torch.from_numpy(data.images[picked] / 16).float().unsqueeze(1),
        data.target[picked].tolist(),
        [f"digits-{index:04}" for index in picked],
        files.spec.classes or (),
    )
