"""What a homework is: the kind of entry that this plugin adds, which any plugin can offer by the hook `zoo_homeworks`."""

from typing import Literal

from pydantic import AwareDatetime, Field

from zoo.specs import Frozen, Spec

SubmissionKind = Literal["predictions", "weights", "onnx", "code"]


class HomeworkLimits(Frozen):
    """What one submission may take; beyond, it is stopped and gets a named status."""

    file_bytes: int = Field(default=256 << 20, gt=0, description="Size of what is handed in, unpacked.")
    wall_seconds: float = Field(default=120.0, gt=0, description="Of the clock on the wall.")
    cpu_seconds: float = Field(default=120.0, gt=0, description="Of all its processes together.")
    memory_bytes: int = Field(
        default=4 << 30, gt=0, description="Resident, of all its processes together; also the most of each."
    )
    processes: int = Field(default=64, gt=0, description="Processes and threads at once.")
    output_bytes: int = Field(default=64 << 20, gt=0, description="Predictions, and what it writes to its temporary folder.")


class HomeworkSpec(Spec):
    """A homework of a course: a benchmark with a pass mark, and what may be handed in for it."""

    benchmark: str = Field(description="Name of a benchmark with a pass mark, of classify, embed, segment or detect.")
    accepts: tuple[SubmissionKind, ...] = Field(
        default=("predictions", "weights", "onnx", "code"),
        min_length=1,
        description="Kinds of submission; predictions are of classify alone, and onnx is of all but detect.",
    )
    points: float = Field(default=100.0, ge=0, allow_inf_nan=False, description="For passing; whatever else happens is 0 points.")
    limits: HomeworkLimits = Field(default=HomeworkLimits(), description="What one submission may take.")
    due: AwareDatetime | None = Field(default=None, description="With its offset from UTC; what comes later is marked late.")
    attempts: Literal["best", "last", "first"] = Field(default="best", description="Which of a student's attempts counts.")
    max_attempts: int | None = Field(default=None, ge=1, description="Later attempts are not graded.")
