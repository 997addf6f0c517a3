"""What was remarked of a run's data stands in its record, whichever invocation read them."""

import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

import zoo
from zoo.remarks import hearing, listening, remark

FRAMES = "of pictures with several frames or pages, only the first is taken"


class Mean(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        bright = images.mean(dim=(1, 2, 3))
        return torch.stack([1 - bright, bright], dim=1)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes of pictures: one is an animation, one no picture at all."""
    for name, grey in (("dark", 20), ("light", 230)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("L", (8, 8), grey + number).save(tmp_path / "pictures" / name / f"{number}.png")
    frames = [Image.new("L", (8, 8), value) for value in (20, 200)]
    frames[0].save(tmp_path / "pictures" / "dark" / "moving.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "pictures" / "light" / "notes.txt").write_text("no picture")
    return tmp_path / "pictures"


def run(pictures: Path, **settings: object) -> zoo.RunRecord:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return zoo.evaluate(
            Mean(), f"folder:{pictures}", classes="dataset", input=zoo.ImageInput(size=(8, 8), channels=1), key="mean", **settings
        )


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_remarked_of_files_and_pictures_stands_in_the_record(pictures: Path, workers: int) -> None:
    record = run(pictures, workers=workers, batch_size=2)
    assert len(record.remarks) == 2
    assert "1 file in" in record.remarks[0] and "1 .txt" in record.remarks[0]
    assert record.remarks[1] == FRAMES


def test_so_it_does_when_the_predictions_were_there(pictures: Path) -> None:
    first = run(pictures)
    again = run(pictures)
    assert again.shards.computed == 0
    assert again.remarks == first.remarks


def test_and_in_a_fresh_run_only_what_is_true_then(pictures: Path) -> None:
    run(pictures)
    (pictures / "dark" / "moving.gif").unlink()
    (pictures / "light" / "notes.txt").unlink()
    assert run(pictures).remarks == ()


def test_the_inner_of_two_hears(recwarn: pytest.WarningsRecorder) -> None:
    with hearing(None) as outer:
        remark("first")
        with hearing(None) as inner:
            remark("second")
            remark("second")
        remark("third")
    assert list(outer) == ["first", "third"] and list(inner) == ["second"]
    assert listening() is None
    remark("nobody keeps it, but it is shown")
    assert "nobody keeps it, but it is shown" in [str(told.message) for told in recwarn]


def test_a_training_keeps_what_was_remarked_of_its_samples(pictures: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        record = zoo.train("intro/logistic-digits", dataset=f"folder:{pictures}", epochs=1, overrides={"validation": 0.3})
    told = "\n".join(record.remarks)
    assert "passed over" in told and "leaves out" in told and FRAMES in told
