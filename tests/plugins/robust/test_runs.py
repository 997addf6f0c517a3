"""Attacks as runs: on real victims, the same whatever the batch, and what they leave beside the figures of the README."""

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.plugins.catalogue import load_catalogue

ON_MNIST = [claim for claim in load_catalogue().claims if claim.benchmark == "robust/mnist-linf"]
CLAIMS = {claim.model: claim for claim in ON_MNIST if not claim.aux}


def scores(record):
    return {result.metric: result.value for result in record.results}


@pytest.mark.parametrize("name", ["uniform-noise", "fgsm", "pgd", "apgd-ce"])
def test_scores_do_not_depend_on_batch_size_or_workers(name):
    def attacked(**how):
        settings = {"aux": {"victim": "cnn/lenet5"}, "protocol": {"eps": 0.05}, "limit": 100, "fresh": True}
        return zoo.evaluate(f"robust/{name}", "digits", **settings, **how)

    records = [attacked(batch_size=64), attacked(batch_size=9, workers=0), attacked(batch_size=100, workers=2)]
    assert len({record.key for record in records}) == 1
    for metric in ("robust-accuracy", "clean-accuracy", "success-rate"):
        assert np.ptp([scores(record)[metric] for record in records]) <= 0.01  # one sample, for a sign that hangs on rounding


def test_robust_accuracy_falls_with_eps():
    found = [
        scores(zoo.evaluate("robust/pgd", "digits", aux={"victim": "intro/mlp"}, protocol={"eps": eps}))["robust-accuracy"]
        for eps in ("0", "8/255", "0.1", "0.3")
    ]
    assert found == sorted(found, reverse=True) and found[0] > 0.95 and found[-1] < 0.05


def test_a_numpy_victim_falls_to_attacks_without_gradients():
    settings = {"aux": {"victim": "intro/mlp-numpy"}, "protocol": {"eps": 0.2}, "limit": 40}
    noise = zoo.evaluate("robust/uniform-noise", "digits", **settings)
    square = zoo.evaluate("robust/square", "digits", options={"queries": 200}, **settings)
    assert scores(square)["robust-accuracy"] < scores(noise)["robust-accuracy"] - 0.2
    assert scores(square)["gradients"] == 0 < scores(square)["forwards"] <= 200


def test_pgd_takes_lenet_on_mnist_below_5_percent_and_noise_does_not_below_90(real_data: Path) -> None:
    attacked = {
        name: scores(zoo.evaluate(f"robust/{name}", "mnist-linf", aux={"victim": "cnn/lenet5"}, limit=1000))
        for name in ("pgd", "uniform-noise")
    }
    assert attacked["pgd"]["robust-accuracy"] < 0.07  # 0.045 of all 10,000; of 1,000 the standard error is 0.007
    assert attacked["uniform-noise"]["robust-accuracy"] > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(CLAIMS))
def test_claims_on_mnist_hold_on_its_first_thousand(model: str, real_data: Path) -> None:
    record = zoo.evaluate(model, "mnist-linf", limit=1000)  # the whole 10,000 are for `zoo verify`
    assert record.primary.ci_low <= CLAIMS[model].value <= record.primary.ci_high


def test_the_published_resnet20_is_left_with_nothing_at_8_255(real_data: Path, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(real_data / "cifar10_jpeg" / "cifar10_test_jpeg.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))[::100]
        archive.extractall(tmp_path, names)
    aux = {"victim": "cnn/resnet20@cifar10"}
    found = scores(zoo.evaluate("robust/pgd", f"folder:{tmp_path / 'test'}", aux=aux, protocol={"eps": "8/255"}))
    assert found["robust-accuracy"] <= 0.01 and 0.7 < found["clean-accuracy"] < 0.9
