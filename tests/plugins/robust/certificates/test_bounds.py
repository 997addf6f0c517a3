"""Bounds hold: against exact minima of tiny networks, points of the ball, and the victim's own rounding."""

import copy
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import nn

from zoo.tasks import Threat, Victim
from zoo_robust.certificates.backward import least, narrowed
from zoo_robust.certificates.bounds import Region, walked
from zoo_robust.certificates.chain import read_chain, step
from zoo_robust.certificates.rows import Rows, single

MANNERS = ("parallel", "adaptive")


def dense_net(seed, inputs=3, hidden=(4, 3), outputs=3):
    torch.manual_seed(seed)
    sizes = [inputs, *hidden]
    layers = [part for a, b in itertools.pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(sizes[-1], outputs)).eval()


def conv_net(seed, classes=3, maps=1):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(3, 4, 3, padding=2, dilation=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 4, 1, groups=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * maps, classes),
    ).eval()


def setting(net, shape, norm="linf", eps=0.15, count=3, seed=0):
    images = torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed))
    outputs = net(images).shape[1]
    chain = read_chain(Victim(net, "net", outputs, None), images)
    return images, chain, Region(images, Threat(norm, eps))


def difference_rows(chain, count):
    """Every logit less every other, for every image."""
    outputs = chain.layers[-1].outside[0]
    pairs = list(itertools.permutations(range(outputs), 2))
    rows = torch.zeros(len(pairs), outputs, dtype=torch.float64)
    for place, (a, b) in enumerate(pairs):
        rows[place, a], rows[place, b] = 1, -1
    owner = torch.arange(count).repeat_interleave(len(pairs))
    return Rows(rows.repeat(count, 1), owner, (outputs,))


def exact_minimum(net, row, low, high):
    """The least of row · net(x) over a box: a linear programme for each pattern of which neurons are on."""
    linears = [part for part in net if isinstance(part, nn.Linear)]
    weights = [(part.weight.detach().double().numpy(), part.bias.detach().double().numpy()) for part in linears]
    counts = [len(bias) for _, bias in weights[:-1]]
    best = np.inf
    for pattern in itertools.product((0, 1), repeat=sum(counts)):
        matrix, shift = np.eye(len(low)), np.zeros(len(low))
        above, limits, at = [], [], 0
        for (weight, bias), count in zip(weights[:-1], counts, strict=True):
            matrix, shift = weight @ matrix, weight @ shift + bias
            on = np.array(pattern[at : at + count])
            sign = np.where(on, -1, 1)  # on: -z <= 0; off: z <= 0
            above.append(sign[:, None] * matrix)
            limits.append(-sign * shift)
            matrix, shift, at = on[:, None] * matrix, on * shift, at + count
        weight, bias = weights[-1]
        cost = row @ weight @ matrix
        found = linprog(cost, np.concatenate(above), np.concatenate(limits), bounds=list(zip(low, high, strict=True)))
        if found.status == 0:
            best = min(best, found.fun + row @ (weight @ shift + bias))
    return best


@pytest.mark.parametrize("seed", range(4))
def test_bounds_of_a_tiny_network_are_below_its_exact_minimum_and_near_it(seed):
    net = dense_net(seed)
    _, chain, region = setting(net, (1, 1, 3), count=1, seed=seed)
    rows = difference_rows(chain, 1)
    low, high = region.low[0].flatten().numpy(), region.high[0].flatten().numpy()
    exact = np.array([exact_minimum(net, row.numpy(), low, high) for row in rows.values])
    bounds = walked(chain, region)
    found = {"interval": least(bounds, rows, len(chain.layers), "parallel", bounds.last).numpy()}
    for manner in MANNERS:
        found[manner] = least(narrowed(bounds, manner), rows, len(chain.layers), manner).numpy()
    for name, lower in found.items():
        assert (lower <= exact + 1e-7).all(), name  # the solver's own tolerance
    tightest = np.maximum(found["parallel"], found["adaptive"])
    assert (exact - tightest).mean() < 0.5 * (exact - found["interval"]).mean() + 1e-6


