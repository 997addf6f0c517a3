"""Task generate: pictures spoilt by the protocol, restorations verified, stored and read back."""

import pyarrow as pa
import pytest
import torch

from zoo.data.dataset import Sample
from zoo.errors import ModelError, OptionError, PredictionError
from zoo.imaging.degrade import Degraded
from zoo.specs import ImageInput
from zoo.tasks import DataInfo, ModelInfo, task_class
from zoo.tasks.base import Batch
from zoo.tasks.generate.restore import Generate, restored

CLEAN = torch.randint(0, 256, (3, 12, 15), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def bound(model_input=None, modality="image", **protocol):
    return Generate(ModelInfo("local/model", None, None, model_input), DataInfo("toy", "test", modality, None), protocol)


def prepared(task, *pictures):
    samples = [task.prepare(Sample(f"s{i}", picture, picture)) for i, picture in enumerate(pictures)]
    return Batch([s.id for s in samples], task.collate(samples), [s.target for s in samples], list(range(len(samples))))


def stored(task, predictions, batch):
    return task.decode(pa.table(task.encode(predictions, batch), schema=task.schema))["image"]


def halves(scale=1):
    """A model that paints everything grey, at the size that is wanted."""
    return lambda conditions, seeds: [
        torch.full((len(c.image), *(scale * n for n in c.image.shape[1:])), 0.5) for c in conditions
    ]


def test_the_task_is_known():
    assert task_class("generate") is Generate


def test_a_model_is_given_what_is_known_of_the_degradation():
    seen = []

    def model(conditions, seeds):
        seen.extend(zip(conditions, seeds, strict=True))
        return halves()(conditions, seeds)

    task = bound(degrade="noise:51")
    task.predict(model, prepared(task, CLEAN, CLEAN[:, :9]))
    assert [(tuple(c.image.shape), c.scale, c.sigma, seed) for c, seed in seen] == [
        ((3, 12, 15), 1, pytest.approx(0.2), 0),
        ((3, 9, 15), 1, pytest.approx(0.2), 1),
    ]


def test_noise_hangs_on_the_id_not_on_batch_or_order():
    task = bound(degrade="noise:25")
    alone = task.prepare(Sample("s1", CLEAN, CLEAN)).input
    assert torch.equal(prepared(task, CLEAN[:, :5], CLEAN).inputs[1], alone)


def test_a_noisy_condition_may_leave_the_range():
    task = bound(degrade="noise:25")
    assert float(prepared(task, torch.zeros(1, 8, 8, dtype=torch.uint8)).inputs[0].min()) < 0


def test_the_protocol_may_ask_for_grey():
    assert tuple(prepared(bound(degrade="noise:25", grey=True), CLEAN).inputs[0].shape) == (1, 12, 15)
    assert tuple(prepared(bound(degrade="noise:25"), CLEAN).inputs[0].shape) == (3, 12, 15)


@pytest.mark.parametrize(("store", "dtype"), [("uint8", "uint8"), ("float32", "float32")])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_stored_and_read_back(store, dtype, channels):
    task = bound(degrade="noise:25", store=store, grey=channels == 1)
    batch = prepared(task, CLEAN, CLEAN[:, :9])
    predictions = task.predict(lambda conditions, _: [c.image.clamp(0, 1) for c in conditions], batch)
    for predicted, image in zip(predictions, stored(task, predictions, batch), strict=True):
        assert (image.dtype, image.shape) == (dtype, tuple(predicted.shape))
        back = torch.from_numpy(image.copy()).float() / (255 if store == "uint8" else 1)
        torch.testing.assert_close(back, predicted, atol=0.5001 / 255 if store == "uint8" else 0, rtol=0)


def test_no_rows_are_no_images():
    assert len(bound(degrade="noise:25").decode(bound().schema.empty_table())["image"]) == 0


def test_from_nothing_to_images():
    """Without a degradation the condition is the sample's input as it is, and any image will do."""
    task = bound()
    batch = prepared(task, None, None)
    images = task.predict(lambda conditions, seeds: [torch.full((1, 4 + s, 4), 0.5) for s in seeds], batch)
    assert batch.inputs == [None, None]
    assert [tuple(image.shape) for image in images] == [(1, 4, 4), (1, 5, 4)]


def test_a_batch_tensor_is_a_sequence_of_images():
    task = bound(degrade="noise:25")
    assert len(task.predict(lambda conditions, _: torch.zeros(2, 3, 12, 15), prepared(task, CLEAN, CLEAN))) == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_pixels_that_are_not_finite_are_an_error_that_names_the_sample(value):
    task = bound(degrade="noise:25")

    def model(conditions, seeds):
        images = halves()(conditions, seeds)
        images[1][0, 3, 3] = value
        return images

    with pytest.raises(PredictionError, match="NaN or infinite pixels for 1 samples: s1") as caught:
        task.predict(model, prepared(task, CLEAN, CLEAN))
    assert caught.value.ids == ("s1",)


@pytest.mark.parametrize("value", [-0.01, 1.01, 200.0])
def test_pixels_out_of_range_are_an_error_that_names_the_sample(value):
    task = bound(degrade="noise:25")

    def model(conditions, seeds):
        images = halves()(conditions, seeds)
        images[0][0, 3, 3] = value
        return images

    with pytest.raises(PredictionError, match=r"outside \[0, 1\] for 1 samples: s0\n.*clamp"):
        task.predict(model, prepared(task, CLEAN, CLEAN))


def test_what_passes_for_rounding_is_clipped_and_the_models_own_tensor_left_alone():
    task = bound(degrade="noise:25")
    own = torch.full((3, 12, 15), 1.0005)
    (image,) = task.predict(lambda *_: [own], prepared(task, CLEAN))
    assert (float(image.max()), float(own.max())) == (1.0, pytest.approx(1.0005))


def test_an_image_of_another_size_is_an_error():
    task = bound(degrade="bicubic:3")
    with pytest.raises(PredictionError, match=r"\[3, 8, 10\] for s0\nexpected \[3, 12, 15\]"):
        task.predict(halves(2), prepared(task, CLEAN))


@pytest.mark.parametrize("wrong", [torch.zeros(3, 12, 15, dtype=torch.uint8), "picture", torch.zeros(12, 15)])
def test_what_is_no_image_is_an_error(wrong):
    task = bound(degrade="noise:25")
    with pytest.raises(PredictionError, match="expected"):
        task.predict(lambda *_: [wrong], prepared(task, CLEAN))


def test_too_few_images_are_an_error():
    task = bound(degrade="noise:25")
    with pytest.raises(PredictionError, match="1 images for 2 samples"):
        task.predict(lambda *_: [torch.zeros(3, 12, 15)], prepared(task, CLEAN, CLEAN))


def test_a_model_that_resizes_or_converts_its_input_is_no_restorer():
    with pytest.raises(ModelError, match="the picture as it is"):
        bound(ImageInput(channels=1), degrade="noise:25")


def test_a_protocol_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="'uint8' or 'float32'"):
        bound(store="jpeg")
    with pytest.raises(OptionError, match="no degradation 'blur'"):
        bound(degrade="blur")
    with pytest.raises(ModelError, match="toy is text"):
        bound(modality="text")


