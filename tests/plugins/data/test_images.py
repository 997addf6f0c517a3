"""Clean pictures: the standard sets, and images:PATH with the degradation in the benchmark's name."""

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.errors import DataError, OptionError


@pytest.fixture
def folder(tmp_path):
    """Three pictures, one of them grey, one below a folder, and what is none."""
    rng = np.random.default_rng(0)
    (tmp_path / "pictures" / "sub").mkdir(parents=True)
    for name, shape in (("b.png", (30, 33, 3)), ("sub/a.png", (24, 24, 3)), ("grey.png", (24, 30))):
        smooth = np.cumsum(rng.normal(0, 4, shape), axis=1) + 128
        Image.fromarray(smooth.clip(0, 255).astype(np.uint8)).save(tmp_path / "pictures" / name)
    (tmp_path / "pictures" / "notes.txt").write_text("no picture")
    (tmp_path / "pictures" / ".hidden.png").write_bytes(b"no picture")
    return tmp_path / "pictures"


def test_the_users_pictures_are_rgb_and_their_own_targets(folder):
    dataset = zoo.dataset(f"images:{folder}")
    assert dataset.ids == ["b.png", "grey.png", "sub/a.png"]
    assert tuple(dataset[1].input.shape) == (3, 24, 30)
    assert torch.equal(dataset[0].input, dataset[0].target)
    assert torch.equal(dataset.targets[2], dataset[2].target)


def test_one_picture_will_do(folder):
    assert zoo.dataset(f"images:{folder / 'b.png'}").ids == ["b.png"]


def test_the_fingerprint_is_that_of_the_content(folder):
    before = zoo.dataset(f"images:{folder}").fingerprint
    assert zoo.dataset(f"images:{folder}").fingerprint == before
    Image.new("RGB", (24, 24)).save(folder / "b.png")
    assert zoo.dataset(f"images:{folder}").fingerprint != before


@pytest.mark.parametrize(
    ("named", "protocol", "metrics"),
    [
        ("noise25", {"degrade": "noise:25", "grey": False}, ("psnr-rgb", "psnr-y", "ssim-y")),
        ("noise12.5", {"degrade": "noise:12.5", "grey": False}, ("psnr-rgb", "psnr-y", "ssim-y")),
        ("gray-noise50", {"degrade": "noise:50", "grey": True}, ("psnr-gray", "ssim-gray")),
        ("x3", {"degrade": "bicubic:3", "grey": False}, ("psnr-y:border=3", "ssim-y:border=3", "psnr-rgb:border=3")),
    ],
)
def test_the_name_says_what_is_done_to_the_pictures(folder, named, protocol, metrics):
    benchmark = zoo.registry().benchmark(f"images:{named}:{folder}", tasks=["generate"])
    assert (benchmark.protocol, benchmark.metrics) == (protocol, metrics)
    assert benchmark.dataset == f"images:{folder}"


def test_a_run_on_the_users_own_pictures(folder):
    small = zoo.evaluate("vision/bicubic", f"images:x2:{folder}", device="cpu", workers=0)
    grey = zoo.evaluate("vision/identity", f"images:gray-noise25:{folder}", device="cpu", workers=0)
    assert (small.benchmark, small.dataset.samples) == (f"images:x2:{folder}", 3)
    assert small.results[0].value > 20
    assert grey.results[0].value == pytest.approx(20.2, abs=0.5)


def test_the_score_is_free_of_batch_size_and_worker_count(folder):
    first = zoo.evaluate("vision/identity", f"images:noise25:{folder}", device="cpu", batch_size=1, workers=0)
    again = zoo.evaluate("vision/identity", f"images:noise25:{folder}", device="cpu", batch_size=3, workers=2, fresh=True)
    assert [result.value for result in again.results] == [result.value for result in first.results]


def test_the_pictures_of_a_benchmark_are_a_dataset_by_its_name(folder):
    """So that `zoo show` and `zoo data check` say what is there."""
    named = zoo.dataset(f"images:noise25:{folder}")
    assert (named.ids, named.fingerprint) == ((plain := zoo.dataset(f"images:{folder}")).ids, plain.fingerprint)
    with pytest.raises(DataError, match="no picture by its suffix"):
        zoo.dataset(f"images:{folder / 'notes.txt'}")


def test_pictures_without_a_degradation_say_how_to_name_one(folder):
    with pytest.raises(OptionError, match="images:noise25:PATH"):
        zoo.evaluate("vision/bicubic", f"images:{folder}")
    with pytest.raises(OptionError, match="images:noise25:PATH"):
        zoo.evaluate("vision/bicubic", "set5")


@pytest.mark.parametrize("degrade", ["noise300", "x1", "x40"])
def test_a_degradation_that_makes_no_sense_is_refused(folder, degrade):
    with pytest.raises(OptionError, match="no degradation"):
        zoo.evaluate("vision/bicubic", f"images:{degrade}:{folder}")


def test_absent_empty_and_corrupt_pictures_are_named(folder, tmp_path):
    with pytest.raises(DataError, match="no folder and no picture"):
        zoo.evaluate("vision/bicubic", f"images:x2:{tmp_path / 'absent'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no pictures"):
        zoo.evaluate("vision/bicubic", f"images:x2:{tmp_path / 'empty'}")
    (folder / "c.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"sample c\.png .* cannot decode"):
        zoo.evaluate("vision/bicubic", f"images:x2:{folder}", device="cpu")
    record = zoo.evaluate("vision/bicubic", f"images:x2:{folder}", device="cpu", skip_bad=1)
    assert (record.dataset.samples, list(record.dataset.skipped)) == (3, ["c.png"])


@pytest.mark.parametrize(
    ("name", "first", "shape"),
    [("set12", "01", (1, 256, 256)), ("bsd68", "test001", (1, 481, 321)), ("set5", "baby", (3, 512, 512))],
)
def test_the_standard_sets(real_data, name, first, shape):
    dataset = zoo.dataset(name)
    assert (dataset.ids[0], tuple(dataset[0].input.shape), dataset[0].input.dtype) == (first, shape, torch.uint8)


def test_the_photographs_come_with_scikit_image():
    dataset = zoo.dataset("photographs", "train")
    assert len(dataset) == 7
    assert "astronaut" in dataset.ids
