"""Common corruptions: what is done to an image, to which images, and what is made of a classifier's answers."""

import re
from collections import Counter
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from skimage.color import hsv2rgb, rgb2hsv
from skimage.filters import gaussian
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as reference

import zoo
import zoo_robust
from zoo.errors import ModelError, OptionError, UnknownNameError
from zoo.imaging import prepare_image
from zoo.metrics import wilson
from zoo.runs.sampling import take
from zoo.tasks import Rows
from zoo_robust.corruptions.images import corrupted
from zoo_robust.corruptions.metrics import CorruptionError
from zoo_robust.corruptions.severities import SEVERITIES

ALL = 41


def photograph(size=224, seed=0):
    """Something like one: noise with the spectrum of natural images, RGB, uint8."""
    rng = np.random.default_rng(seed)
    frequencies = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    spectrum = np.fft.fft2(rng.normal(size=(3, size, size))) / (frequencies + 1 / size)
    field = np.real(np.fft.ifft2(spectrum))
    field = 0.5 + 0.2 * (field - field.mean()) / field.std()
    return torch.from_numpy((field.clip(0, 1) * 255).round().astype(np.uint8))


def digit(seed=0):
    """A stroke of a pen on black, far from the edges, 28x28 grey, uint8."""
    rng = np.random.default_rng(seed)
    picture = Image.new("L", (280, 280))
    points = [(140 + 70 * np.cos(angle), 140 + 70 * np.sin(angle)) for angle in rng.uniform(0, 2 * np.pi, 5)]
    ImageDraw.Draw(picture).line(points, fill=255, width=25, joint="curve")
    return torch.from_numpy(np.array(picture.resize((28, 28), Image.Resampling.BOX)))[None]


def psnr(first, second):
    error = ((first.float() - second.float()) ** 2).mean()
    return float(10 * torch.log10(255**2 / error.clamp(min=1e-9)))


def changed(image, corruption, number):
    """The image under a corruption by one of its numbers."""
    one = SEVERITIES[corruption]
    numbers = one.small if min(image.shape[1:]) <= 64 else one.large
    return corrupted(image, corruption, numbers.index(number) + 1, "a")


def means_of_psnr(images, corruption):
    """By severity, over images with their ids."""
    return [
        np.mean([psnr(image, corrupted(image, corruption, severity, id_)) for id_, image in images.items()])
        for severity in range(1, 6)
    ]


@pytest.mark.parametrize("corruption", SEVERITIES)
def test_every_severity_is_farther_from_the_clean_image_in_the_mean(corruption):
    means = means_of_psnr({str(seed): photograph(seed=seed) for seed in range(2)}, corruption)
    assert all(first > second for first, second in pairwise(means)), means


@pytest.mark.parametrize("corruption", SEVERITIES)
def test_so_it_is_on_mnist(corruption, real_data):
    mnist = zoo.dataset("mnist")
    means = means_of_psnr({mnist.ids[i]: mnist[i].input for i in range(100)}, corruption)
    assert all(first > second for first, second in pairwise(means)), means


@pytest.mark.parametrize("corruption", SEVERITIES)
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 65, 224), (1, 1, 1), (3, 300, 2)])
def test_an_image_keeps_shape_and_range_and_any_size_will_do(corruption, shape):
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    for severity in (1, 5):
        found = corrupted(image, corruption, severity, "a")
        assert found.dtype == torch.uint8 and found.shape == shape
        assert torch.equal(found, corrupted(image.float() / 255, corruption, severity, "a"))


@pytest.mark.parametrize("corruption", ["blur", "contrast", "pixelation", "rotation"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 224, 224)])
def test_a_constant_image_stays_as_it_is(corruption, shape):
    image = torch.full(shape, 90, dtype=torch.uint8)
    assert all(torch.equal(corrupted(image, corruption, severity, "a"), image) for severity in range(1, 6))


def test_jpeg_keeps_a_constant_image_constant():
    """At low quality its level is rounded, everywhere alike."""
    for severity in range(1, 6):
        found = corrupted(torch.full((1, 64, 224), 90, dtype=torch.uint8), "jpeg", severity, "a")
        assert (found == found[0, 0, 0]).all() and abs(int(found[0, 0, 0]) - 90) <= 8


