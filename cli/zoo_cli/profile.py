"""`zoo profile`: what models take, counted and measured."""

import sys
from typing import TYPE_CHECKING, Any

import click

import zoo
from zoo.opening.written import is_written
from zoo.profiling.asked import Measured
from zoo.runs.request import How, Request
from zoo.units import size_of
from zoo_cli.completing import names_of
from zoo_cli.flags import with_flags
from zoo_cli.open_options import OpenCommand, named_settings, refuse_named
from zoo_cli.progress import progress_bar
from zoo_cli.render import counted, duration, print_fields, print_json, print_list, print_table, say, say_wrapped, styled
from zoo_cli.types import asked_options, pairs

if TYPE_CHECKING:
    from zoo.profiling import Profile, Profiles
    from zoo.runs.progress import Progress

NOT_HERE = {
    "limit",
    "outputs",
    "key",
    "seed",
    "batch_size",
    "workers",
    "skip_bad",
    "fresh",
    "compile",
    "save_figures",
    "wait",
    "engine",
    "shards",
}
"""What a run has and this has not."""
HEADER = ("model", "parameters", "FLOP/sample", "memory", "p50*", "p90*", "p99*", "best batch*", "samples/s*")


@click.command(
    cls=OpenCommand,
    examples=(
        "zoo profile cnn/lenet5",
        "zoo profile cnn/lenet5@mnist intro/mlp@mnist --on mnist",
        "zoo profile timm/resnet18.a1_in1k --batch-size 8 --threads 1",
        "zoo profile ./net.py:Net --input size=224 --json",
    ),
)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, shell_complete=names_of("model"))
@click.option(
    "--on",
    metavar="BENCHMARK",
    shell_complete=names_of("benchmark", "dataset"),
    help="Benchmark or dataset whose samples are taken. Default: made up.",
)
@click.option(
    "--batch-size", default="auto", show_default=True, metavar="N|auto", help="Of throughput; auto tries 1, 2, 4, … for the best."
)
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the model. May be repeated.")
@click.option("--aux", "others", multiple=True, metavar="ROLE=MODEL", help="Another model that the benchmark needs.")
@asked_options(Measured, Request, How, without=NOT_HERE)
@click.option("--json", "as_json", is_flag=True, help="Print the profiles as one JSON object.")
@click.pass_context
def profile(
    context: click.Context,
    /,
    models: tuple[str, ...],
    on: str | None,
    task: str | None,
    options: tuple[str, ...],
    others: tuple[str, ...],
    as_json: bool,
    **settings: Any,
) -> int:
    """Count what MODEL takes, and measure how fast it is: parameters, operations, memory, latency, throughput.

    Several models give one table. Figures marked * are this machine's alone.

    Exit codes: 0 done; 1 one of several failed; 2 your error; 70 a bug; 130 interrupted.
    """
    asked: dict[str, Any] = {"options": pairs("--option", "NAME=VALUE", options), "aux": pairs("--aux", "ROLE=MODEL", others)}
    if len(models) > 1 or is_written(models[0]):
        refuse_named(context)
    else:
        named = named_settings(context, models[0], on, task, benchmarked=on is not None)
        asked = {kind: {**asked.get(kind, {}), **named[kind]} for kind in named}
    with progress_bar("") as show:

        def progress(step: "Progress") -> None:
            if show is not None:
                show(step.stage, step.done, step.total)

        found = zoo.profile(*models, on=on, task=task, progress=progress, **settings, **asked)
    if as_json:
        print_json(found.model_dump(mode="json"))
    elif len(models) == 1:
        _print_one(found.profiles[0])
    else:
        _print_several(found, context.command)
    return 1 if found.failures else 0


def _print_one(found: "Profile") -> None:
    protocol, calls = found.protocol, found.latency
    say(f"{styled(found.model, bold=True)}  {found.task} of {protocol.samples}")
    kind = f", {protocol.dtype}" if protocol.dtype else ""
    larger = f"{kind}: {size_of(found.parameter_bytes)} with buffers" if found.parameter_bytes else ""
    tried = ", ".join(f"{one.batch_size}: {one.samples_per_second:,.0f}" for one in found.tried)
    print_fields(
        [
            ("parameters", f"{_count(found.parameters)}{larger}"),
            ("operations", "unknown" if found.flops is None else f"{_flops(found.flops)} a sample ({found.flops:,})"),
            ("peak memory", "; ".join(f"{size_of(one.bytes)} at batch {one.batch_size} ({one.how})" for one in found.memory)),
            ("latency*", f"p50 {_took(calls.p50)}, p90 {_took(calls.p90)}, p99 {_took(calls.p99)}"),
            ("throughput*", f"{found.throughput:,.0f} samples/s at batch {found.best_batch}"),
            ("tried*", f"{tried}; {found.ended}"),
            ("one sample", protocol.input),
            ("measured", _protocol(found)),
            *(("note", note) for note in found.notes),
        ]
    )
    say(styled("* of this machine alone", dim=True))


def _print_several(found: "Profiles", command: click.Command) -> None:
    rows = []
    for one in found.profiles:
        times = map(_took, (one.latency.p50, one.latency.p90, one.latency.p99))
        operations = "-" if one.flops is None else _flops(one.flops)
        memory = size_of(one.memory[0].bytes) if one.memory else "-"
        rows.append(
            (one.model, _count(one.parameters), operations, memory, *times, str(one.best_batch), f"{one.throughput:,.0f}")
        )
    if rows and sys.stdout.isatty():
        print_list(HEADER, rows)
    elif rows:
        print_table(HEADER, rows, right=range(1, len(HEADER)), indent="")
    for failure in found.failures:
        hint = f"; {failure.hint}" if failure.hint else ""
        said = with_flags(f"{failure.message}{hint}", command)
        say_wrapped(f"{styled('failed', fg='red', bold=True)} {failure.model}: {said}")
    for one in found.profiles:
        for note in one.notes:
            say_wrapped(f"{one.model}: {note}", "  ")
    if found.profiles:
        for said in dict.fromkeys(_protocol(one) for one in found.profiles):
            say_wrapped(styled(said, dim=True))
        say(styled("memory at batch 1; * of this machine alone", dim=True))


def _protocol(found: "Profile") -> str:
    """How it was measured, in one line."""
    how = found.protocol
    where = f"{how.device_name}, {counted(how.threads, 'thread')}" if how.device == "cpu" else f"{how.device} ({how.device_name})"
    calls = f"{counted(how.repetitions, 'call')} at batch 1 after {how.warmup:,} to warm up"
    return f"on {where}, {how.precision}; {calls}; {how.timed}"


def _count(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _took(seconds: float | None) -> str:
    return "-" if seconds is None else duration(seconds)


def _flops(count: int) -> str:
    """`833 kFLOP`, `4.1 GFLOP`."""
    for unit, factor in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}FLOP"
    return f"{count} FLOP"
