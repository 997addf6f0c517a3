"""Attacks in stages: what is stored of them, and that the core believes its own eyes about who fell."""

import numpy as np
import pytest
import torch

from zoo.errors import PredictionError
from zoo.metrics.robustness import RobustAccuracy
from zoo.tasks.attack.contract import Attacked
from zoo.tasks.attack.stages import staged
from zoo.tasks.base import Rows

IDS = ("a", "b", "c")


def told(felled_by, overtaken=None):
    return Attacked(torch.zeros(3, 1), [1] * 3, [0] * 3, None, ("first", "second"), felled_by, overtaken)


def test_who_stands_was_felled_by_none_and_who_fell_unnoticed_by_the_last():
    fooled = torch.tensor([True, False, True])
    found = staged(told(torch.tensor([0, 1, -1]), [True, True, False]), fooled, IDS, "mine")
    assert found.names == ("first", "second")
    assert found.felled_by == ["first", "", "second"]
    assert found.overtaken == [True, False, False]


def test_an_attack_without_stages_has_none():
    plain = Attacked(torch.zeros(3, 1), [1] * 3, [0] * 3)
    assert staged(plain, torch.ones(3, dtype=torch.bool), IDS, "mine").felled_by == ["", "", ""]


@pytest.mark.parametrize(("felled_by", "overtaken"), [([0], None), ([0, 1, 2], None), ([0, 1, -2], None), ([0, 1, 1], [True])])
def test_stages_that_are_not_told_of_each_sample_are_refused(felled_by, overtaken):
    with pytest.raises(PredictionError, match="does not say for each of 3 samples"):
        staged(told(felled_by, overtaken), torch.ones(3, dtype=torch.bool), IDS, "mine")


def rows(felled_by, stages, masked=False):
    """Samples of class 0, felled where a name stands; None is one that the victim gets wrong anyway."""
    right = np.array([by is not None for by in felled_by])
    stands = np.array([by == "" for by in felled_by])
    logits = {True: [1.0, 0.0], False: [0.0, 1.0]}
    columns = {
        "clean": np.array([logits[bool(value)] for value in right]),
        "adversarial": np.array([logits[bool(value)] for value in stands]),
        "target": np.zeros(len(right), dtype=np.int64),
        "within": np.ones(len(right), dtype=bool),
        "masked": np.full(len(right), masked),
        "overtaken": np.array([by == "square" for by in felled_by]),
        "felled_by": np.array([by or "" for by in felled_by], dtype=object),
        "stages": np.array([stages] * len(right) + [None], dtype=object)[:-1],
    }
    return Rows([str(i) for i in range(len(right))], columns, ("x", "y"), range(len(right)))


def test_robust_accuracy_is_told_after_each_stage_however_the_samples_are_cut():
    stages = ["apgd", "fab", "square"]
    metric, felled_by = RobustAccuracy(), ["apgd"] * 3 + ["square"] + [""] * 5 + [None]
    whole = metric.compute(metric.update(rows(felled_by, stages)), ("x", "y"))
    assert whole.detail["stages"] == stages
    assert whole.detail["robust-accuracy"] == pytest.approx([0.6, 0.6, 0.5])
    assert whole.value == 0.5 and whole.detail["ci_low"][-1] == whole.ci_low
    # A shard in which the victim gets all wrong has no stages.
    parts = [rows([None], []), rows(felled_by[:4], stages), rows(felled_by[4:9], stages)]
    assert metric.compute(metric.merge_all([metric.update(part) for part in parts]), ("x", "y")) == whole
    assert "simple attacks lowered it by 10.00 points" in whole.note


@pytest.mark.parametrize(("overtaken", "flagged"), [(2, False), (3, True)])
def test_a_simple_stage_that_fells_more_than_a_fifth_of_a_point_is_a_flag(overtaken, flagged):
    metric = RobustAccuracy()
    felled_by = ["square"] * overtaken + ["apgd"] * 100 + [""] * (900 - overtaken)
    score = metric.compute(metric.update(rows(felled_by, ["apgd", "square"])), ("x", "y"))
    assert ("simple attacks" in score.note) == flagged


def test_an_attack_without_stages_has_no_detail():
    metric = RobustAccuracy()
    assert metric.compute(metric.update(rows(["", None], [])), ("x", "y")).detail is None
