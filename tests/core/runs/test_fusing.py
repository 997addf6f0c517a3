"""Batch normalisations are folded into the convolutions before them, where that changes nothing but rounding."""

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import OptionError
from zoo.runs import fusing
from zoo.runs.fusing import fuse
from zoo.runs.predicting import Predictor
from zoo.tasks import Batch, DataInfo, ModelInfo
from zoo.tasks.classify import Classify

IMAGES = torch.rand(96, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def settled(network):
    """With statistics and scales as after a training."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
            for tensor in (module.running_mean, module.weight.data, module.bias.data):
                tensor.normal_(generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return network.eval()


class Plain(nn.Module):
    """Two convolutions, each with its normalisation."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, bias=False))
        self.norm, self.head = nn.BatchNorm2d(8), nn.Linear(8, 2)

    def forward(self, images):
        return self.head(self.norm(self.body(images)).mean((2, 3)))


class Skipping(Plain):
    """What the second convolution makes is needed as it is, too."""

    def forward(self, images):
        made = self.body(images)
        return self.head((self.norm(made) + made).mean((2, 3)))


class Twice(Plain):
    """The second normalisation is of two tensors."""

    def forward(self, images):
        made = self.norm(self.body(images))
        return self.head(self.norm(made).mean((2, 3)))


class Changed(Plain):
    """What the second convolution makes is changed in place before it is normalised."""

    def forward(self, images):
        return self.head(self.norm(self.body(images).relu_()).mean((2, 3)))


def predictor(network):
    task = Classify(ModelInfo("m", "image", "dataset"), DataInfo("d", "test", "image", ("no", "yes")))
    return Predictor(task, network, torch.device("cpu"), "fp32", 64, may_halve=False)


def probe(count=2):
    return Batch([str(i) for i in range(count)], IMAGES[:count], [0] * count, [0] * count)


@pytest.mark.parametrize(("kind", "count"), [(Plain, 2), (Skipping, 0), (Twice, 1), (Changed, 0)])
def test_what_is_fused_predicts_the_same(kind, count):
    network = settled(kind())
    with torch.no_grad():
        before = network(IMAGES)
    made = predictor(network)
    assert fuse(made, probe()) == count
    with torch.no_grad():
        assert (made.model(IMAGES) - before).abs().max() <= 1e-5 * (before.max() - before.min())
    left = sum(isinstance(module, nn.BatchNorm2d) for module in made.model.modules())
    assert left == 2 - count and not any(module._forward_hooks for module in made.model.modules())


def test_a_network_that_would_predict_otherwise_is_as_it_was(monkeypatch):
    network = settled(Plain())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    monkeypatch.setattr(fusing, "AGREEMENT", -1.0)
    assert fuse(predictor(network), probe()) == 0
    assert network.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_a_run_says_what_was_fused_and_leaves_the_users_network_alone():
    network = settled(Plain())
    data = (IMAGES, [i % 2 for i in range(96)])
    record = zoo.evaluate(network, data, classes="dataset", key="plain")
    assert record.execution.fused == 2 and record.origins[0].execution.fused == 2
    assert isinstance(network.norm, nn.BatchNorm2d)
    with torch.no_grad():
        right = (network(IMAGES).argmax(1) == torch.tensor(data[1])).float().mean()
    assert record.primary.value == pytest.approx(float(right))
    few = zoo.evaluate(network, (IMAGES[:8], data[1][:8]), classes="dataset", key="plain")
    assert few.execution.fused == 0


def test_nothing_is_fused_of_a_network_at_another_precision():
    record = zoo.evaluate(settled(Plain()), (IMAGES, [0, 1] * 48), classes="dataset", key="plain", precision="bf16")
    assert record.execution.fused == 0


def test_what_is_no_network_cannot_be_compiled():
    with pytest.raises(OptionError, match=r"no torch\.nn\.Module"):
        zoo.evaluate(lambda images: images.mean((2, 3))[:, :2], (IMAGES, [0, 1] * 48), classes="dataset", key="f", compile=True)


@pytest.mark.slow
def test_a_compiled_network_predicts_the_same_and_the_record_says_so():
    data = (IMAGES, [i % 2 for i in range(96)])
    plain = zoo.evaluate(settled(Plain()), data, classes="dataset", key="plain", batch_size=32)
    compiled = zoo.evaluate(settled(Plain()), data, classes="dataset", key="plain", batch_size=32, compile=True, fresh=True)
    assert compiled.execution.compiled and not plain.execution.compiled
    values = [[one.value for one in record.results if one.value is not None] for record in (plain, compiled)]
    assert values[1] == pytest.approx(values[0], rel=1e-4)
