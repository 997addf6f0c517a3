"""One of two plugins of one id."""

NAME = "two"