def test_noise_has_the_spread_that_is_said_and_is_one_draw_at_all_severities():
    grey = torch.full((3, 224, 224), 0.5)
    spread = [float(corrupted(grey, "gaussian-noise", severity, "a").float().std() / 255) for severity in (1, 2)]
    assert spread == pytest.approx([0.08, 0.12], rel=0.02)  # larger ones are cut off at black and white
    apart = [corrupted(grey, "gaussian-noise", severity, "a").float() / 255 - 0.5 for severity in (1, 2)]
    inside = apart[1].abs() < 0.45  # what is not cut off
    assert torch.allclose(apart[0][inside] / 0.08, apart[1][inside] / 0.12, atol=0.05)
    assert not torch.equal(corrupted(grey, "gaussian-noise", 1, "a"), corrupted(grey, "gaussian-noise", 1, "b"))


def test_occlusion_covers_its_share_and_more_of_it_at_every_severity():
    image = torch.zeros((3, 200, 100), dtype=torch.uint8)
    places = set()
    for name in map(str, range(8)):
        before = torch.zeros(200, 100, dtype=torch.bool)
        for severity, share in enumerate((0.1, 0.2, 0.3, 0.4, 0.5), 1):
            found = corrupted(image, "occlusion", severity, name)
            covered = found[0] == 128
            assert float(covered.float().mean()) == pytest.approx(share**2, abs=0.02)
            assert ((found == 0) | (found == 128)).all() and covered[before].all()
            before = covered
        places.add(tuple(torch.nonzero(covered)[0].tolist()))
    assert len(places) > 6


def test_rotation_goes_either_way_with_the_id():
    image = digit()
    turned = {corrupted(image, "rotation", 3, str(i)).numpy().tobytes() for i in range(20)}
    assert len(turned) == 2


@pytest.mark.parametrize("sigma", SEVERITIES["blur"].large)
def test_blur_is_that_of_scikit_image(sigma):
    image = photograph(96)
    expected = gaussian(image.numpy() / 255, sigma=sigma, channel_axis=0, mode="nearest", truncate=4.0)
    assert np.abs(changed(image, "blur", sigma).numpy() / 255 - expected).max() < 0.6 / 255


@pytest.mark.parametrize("added", SEVERITIES["brightness"].large)
def test_brightness_is_that_of_scikit_images_hsv(added):
    image = photograph(96)
    hsv = rgb2hsv(image.numpy() / 255, channel_axis=0)
    hsv[2] = (hsv[2] + added).clip(0, 1)
    expected = hsv2rgb(hsv, channel_axis=0)
    assert np.abs(changed(image, "brightness", added).numpy() / 255 - expected).max() < 0.6 / 255


def test_black_becomes_grey_by_brightness():
    assert (changed(torch.zeros((3, 8, 8), dtype=torch.uint8), "brightness", 0.2) == 51).all()


@pytest.mark.parametrize("kept", SEVERITIES["contrast"].small)
def test_contrast_is_that_of_torchvision_on_grey_images(kept):
    image = digit()
    expected = reference.adjust_contrast(image.float() / 255, kept)
    assert (changed(image, "contrast", kept) / 255 - expected).abs().max() < 0.6 / 255


@pytest.mark.parametrize("quality", SEVERITIES["jpeg"].large)
def test_jpeg_is_that_of_a_saved_file_and_of_torchvision(quality):
    image = photograph(96)
    content = BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(content, "JPEG", quality=quality)
    found = changed(image, "jpeg", quality)
    assert np.array_equal(found.permute(1, 2, 0).numpy(), np.asarray(Image.open(content)))
    assert (found.float() - reference.jpeg(image, quality).float()).abs().mean() < 1


