"""Samples that cannot be read: named, and passed over only where the user allows it, and then counted."""

import pytest
import torch

import zoo
from zoo.errors import DataError, NotScoredError


@pytest.fixture
def corrupt(monkeypatch):
    return lambda *names: monkeypatch.setenv("TOY_CORRUPT", ",".join(names))


def run(toy, **options):
    return zoo.evaluate(toy.Linear(192), "toy/marked", classes="dataset", key="toy", **options)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_corrupt_sample_is_named_and_nothing_is_recorded(workers, toy, corrupt, shard_files):
    corrupt("photo-07.png")
    with pytest.raises(DataError, match=r"photo-07.png of toy/photos cannot be read: OSError: truncated file") as caught:
        run(toy, workers=workers)
    assert "skip_bad=1" in caught.value.hint
    assert zoo.Store().records() == [] and shard_files() == []


def test_allowed_ones_are_left_out_and_counted_and_the_mark_is_not_checked(toy, corrupt, predictions):
    assert run(toy).passed is True
    corrupt("photo-07.png")
    record = run(toy, skip_bad=1, fresh=True)
    assert record.dataset.skipped == {"photo-07.png": "OSError: truncated file"}
    assert record.dataset.samples == record.primary.n == 39
    assert "photo-07.png" not in predictions(record)[0]
    assert record.passed is None and record.checks == ()


def test_a_later_run_that_does_not_allow_them_fails_on_the_same_shards(toy, corrupt):
    corrupt("photo-07.png")
    run(toy, skip_bad=1)
    with pytest.raises(DataError, match=r"photo-07\.png"):
        run(toy)
    assert run(toy, skip_bad=1).shards.reused == 1


@pytest.mark.parametrize("allowed", [0, 1, 3])
def test_more_than_allowed_are_all_counted_whatever_the_batches_and_shards(allowed, toy, corrupt, monkeypatch):
    monkeypatch.setattr("zoo.tasks.classify.Classify.shard_size", 10)
    corrupt("photo-07.png", "photo-09.png", "photo-22.png", "photo-39.png")
    with pytest.raises(DataError, match="4 samples of toy/photos cannot be read") as caught:
        run(toy, skip_bad=allowed, batch_size=3)
    assert ("more than" in caught.value.message) == bool(allowed)
    assert "skip_bad=4" in caught.value.hint
    assert run(toy, skip_bad=4, batch_size=3).dataset.samples == 36


def test_counting_them_goes_on_from_shards_that_were_found(toy, corrupt, monkeypatch):
    monkeypatch.setattr("zoo.tasks.classify.Classify.shard_size", 10)
    corrupt("photo-07.png", "photo-22.png")
    with pytest.raises(DataError, match="2 samples"):
        run(toy, skip_bad=1)
    with pytest.raises(DataError, match="2 samples"):
        run(toy)
    assert run(toy, skip_bad=2).shards.reused == 2  # up to the second corrupt one


def test_where_no_sample_can_be_read_there_is_no_score(toy, corrupt):
    corrupt(*toy.Photos.ids)
    for _ in range(2):
        with pytest.raises(NotScoredError, match=r"no metric of \w+ has a value on toy/photos: no samples"):
            run(toy, skip_bad=40)
    assert zoo.Store().records() == []


def test_samples_in_other_shards_are_unmoved(toy, corrupt, predictions, monkeypatch):
    monkeypatch.setattr("zoo.tasks.classify.Classify.shard_size", 10)
    ids, logits = predictions(run(toy))
    corrupt("photo-10.png", "photo-19.png")
    record = run(toy, skip_bad=2, fresh=True, batch_size=3)
    kept = [i for i, name in enumerate(ids) if name not in record.dataset.skipped]
    assert predictions(record)[0] == [ids[i] for i in kept]
    assert abs(predictions(record)[1] - logits[kept]).max() < 1e-5


def test_a_corrupt_image_of_a_folder_is_named(tmp_path):
    from PIL import Image

    for name in ("ant", "bee"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (8, 8), (40 * i, 0, 0)).save(tmp_path / "set" / name / f"{i}.png")
    (tmp_path / "set" / "bee" / "1.png").write_bytes(b"\x89PNG broken")
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2))
    options = {"classes": "dataset"}
    with pytest.raises(DataError, match=r"bee/1\.png") as caught:
        zoo.evaluate(model, f"folder:{tmp_path / 'set'}", **options)
    assert len(str(caught.value).splitlines()) == 2  # what is wrong and what to do, once each
    assert "BytesIO" not in str(caught.value)
    record = zoo.evaluate(model, f"folder:{tmp_path / 'set'}", skip_bad=1, **options)
    assert [name for name in record.dataset.skipped if "bee/1.png" in name] and record.primary.n == 5


def test_a_sample_that_answers_to_another_id_is_corrupt(toy, monkeypatch):
    monkeypatch.setattr(toy.Photos, "__getitem__", lambda self, i: zoo.Sample("someone else", torch.zeros(3, 8, 8), 0))
    with pytest.raises(DataError, match=r"40 samples of toy/photos cannot be read; the first is photo-00\.png: .*'someone else'"):
        run(toy)
