"""Verifying: the claims of `registry.yaml` run again, from the files on disk.

Each is reproduced, off by how much, of other data, altered or misspelt (which somebody must mend), or not runnable here.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Literal

from zoo.devices import pick_device
from zoo.errors import OptionError, UnknownNameError, ZooError
from zoo.home import data_dirs
from zoo.identity.files import hashing_anew
from zoo.metrics.build import build_metric
from zoo.plugins.catalogue import Claim, load_catalogue
from zoo.plugins.composed import entry_of_name, is_composed, names_within, refuse_missing
from zoo.plugins.names import namespace_of, split_tag
from zoo.plugins.registry import Registry, registry
from zoo.runs.evaluate import evaluate
from zoo.runs.overrides import asked_aux
from zoo.runs.progress import Progress
from zoo.runs.record import RunRecord
from zoo.runs.store import Store
from zoo.specs import Frozen, ModelSpec
from zoo.tasks.by_name import task_of

Status = Literal["reproduced", "off", "other data", "altered", "misspelt", "not runnable"]
WRONG: tuple[Status, ...] = ("off", "altered", "misspelt")
"""What somebody must mend."""
QUICK = 60.0
"""Seconds that a claim may take to be quick."""


class Verdict(Frozen):
    """What became of a claim. `difference` is measured minus claimed."""

    claim: Claim
    status: Status
    value: float | None = None
    difference: float | None = None
    run_id: str | None = None
    reason: str = ""

    @property
    def wrong(self) -> bool:
        """Whether somebody must mend something."""
        return self.status in WRONG


class Effort(Frozen):
    """What verifying takes: runs, the seconds of those whose time is known, and of how many it is not."""

    claims: int
    runs: int
    seconds: float
    unknown: int


def verify(
    claims: Iterable[Claim] | None = None,
    *,
    device: str = "auto",
    data_dir: str | os.PathLike[str] | None = None,
    reuse: bool = False,
    progress: Callable[[Claim, Progress], None] | None = None,
) -> Iterator[Verdict]:
    """Run each claim's model on its benchmark and compare; verdicts come one by one, in the catalogue's order.

    Every file is opened and hashed, and everything is computed anew unless `reuse` allows to score stored predictions. Claims
    of one model on one benchmark, with the same other models, share a run. What keeps a claim from running (data that is absent,
    weights that are altered, a name that is misspelt) is its verdict, never an exception.
    Raises OptionError where `data_dir` is no folder or the device cannot be used.
    """
    data_dirs(data_dir)
    pick_device(device)
    entries = registry()
    groups = list(_by_run(load_catalogue().claims if claims is None else claims))
    while groups:
        group = groups.pop(0)
        first = group[0]
        if (problem := _misnamed(entries, first)) is not None:
            yield problem
            groups[:0] = [group[1:]] if len(group) > 1 else []
            continue
        named = [claim for claim in group if _misnamed(entries, claim) is None]
        try:
            with hashing_anew():
                record = evaluate(
                    first.model,
                    first.benchmark,
                    metrics=[claim.metric for claim in named],
                    aux=dict(first.aux),
                    device=device,
                    data_dir=data_dir,
                    fresh=not reuse,
                    progress=None if progress is None else lambda step, claim=first: progress(claim, step),  # type: ignore[misc]
                )
        except ZooError as error:
            yield from (_misnamed(entries, claim) or _not_run(claim, error) for claim in group)
            continue
        yield from (_misnamed(entries, claim) or _compared(claim, record) for claim in group)


def effort(claims: Iterable[Claim]) -> Effort:
    """About how long it takes to verify claims."""
    claims = list(claims)
    known = [_seconds(group) for group in _by_run(claims)]
    told = [seconds for seconds in known if seconds is not None]
    return Effort(claims=len(claims), runs=len(known), seconds=sum(told), unknown=len(known) - len(told))


def quick_claims(claims: Iterable[Claim]) -> list[Claim]:
    """Those whose run is known to take under a minute."""
    timed = ((_seconds(group), group) for group in _by_run(claims))
    return [claim for seconds, group in timed if seconds is not None and seconds < QUICK for claim in group]


def select_claims(*, model: str | None = None, benchmark: str | None = None, kind: str | None = None) -> list[Claim]:
    """The catalogue's claims on a model (with or without tag) or benchmark by full or bare name, or of a kind.

    A claim is on each of its models: on an attack, and on the victim that it names.
    Raises UnknownNameError where there is no such model or benchmark, and where none matches.
    """
    spelled = model and _spelled(model)
    wanted = [
        claim
        for claim in load_catalogue().claims
        if (spelled is None or any(_is_named(name, spelled) for name in (claim.model, *claim.aux.values())))
        and (benchmark is None or _is_named(claim.benchmark, benchmark))
        and (kind is None or claim.kind == kind)
    ]
    if not wanted:
        known = registry()
        what = f" of {known.model(split_tag(model)[0]).name}" if model else ""
        where = f" on {known.benchmark(benchmark).name}" if benchmark else ""
        kind = f"{kind} score" if kind else "score"
        raise UnknownNameError(f"registry.yaml claims no {kind}{what}{where}", "zoo verify without filters runs all claims")
    return wanted


def _spelled(name: str) -> str:
    """The full name of a composed model, however it was written; others as they are."""
    if not is_composed(name):
        return name
    spec, tag = registry().tagged_model(name)
    return f"{spec.name}@{tag}" if tag else spec.name


def _by_run(claims: Iterable[Claim]) -> Iterator[Sequence[Claim]]:
    groups: dict[tuple[str, str], list[Claim]] = {}
    for claim in claims:
        groups.setdefault((claim.model, claim.where), []).append(claim)
    yield from groups.values()


def _seconds(group: Sequence[Claim]) -> float | None:
    """Of an earlier run here that computed everything, else what the catalogue says."""
    first = group[0]
    taken = [run.cost.seconds for run in _runs(first) if not run.shards.reused and run.dataset.limit is None]
    return taken[0] if taken else max((claim.seconds for claim in group if claim.seconds is not None), default=None)


def _misnamed(entries: Registry, claim: Claim) -> Verdict | None:
    """The verdict on a claim that names something that there is not: misspelt, or of a plugin that is not installed."""
    name = claim.model
    try:
        for name in (*claim.aux.values(), claim.model):
            spec = _whole(entries, name)
        name = claim.benchmark
        benchmark = entries.benchmark(name, tasks=list(spec.tasks), kind=spec.kind)
        asked_aux(task_of(benchmark), benchmark, claim.aux)
        name = claim.metric
        metric = entries.metric(name)
        if metric.task != benchmark.task or benchmark.task not in spec.tasks:
            raise OptionError(f"{metric.name} on {benchmark.name} is no score of {spec.name}")
        build_metric(claim.metric, metric)
    except (UnknownNameError, OptionError) as error:
        return Verdict(
            claim=claim, status="not runnable" if _plugin_is_absent(entries, name) else "misspelt", reason=_said(error)
        )
    except ZooError:  # running it tells why
        return None
    return None


def _whole(entries: Registry, name: str) -> ModelSpec:
    """The spec of a model, if it and all its parts have the tags that are named. Raises UnknownNameError or OptionError."""
    spec, tag = entries.tagged_model(name)
    if tag is not None and tag not in spec.weights:
        raise UnknownNameError(f"{spec.name} has no weights {tag!r}", f"its tags are: {', '.join(spec.weights)}")
    refuse_missing(spec.name, spec.parts, spec.made_of)
    entries.refuse_circle(spec)
    for part in spec.made_of.values():
        _whole(entries, part)
    return spec


def _plugin_is_absent(entries: Registry, name: str) -> bool:
    """Whether a name may well be right, but nothing that is installed and in order has it, or a part that it names."""
    return any(_is_absent(entries, inner) for inner in names_within(name))


def _is_absent(entries: Registry, name: str) -> bool:
    plugin = namespace_of(name) if "/" in name.partition(":")[0] else None
    if not plugin:
        return False
    states = {str(other["id"]): other["state"] for other in entries.index.plugins}
    if plugin in states:
        return bool(states[plugin] != "ok")
    known = {other.id for other in load_catalogue().plugins}
    return plugin in known or not get_close_matches(plugin, states)


def _not_run(claim: Claim, error: ZooError) -> Verdict:
    """Altered where a file is another than declared, or was here in an earlier run and is gone; else it is just not here."""
    if error.altered:
        return Verdict(claim=claim, status="altered", reason=_said(error))
    before = _runs(claim)
    if before and type(error).__name__ in ("WeightsError", "DataError"):
        reason = f"{error.message}; run {before[0].run_id} of {before[0].created[:10]} still had it"
        return Verdict(claim=claim, status="altered", reason=reason)
    return Verdict(claim=claim, status="not runnable", reason=error.message)


def _runs(claim: Claim) -> list[RunRecord]:
    """Earlier runs here of what is claimed, the newest first: with the same other models, all else as the benchmark has it."""
    runs = Store().records(model=claim.model, benchmark=claim.benchmark)
    return [
        run
        for run in runs
        if set(run.altered) == set(claim.aux) and all(run.aux[role].name == name for role, name in claim.aux.items())
    ]


def _compared(claim: Claim, record: RunRecord) -> Verdict:
    value = {result.metric: result.value for result in record.results}[registry().written_metric(claim.metric)]
    if value is None:
        return Verdict(claim=claim, status="off", run_id=record.run_id, reason="the metric has no value on this run")
    difference = value - claim.value
    found = Verdict(claim=claim, status="reproduced", value=value, difference=difference, run_id=record.run_id)
    data = record.dataset
    if not claim.is_of(data.fingerprint, data.samples):
        reason = f"{data.samples:,} samples, which are not those of the claim"
        return found.model_copy(update={"status": "other data", "reason": reason})
    return found if abs(difference) <= claim.tolerance else found.model_copy(update={"status": "off"})


def _said(error: ZooError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _is_named(full: str, name: str) -> bool:
    """Whether `name`, perhaps without plugin, tag or parts, means the entry `full`."""
    base, tag = split_tag(full)
    bare, entry = base.partition("/")[2], entry_of_name(base)
    return name in (full, base, bare, f"{bare}@{tag}", entry, entry.partition("/")[2])
