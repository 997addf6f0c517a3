"""A loop's whole state between two epochs: written, and taken up again."""

from typing import TYPE_CHECKING, Any

from zoo.remarks import remark
from zoo.training.checkpoint import load_checkpoint, restore, save_checkpoint
from zoo.training.job import Epoch, TrainingProgress

if TYPE_CHECKING:
    from zoo.training.loop import Loop


def save_loop(loop: "Loop", epoch: int) -> None:
    """Write the state after an epoch, in place of that of the epoch before. All processes take part, the first one writes."""
    content = {name: loop.team.gathered(part.state_dict()) for name, part in _parts(loop).items()}
    if not loop.team.first:
        return
    told = {
        "epoch": epoch,
        "history": [entry.model_dump() for entry in loop.history],
        "best_state": loop.best_state,
        "processes": loop.team.size,
        "trace": loop.trace.state_dict(),
    }
    save_checkpoint(loop.job.folder / "checkpoint.pt", loop.job.key, {**told, **content})


def resume_loop(loop: "Loop") -> int:
    """Take up the state of the last finished epoch; returns its number, 0 where training begins."""
    content, why_not = load_checkpoint(loop.job.folder / "checkpoint.pt", loop.job.key)
    epoch = int(content["epoch"]) if content else 0
    if content:
        for name, part in _parts(loop).items():
            if name in ("model", "average"):
                restore(part, content[name])
            else:
                state = loop.team.divided(content[name], part) if name == "optimizer" else content[name]
                part.load_state_dict(state)
        loop.best_state = content["best_state"]
        loop.history = [Epoch(**entry) for entry in content["history"]]
        loop.trace.load_state_dict(content["trace"])
        if (before := content.get("processes", loop.team.size)) != loop.team.size:
            remark(f"after epoch {epoch} training went on in processes: {loop.team.size}, and no longer {before}", stacklevel=3)
    if note := why_not or (f"resumed after epoch {epoch}" if epoch else ""):
        loop.job.report(TrainingProgress(epoch, loop.job.recipe.epochs, 0, loop.batches, note=note))
    return epoch


def _parts(loop: "Loop") -> dict[str, Any]:
    """All that changes from step to step."""
    parts = {"model": loop.accelerator.unwrap_model(loop.model), "optimizer": loop.optimizer, "schedule": loop.schedule}
    if loop.average:
        parts["average"] = loop.average.module
    if list(loop.loss.parameters()):
        parts["loss"] = loop.loss
    if loop.accelerator.scaler is not None:
        parts["scaler"] = loop.accelerator.scaler
    return parts