@pytest.mark.parametrize("share", SEVERITIES["pixelation"].large)
def test_pixelation_has_no_more_pixels_than_are_left(share):
    found = changed(photograph(96), "pixelation", share)
    kept = int(96 * share)
    if 96 % kept == 0:
        blocks = found.reshape(3, kept, 96 // kept, kept, 96 // kept)
        assert (blocks == blocks[:, :, :1, :, :1]).all()
    assert len(np.unique(found[0].numpy(), axis=0)) <= 2 * kept


@pytest.mark.parametrize("degrees", SEVERITIES["rotation"].small)
def test_rotation_is_that_of_torchvision_within_the_image(degrees):
    image = digit()
    found = changed(image, "rotation", degrees).float()
    within = torch.hypot(*torch.meshgrid(torch.arange(28) - 13.5, torch.arange(28) - 13.5, indexing="ij")) < 13
    ways = [reference.rotate(image.float(), sign * degrees, InterpolationMode.BILINEAR) for sign in (1, -1)]
    assert min((found - way)[:, within].abs().max() for way in ways) <= 0.51


def test_every_image_is_there_clean_and_in_all_forty_variants():
    data, clean = zoo.dataset("corrupted:digits"), zoo.dataset("digits")
    assert len(data) == ALL * len(clean) and data.classes == clean.classes
    assert data.ids[:3] == [f"{clean.ids[0]}@clean-0", f"{clean.ids[0]}@gaussian-noise-1", f"{clean.ids[0]}@gaussian-noise-2"]
    assert torch.equal(data[ALL * 5].input, clean[5].input) and data[ALL * 5 + 7].target == clean.targets[5]
    variants = Counter(id_.rpartition("@")[2] for id_ in data.ids)
    assert len(variants) == ALL and set(variants.values()) == {len(clean)}


def test_an_image_hangs_on_its_id_alone():
    whole, some = (
        zoo.dataset("corrupted:digits"),
        zoo.dataset("corrupted:corruptions=occlusion+gaussian-noise,severities=4+2:digits"),
    )
    assert [id_.rpartition("@")[2] for id_ in some.ids[:5]] == [
        "clean-0",
        "gaussian-noise-2",
        "gaussian-noise-4",
        "occlusion-2",
        "occlusion-4",
    ]
    place = {id_: index for index, id_ in enumerate(whole.ids)}
    for index in np.random.default_rng(0).permutation(len(some))[:50]:
        sample = some[int(index)]
        assert torch.equal(sample.input, whole[place[sample.id]].input)


def test_the_key_hangs_on_base_and_variants():
    names = ["corrupted:digits", "corrupted:corruptions=blur:digits", "corrupted:corruptions=blur,severities=1:digits"]
    prints = [zoo.dataset(name).fingerprint for name in names]
    assert len({*prints, zoo.dataset("corrupted:digits", "train").fingerprint}) == 4
    assert zoo.dataset("corrupted:data/digits").fingerprint == prints[0]


def test_the_variants_of_an_image_stay_together_where_a_training_holds_out():
    data = zoo.dataset("corrupted:corruptions=blur,severities=1+5:digits", "train")
    assert data.groups[:6] == [zoo.dataset("digits", "train").ids[0]] * 3 + [zoo.dataset("digits", "train").ids[1]] * 3


def folder_of(tmp_path, names, per_class=3):
    for label, name in enumerate(names):
        for i in range(per_class):
            path = tmp_path / "own" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photograph(40, seed=10 * label + i).permute(1, 2, 0).numpy()).save(path)
    return tmp_path / "own"


def test_data_of_ones_own_and_benchmarks_are_corrupted_too(tmp_path):
    root = folder_of(tmp_path, ["a", "b"])
    data = zoo.dataset(f"corrupted:severities=5:folder:{root}")
    assert len(data) == 6 * 9 and data.classes == ("a", "b") and data.ids[8] == "a/0.png@occlusion-5"
    assert zoo.registry().dataset(f"corrupted:folder:{root}").held_out == f"corrupted:folder:holdout=0.2:{root}"
    assert len(zoo.dataset(f"corrupted:folder:holdout=0.4:{root}")) == ALL * 2


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("corrupted:sms-spam", OptionError, "modality text"),
        ("corrupted:bsds500", (OptionError, ModelError), "segment"),
        ("corrupted:coco-val2017", (OptionError, ModelError, UnknownNameError), ""),
        ("corrupted:corrupted:digits", OptionError, "corrupted already"),
        ("corrupted:corruptions=blr:digits", OptionError, "no corruption 'blr'.*did you mean blur"),
        ("corrupted:severities=6:digits", OptionError, "no severity '6'"),
        ("corrupted:severities=0:digits", OptionError, "no severity '0'"),
        ("corrupted:severity=3:digits", OptionError, "has no option 'severity'.*did you mean severities"),
        ("corrupted:corruptions=:digits", OptionError, "no corruption ''"),
        ("corrupted:dgits", UnknownNameError, "did you mean data/digits"),
        ("corrupted:", UnknownNameError, ""),
    ],
)
@pytest.mark.parametrize("kind", ["dataset", "benchmark"])
def test_what_cannot_be_corrupted_is_refused(name, error, says, kind):
    with pytest.raises(error) as caught:
        getattr(zoo.registry(), kind)(name)
    found = f"{caught.value.message} {caught.value.hint}"
    assert re.search(says, found), found


