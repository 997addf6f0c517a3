"""Plugin `cnn`."""
