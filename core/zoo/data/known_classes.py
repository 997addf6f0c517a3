"""Class names of datasets that several plugins have weights for: a model's outputs are matched to a dataset's by name."""

DIGITS = tuple("0123456789")
"""Of digits and MNIST."""
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
"""Of Fashion-MNIST."""
