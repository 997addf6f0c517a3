"""`zoo run`: score a model on a benchmark, or several on several."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

import zoo
from zoo.errors import OptionError
from zoo.runs.request import How, Request
from zoo_cli.completing import plugin_ids
from zoo_cli.open_options import OpenCommand, named_of_many, named_settings, refuse_named
from zoo_cli.progress import progress_bar
from zoo_cli.render import print_json
from zoo_cli.report import print_scores
from zoo_cli.table import print_sweep
from zoo_cli.types import Name, asked_options, check_typed, pairs
from zoo_cli.warned_index import warned_of

if TYPE_CHECKING:
    from zoo.plugins.registry import Registry
    from zoo.sweeps import Step


@click.command(
    cls=OpenCommand,
    examples=(
        "zoo run intro/mlp --on digits",
        "zoo run cnn/lenet5@mnist --on mnist --json",
        "zoo run cnn/resnet20 --weights resnet20.th --on folder:photos --batch-size 64",
        "zoo run timm/resnet18 --weights tuned.pth --classes cat,dog,horse --on folder:photos",
        "zoo run robust/pgd --on mnist-linf --victim cnn/lenet5 --eps 8/255 --norm linf --steps 20",
        "zoo run 'intro/*' 'cnn/*' --on digits --on mnist",
        "zoo run cnn/lenet5 --on course/topic-8 --limit 500",
        "zoo run ./net.py:Net --on digits --classes dataset --weights checkpoint.pt",
        "zoo run --from sweep.yaml",
        "zoo run cnn/resnet20 --on cifar10 --engine local:4",
        "zoo run cnn/resnet20 --on cifar10 --shards s3://bucket/predictions",
    ),
)
@click.argument("models", metavar="MODEL...", nargs=-1, type=Name("model"))
@click.option(
    "--on",
    "benchmarks",
    metavar="BENCHMARK",
    multiple=True,
    type=Name("benchmark", "dataset", "suite"),
    help="Benchmark, dataset or suite, or a pattern. Default: what fits. May be repeated.",
)
@click.option("--plugin", metavar="ID", shell_complete=plugin_ids, help="Only models of this plugin.")
@click.option(
    "--from", "file", type=click.Path(path_type=Path), help="A YAML file: models, benchmarks, and any of these options."
)
@click.option(
    "--metric", "metrics", multiple=True, type=Name("metric"), help="Score this too, such as f1:average=macro. May be repeated."
)
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the model. May be repeated.")
@click.option("--aux", "others", multiple=True, metavar="ROLE=MODEL", help="Another model that the benchmark needs.")
@click.option("--classes-from", type=click.Path(path_type=Path), help="File of the names of the outputs, in order.")
@asked_options(Request, How)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.pass_context
def run(
    context: click.Context,
    /,
    models: tuple[str, ...],
    benchmarks: tuple[str, ...],
    plugin: str | None,
    file: Path | None,
    task: str | None,
    options: tuple[str, ...],
    others: tuple[str, ...],
    classes_from: Path | None,
    as_json: bool,
    **settings: Any,
) -> int:
    """Run MODEL on a benchmark and print its scores, each with a 95 % interval.

    Several models, several --on, a pattern ('cnn/*'), a suite or --from run all pairs that fit, and end in a table; a failure
    costs its own cell. Without MODEL all of --task and --plugin are run. MODEL may also say where a network of your own is
    written: ./net.py:Net, package.module:attr.

    An option of the model, a setting of the benchmark's protocol and another model that it needs may be given by name, too:
    --steps 20, --eps 8/255, --victim cnn/lenet5. zoo show tells what there is.

    --engine local:4 shares the shards out to four processes of this machine, --engine ray to a cluster: the scores are the same.

    An interrupted run goes on where it stopped. Of a finished one the predictions are found, and only scored into a new record.

    Exit codes: 0 done and, where there is a pass mark, passed; 1 pass mark missed, or a run of several failed; 2 your error; 70
    a bug; 130 interrupted.
    """
    from zoo.plugins.registry import one_look_up
    from zoo.sweeps import is_one_run

    if classes_from is not None:
        settings["classes"] = _class_file(settings["classes"], classes_from)
    if not (models or file or task or plugin or benchmarks):
        refuse_named(context)
        raise click.UsageError("missing argument 'MODEL'", context)
    for part in others:
        check_typed(("model",), part.partition("=")[2])
    asked = {"options": pairs("--option", "NAME=VALUE", options), "aux": pairs("--aux", "ROLE=MODEL", others), "protocol": {}}
    with one_look_up() as entries:
        warned_of(entries.index)
        if file is None and plugin is None and is_one_run(entries, models, benchmarks):
            return _run_one(context, models[0], next(iter(benchmarks), None), task, asked, as_json, settings)
        wanted = {**settings, "task": task, "plugin": plugin, **{kind: values for kind, values in asked.items() if values}}
        if file is not None:
            models, benchmarks, wanted = _with_file(context, file, models, benchmarks, wanted)
        return _run_many(context, entries, models, benchmarks, wanted, as_json)


def _run_one(
    context: click.Context,
    model: str,
    benchmark: str | None,
    task: str | None,
    asked: dict[str, dict[str, str]],
    as_json: bool,
    settings: dict[str, Any],
) -> int:
    """One model on one benchmark: its scores in full."""
    named = named_settings(context, model, benchmark, task)
    settings |= {kind: {**values, **named[kind]} for kind, values in asked.items()}
    record = zoo.evaluate(model, benchmark, task=task, **settings)
    if as_json:
        print_json(record.summary())
    else:
        print_scores(record)
    return 1 if record.passed is False else 0


def _run_many(
    context: click.Context,
    entries: "Registry",
    models: tuple[str, ...],
    benchmarks: tuple[str, ...],
    wanted: dict[str, Any],
    as_json: bool,
) -> int:
    """All pairs that fit, and the table."""
    from zoo.sweeps import settable_of

    named = named_of_many(context, lambda: settable_of(entries, models, benchmarks, wanted))
    for kind, values in named.items():
        if values:
            wanted[kind] = {**wanted.get(kind, {}), **values}
    with progress_bar("runs") as show:

        def progress(step: "Step") -> None:
            if show is not None:
                run = step.run
                far = f", {run.stage} {run.done:,} of {run.total:,}" if run is not None and run.total else ""
                show("running", step.done, step.total, f"{step.cell.row} on {step.cell.column}{far}", step.left)

        done = zoo.sweep(list(models), list(benchmarks), progress=progress, **wanted)
    if as_json:
        print_json(done.summary())
    else:
        print_sweep(done)
    return 0 if done.passed else 1


def _with_file(
    context: click.Context, file: Path, models: tuple[str, ...], benchmarks: tuple[str, ...], wanted: dict[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, Any]]:
    """What a YAML file says, where the command line does not say otherwise."""
    from zoo.sweeps import read_sweep

    told = read_sweep(file)
    given = {name: value for name, value in wanted.items() if value and (name in told.settings and _typed(context, name))}
    return models or tuple(told.models), benchmarks or tuple(told.benchmarks), {**wanted, **told.settings, **given}


def _typed(context: click.Context, name: str) -> bool:
    """Whether a parameter stands on the command line; what is gathered from several options does."""
    return context.get_parameter_source(name) in (ParameterSource.COMMANDLINE, None)


def _class_file(classes: str | None, file: Path) -> Path:
    if classes is not None:
        raise OptionError("`classes` are given twice: as names, and in a file", "give one of them")
    if not file.is_file():
        raise OptionError(f"there is no file {file} of class names", "write one name a line, a JSON list, or a config.json")
    return file
