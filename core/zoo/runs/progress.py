"""How a run says how far it is, to whoever wants to show it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.runs.shards import Shard


@dataclass(frozen=True)
class Progress:
    """One step: what is going on, how many of how many samples are done, and how many of them were found done.

    In the stage "downloading" bytes are counted, and a total of 0 is unknown. `left` are the seconds until the run is scored, as
    far as can be foreseen; None where that is not known yet.
    """

    stage: str
    done: int
    total: int
    reused: int = 0
    left: float | None = None


ShardCallback = Callable[["Shard"], None]
ProgressCallback = Callable[[Progress], None]
