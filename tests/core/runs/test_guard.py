"""The guard: what is not a sample's own prediction is found, named, and never used again."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import zoo
from zoo.errors import ModelError
from zoo.runs import guard


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(64, 10)

    def forward(self, images):
        return self.changed(self.linear(images.flatten(1)))

    def changed(self, logits):
        return logits


class Dropped(Linear):
    def changed(self, logits):
        return F.dropout(logits, 0.2)  # whatever the mode


class Drawn(Linear):
    def changed(self, logits):
        return logits + torch.randn_like(logits)


class Counting(Linear):
    seen = 0

    def changed(self, logits):
        self.seen += 1
        return logits + self.seen * torch.arange(10)


class Centred(Linear):
    def changed(self, logits):
        return logits - logits.mean(0)


class Normed(Linear):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(10, track_running_stats=False)

    def changed(self, logits):
        return self.norm(logits)


class InPlace(Linear):
    """Normalises the images that it is given, in place."""

    def forward(self, images):
        return super().forward(images.sub_(0.5).div_(0.25))


class Attentive(Linear):
    """Attention whose own dropout is left on."""

    def changed(self, logits):
        return F.scaled_dot_product_attention(logits[:, None], logits[:, None], logits[:, None], dropout_p=0.5)[:, 0]


def score(model, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return zoo.evaluate(model, "digits", **{"classes": "dataset", "limit": 40, **options})


@pytest.mark.parametrize("options", [{}, {"precision": "bf16"}, {"batch_size": 1}, {"batch_size": 3}], ids=str)
def test_what_is_its_own_is_let_pass(options):
    found = score(Linear(), **options).guard
    assert found.note == "" and found.difference <= found.tolerance
    assert 1 <= len(found.samples) <= 4


@pytest.mark.parametrize("batch_size", [1, 16, "auto"])
def test_a_model_that_changes_its_input_in_place_changes_a_copy(batch_size):
    class Apart(Linear):
        def forward(self, images):
            return super().forward((images - 0.5) / 0.25)

    found, right = score(InPlace(), batch_size=batch_size), score(Apart(), batch_size=batch_size)
    assert found.guard.note == ""
    assert [one.value for one in found.results] == [one.value for one in right.results]


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Dropped, guard.DROPOUT),
        (Attentive, guard.DROPOUT),
        (Drawn, guard.RANDOM),
        (Counting, guard.STATE),
        (Centred, guard.TOGETHER),
        (Normed, guard.BATCH_NORM),
    ],
)
def test_each_cause_is_named_and_nothing_is_reused(model, why):
    first = score(model(), key="mine")
    assert why in first.guard.note and "digits-" in first.guard.note
    again = score(model(), key="mine")
    assert again.key == first.key and again.shards.reused == 0


@pytest.fixture
def texts(plugin):
    """Texts of several lengths, and a model of them by name whose padding is not masked."""
    plugin(
        "words",
        """
        import torch
        from zoo import hookimpl
        from zoo.data import ArrayDataset
        from zoo.specs import DatasetSpec, ModelSpec

        CLASSES = ("ham", "spam")

        def opened(files, split):
            texts = ["word " * (1 + i % 7) for i in range(40)]
            return ArrayDataset(texts, [i % 2 for i in range(40)], [f"t{i}" for i in range(40)], CLASSES)

        class Padded(torch.nn.Module):
            def forward(self, texts):
                longest = max(map(len, texts))
                return torch.tensor([[float(len(text)), float(longest)] for text in texts])

        @hookimpl
        def zoo_datasets():
            return [DatasetSpec(name="texts", summary="Texts.", modality="text", target="zoo_words:opened", splits={"test": 40},
                                classes=CLASSES, licence="CC0-1.0", citation="Nobody.")]

        @hookimpl
        def zoo_models():
            return [ModelSpec(name="padded", summary="Pads.", modality="text", tasks={"classify": "zoo_words:Padded"},
                              classes=CLASSES)]
        """,
    )


def test_padding_is_told_from_other_company_and_is_an_error_of_a_named_model(texts):
    with pytest.raises(ModelError, match="is not its own") as caught:
        zoo.evaluate("words/padded", "words/texts", batch_size=8, workers=0)
    assert caught.value.hint == guard.PADDING
    assert zoo.evaluate("words/padded", "words/texts", batch_size=1, workers=0).guard.note == ""


def test_a_run_of_reused_shards_tells_what_the_guard_found():
    first = score(Linear())
    assert score(Linear()).guard == first.guard and first.guard is not None


def test_boxes_may_lose_a_twin_to_rounding_but_not_move():
    from zoo.tasks.comparing import boxes_apart

    found = torch.tensor([[i * 50.0, 0, i * 50 + 20, 20, 0.9 - i / 10, 0] for i in range(6)]).double().numpy()
    twin = found.copy()
    twin[3, :4] += 2
    assert boxes_apart(found, found) == 0
    assert boxes_apart(found, twin) == 0
    assert boxes_apart(found, found[:5]) == 0
    moved = found.copy()
    moved[:, :4] += 0.5
    assert boxes_apart(found, moved) > 0.01
