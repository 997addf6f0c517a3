"""What may be asked of a profile beside what a run is asked."""

from pydantic import Field

from zoo.runs.request import Asked


class Measured(Asked):
    """How to measure; none of it changes what is counted."""

    threads: int | None = Field(default=None, ge=1, description="Threads of the processor. Default: as many as torch takes.")
    warmup: int = Field(default=10, ge=0, description="Calls at batch 1 that do not count, before the others.")
    repetitions: int = Field(default=100, ge=1, description="Calls at batch 1 that count; p99 wants 100, p90 wants 10.")
