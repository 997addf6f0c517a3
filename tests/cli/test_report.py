"""What a run says beside its scores: each fact once, whole tables by class, and plainly where nothing can be scored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.metrics import Score
from zoo.runs.record import Result
from zoo_cli.report import _print_detail, _remarks


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., str]:
    """A dataset of random images: so many of each class."""

    def made(**counts: int) -> str:
        rng = np.random.default_rng(0)
        for name, count in counts.items():
            (tmp_path / "photos" / name).mkdir(parents=True)
            for i in range(count):
                Image.fromarray(rng.integers(0, 255, (28, 28, 3), dtype=np.uint8)).save(tmp_path / "photos" / name / f"{i}.png")
        return f"folder:{tmp_path / 'photos'}"

    return made


def result(metric: str, score: Score) -> Result:
    return Result(metric=metric, **vars(score))


def of_classes(count: int, **columns: list[Any]) -> Score:
    detail = {"classes": [f"class {i}" for i in range(count)], **columns}
    return Score(None, 40, interval="none: a score for each class, with bounds of its own", detail=detail)


def test_data_on_which_nothing_can_be_scored_is_an_error_without_a_record(zoo, photos, zoo_home):
    name = photos(cat=4)
    done = zoo("run", "metric/pixels", "--on", name)
    assert (done.code, done.out) == (2, "")
    assert f"no metric of embed has a value on {name}: the gallery has one class, so nothing can be told apart" in done.err
    assert "--limit" not in done.err
    # then there is no record, but the predictions are kept
    assert zoo("results", "--json").json == []
    assert len(list(zoo_home.rglob("*.parquet"))) == 1


def test_outputs_without_a_class_of_the_dataset_are_told_of(zoo, tmp_path):
    for name in ("3", "8"):
        (tmp_path / "two" / name).mkdir(parents=True)
        Image.new("L", (8, 8), 99).save(tmp_path / "two" / name / "1.png")
    data = f"folder:{tmp_path / 'two'}"
    told = f"8 outputs of cnn/lenet5@digits for classes that {data} has not"
    assert f"competing {told}: wrong answers" in zoo("run", "cnn/lenet5@digits", "--on", data).out
    alone = zoo("run", "cnn/lenet5@digits", "--on", data, "--outputs", "dataset").out
    assert f"left out {told}: scored among the others alone, outputs=dataset" in alone
    assert "competing" not in zoo("run", "cnn/lenet5@digits", "--on", "digits").out


def test_where_a_limit_leaves_nothing_to_score_the_hint_is_to_raise_it(zoo, photos):
    done = zoo("run", "metric/pixels", "--on", photos(cat=2, dog=2), "--limit", "2")
    assert done.code == 2
    assert "only 2 samples were taken: raise --limit" in done.err


def test_metrics_that_share_a_reason_share_a_line(zoo, photos):
    done = zoo("run", "metric/pixels", "--on", photos(cat=2, dog=2))
    lines = [line.strip() for line in done.out.splitlines()]
    assert done.code == 0
    (shared,) = [line for line in lines if "takes in the whole gallery" in line]
    assert shared.startswith("no value of recall-at-k:k=5, knn-accuracy:k=5: k = 5 ")
    assert len([line for line in lines if line.startswith("no interval of roc-auc, eer: ")]) == 1
    assert not [line for line in lines if line.startswith("note")]


def test_a_metric_of_another_task_is_told_from_what_the_run_is(zoo, photos):
    done = zoo("run", "metric/pixels", "--on", photos(cat=2, dog=2), "--metric", "accuracy")
    assert (done.code, done.out) == (2, "")
    assert "metric accuracy is for classify; this run is embed, as metric/pixels is" in done.err


def test_few_samples_are_cautioned_of_once_unless_the_interval_holds_for_them():
    rough, wilson = Score(0.5, 3, 0.4, 0.6, "jackknife over 3 images"), Score(0.5, 4, 0.15, 0.85, "Wilson")
    each = Score(
        None, 3, interval="none: each its own", detail={"classes": ["a"], "iou": [0.5], "ci_low": [0.4], "ci_high": [0.6]}
    )
    caution = ["few samples: intervals of fewer than 10 are rough"]
    assert list(_remarks([result("miou", rough), result("dice", rough)])) == caution
    assert list(_remarks([result("iou", each)])) == caution
    assert list(_remarks([result("accuracy", wilson)])) == []
    assert list(_remarks([result("miou", Score(**{**vars(rough), "n": 10}))])) == []


def test_scores_of_classes_are_a_table(capsys):
    _print_detail(result("iou", of_classes(3, iou=[0.5, None, 1.0], ci_low=[0.4, None, None], ci_high=[0.625, None, None])))
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["class", "iou", "95", "%", "interval"],
        ["class", "0", "0.5000", "[0.4000,", "0.6250]"],
        ["class", "1", "-"],
        ["class", "2", "1.0000"],
    ]


def test_what_is_too_large_to_show_says_what_it_is(capsys):
    columns: dict[str, list[Any]] = {name: [0.5] * 31 for name in ("iou", "ci_low", "ci_high")}
    _print_detail(result("iou", of_classes(31, **columns)))
    assert capsys.readouterr().out.strip() == "iou: a score for each class, with bounds of its own, of 31 classes, see --json"
    matrix = {"classes": [str(i) for i in range(100)], "matrix": [[0] * 100] * 100}
    _print_detail(result("confusion", Score(None, 9, interval="none: a matrix of counts", detail=matrix)))
    assert capsys.readouterr().out.strip() == "confusion: a matrix of counts, of 100 classes, see --json"
