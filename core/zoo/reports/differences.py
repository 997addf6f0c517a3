"""Runs of a report beside each other, as `zoo.compare` compares them."""

from collections.abc import Sequence

from zoo.comparing.compare import compare
from zoo.comparing.record import Comparison, Difference
from zoo.errors import ZooError
from zoo.opening.datasets import Folder
from zoo.reports.blocks import Cell, Section, Table, interval, number
from zoo.runs.record import RunRecord

PAIRED = 4
"""Runs up to which every one is compared with every other."""


def difference_section(records: Sequence[RunRecord], names: Sequence[str], data_dir: Folder) -> Section:
    """Differences with intervals and p-values, or why there are none."""
    section = Section("Differences")
    try:
        found = compare(*records, pairs="all" if len(records) <= PAIRED else "first", data_dir=data_dir)
    except ZooError as error:
        section.blocks.append(f"Not compared: {error.message}.")
        return section
    called = {run.name: name for run, name in zip(found.runs, names, strict=True)}
    rows = [_row(one, called) for one in found.differences if not one.refused]
    if rows:
        header = ("first", "second", "first − second", "95 % interval", "p", "which is better", "better in first", "in second")
        section.blocks.append(Table(f"{found.differences[0].metric}, compared sample by sample", header, rows))
    for one in found.differences:
        if one.refused:
            section.blocks.append(f"{called[one.first]} and {called[one.second]} are not compared: {one.refused}.")
    section.blocks += [f"{note[:1].upper()}{note[1:]}." for note in found.notes]
    section.blocks.append(_how(found))
    return section


def _row(one: Difference, called: dict[str, str]) -> Sequence[Cell]:
    bounds = (one.difference, one.ci_low, one.ci_high)
    better = called[one.better] if one.better else "cannot be told" if one.p_holm is not None else "–"
    p = "–" if one.p_holm is None else f"{one.p_holm:.4f}" if one.p_holm >= 0.0001 else "below 0.0001"
    counts = f"{len(one.first_better):,}", f"{len(one.second_better):,}"
    return called[one.first], called[one.second], number(*bounds), interval(*bounds) or one.interval, p, better, *counts


def _how(found: Comparison) -> str:
    tests = ", ".join(dict.fromkeys(one.test for one in found.differences if one.test))
    if not tests:
        return "No test was made."
    return (
        f"Test: {tests}; intervals by paired bootstrap; {found.resamples:,} resamples, seed {found.seed}; p-values hold for all "
        "pairs at once (Holm). Which samples changed can be chosen below, by outcome."
    )
