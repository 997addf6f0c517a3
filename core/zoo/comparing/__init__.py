"""Comparing finished runs: in pairs, sample by sample, and in leaderboards."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = ["Comparison", "Contestant", "Difference"]

if TYPE_CHECKING:
    from zoo.comparing.record import Comparison, Contestant, Difference
else:
    __getattr__, __dir__ = exports(__name__, {"zoo.comparing.record": ["Comparison", "Contestant", "Difference"]})
