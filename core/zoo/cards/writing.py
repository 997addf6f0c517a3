"""`zoo.card`: a model card, and Hugging Face's files of results, made of the records of runs."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.cards.hub import FOLDER, checked_ids, eval_results, header
from zoo.cards.markdown import body
from zoo.errors import OptionError, StoreError, UnknownNameError, ZooError
from zoo.home import writing
from zoo.plugins.registry import Registry, one_look_up
from zoo.runs.record import RunRecord
from zoo.runs.store import Store
from zoo.specs import Frozen


class Card(Frozen):
    """A model card as text, and the files that go beside it."""

    model: str
    runs: tuple[str, ...]
    """Ids, in the order of the card."""
    readme: str
    eval_results: dict[str, str]
    """YAML by the file's name in the folder `.eval_results`."""
    unwritten: tuple[str, ...] = ()
    """What `.eval_results` lacks, and why."""

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> list[Path]:
        """Write README.md and `.eval_results/*.yaml` into a folder. Raises OptionError where one is there, unless `overwrite`."""
        target = Path(folder)
        files = {target / "README.md": self.readme}
        files |= {target / FOLDER / name: text for name, text in self.eval_results.items()}
        if target.exists() and not target.is_dir():
            raise OptionError(f"{target} is a file, and a card lies in a folder", "name a folder")
        there = [path for path in files if os.path.lexists(path)]
        if there and not overwrite:
            raise OptionError(f"{there[0]} is there already", "name another folder, or pass `overwrite`")
        for path, text in files.items():
            with writing(path) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="\n")
        return list(files)


def card(*runs: str | RunRecord, datasets: Mapping[str, str] | None = None) -> Card:
    """The card of one model, from some of its runs: scores with intervals, protocol, provenance, and what is unknown.

    Each of `runs` is a record, the id of a run (perhaps cut short), or a model by name: then its newest run of each benchmark
    with each protocol. `datasets` gives ids on the Hugging Face hub by dataset: `{"data/mnist": "ylecun/mnist"}`, or with the
    task of a benchmark there `"ORG/NAME:TASK"`; only scores on these get a file of `.eval_results`, whose format wants it.

    Raises UnknownNameError where there is no such run, OptionError where they are of several models.
    """
    if not runs:
        raise OptionError("a card is made of at least one run", "name one: zoo results shows them")
    with one_look_up() as entries:
        records = [record for one in runs for record in _found(entries, one)]
        records = list({record.run_id: record for record in records}.values())
        _refuse_several(records)
        known, modality = _known(entries, records[0])
    ids = checked_ids(datasets or {}, records)
    files, missing = eval_results(records, ids)
    text = f"---\n{header(records, modality, known, ids)}---\n\n{body(records, known, missing)}"
    return Card(
        model=records[0].model.label,
        runs=tuple(record.run_id for record in records),
        readme=text,
        eval_results=files,
        unwritten=tuple(missing),
    )


def _found(entries: Registry, run: str | RunRecord) -> Sequence[RunRecord]:
    if isinstance(run, RunRecord):
        return [run]
    store = Store(writing=False)
    try:
        return [store.record(run)]
    except UnknownNameError as error:
        unknown = error
    names = [run]
    try:
        spec, tag = entries.tagged_model(run)
        names.insert(0, f"{spec.name}@{tag}" if tag else spec.name)
    except ZooError:  # such as a network of the user's own, which is in records alone
        pass
    for name in names:
        newest: dict[str, RunRecord] = {}
        for record in store.records(model=name):
            told = (record.benchmark, record.protocol, record.model.options, record.execution.precision, record.dataset.limit)
            newest.setdefault(repr((record.model.weights_sha256, *told)), record)
        if newest:
            return list(newest.values())
    raise UnknownNameError(f"there is no run {run!r}, nor one of a model of that name", unknown.hint)


def _refuse_several(records: Sequence[RunRecord]) -> None:
    """Raise OptionError where the runs are not of one model with one set of weights."""
    first = records[0].model
    for record in records[1:]:
        model = record.model
        if (model.name, model.weights_sha256, model.config) != (first.name, first.weights_sha256, first.config):
            raise OptionError(
                f"a card is of one model, and these runs are of {first.label} and {model.label}",
                "name the runs of one, or the model with its tag",
            )


def _known(entries: Registry, record: RunRecord) -> tuple[dict[str, str], str | None]:
    """What the registry says of the model and, where these are the weights that it declares, of them; and what it takes."""
    try:
        spec, tag = entries.tagged_model(record.model.name)
    except (ZooError, StoreError):
        return {}, None
    weights = spec.weights.get(tag or "")
    known = {"summary": spec.summary, "paper": spec.paper}
    if weights is not None and weights.sha256 in (None, record.model.weights_sha256):
        known |= {"licence": weights.licence, "source": weights.source}
    return {name: value for name, value in known.items() if value}, spec.modality
