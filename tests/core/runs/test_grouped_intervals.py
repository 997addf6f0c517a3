"""A run's intervals allow for samples that its dataset groups, however the run is cut."""

from pathlib import Path

import pytest
import torch

import zoo
from zoo.data import ArrayDataset


class OfGroups:
    """Right where the first number says so."""

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.stack([inputs[:, 0], 1 - inputs[:, 0]], dim=1)


def data(groups: list[int] | None, samples: int = 300) -> ArrayDataset:
    right = (torch.arange(samples) // 6 % 5 > 0).float()  # alike within six
    ids = [f"s{i:03}" for i in range(samples)]
    return ArrayDataset(torch.stack([right, 1 - right], dim=1), [0] * samples, ids, ("yes", "no"), groups)


def intervals(groups: list[int] | None, **settings: object) -> dict[str, tuple[float | None, float | None, str]]:
    record = zoo.evaluate(
        OfGroups(), data(groups), key="a", classes="dataset", device="cpu", metrics=["accuracy", "f1:positive=yes"], **settings
    )
    return {result.metric: (result.ci_low, result.ci_high, result.interval) for result in record.results}


def test_groups_make_intervals_wider_and_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone, together = intervals(None), intervals([i // 6 for i in range(300)])
    for metric in ("accuracy", "f1:positive=yes"):
        low, high, how = together[metric]
        assert low is not None and high is not None and alone[metric][0] is not None and alone[metric][1] is not None
        assert low < alone[metric][0] and high > alone[metric][1]
        assert how.startswith(f"{alone[metric][2]}, × 2.") and how.endswith("for 50 groups of samples")
    monkeypatch.setattr("zoo.tasks.classify.Classify.shard_size", 7)
    assert intervals([i // 6 for i in range(300)]) == together


def test_each_for_itself_is_no_group() -> None:
    assert intervals(list(range(300))) == intervals(None)


def test_a_sample_of_the_samples_has_the_groups_that_are_in_it() -> None:
    found = intervals([i // 6 for i in range(300)], limit=100)
    assert "groups of samples" in found["accuracy"][2]
