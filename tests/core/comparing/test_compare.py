"""Comparing runs of models on real digits."""

import textwrap

import numpy as np
import pytest

import zoo
from zoo.errors import OptionError, RunError, UnknownNameError
from zoo.runs import stored_predictions


@pytest.fixture
def two():
    return zoo.evaluate("cnn/lenet5", "digits"), zoo.evaluate("intro/mlp", "digits")


def test_models_by_name_are_compared_sample_by_sample(two):
    (found,) = zoo.compare("cnn/lenet5", "mlp", on="digits").differences
    first, second = two
    assert found.difference == first.primary.value - second.primary.value
    assert found.ci_low < found.difference < found.ci_high
    right = {}
    for run in two:
        table = stored_predictions(run).to_pydict()
        hits = np.argmax(table["logits"], axis=1) == np.array(table["target"])
        right[run.run_id] = {name for name, hit in zip(table["id"], hits, strict=True) if hit}
    assert set(found.first_better) == right[first.run_id] - right[second.run_id]
    assert set(found.second_better) == right[second.run_id] - right[first.run_id]


def test_a_model_without_a_run_is_answered_with_the_command_that_makes_one(two):
    with pytest.raises(UnknownNameError, match="no run of intro/logistic on all of data/digits") as caught:
        zoo.compare("cnn/lenet5", "intro/logistic", on="digits")
    assert caught.value.hint == "zoo run intro/logistic --on digits"


def test_runs_on_other_samples_are_refused_with_what_differs(two):
    part = zoo.evaluate("intro/mlp", "digits", limit=100)
    with pytest.raises(RunError, match=r"differ in samples: all and 100 \(stratified by class\)"):
        zoo.compare(two[0], part)
    other = zoo.evaluate("intro/mlp", "digits", outputs="dataset")
    with pytest.raises(RunError, match=r"differ in protocol.outputs"):
        zoo.compare(two[0], other)


def test_one_run_is_no_comparison(two):
    with pytest.raises(OptionError, match="at least two"):
        zoo.compare(two[0])
    with pytest.raises(OptionError, match="named twice"):
        zoo.compare(two[0], two[0].run_id)


def test_a_metric_that_cannot_be_compared_is_refused_in_the_result(two):
    found = zoo.compare(*two, metrics=["accuracy", "ece", "confusion"]).differences
    assert [(one.metric, bool(one.refused), one.p is None) for one in found] == [
        ("accuracy", False, False),
        ("ece", True, True),
        ("confusion", True, True),
    ]


TASKS_PLUGIN = """
    import numpy as np
    import torch
    from zoo.data import ArrayDataset, Sample, SampleSequence
    from zoo.hookspecs import hookimpl
    from zoo.specs import DatasetSpec

    common = dict(licence="CC0-1.0", citation="made up")

    @hookimpl
    def zoo_datasets():
        return [
            DatasetSpec(name="scenes", summary="Maps.", modality="image", tasks=("segment",), target="zoo_many:open_scenes",
                        splits={"test": 60}, classes=("sky", "sea"), **common),
            DatasetSpec(name="boxes", summary="Boxes.", modality="image", tasks=("detect",), target="zoo_many:open_boxes",
                        splits={"test": 60}, classes=("light",), **common),
            DatasetSpec(name="places", summary="Places.", modality="vector", tasks=("embed", "classify"),
                        target="zoo_many:open_places", splits={"test": 240}, **common),
            DatasetSpec(name="twins", summary="In groups.", modality="vector", target="zoo_many:open_twins",
                        splits={"test": 400}, **common),
        ]

    class Pictures(SampleSequence):
        fingerprint = "0" * 64

        def __init__(self, classes, targets, images):
            self.ids = [f"p{i:02}" for i in range(len(images))]
            self.classes, self.targets, self.images = classes, targets, images

        def __getitem__(self, index):
            return Sample(self.ids[index], self.images[index], self.targets[index])

    def open_scenes(files, split):
        rng = np.random.default_rng(0)
        maps = [(rng.random((8, 8)) < 0.5).astype(np.uint8) for _ in range(60)]
        noise = [rng.normal(0, 0.3, (8, 8)) for _ in range(60)]
        images = [torch.from_numpy(np.clip(own + more, 0, 1)[None]).float() for own, more in zip(maps, noise)]
        return Pictures(("sky", "sea"), maps, images)

    def open_boxes(files, split):
        from zoo.tasks import Boxes
        rng = np.random.default_rng(0)
        corners = torch.from_numpy(rng.integers(0, 40, (60, 2))).float()
        boxes = torch.cat([corners, corners + 20], 1)
        images = []
        for x, y in corners.int().tolist():
            image = torch.zeros(3, 64, 64)
            image[:, y:y + 20, x:x + 20] = 1
            images.append(image)
        targets = [Boxes(box[None], torch.zeros(1, dtype=torch.int64)) for box in boxes]
        return Pictures(("light",), targets, images)

    def open_places(files, split):
        generator = torch.Generator().manual_seed(0)
        labels = torch.arange(240) % 24
        centres = torch.randn(24, 6, generator=generator)
        points = centres[labels] + 0.7 * torch.randn(240, 6, generator=generator)
        return ArrayDataset(points, labels.tolist(), [f"p{i:03}" for i in range(240)], [f"c{i}" for i in range(24)])

    def open_twins(files, split):
        generator = torch.Generator().manual_seed(0)
        points = torch.randn(40, 2, generator=generator).repeat_interleave(10, 0)
        labels = (points[:, 0] > 0).long()
        return ArrayDataset(points, labels.tolist(), [f"t{i:03}" for i in range(400)], ["a", "b"],
                            groups=[i // 10 for i in range(400)])
"""


