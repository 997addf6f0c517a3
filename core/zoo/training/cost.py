"""What the steps of a training took, in bytes, operations and seconds, and what memory was to be expected."""

from pydantic import Field

from zoo.specs import Frozen


class Expected(Frozen):
    """Bytes by a formula; None where there is none, and why."""

    bytes: int | None
    formula: str = Field(description="In words and numbers, as `2 states × 4 bytes × 650 parameters`; or why there is none.")


class TrainingCost(Frozen):
    """Of one process, the last that took part; of several at a time bytes are of the one with most, the rest of the first.

    Bytes are those of tensors, counted each storage once.
    """

    parameter_bytes: int = Field(description="Of parameters, trained or not, and buffers.")
    gradient_bytes: int = Field(description="Of gradients before an update.")
    optimizer_bytes: int = Field(description="Of the optimizer's states after an update.")
    activation_bytes: int | None = Field(
        description="Held at the most between forward and backward pass of the first batch, parameters and inputs left out; None "
        "where the trainer has a step of its own."
    )
    activation_peak_bytes: int | None = Field(
        default=None,
        description="Alive at the most while the gradients of that batch are computed: held, computed again or underway, "
        "but for parameters, their gradients and inputs.",
    )
    flops: int | None = Field(
        description="Floating-point operations of matrix products and convolutions, forward and backward, of the first batch."
    )
    communication_bytes: int = Field(
        default=0, description="Sent to other processes in a step, as rings send it: see zoo.training.traffic."
    )
    peak_bytes: int | None = Field(default=None, description="Most that the allocator held; None on a CPU.")
    step_seconds: float | None = Field(description="Median of a step, the first ones left out; None of too few steps.")
    samples_per_second: float | None = Field(description="Of a median step.")
    steps: int = Field(description="Steps that were taken.")
    skipped: int = Field(default=0, description="Those of them whose update was left out, since a scaled gradient overflowed.")
    expected: dict[str, Expected] = Field(
        default_factory=dict,
        description="Of parameters, gradients, optimizer and activations: bytes by the techniques' formulas.",
    )
