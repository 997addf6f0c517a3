"""zoo.evaluate: what may be run, and what changes nothing."""

import copy
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

import zoo
from zoo.errors import ModelError, OptionError
from zoo.runs.record import RunRecord


def digits_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(144, 10))


def scores(record):
    return [(result.metric, result.value, result.ci_low, result.ci_high, result.n) for result in record.results]


def test_an_own_module_is_scored_on_digits():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    record = zoo.evaluate(model, "digits", classes="dataset")
    with torch.no_grad():
        data = zoo.dataset("digits")
        hits = model(data.inputs).argmax(1) == torch.tensor(data.targets)
    assert record.primary.metric == "accuracy"
    assert record.primary.value == pytest.approx(float(hits.float().mean()))
    assert record.primary.n == record.dataset.samples == 360
    assert record.primary.ci_low < record.primary.value < record.primary.ci_high
    assert record.model.name == "local/Sequential"


def test_a_model_by_name_and_the_same_one_loaded_score_the_same():
    by_name = zoo.evaluate("intro/logistic", "digits")
    loaded = zoo.evaluate(zoo.load("intro/logistic@digits"), "digits")
    assert by_name.primary.value > 0.9
    assert by_name.model.name == loaded.model.name == "intro/logistic@digits"
    assert by_name.model.weights_sha256 is not None
    assert scores(by_name) == scores(loaded)


def test_a_numpy_model_loaded_is_scored_too():
    record = zoo.evaluate(zoo.load("intro/mlp-numpy@digits"), "digits", metrics=["accuracy"])
    assert record.primary.value > 0.9


def test_a_loaded_model_that_was_changed_loses_its_name():
    model = zoo.load("intro/logistic@digits")
    with torch.no_grad():
        next(model.parameters()).zero_()
    assert zoo.evaluate(model, "digits").model.name == "local/Logistic"


def test_a_dataset_is_picked_by_the_only_weights():
    assert zoo.evaluate("intro/logistic").dataset.name == "data/digits"


def test_a_module_without_classes_says_what_to_pass():
    with pytest.raises(ModelError, match='classes="dataset" says that'):
        zoo.evaluate(digits_model(), "digits")


def test_an_own_module_needs_a_benchmark():
    with pytest.raises(OptionError, match="needs a benchmark"):
        zoo.evaluate(digits_model())


@pytest.mark.parametrize("model", [nn.Linear, 5, None], ids=["a class", "a number", "None"])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(OptionError, match="is no model"):
        zoo.evaluate(model, "digits", classes="dataset")


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"batch_size": -1},
        {"batch_size": "many"},
        {"workers": -1},
        {"skip_bad": -1},
        {"limit": 0},
        {"precision": "fp8"},
        {"device": "abacus"},
        {"weights": "w.safetensors"},
        {"options": {"a": 1}},
        {"metrics": ["accuracy:k=11"]},
    ],
    ids=str,
)
def test_options_that_cannot_be_are_refused_before_the_model_runs(options, zoo_home):
    with pytest.raises(OptionError):
        zoo.evaluate(digits_model(), "digits", classes="dataset", **options)
    assert not list(zoo_home.rglob("*.parquet"))


def test_the_original_module_is_left_as_it_was():
    model = digits_model().train()
    model[1].eval()
    before = copy.deepcopy(model.state_dict())
    attributes = {name: set(vars(part)) for name, part in model.named_modules()}
    zoo.evaluate(model, "digits", classes="dataset")
    assert [part.training for part in model.children()] == [True, False, True, True, True, True]
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.is_contiguous() and parameter.requires_grad for parameter in model.parameters())
    assert {name: set(vars(part)) for name, part in model.named_modules()} == attributes


def test_a_plain_function_is_a_model_and_is_left_as_it_was():
    def model(images):
        return images.flatten(1)[:, :10]

    assert zoo.evaluate(model, "digits", classes="dataset").shards.computed == 1
    assert vars(model) == {}


