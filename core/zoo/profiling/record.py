"""What profiles hold: figures that are counted, and so the same everywhere, and figures that are this machine's."""

from typing import Literal

from pydantic import Field

from zoo.specs import Frozen

MACHINE_DEPENDENT = ("latency", "throughput", "best_batch", "tried")
"""Figures that hold for this machine, device and number of threads alone."""


class Protocol(Frozen):
    """How it was measured."""

    device: str
    device_name: str = Field(description="As the machine calls it: of the processor, or of the GPU.")
    threads: int
    precision: str = Field(description="fp32 unless it was said otherwise, or the technique that altered the network.")
    dtype: str = Field(description="Of the parameters: float32, or several; empty where there are none.")
    input: str = Field(description="What the first sample is for the model: `float32 1x32x32`, `text of 37 characters`.")
    samples: str = Field(description="What was asked: `images 1x32x32`, synthetic, or samples of a benchmark's dataset.")
    timed: str = "forward pass and the checks of what it returns; samples are prepared and on the device, a batch is one repeated"
    warmup: int = Field(description="Calls at batch 1 that were left out, before those that count.")
    repetitions: int = Field(description="Calls at batch 1 that count.")
    versions: dict[str, str] = Field(description="Of deepzoo and torch.")


class Latency(Frozen):
    """Seconds of one call at batch 1. A percentile that so few calls do not have is None: p90 wants 10, p99 wants 100."""

    p50: float
    p90: float | None
    p99: float | None


class Memory(Frozen):
    """Bytes at the peak of a forward pass."""

    batch_size: int
    bytes: int
    how: Literal["counted", "allocator"] = Field(
        description="counted: tensors that are alive, parameters, buffers and inputs with them, but not what kernels need within "
        "themselves; allocator: the most that CUDA's allocator had given out."
    )


class Tried(Frozen):
    """A batch size that was tried."""

    batch_size: int
    samples_per_second: float = Field(description="Of the median of its calls.")
    calls: int


class Profile(Frozen):
    """One model. None is a figure that cannot be known; `notes` say why."""

    model: str
    task: str
    benchmark: str | None = Field(default=None, description="Whose samples were taken; None: synthetic ones.")
    parameters: int | None = Field(description="Numbers that it has learnt, those of its parts included.")
    parameter_bytes: int | None = Field(description="Of parameters and buffers, each storage once.")
    flops: int | None = Field(
        description="Floating-point operations of one sample: those of matrix products and convolutions, a multiplication and an "
        "addition counting two. The same on every machine."
    )
    memory: tuple[Memory, ...] = Field(
        description="At batch 1 and at the best batch size; none where it computes outside of torch."
    )
    latency: Latency = Field(description="Machine-dependent.")
    best_batch: int = Field(description="Machine-dependent: the batch size of the highest throughput, of those that were tried.")
    throughput: float = Field(description="Machine-dependent: samples a second at the best batch size.")
    tried: tuple[Tried, ...] = Field(description="Machine-dependent: 1, 2, 4, … until it fell.")
    ended: str = Field(description="Why no larger batch was tried.")
    protocol: Protocol
    machine_dependent: tuple[str, ...] = Field(default=MACHINE_DEPENDENT, description="Which figures are this machine's alone.")
    notes: tuple[str, ...] = ()


class Unprofiled(Frozen):
    """A model of several that could not be profiled, and why."""

    model: str
    message: str
    hint: str = ""


class Profiles(Frozen):
    """The profiles of some models, in the order in which they were asked for."""

    profiles: tuple[Profile, ...]
    failures: tuple[Unprofiled, ...] = ()
