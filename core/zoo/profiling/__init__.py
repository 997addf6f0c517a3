"""Profiling: what a model takes, counted and measured: parameters, operations, memory, latency, throughput."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = ["Latency", "Memory", "Profile", "Profiles", "Protocol", "Tried", "Unprofiled"]

if TYPE_CHECKING:
    from zoo.profiling.record import Latency, Memory, Profile, Profiles, Protocol, Tried, Unprofiled
else:
    __getattr__, __dir__ = exports(
        __name__,
        {"zoo.profiling.record": ["Latency", "Memory", "Profile", "Profiles", "Protocol", "Tried", "Unprofiled"]},
    )
