"""Reading a victim: what is written in whatever form gives the same answers, and what bounds do not go through is named."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import zoo
from zoo.errors import ModelError
from zoo.imaging import Normalise
from zoo.imaging.normalise import Normalised
from zoo.opening.models import build_model
from zoo.tasks import Certified, Threat, Victim
from zoo_robust.certificates.certifiers import Crown, FastLin, Ibp
from zoo_robust.certificates.chain import read_chain

IMAGES = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Functional(nn.Module):
    """Constants, padding, pooling and flattening by functions, as many write them."""

    def __init__(self, flat):
        super().__init__()
        self.conv, self.out, self.flat = nn.Conv2d(3, 4, 3), nn.Linear(4 * 5 * 5, 5), flat

    def forward(self, images):
        x = 2 - F.pad(1.5 * images / 2 - 0.1 + 0.05, (2, 2, 1, 1))
        x = F.avg_pool2d(F.relu(self.conv(x)), 2, stride=2, padding=(1, 0))
        return self.out(F.dropout(self.flat(x), 0.5, self.training)).relu()


def head(*parts):
    with torch.no_grad():
        width = nn.Sequential(*parts, nn.Flatten())(IMAGES).shape[1]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(width, 5))


NETWORKS = {
    "batch norm and dropout": lambda: head(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout2d(), nn.Identity()
    ),
    "without affine": lambda: head(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, affine=False), nn.ReLU(inplace=True)),
    "same padding": lambda: head(nn.Conv2d(3, 4, 3, padding="same"), nn.ReLU(), nn.Conv2d(4, 2, 1, padding="valid")),
    "adaptive pooling": lambda: head(nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveAvgPool2d((4, None)), nn.ReLU()),
    "nested": lambda: nn.Sequential(Normalise((0.5,) * 3, (0.2,) * 3), nn.Sequential(head(nn.Conv2d(3, 4, 5), nn.ReLU()))),
    "wrapped": lambda: Normalised(head(nn.Conv2d(3, 4, 5, groups=1), nn.ReLU()), (0.4, 0.5, 0.6), (0.1, 0.2, 0.3)),
    "dense": lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 5, bias=False)),
    "flatten(1)": lambda: Functional(lambda x: x.flatten(1)),
    "torch.flatten": lambda: Functional(lambda x: torch.flatten(x, start_dim=1)),
    "view of size": lambda: Functional(lambda x: x.view(x.size(0), -1)),
    "reshape of shape": lambda: Functional(lambda x: x.reshape((x.shape[0], -1))),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    net = NETWORKS[request.param]()
    for part in net.modules():
        if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.5, 2)
    return net.eval()


def victim_of(net, outputs=5):
    return Victim(net, "some/victim", outputs, None)


def test_what_is_read_answers_as_the_victim(network):
    read = read_chain(victim_of(network), IMAGES)
    assert read(IMAGES) == pytest.approx(network(IMAGES).detach().double(), abs=1e-5)


def test_rows_go_back_as_the_gradient_does(network):
    """The transposed of each affine layer against autograd."""
    for layer in read_chain(victim_of(network), IMAGES).layers:
        if hasattr(layer, "bias"):
            inputs = torch.rand(2, *layer.inside, dtype=torch.float64, requires_grad=True)
            rows = torch.rand(2, *layer.outside, dtype=torch.float64)
            (gradient,) = torch.autograd.grad((layer(inputs) * rows).sum(), inputs)
            assert layer.back(rows) == pytest.approx(gradient, abs=1e-9)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, images):
        return (images + self.conv(images)).flatten(1)


class Looks(nn.Module):
    def forward(self, images):
        return images.flatten(1) if images.mean() > 0.5 else -images.flatten(1)


class Early(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(192, 5)

    def forward(self, images):
        flat = images.flatten(1)
        self.body(flat)
        return flat


class Doubled(nn.Linear):
    def forward(self, inputs):
        return 2 * super().forward(inputs)


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48, 5)), r"0 \(MaxPool2d\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.Tanh()), r"2 \(Tanh\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.Sequential(nn.GELU())), r"2\.0 \(GELU\)"),
        (nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect"), nn.Flatten()), r"0 \(Conv2d\)"),
        (nn.Sequential(nn.AvgPool2d(3, ceil_mode=True), nn.Flatten()), r"0 \(AvgPool2d\)"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(3), nn.Flatten()), r"0 \(AdaptiveAvgPool2d\)"),
        (nn.Sequential(nn.Flatten(), nn.TransformerEncoderLayer(192, 4, batch_first=True)), r"TransformerEncoderLayer"),
        (nn.Sequential(nn.Flatten(), nn.LayerNorm(192)), r"1 \(LayerNorm\)"),
        (nn.Sequential(nn.Linear(8, 5), nn.Flatten()), r"0 \(Linear\)"),
        (Residual(), "add.* joins several branches"),
        (Looks(), "cannot be read as a chain"),
        (Early(), "what it returns is not what its last layer gives"),
        (nn.Sequential(nn.Flatten(), Doubled(192, 5)), r"1 \(Doubled\)"),
        (lambda images: images.flatten(1), "no nn.Module"),
    ],
)
def test_what_bounds_do_not_go_through_is_named_with_what_to_do(net, says):
    net = net.eval() if isinstance(net, nn.Module) else net
    with pytest.raises(ModelError, match=says) as error:
        Ibp().certify(victim_of(net), IMAGES, torch.zeros(3, dtype=torch.int64), Threat("linf", 0.1), [0] * 3)
    assert "some/victim" in str(error.value) and "nn.Sequential" in error.value.hint and "smoothing" in error.value.hint


@pytest.mark.parametrize(
    ("victim", "says"), [("cnn/lenet5@digits", "max_pool2d, called in its forward"), ("intro/mlp-numpy", "no nn.Module")]
)
def test_victims_of_the_zoo_that_cannot_be_certified_are_refused_by_name(victim, says):
    with pytest.raises(ModelError, match=says):
        zoo.evaluate("robust/crown", "digits", aux={"victim": victim}, limit=4)


@pytest.mark.parametrize(
    ("model", "shape", "says"),
    [
        ("cnn/resnet20", (3, 32, 32), "joins several branches"),
        ("vit/vit-mini", (1, 28, 28), r"it has .*LayerNorm"),
    ],
)
def test_residual_networks_and_attention_are_refused(model, shape, says):
    net = build_model(zoo.registry().model(model), "classify", {"classes": 10}).eval()
    with pytest.raises(ModelError, match=says):
        read_chain(victim_of(net, 10), torch.rand(1, *shape))


def test_a_lenet_of_relu_and_means_is_read():
    from zoo_cnn.lenet import LeNet5

    torch.manual_seed(0)
    net = LeNet5(pool="average").eval()
    images = torch.rand(2, 1, 28, 28)
    chain = read_chain(victim_of(net, 10), images)
    assert chain(images) == pytest.approx(net(images).detach().double(), abs=1e-5)


def test_what_a_hook_does_is_not_missed():
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).eval()
    net[1].register_forward_hook(lambda part, inputs, output: output + 1)
    with pytest.raises(ModelError, match="answers otherwise than the layers that were read"):
        read_chain(victim_of(net), IMAGES)


def test_dropout_that_is_on_is_refused():
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(192, 5)).train()
    with pytest.raises(ModelError, match=r"1 \(Dropout\)"):
        read_chain(victim_of(net), IMAGES)


def test_another_precision_than_float32_is_refused():
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).eval()
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(ModelError, match="float32"):
        Crown().certify(victim_of(net), IMAGES, torch.zeros(3, dtype=torch.int64), Threat("linf", 0.1), [0] * 3)


def test_the_certifiers_give_a_certificate():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.ReLU(), nn.Linear(8, 5)).eval()
    labels = net(IMAGES).argmax(1)
    for certifier in (Ibp(), Crown(), FastLin()):
        found = certifier.certify(victim_of(net), IMAGES, labels, Threat("linf", 1e-4), [0] * 3)
        assert isinstance(found, Certified) and found.radius.dtype == torch.float64 and found.radius.max() == 1e-4
