"""`zoo.profile`: parameters, operations, memory, latency and throughput of models, and how they were measured."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.counting import bytes_held, parameter_count
from zoo.devices import pick_device
from zoo.errors import OptionError, ZooError, no_exit
from zoo.opening.foreign import called
from zoo.plugins.blame import in_plugin
from zoo.plugins.registry import Registry, one_look_up
from zoo.profiling.asked import Measured
from zoo.profiling.measuring import MOST, Bench, latency, threads_of, throughputs
from zoo.profiling.record import Profile, Profiles, Protocol, Unprofiled
from zoo.profiling.subject import Subject, subject_of
from zoo.remarks import hearing
from zoo.runs.progress import Progress, ProgressCallback
from zoo.runs.request import How, Request
from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.specs import ImageInput


def profile(
    *models: Any,
    on: str | None = None,
    task: str | None = None,
    device: str = "auto",
    precision: str = "fp32",
    batch_size: int | str = "auto",
    threads: int | None = None,
    warmup: int = 10,
    repetitions: int = 100,
    weights: str | os.PathLike[str] | None = None,
    weights_key: str | None = None,
    allow_pickle: bool = False,
    classes: Sequence[str] | str | os.PathLike[str] | None = None,
    input: "ImageInput | str | None" = None,
    options: Mapping[str, Any] | None = None,
    protocol: Mapping[str, Any] | None = None,
    aux: Mapping[str, Any] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    progress: ProgressCallback | None = None,
) -> Profiles:
    """What models take: parameters, floating-point operations and memory, which are counted; latency and throughput, measured.

    `models` are as in `zoo.evaluate`. `on` is a benchmark or dataset whose samples are taken; without it they are made up, of the
    size that the model declares, and weights that are not here are replaced by random ones. At batch 1 the calls after `warmup`
    give percentiles; throughput is that of the best batch size, found by trying 1, 2, 4, … until it falls or memory ends, or at
    `batch_size` alone. Decoding and resizing do not count, tokenisation, where it is the model's, does. Other arguments are
    those of `zoo.evaluate`.

    Of several models one that fails is in `failures`. Raises ZooError where the only one fails, or a setting cannot be.
    """
    asked = locals()
    if not models:
        raise OptionError("no model is named", 'zoo.profile("cnn/lenet5")')
    settings = {name: asked[name] for name in (*Request.model_fields, *How.model_fields) if name in asked}
    how = How.of({**{name: field.default for name, field in How.model_fields.items()}, **settings})
    measured = Measured.of(asked)
    profiles: list[Profile] = []
    failures: list[Unprofiled] = []
    with one_look_up() as entries:
        for model in models:
            others = {**dict.fromkeys(Request.model_fields), **settings, "model": model, "benchmark": on, "seed": 0}
            try:
                with no_exit("the model or its data"), in_plugin():
                    profiles.append(_profiled(entries, Request.of(others), how, measured))
            except ZooError as error:
                if len(models) == 1:
                    raise
                label = model if isinstance(model, str) else type(model).__name__
                failures.append(Unprofiled(model=label, message=error.message, hint=error.hint))
    return Profiles(profiles=tuple(profiles), failures=tuple(failures))


def _profiled(entries: Registry, request: Request, how: How, measured: Measured) -> Profile:
    import torch

    device = pick_device(how.device)
    with threads_of(measured.threads) as threads, hearing(None) as remarks:
        subject = subject_of(entries, request)
        parameters = parameter_count(subject.model)
        bench = Bench(subject, device)
        operations = bench.operations()
        tell = _telling(how, subject)
        sizes = [how.fixed_batch] if how.fixed_batch else [2**power for power in range(MOST.bit_length())]
        calls, repetitions = latency(bench, measured.warmup, measured.repetitions, tell("timing calls at batch 1"))
        tried, ended = throughputs(bench, sizes, tell("trying batch sizes"))
        best = max(tried, key=lambda one: one.samples_per_second)
        seen = operations.total or isinstance(subject.model, torch.nn.Module)
        memory = [bench.memory(size) for size in sorted({1, best.batch_size})] if seen else []
        return Profile(
            model=subject.name,
            task=subject.task.name,
            benchmark=subject.benchmark,
            parameters=parameters,
            parameter_bytes=bytes_held(subject.model),
            flops=operations.flops,
            memory=tuple(memory),
            latency=calls,
            best_batch=best.batch_size,
            throughput=best.samples_per_second,
            tried=tuple(tried),
            ended=ended,
            protocol=Protocol(
                device=str(device),
                device_name=_device_name(device),
                threads=threads,
                precision=subject.precision.name,
                dtype=_dtypes(subject.model),
                input=bench.reading.inputs[0],
                samples=subject.samples,
                warmup=measured.warmup,
                repetitions=repetitions,
                versions={"deepzoo": __version__, "torch": _torch_version()},
            ),
            notes=tuple(dict.fromkeys([*_notes(subject, bench, parameters, operations.why, bool(memory)), *remarks])),
        )


def _notes(subject: Subject, bench: Bench, parameters: int | None, why: str, seen: bool) -> list[str]:
    notes = [*subject.notes, *([f"operations are not known: {why}"] if why else [])]
    if not seen:
        notes.append(f"memory is not known: {called(subject.model)} computes outside of torch")
    if len(bench.reading.kinds) > 1:
        kinds = ", ".join(bench.reading.inputs[place] for place in bench.reading.kinds)
        notes.append(f"operations are of the first sample, memory of the one that takes most, times of all in turn: {kinds}")
    if subject.task.name == "attack":
        notes.append("of another sample an attack may take more or fewer operations: it may fall sooner")
    if parameters is None:
        notes.append(f"parameters are not known: {called(subject.model)} does not say what it holds")
    return notes


def _telling(how: How, subject: Subject) -> Callable[[str], Callable[[int, int], None]]:
    """Progress of a stage."""
    return lambda stage: lambda done, total: how.tell(Progress(f"{subject.name}: {stage}", done, total))


def _dtypes(model: Any) -> str:
    import torch

    if not isinstance(model, torch.nn.Module):
        return ""
    return ", ".join(sorted({str(parameter.dtype).removeprefix("torch.") for parameter in model.parameters()}))


def _device_name(device: Any) -> str:
    import torch

    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            named = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        named = ""
    return named or platform.processor() or platform.machine()


def _torch_version() -> str:
    import torch

    return str(torch.__version__)