@pytest.fixture
def many(lasting):
    lasting("zoo-many", textwrap.dedent(TASKS_PLUGIN), id="many")


def own(model, benchmark, name, task=None):
    return zoo.evaluate(model, benchmark, classes="dataset", key=name, name=name, task=task)


def test_two_segmenters_are_compared_by_their_images(many):
    import torch

    class Threshold(torch.nn.Module):
        def __init__(self, level):
            super().__init__()
            self.level = level

        def forward(self, images):
            sea = images.mean(1) - self.level
            return torch.stack([-sea, sea], 1)

    runs = [own(Threshold(level), "many/scenes", f"threshold {level}") for level in (0.5, 0.8)]
    miou, dice = zoo.compare(*runs, metrics=["miou", "dice"]).differences
    assert miou.units == "images" and miou.test == "paired permutation of images"
    assert miou.better == dice.better == "local/threshold 0.5" and miou.ci_low > 0
    assert len(miou.first_better) > 40


@pytest.mark.slow
def test_two_detectors_are_compared_by_their_images(many):
    import torch

    from zoo.tasks import Boxes

    class Bright(torch.nn.Module):
        """The box of what is bright, moved by some pixels."""

        def __init__(self, shift):
            super().__init__()
            self.shift = shift

        def forward(self, images):
            found = []
            for image in images:
                y, x = torch.nonzero(image[0] > 0.5, as_tuple=True)
                box = torch.tensor([[x.min(), y.min(), x.max() + 1, y.max() + 1]]).float() + self.shift
                found.append(Boxes(box, torch.zeros(1, dtype=torch.int64), torch.ones(1)))
            return found

    runs = [own(Bright(shift), "many/boxes", f"shift {shift}") for shift in (0, 3)]
    precision, half = zoo.compare(*runs, metrics=["coco-ap", "coco-ap:iou=0.5"]).differences
    assert precision.units == "images" and precision.better == "local/shift 0" and len(precision.first_better) == 60
    assert half.difference == 0 and half.p == 1 and half.better is None


def test_two_retrieval_models_are_compared_by_their_classes(many):
    import torch

    class Some(torch.nn.Module):
        def __init__(self, dims):
            super().__init__()
            self.dims = dims

        def forward(self, points):
            return points[:, : self.dims]

    runs = [own(Some(dims), "many/places", f"dims {dims}", task="embed") for dims in (6, 2)]
    recall, area = zoo.compare(*runs, metrics=["recall-at-k:k=1", "roc-auc"]).differences
    assert recall.units == "classes" and recall.test == "paired permutation of classes"
    assert recall.better == "local/dims 6" and recall.ci_low > 0
    assert area.refused == "pairs share samples, so they are not independent"


def test_groups_of_a_dataset_are_drawn_together(many):
    import torch

    class Line(torch.nn.Module):
        def __init__(self, slope):
            super().__init__()
            self.slope = slope

        def forward(self, points):
            side = points[:, 0] + self.slope * points[:, 1]
            return torch.stack([-side, side], 1)

    runs = [own(Line(slope), "many/twins", f"slope {slope}") for slope in (0.1, 0.5)]
    (found,) = zoo.compare(*runs).differences
    changed = len(found.first_better) + len(found.second_better)
    assert found.units == "groups" and found.test == "paired permutation of groups" and changed % 10 == 0
    assert found.p > 0.01  # ten alike are one: McNemar over samples would say that 40 changes are no chance
    assert found.ci_low is None or "40 groups" in found.interval


def test_two_attacks_on_one_victim_are_compared_but_not_on_two_models_at_once():
    victim = {"victim": "intro/mlp@digits"}
    runs = [zoo.evaluate(name, "digits", task="attack", aux=victim, limit=60) for name in ("robust/fgsm", "robust/pgd")]
    found = zoo.compare(*runs, metrics=["robust-accuracy", "success-rate", "median-norm"])
    robust, success, norm = found.differences
    assert [run.name for run in found.runs] == ["robust/fgsm", "robust/pgd"]
    assert robust.test == "exact McNemar" and not success.refused and norm.refused
    other = zoo.evaluate("robust/fgsm", "digits", task="attack", aux={"victim": "intro/logistic@digits"}, limit=60)
    assert [run.name for run in zoo.compare(runs[0], other).runs] == ["intro/mlp@digits", "intro/logistic@digits"]
    with pytest.raises(RunError, match="differ in more than one model: model, victim"):
        zoo.compare(runs[1], other)