def by_matrices(net, rows, low, high):
    """Fast-Lin in NumPy, by whole matrices: the least of rows · net(x) for low <= x <= high; hidden bounds of lines and boxes."""
    linears = [part.double() for part in copy.deepcopy(net) if isinstance(part, nn.Linear)]
    layers = [(part.weight.detach().numpy(), part.bias.detach().numpy()) for part in linears]

    def back(matrix, depth):
        """Lower bounds of matrix · (output of the first `depth` affine layers)."""
        constant = np.zeros(len(matrix))
        for place in range(depth - 1, -1, -1):
            weight, bias = layers[place]
            constant, matrix = constant + matrix @ bias, matrix @ weight
            if place:
                least_z, most_z = np.clip(boxes[place - 1][0], None, 0), np.clip(boxes[place - 1][1], 0, None)
                slope = most_z / np.maximum(most_z - least_z, 1e-300)
                constant += np.clip(matrix, None, 0) @ (-slope * least_z)
                matrix = matrix * slope
        return constant + np.clip(matrix, 0, None) @ low + np.clip(matrix, None, 0) @ high

    boxes, least_x, most_x = [], low, high
    for depth, (weight, bias) in enumerate(layers[:-1], start=1):
        middle, half = weight @ (least_x + most_x) / 2 + bias, np.abs(weight) @ (most_x - least_x) / 2
        eye = np.eye(len(bias))
        boxes.append((np.maximum(middle - half, back(eye, depth)), np.minimum(middle + half, -back(-eye, depth))))
        least_x, most_x = (np.clip(side, 0, None) for side in boxes[-1])
    return back(rows, len(layers))


@pytest.mark.parametrize("seed", range(4))
def test_fast_lin_agrees_with_whole_matrices(seed):
    net = dense_net(seed, 12, (8, 7, 6))
    _, chain, region = setting(net, (1, 3, 4), count=1, seed=seed)
    rows = difference_rows(chain, 1)
    expected = by_matrices(net, rows.values.numpy(), region.low[0].flatten().numpy(), region.high[0].flatten().numpy())
    found = least(narrowed(walked(chain, region), "parallel"), rows, len(chain.layers), "parallel")
    assert found.numpy() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_bounds_of_a_linear_network_are_exact(norm):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8, 3)).eval()
    images = 0.5 + 0.1 * torch.rand(2, 1, 4, 4)
    eps = 0.2  # so small that [0, 1] cuts nothing off
    region = Region(images, Threat(norm, eps))
    chain = read_chain(Victim(net, "net", 3, None), images)
    rows = difference_rows(chain, 2)
    bounds = walked(chain, region)
    zero, basis = torch.zeros(1, 1, 4, 4, dtype=torch.float64), torch.eye(16, dtype=torch.float64).view(16, 1, 4, 4)
    matrix = (rows.values @ (chain(basis) - chain(zero)).T).double()
    centre = (rows.values * chain(images)[rows.owner]).sum(1)
    size = matrix.abs().sum(1) if norm == "linf" else matrix.norm(dim=1)
    assert least(bounds, rows, len(chain.layers), "parallel") == pytest.approx(centre - eps * size, abs=1e-5)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_first_layers_intervals_are_exact(norm):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)).eval()
    images = 0.5 + 0.1 * torch.rand(1, 1, 4, 4)
    chain = read_chain(Victim(net, "net", 2, None), images)
    bounds = walked(chain, Region(images, Threat(norm, 0.1)))
    basis = torch.eye(16, dtype=torch.float64).view(16, 1, 4, 4)
    first = chain.layers[0]
    columns = (first(basis) - first.bias).flatten(1).T
    size = 0.1 * (columns.abs().sum(1) if norm == "linf" else columns.norm(dim=1))
    centre = first(images.double()).flatten()
    assert bounds.low[1].flatten() == pytest.approx(centre - size, abs=1e-5)
    assert bounds.high[1].flatten() == pytest.approx(centre + size, abs=1e-5)


