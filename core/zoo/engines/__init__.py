"""Engines: what maps the shards of a run, this process, several of this machine, or Ray."""

from typing import TYPE_CHECKING

from zoo.lazy import exports

__all__ = ["Done", "Engine", "Job", "Part", "Place", "Ready", "Task", "TaskDiedError", "checked_engine", "one_engine", "outcomes"]

if TYPE_CHECKING:
    from zoo.engines.base import Done, Engine, Job, Part, Place, Ready, Task, TaskDiedError, outcomes
    from zoo.engines.naming import checked_engine, one_engine
else:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "zoo.engines.base": ["Done", "Engine", "Job", "Part", "Place", "Ready", "Task", "TaskDiedError", "outcomes"],
            "zoo.engines.naming": ["checked_engine", "one_engine"],
        },
    )