def test_a_plain_function_with_a_key_of_its_own_is_resumed():
    keyed = {"classes": "dataset", "key": "first-ten-pixels-v1"}
    zoo.evaluate(lambda images: images.flatten(1)[:, :10], "digits", **keyed)
    again = zoo.evaluate(lambda images: images.flatten(1)[:, :10], "digits", **keyed)
    assert again.shards.computed == 0


def test_a_module_that_cannot_be_copied_says_so(tmp_path):
    model = digits_model()
    with open(tmp_path / "log", "w") as log:
        model.log = log
        with pytest.raises(ModelError, match="cannot be copied"):
            zoo.evaluate(model, "digits", classes="dataset")


class ByView(nn.Module):
    """Reshapes by `view`, which only the plain layout allows, as many a textbook does."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 6, 3)
        self.linear = nn.Linear(216, 10)

    def forward(self, x):
        return self.linear(self.conv(x).relu().view(x.size(0), -1))


def test_a_model_that_reshapes_by_view_runs(predictions):
    model = ByView()
    record = zoo.evaluate(model, "digits", classes="dataset", batch_size=100)
    with torch.no_grad():
        assert np.allclose(predictions(record)[1], model(zoo.dataset("digits").inputs).numpy(), atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 256])
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batch_size_and_workers_change_nothing(batch_size, workers, predictions):
    model = digits_model()
    reference = zoo.evaluate(model, "digits", classes="dataset", key="k", batch_size=64, workers=0)
    ids, logits = predictions(reference)
    record = zoo.evaluate(model, "digits", classes="dataset", key="k", batch_size=batch_size, workers=workers, fresh=True)
    assert record.key == reference.key
    assert record.shards.computed == record.shards.total
    assert predictions(record)[0] == ids == list(zoo.dataset("digits").ids)
    assert np.abs(predictions(record)[1] - logits).max() < 1e-5
    assert record.primary.value == reference.primary.value
    assert record.execution.batch_size == batch_size
    assert record.execution.workers == workers


@pytest.mark.parametrize("workers", [0, 2])
def test_texts_are_batched_by_length_and_stored_in_id_order(toy, predictions, workers):
    lengths = []

    class Watching(toy.Linear):
        def forward(self, texts):
            lengths.append([len(text) for text in texts])
            return super().forward(texts)

    record = zoo.evaluate(Watching(), "toy/texts", classes="dataset", batch_size=16, workers=workers)
    ids, logits = predictions(record)
    data = zoo.dataset("toy/texts")
    assert ids == list(data.ids)
    assert max(max(batch) - min(batch) for batch in lengths) < 20  # of 1 to 101
    with torch.no_grad():
        assert np.allclose(logits, toy.Linear()(list(data.inputs)).numpy(), atol=1e-5)


def test_a_corpus_metric_sees_the_rows_in_id_order(toy):
    model = toy.Linear()
    values = {
        zoo.evaluate(
            model, "toy/vectors", classes="dataset", metrics=["toy/spread"], batch_size=size, workers=workers, fresh=True
        )
        .results[-1]
        .value
        for size, workers in ((1024, 0), (64, 2))
    }
    ids = zoo.dataset("toy/vectors").ids
    assert len(ids) > 3 * 512  # several shards, so that their order counts as well as that within one
    assert values == {toy.checksum(ids)}
    assert toy.checksum(ids) != toy.checksum(ids[::-1])


def test_permuted_classes_change_nothing_and_others_compete():
    model = digits_model()
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    permuted = copy.deepcopy(model)
    extra = torch.full((1, 144), 9.0)
    with torch.no_grad():
        permuted[5].weight = nn.Parameter(torch.cat([model[5].weight[order], extra]))
        permuted[5].bias = nn.Parameter(torch.cat([model[5].bias[order], torch.tensor([100.0])]))
    expected = zoo.evaluate(model, "digits", classes="dataset")
    names = [*map(str, order), "none of these"]
    alone = zoo.evaluate(permuted, "digits", classes=names, outputs="dataset")
    assert scores(alone)[0] == scores(expected)[0]
    assert (alone.model.classes, alone.model.left_out, alone.model.competing) == ("mapped by name", 1, 0)
    record = zoo.evaluate(permuted, "digits", classes=names)
    assert record.primary.value == 0.0 and (record.model.left_out, record.model.competing) == (0, 1)
    assert record.key != alone.key and alone.protocol["outputs"] == "dataset"
    confusion = record.results[-1].detail
    assert confusion["columns"] == [*map(str, range(10)), "other"]
    assert sum(row[-1] for row in confusion["matrix"]) == 360


def test_limit_takes_of_every_class_its_share(predictions):
    record = zoo.evaluate(digits_model(), "digits", classes="dataset", limit=20)
    assert record.dataset.limit == record.primary.n == 20
    assert record.dataset.sampled == "stratified by class"
    digits = zoo.dataset("digits")
    taken = predictions(record)[0]
    assert taken == [id_ for id_ in digits.ids if id_ in set(taken)]  # in the order of the dataset
    counts, sizes = Counter(digits.targets[digits.ids.index(id_)] for id_ in taken), Counter(digits.targets)
    assert all(abs(counts[label] - 20 * sizes[label] / 360) < 1 for label in range(10))


def test_a_limit_that_limits_nothing_is_the_whole_run():
    whole = zoo.evaluate(digits_model(), "digits", classes="dataset", key="mine")
    for limit in (360, 5000):
        record = zoo.evaluate(digits_model(), "digits", classes="dataset", key="mine", limit=limit)
        assert record.key == whole.key and record.dataset.limit is None and record.shards.computed == 0


def test_progress_ends_with_every_sample_done():
    steps = []
    zoo.evaluate(digits_model(), "digits", classes="dataset", progress=steps.append)
    assert [step.stage for step in steps if step.stage != "predicting"] == ["loading", "scoring"]
    done = [step.done for step in steps]
    assert done == sorted(done) and done[-1] == 360


def test_a_record_is_complete_and_survives_json():
    record = zoo.evaluate(digits_model(), "digits", classes="dataset", batch_size=50)
    assert RunRecord.model_validate_json(record.model_dump_json()) == record
    assert record.dataset.fingerprint == zoo.dataset("digits").fingerprint
    assert torch.__version__.startswith(record.environment.packages["torch"].partition("+")[0])
    assert record.execution.device == "cpu" and record.execution.precision == "fp32"
    assert record.cost.samples_per_second > 0
    assert [artifact.path for artifact in record.artifacts] == ["shards/00000.parquet"]
    summary = record.summary()
    assert list(summary) == [
        "run_id",
        "status",
        "model",
        "benchmark",
        "results",
        "passed",
        "shards",
        "seconds",
        "samples_per_second",
        "record",
    ]


def test_bf16_runs_by_autocast_and_is_another_run():
    seen = []

    class Watching(nn.Sequential):
        def forward(self, x):
            out = super().forward(x)
            seen.append((x.dtype, out.dtype))
            return out

    torch.manual_seed(0)
    model = Watching(nn.Flatten(), nn.Linear(64, 10))
    full = zoo.evaluate(model, "digits", classes="dataset")
    half = zoo.evaluate(model, "digits", classes="dataset", precision="bf16")
    assert seen[0] == (torch.float32, torch.float32)
    assert seen[-1] == (torch.float32, torch.bfloat16)
    assert half.key != full.key
    assert half.execution.precision == "bf16"
    assert half.primary.value == pytest.approx(full.primary.value, abs=0.02)


def test_fp32_is_never_lowered():
    """torch lets convolutions run in TF32 by default, where the GPU has it."""
    operations = torch.backends.cudnn.conv, torch.backends.cudnn.rnn, torch.backends.cuda.matmul
    before = [operation.fp32_precision for operation in operations]

    class Watching(nn.Sequential):
        def forward(self, x):
            assert [operation.fp32_precision for operation in operations] == ["ieee"] * 3
            assert not torch.is_autocast_enabled("cpu")
            return super().forward(x)

    zoo.evaluate(Watching(nn.Flatten(), nn.Linear(64, 10)), "digits", classes="dataset")
    assert [operation.fp32_precision for operation in operations] == before
