"""Verifying: the claims of `registry.yaml` run again, and said of each: reproduced, off by how much, or not runnable and why."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from zoo.errors import UnknownNameError, ZooError
from zoo.home import data_dirs
from zoo.plugins.catalogue import Claim, load_catalogue
from zoo.plugins.names import split_tag
from zoo.plugins.registry import registry
from zoo.runs.evaluate import evaluate
from zoo.runs.progress import Progress
from zoo.specs import Frozen


class Verdict(Frozen):
    """What became of a claim. `difference` is measured minus claimed."""

    claim: Claim
    status: Literal["reproduced", "off", "not runnable"]
    value: float | None = None
    difference: float | None = None
    run_id: str | None = None
    reason: str = ""


def verify(
    claims: Iterable[Claim] | None = None,
    *,
    device: str = "auto",
    data_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[Claim, Progress], None] | None = None,
) -> Iterator[Verdict]:
    """Run each claim's model on its benchmark and compare; verdicts come one by one, in the catalogue's order.

    Claims of one model on one benchmark share a run, and finished runs are found, not computed. What keeps a claim from
    running here (data that is absent, a package that is missing) is its verdict, never an exception.
    Raises OptionError where `data_dir` is no folder.
    """
    data_dirs(data_dir)
    groups = list(_by_run(load_catalogue().claims if claims is None else claims))
    while groups:
        group = groups.pop(0)
        first = group[0]
        try:
            record = evaluate(
                first.model,
                first.benchmark,
                metrics=[claim.metric for claim in group],
                device=device,
                data_dir=data_dir,
                progress=None if progress is None else lambda step, claim=first: progress(claim, step),  # type: ignore[misc]
            )
        except ZooError as error:
            if len(group) > 1:  # one of them may be at fault for all
                groups[:0] = [[claim] for claim in group]
            else:
                yield Verdict(claim=first, status="not runnable", reason=error.message)
            continue
        values = {result.metric: result.value for result in record.results}
        yield from (_compared(claim, values[claim.metric], record.run_id) for claim in group)


def select_claims(*, model: str | None = None, benchmark: str | None = None, kind: str | None = None) -> list[Claim]:
    """The catalogue's claims on a model (with or without tag) or benchmark by full or bare name, or of a kind.

    Raises UnknownNameError where there is no such model or benchmark, and where none matches.
    """
    wanted = [
        claim
        for claim in load_catalogue().claims
        if (model is None or _is_named(claim.model, model))
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


def _by_run(claims: Iterable[Claim]) -> Iterator[Sequence[Claim]]:
    groups: dict[tuple[str, str], list[Claim]] = {}
    for claim in claims:
        groups.setdefault((claim.model, claim.benchmark), []).append(claim)
    yield from groups.values()


def _compared(claim: Claim, value: float | None, run_id: str) -> Verdict:
    if value is None:
        return Verdict(claim=claim, status="off", run_id=run_id, reason="the metric has no value on this run")
    difference = value - claim.value
    status: Literal["reproduced", "off"] = "reproduced" if abs(difference) <= claim.tolerance else "off"
    return Verdict(claim=claim, status=status, value=value, difference=difference, run_id=run_id)


def _is_named(full: str, name: str) -> bool:
    """Whether `name`, perhaps without plugin or tag, means the entry `full`."""
    base, tag = split_tag(full)
    bare = base.partition("/")[2]
    return name in (full, base, bare, f"{bare}@{tag}")
