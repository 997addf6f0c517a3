"""Disk: what runs and trainings take of `ZOO_HOME`, and how to free it."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = ["Cleaning", "Piece"]

if TYPE_CHECKING:
    from zoo.disk.cleaning import Cleaning
    from zoo.disk.pieces import Piece
else:
    __getattr__, __dir__ = exports(__name__, {"zoo.disk.cleaning": ["Cleaning"], "zoo.disk.pieces": ["Piece"]})
