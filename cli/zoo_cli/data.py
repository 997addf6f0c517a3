"""`zoo data`: which datasets are here, where, getting and checking them."""

from typing import TYPE_CHECKING, Any

import click

from zoo.errors import DataError
from zoo.units import size_of
from zoo_cli.completing import names_of
from zoo_cli.groups import Command, LazyGroup
from zoo_cli.progress import progress_bar
from zoo_cli.render import counted, note, print_json, print_list, say, styled
from zoo_cli.warned_index import open_index

if TYPE_CHECKING:
    from zoo.opening.datasets import FileStatus
    from zoo.specs import DatasetSpec

COLOURS = {"here": "green", "present": "green", "absent": "yellow", "partly": "yellow", "altered": "red"}

data_dir = click.option("--data-dir", type=click.Path(), help="Folder of datasets, looked in before ZOO_DATA_DIR.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
names = click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=names_of("dataset"))


@click.group(cls=LazyGroup, examples=("zoo data list", "zoo data get mnist", "zoo data check mnist"))
def data() -> None:
    """Datasets: which are here, where, get them, check them.

    A file is looked for in the package that bundles it, in --data-dir and ZOO_DATA_DIR, and in the cache below ZOO_HOME.
    """


@data.command("list", cls=Command, examples=("zoo data list", "zoo data list --json"))
@data_dir
@as_json
def list_data(data_dir: str | None, as_json: bool) -> None:
    """List all datasets and whether they are here. Nothing is downloaded or hashed."""
    from zoo.opening.datasets import status

    found = [(spec, status(spec, data_dir)) for spec in _specs(())]
    if as_json:
        print_json([_as_json(spec, files) for spec, files in found])
        return
    header = ("DATASET", "MODALITY", "STATE", "SIZE", "WHERE", "LICENCE")
    print_list(header, [_row(spec, files) for spec, files in found], wrap=("LICENCE", "WHERE"))


@data.command("path", cls=Command, examples=("zoo data path sms-spam",))
@click.argument("name", shell_complete=names_of("dataset"))
@data_dir
def path(name: str, data_dir: str | None) -> None:
    """Print where the files of a dataset lie, one path a line."""
    from zoo.opening.datasets import status

    (spec,) = _specs((name,))
    paths = [spec.path] if spec.path else [str(file.path) for file in status(spec, data_dir) if file.path]
    if not paths:
        hint = f"zoo data get {spec.name}" if spec.files else "it is part of a library that deepzoo needs"
        raise DataError(f"{spec.name} has no files here", hint)
    for found in dict.fromkeys(paths):
        say(found)


@data.command("get", cls=Command, examples=("zoo data get mnist", "zoo data get mnist fashion-mnist"))
@names
@data_dir
@as_json
def get_data(names: tuple[str, ...], data_dir: str | None, as_json: bool) -> None:
    """Download what is not here yet, and verify it. An interrupted download goes on where it stopped."""
    from zoo.opening.datasets import get

    found = []
    for spec in _specs(names):
        with progress_bar("bytes") as show:

            def progress(done: int, total: int | None, stage: str = spec.name) -> None:
                if show is not None:
                    show(stage, done, total)

            found.append((spec, get(spec, data_dir, progress)))
    _report(found, as_json)


@data.command("check", cls=Command, examples=("zoo data check mnist", "zoo data check"))
@click.argument("names", metavar="[NAME]...", nargs=-1)
@data_dir
@as_json
def check_data(names: tuple[str, ...], data_dir: str | None, as_json: bool) -> int:
    """Compare the hash of every file with the declared one, of all datasets where none is named.

    Data of your own has no declared hash: it is opened, but its samples are not decoded.

    Exit codes: 0 all is well, 1 a file is altered or, of a dataset that is named, absent.
    """
    from zoo.opening.datasets import check, own_samples

    found = [(spec, check(spec, data_dir)) for spec in _specs(names)]
    for spec in (spec for spec, _ in found if spec.path):
        splits = ", ".join(f"{split} {count:,}" for split, count in own_samples(spec, data_dir).items())
        note(f"{spec.name} can be opened; samples: {splits}; none was decoded")
    shown = found if names or as_json else [(spec, files) for spec, files in found if any(file.path for file in files)]
    _report(shown, as_json)
    if len(shown) < len(found):
        note(f"{counted(len(shown), 'dataset')} checked; the other {len(found) - len(shown)} have no files here")
    bad = ("altered", "absent") if names else ("altered",)
    faulty = [(spec.name, file) for spec, files in found for file in files if file.state in bad]
    for name, file in faulty:
        advice = f"zoo data get {name}" if file.path is None else f"move {file.path} elsewhere, then: zoo data get {name}"
        note(f"{name}: {file.name} is {file.state}; {advice}")
    return 1 if faulty else 0


def _specs(names: tuple[str, ...]) -> "list[DatasetSpec]":
    """The datasets of these names, or all."""
    from zoo.plugins.registry import Registry

    entries = Registry(open_index())
    return [entries.dataset(name) for name in names] or sorted(entries.datasets(), key=lambda spec: spec.name)


def _report(found: "list[tuple[DatasetSpec, list[FileStatus]]]", as_json: bool) -> None:
    if as_json:
        print_json([_as_json(spec, files) for spec, files in found])
        return
    rows = [
        (spec.name, file.name, _coloured(file.state), size_of(file.size), str(file.path or "-"))
        for spec, files in found
        for file in files
    ]
    print_list(("DATASET", "FILE", "STATE", "SIZE", "WHERE"), rows)
    for spec, files in found:
        if not files and not spec.path:
            note(f"{spec.name} has no files of its own: a library that deepzoo needs brings it")


def _as_json(spec: "DatasetSpec", files: "list[FileStatus]") -> dict[str, Any]:
    listed = [{"name": f.name, "state": f.state, "path": str(f.path) if f.path else None, "size": f.size} for f in files]
    return {"name": spec.name, "state": _state(files), "files": listed}


def _state(files: "list[FileStatus]") -> str:
    """`here`, `absent`, `partly` or `altered`; a dataset without files of its own is here."""
    states = {file.state for file in files}
    if "altered" in states:
        return "altered"
    return "here" if states <= {"present"} else "absent" if states == {"absent"} else "partly"


def _row(spec: "DatasetSpec", files: "list[FileStatus]") -> tuple[str, ...]:
    """A line of `zoo data list`. Members of an archive that is yet to get count as the archive."""
    members = {file.name for file in spec.files if file.member_of}
    counted_files = [file for file in files if file.path or file.name not in members]
    sizes = [file.size for file in counted_files]
    size = size_of(sum(size for size in sizes if size is not None)) if sizes and None not in sizes else "-"
    folders = dict.fromkeys(str(file.path.parent) for file in files if file.path)
    to_get = counted(len(counted_files), "file") + " to get" if files else "in a library"
    where = ", ".join(folders) or to_get
    return styled(spec.name, bold=True), spec.modality, _coloured(_state(files)), size, where, spec.licence


def _coloured(state: str) -> str:
    return styled(state, fg=COLOURS[state])