def points_of(region, count, seed):
    """Corners and other points of the ball within [0, 1], [count, b, ...]."""
    generator = torch.Generator().manual_seed(seed)
    noise = 2 * torch.rand((count, *region.clean.shape), generator=generator, dtype=torch.float64) - 1
    noise[: count // 2] = noise[: count // 2].sign()
    if region.norm == "l2":
        noise = noise / noise.flatten(2).norm(dim=2)[..., None, None, None]
    return (region.clean + region.eps * noise).clamp(0, 1)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), norm=st.sampled_from(["linf", "l2"]), eps=st.sampled_from([0.01, 0.1, 0.5, 2.0]))
def test_every_bound_holds_at_every_point_of_the_ball(seed, norm, eps):
    convolutional = seed % 2 == 0
    net = conv_net(seed) if convolutional else dense_net(seed, 12, (6, 5))
    images, chain, region = setting(net, (2, 4, 4) if convolutional else (1, 3, 4), norm, eps, seed=seed)
    rows = difference_rows(chain, len(images))
    plain = walked(chain, region)
    points = points_of(region, 60, seed)
    for bounds in (plain, narrowed(plain, "parallel"), narrowed(plain, "adaptive")):
        lower = {manner: least(bounds, rows, len(chain.layers), manner) for manner in MANNERS}
        lower["interval"] = least(bounds, rows, len(chain.layers), "parallel", bounds.last)
        for point in points:
            values = point
            for place, layer in enumerate(chain.layers):
                assert (bounds.low[place] <= values).all() and (values <= bounds.high[place]).all()
                values = step(layer, values)
            at = (rows.values * values[rows.owner]).sum(1)
            for manner, found in lower.items():
                assert (found <= at).all(), manner


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_linear_bounds_of_hidden_layers_are_within_those_of_intervals(seed):
    _, chain, region = setting(conv_net(seed), (2, 6, 6), seed=seed)
    plain = walked(chain, region)
    for manner in MANNERS:
        tight = narrowed(plain, manner)
        for place in range(len(chain.layers) + 1):
            assert (tight.low[place] >= plain.low[place] - 1e-12).all() and (tight.high[place] <= plain.high[place] + 1e-12).all()


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("place", [1, 4, 7])
def test_windows_and_whole_rows_give_the_same_bounds(manner, place):
    images, chain, region = setting(conv_net(3, maps=4), (2, 8, 8))
    bounds = walked(chain, region)
    shape = chain.layers[place].inside
    number = torch.arange(np.prod(shape)).repeat(len(images))
    owner = torch.arange(len(images)).repeat_interleave(len(number) // len(images))
    for sign in (1.0, -1.0):
        windows = single(shape, owner, number, sign)
        assert windows.corner is not None
        whole = windows.whole()
        assert whole.values.flatten(1).nonzero()[:, 1].tolist() == number.tolist()
        assert least(bounds, windows, place, manner) == pytest.approx(least(bounds, whole, place, manner), abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.1, 1.0, 30.0]))
def test_the_victims_own_rounding_stays_within_its_bound(seed, scale):
    net = conv_net(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(scale)
    _, chain, region = setting(net, (2, 6, 6), seed=seed)
    bounds = walked(chain, region)
    for point in points_of(region, 20, seed):
        inputs = point.float()
        off = (net(inputs).detach().double() - chain(inputs)).abs()
        assert (off <= bounds.rounding).all()


def test_bounds_give_way_to_rounding_in_float64():
    """Of (1e16 + x) - 1e16 float64 may say 0 or 2 where it is 1: the bound allows for that, and says so."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(3, 1), nn.ReLU(), nn.Linear(1, 2)).eval()
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[1e16, 1.0, -1e16]]))
        net[1].bias.zero_()
        net[3].weight.copy_(torch.tensor([[1.0], [0.0]]))
        net[3].bias.zero_()
    images = torch.ones(1, 1, 1, 3)
    chain = read_chain(Victim(net, "net", 2, None), images)
    bounds = walked(chain, Region(images, Threat("linf", 0.0)))
    assert bounds.low[2].item() <= 1.0 <= bounds.high[2].item()
    assert bounds.low[2].item() < 0.0  # it knows no better