def test_a_path_and_a_table_are_refused(tmp_path):
    root = folder_of(tmp_path, ["a", "b"], 1)
    with pytest.raises(OptionError, match="is a path"):
        zoo.dataset(f"corrupted:{root}")
    with pytest.raises(UnknownNameError) as caught:
        zoo.dataset(str(root))
    assert f"folder:{root}" in caught.value.hint and "corrupted:" not in caught.value.hint
    (tmp_path / "v.csv").write_text("x,label\n1,a\n2,b\n")
    with pytest.raises(OptionError, match="modality vector"):
        zoo.dataset(f"corrupted:csv:{tmp_path / 'v.csv'}")


class Brightness(torch.nn.Module):
    """Says the class by the mean of the pixels: an image's variants fall together, some corruptions do nothing to it."""

    def forward(self, images):
        mean = images.flatten(1).mean(1)
        return -((mean[:, None] - torch.linspace(0.1, 0.5, 10)) ** 2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on 40 images of digits, in a store of its own, with the answers worked out by hand: right [images, variants]."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("ZOO_HOME", str(home))
        model = Brightness()
        record = zoo.evaluate(model, "corrupted:digits", classes="dataset", limit=40, save_figures=1, name="a", key="a")
        data, clean = zoo.dataset("corrupted:digits"), zoo.dataset("digits")
        chosen = take(clean, 40, "classify")[0]
        right = []
        for place in chosen:
            variants = [data[place * ALL + copy] for copy in range(ALL)]
            inputs = torch.stack([prepare_image(sample.input, None) for sample in variants])
            right.append((model(inputs).argmax(1) == clean.targets[place]).numpy())
        yield record, np.array(right), home


def values(record):
    return {result.metric: result for result in record.results}


def test_the_scores_are_those_worked_out_by_hand(run):
    record, right, _ = run
    found = values(record)
    assert record.dataset.samples == 40 * ALL
    assert found["clean-error"].value == pytest.approx(1 - right[:, 0].mean())
    assert found["corruption-error"].value == pytest.approx(1 - right[:, 1:].mean())
    assert found["corruption-error"].n == found["clean-error"].n == 40
    rows = found["corruption-accuracy"].detail["rows"]
    assert len(rows) == 1 + 8 * 6
    cells = {(name, severity): value for name, severity, value, *_ in rows}
    for place, name in enumerate(SEVERITIES):
        of = right[:, 1 + 5 * place : 6 + 5 * place]
        assert [cells[name, severity] for severity in range(1, 6)] == pytest.approx(of.mean(axis=0))
        assert cells[name, "mean"] == pytest.approx(of.mean())
    assert all(low <= value <= high for _, _, value, low, high, _ in rows if low is not None)


def test_a_label_that_a_corruption_may_change_is_told(run):
    assert any("which rotation and occlusion may change or hide" in remark for remark in run[0].remarks)


def test_the_interval_is_over_images_not_over_their_variants(run):
    record, right, _ = run
    found = values(record)["corruption-error"]
    naive = wilson(int((~right[:, 1:]).sum()), right[:, 1:].size)
    assert "40 images" in found.interval
    assert found.ci_high - found.ci_low > 2 * (naive.high - naive.low)


def test_a_limit_takes_the_images_that_the_clean_dataset_would_take_with_all_variants(run):
    record, _, _ = run
    positions, how = take(zoo.dataset("corrupted:digits"), 40, "classify")
    clean = zoo.dataset("digits")
    bases = take(clean, 40, "classify")[0]
    assert positions == [place * ALL + copy for place in bases for copy in range(ALL)]
    assert how == "stratified by class: 40, and all 41 made of each" == record.dataset.sampled
    assert take(zoo.dataset("corrupted:digits"), 10_000, "classify") == (range(ALL * len(clean)), "")


def test_a_curve_a_corruption_is_drawn(run):
    record, _, _ = run
    (figure,) = [artifact for artifact in record.artifacts if artifact.path.startswith("figures/")]
    assert figure.path == "figures/corruption-accuracy.png"


def test_relative_to_a_baseline_it_is_the_mean_of_the_ratios(run, monkeypatch):
    record, right, home = run
    monkeypatch.setenv("ZOO_HOME", str(home))
    again = zoo.evaluate(
        Brightness(),
        "corrupted:digits",
        classes="dataset",
        limit=40,
        key="b",
        name="b",
        metrics=[f"mce:baseline={record.run_id}"],
    )
    assert values(again)[f"mce:baseline={record.run_id}"].value == pytest.approx(1)

    class Half(Brightness):
        def forward(self, images):
            return super().forward(images * 0.8)

    other = zoo.evaluate(
        Half(), "corrupted:digits", classes="dataset", limit=40, key="c", name="c", metrics=[f"mce:baseline={record.run_id}"]
    )
    cells = {(name, severity): value for name, severity, value, *_ in values(other)["corruption-accuracy"].detail["rows"]}
    ratios = [(1 - cells[name, "mean"]) / (1 - right[:, 1 + 5 * i : 6 + 5 * i].mean()) for i, name in enumerate(SEVERITIES)]
    assert values(other)[f"mce:baseline={record.run_id}"].value == pytest.approx(np.mean(ratios))


@pytest.mark.parametrize(
    ("benchmark", "limit", "says"),
    [
        ("corrupted:digits", 20, "other samples"),
        ("corrupted:corruptions=blur:digits", 40, "other data"),
        ("digits", 40, "other data"),
    ],
)
def test_a_baseline_on_other_samples_is_refused(run, benchmark, limit, says, monkeypatch):
    record, _, home = run
    monkeypatch.setenv("ZOO_HOME", str(home))
    with pytest.raises(OptionError, match=says):
        zoo.evaluate(Brightness(), benchmark, classes="dataset", limit=limit, metrics=[f"mce:baseline={record.run_id}"])


def test_a_baseline_that_is_no_run_is_refused_before_the_model_runs():
    class Never(torch.nn.Module):
        def forward(self, images):
            raise AssertionError("the model ran")

    with pytest.raises(UnknownNameError, match="no run"):
        zoo.evaluate(Never(), "corrupted:digits", classes="dataset", limit=5, metrics=["mce:baseline=nothing"])


def test_clean_images_have_no_corruption_error():
    record = zoo.evaluate(Brightness(), "digits", classes="dataset", limit=40, metrics=["corruption-error"])
    assert values(record)["corruption-error"].value is None
    assert "run it on corrupted:DATASET" in values(record)["corruption-error"].interval


def test_images_that_lack_a_variant_do_not_count():
    ids = [f"{image}@{variant}" for image in "abc" for variant in ("clean-0", "blur-1", "blur-2")][:-1]
    logits = np.tile([[1.0, 0.0]], (8, 1)).astype(np.float32)
    rows = Rows(ids, {"logits": logits, "target": np.array([0, 0, 1, 0, 0, 0, 1, 1])}, ("x", "y"))
    score = CorruptionError().compute(CorruptionError().update(rows), ("x", "y"))
    assert (score.value, score.n) == (0.25, 2) and "1 of 3 images lack" in score.note


@pytest.mark.parametrize("model", ["cnn/lenet5", "cnn/lenet5@digits"])
def test_weights_for_the_clean_dataset_are_those_for_the_corrupted_one(model):
    record = zoo.evaluate(model, "corrupted:corruptions=blur,severities=1:digits", limit=20)
    assert record.model.label == "cnn/lenet5@digits" and record.dataset.samples == 40


def test_a_run_that_was_cut_off_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    name = "corrupted:corruptions=rotation+jpeg,severities=1+5:digits"
    whole = zoo.evaluate("cnn/lenet5@digits", name, limit=220)
    shards = sorted((tmp_path / "runs" / whole.key / "shards").glob("*.parquet"))
    assert len(shards) == 3
    shards[1].unlink()
    again = zoo.evaluate("cnn/lenet5@digits", name, limit=220, batch_size=77)
    assert again.shards.reused == 2 and [result.value for result in again.results] == [result.value for result in whole.results]


def test_the_numbers_of_the_readme_are_those_that_are_used():
    readme = (Path(zoo_robust.__file__).parent / "README.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in readme.splitlines() if line.startswith("| `")]
    found = {
        row[0].strip("`"): [tuple(map(float, cell.split())) for cell in row[2:4]]
        for row in rows
        if row[0].strip("`") in SEVERITIES
    }
    assert found == {name: [one.small, one.large] for name, one in SEVERITIES.items()}