def test_a_dataset_of_clean_pictures_alone_says_what_to_name():
    with pytest.raises(OptionError, match="images:noise25:PATH"):
        Generate.default_metrics(DataInfo("data/set5", "test", "image", None))


def test_restored_calls_a_network_once_for_pictures_of_one_size_and_keeps_the_order():
    sizes = [(4, 4), (5, 4), (4, 4)]
    conditions = [Degraded(torch.full((1, *size), float(i)), 2, 0.1) for i, size in enumerate(sizes)]
    calls = []

    def restore(images, *, scale, sigma):
        calls.append((tuple(images.shape), scale, sigma))
        return images.repeat_interleave(scale, -1).repeat_interleave(scale, -2)

    images = restored(restore, conditions)
    assert calls == [((2, 1, 4, 4), 2, 0.1), ((1, 1, 5, 4), 2, 0.1)]
    assert [float(image[0, 0, 0]) for image in images] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("degrade", "parts", "size"), [("noise:25", 3, (15, 12)), ("bicubic:4", 3, (12, 12)), (None, 1, (15, 12))]
)
def test_a_drawing_shows_condition_prediction_and_target(degrade, parts, size):
    task = bound(degrade=degrade) if degrade else bound()
    predicted = torch.zeros(3, size[1], size[0])
    columns = task.decode(pa.table(task.encode([predicted], prepared(task, CLEAN)), schema=task.schema))
    drawn = task.draw(Sample("s0", CLEAN, CLEAN), columns)
    assert drawn.size == (parts * size[0], size[1])
