"""Comparing finished runs: in pairs, sample by sample, and in leaderboards."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = ["Board", "Comparison", "Contestant", "Difference", "Entry", "Leaderboard", "MeanRank"]

if TYPE_CHECKING:
    from zoo.comparing.board import Board, Entry, Leaderboard, MeanRank
    from zoo.comparing.record import Comparison, Contestant, Difference
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.comparing.board": ["Board", "Entry", "Leaderboard", "MeanRank"],
            "zoo.comparing.record": ["Comparison", "Contestant", "Difference"],
        },
    )
