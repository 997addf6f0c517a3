"""A random forest whose trees are arrays: grown by scikit-learn, walked here, so that no version of its trees is unpickled."""

import numpy as np

from zoo_sklearn.fitted import Array, Fitted

UNSEEN = 1e-6
"""Probability of a class that no tree has met in the leaves of a sample, which knows it only to be small."""


class FittedForest(Fitted):
    """Probabilities are the leaves' shares of each class, averaged over the trees.

    The nodes of all trees stand one behind the other: int32 `left` and `right` (-1: a leaf) and `feature`, float64 `threshold`,
    float32 `shares` [nodes, k]; `roots` says where each tree begins. Parity: `RandomForestClassifier.predict_proba`.
    """

    def __init__(self, trees: int, leaf: int, classes: int = 2) -> None:
        super().__init__(classes)
        self.trees, self.leaf = trees, leaf

    def fitted(self, x: Array, y: Array, seed: int) -> dict[str, Array]:
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(self.trees, min_samples_leaf=self.leaf, random_state=seed).fit(x, y)
        grown = [estimator.tree_ for estimator in forest.estimators_]
        roots = np.cumsum([0, *(tree.node_count for tree in grown)])[:-1]

        def moved(side: str) -> Array:
            sides = [(getattr(tree, side), root) for tree, root in zip(grown, roots, strict=True)]
            return np.concatenate([np.where(side < 0, -1, side + root) for side, root in sides]).astype(np.int32)

        counts = np.concatenate([tree.value[:, 0, :] for tree in grown])
        return {
            "left": moved("children_left"),
            "right": moved("children_right"),
            "feature": np.concatenate([tree.feature for tree in grown]).clip(min=0).astype(np.int32),
            "threshold": np.concatenate([tree.threshold for tree in grown]),
            "shares": (counts / counts.sum(axis=1, keepdims=True)).astype(np.float32),
            "roots": roots.astype(np.int64),
        }

    def log_probabilities(self, x: Array) -> Array:
        held = self.arrays
        x = x.astype(np.float32).astype(np.float64)  # as scikit-learn compares
        node = np.broadcast_to(held["roots"], (len(x), len(held["roots"]))).copy()
        sample = np.arange(len(x))[:, None]
        while (inner := held["left"][node] >= 0).any():
            goes_left = x[sample, held["feature"][node]] <= held["threshold"][node]
            node = np.where(inner, np.where(goes_left, held["left"][node], held["right"][node]), node)
        shares = held["shares"][node].astype(np.float64).mean(axis=1)
        return np.asarray(np.log(np.maximum(shares, UNSEEN)))
