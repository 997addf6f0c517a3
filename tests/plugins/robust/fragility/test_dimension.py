"""The intrinsic dimension: calibrated on balls, with an interval that covers, and a bound where no pair says more."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom, binomtest
from torch import nn

from zoo.errors import ModelError, OptionError, PredictionError
from zoo_robust.fragility.concentration import concentration, in_ball, median_height, pair_dimension
from zoo_robust.fragility.dimension import ball_dimension, dimension, measured, paired
from zoo_robust.fragility.subject import opened


@pytest.mark.parametrize("d", [1, 2, 3, 5, 8])
def test_a_ball_has_its_own_dimension(d):
    assert ball_dimension(d) == d
    found = pair_dimension(d, 200_000, seed=0)
    assert found.ci_low <= d <= found.ci_high
    assert found.ci_high - found.ci_low < 0.6


@pytest.mark.parametrize(("d", "delta"), [(1, 0.1), (2, 0.05), (3, 0.01), (6, 0.02)])
def test_a_margin_makes_the_dimension_of_a_ball_larger_by_what_is_known(d, delta):
    x, y = in_ball(d, 400_000, torch.Generator().manual_seed(1)).view(-1, 2, d).unbind(1)
    found = dimension(int((((x - y) * y).sum(1) >= delta).sum()), 200_000)
    assert found.ci_low <= ball_dimension(d, delta) <= found.ci_high
    assert ball_dimension(d, delta) > d


def test_a_ball_of_many_dimensions_is_within_floating_point():
    assert ball_dimension(5, 1e-12) == pytest.approx(5, abs=1e-6)
    assert 1000 < ball_dimension(1000, 0.01) < 1200
    for delta in (-0.1, 0.25, math.nan):
        with pytest.raises(OptionError, match="no two points"):
            ball_dimension(3, delta)


@pytest.mark.parametrize(("exceeding", "pairs"), [(1, 20), (37, 5000), (250, 500), (500, 500)])
def test_the_interval_is_that_of_clopper_and_pearson(exceeding, pairs):
    found = dimension(exceeding, pairs)
    low, high = binomtest(exceeding, pairs).proportion_ci(method="exact")
    assert found.value == pytest.approx(-1 - math.log2(exceeding / pairs))
    assert (found.ci_low, found.ci_high) == (pytest.approx(-1 - math.log2(high)), pytest.approx(-1 - math.log2(low)))


@pytest.mark.parametrize("pairs", [1, 30, 5000])
def test_without_a_pair_that_exceeds_there_is_a_lower_bound_and_no_value(pairs):
    found = dimension(0, pairs)
    assert (found.value, found.ci_high) == (None, None)
    assert (1 - 2 ** -(found.ci_low + 1)) ** pairs == pytest.approx(0.05)  # at this n, nothing would be seen in 5 % of draws
    assert "none of" in found.interval
    assert dimension(0, 0).value is None and dimension(0, 0).ci_low is None


@pytest.mark.parametrize(("n", "pairs"), [(1.0, 20), (4.0, 200), (8.0, 1000)])
def test_the_interval_or_the_bound_covers(n, pairs):
    """Exactly, by the binomial distribution of the pairs that exceed."""
    counts = np.arange(pairs + 1)
    chances = binom.pmf(counts, pairs, 2 ** -(n + 1))
    covered = 0.0
    for count in counts[chances > 1e-12]:
        found = dimension(int(count), pairs)
        covered += chances[count] * (found.ci_low <= n <= (math.inf if found.ci_high is None else found.ci_high))
    assert covered >= 0.95 - 1e-9 if chances[0] < 0.025 else covered >= 0.92


def test_points_may_be_moved_turned_and_scaled():
    points = in_ball(3, 2000, torch.Generator().manual_seed(0))
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))).Q
    assert paired(points).value == paired(40 * points @ turn + 3).value


class Layers(nn.Module):
    """A turn, which changes no dimension; a layer of weights 0; and one that is used twice."""

    def __init__(self):
        super().__init__()
        self.turn, self.zero, self.act, self.out = nn.Linear(16, 16), nn.Linear(16, 4), nn.ReLU(), nn.Linear(16, 2)
        nn.init.orthogonal_(self.turn.weight)
        nn.init.zeros_(self.zero.weight)

    def forward(self, images):
        x = self.turn(images.flatten(1))
        return self.out(self.act(self.act(x))) + self.zero(x).sum(1, keepdim=True)


def by_layer(found):
    return {layer.layer: layer for layer in found}


def test_every_layer_is_measured_and_one_that_says_nothing_says_so(subject_of, images):
    found = by_layer(measured(subject_of(Layers(), images(400, 1, 4, 4)), deltas=(0.0, 0.2)))
    assert list(found) == ["input", "turn", "act", "act#2", "out", "zero"]
    assert [layer.width for layer in found.values()] == [16, 16, 16, 16, 2, 4]
    for delta in (0.0, 0.2):
        assert found["turn"].by_delta[delta] == found["input"].by_delta[delta]
        constant = found["zero"].by_delta[delta]
        assert (constant.value, constant.ci_low) == (None, None) and "the same for every sample" in constant.interval
    assert found["out"].by_delta[0.0].n == 200
    assert found["out"].by_delta[0.0].value <= found["out"].by_delta[0.2].value


def test_delta_is_in_units_of_the_spread_and_the_order_of_the_data_is_nothing(subject_of, images):
    class Scaled(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.scale = nn.Linear(4, 2, bias=False)
            with torch.no_grad():
                self.scale.weight.copy_(factor * torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]]))

        def forward(self, points):
            return self.scale(points.flatten(1))

    points = images(300, 1, 2, 2)
    ids = [f"s{number}" for number in range(300)]
    first = by_layer(measured(subject_of(Scaled(1.0), points, ids=ids), deltas=(0.1,)))["scale"]
    turned = by_layer(measured(subject_of(Scaled(64.0), points.flip(0), ids=ids[::-1]), deltas=(0.1,)))["scale"]
    assert first.by_delta == turned.by_delta
    assert turned.spread == pytest.approx(64**2 * first.spread)


def test_features_that_are_not_finite_are_named(subject_of, images):
    class Aside(nn.Module):
        def __init__(self):
            super().__init__()
            self.root, self.out = nn.ReLU(), nn.Linear(4, 2)

        def forward(self, points):
            x = points.flatten(1)
            self.root(x / (x.sum(1, keepdim=True) > 1))  # a branch that no output shows
            return self.out(x)

    with pytest.raises(PredictionError, match="layer root of local/network are not finite on") as caught:
        measured(subject_of(Aside(), images(50, 1, 2, 2)))
    assert set(caught.value.ids) <= {f"s{number}" for number in range(50)}


def test_layers_whose_width_changes_are_left_out_with_a_remark(subject_of):
    class Letters(nn.Module):
        def __init__(self):
            super().__init__()
            self.read, self.out = nn.Identity(), nn.Linear(1, 2)

        def forward(self, texts):
            longest = max(map(len, texts))
            codes = torch.tensor([[float(ord(letter)) for letter in text.ljust(longest)] for text in texts])
            return self.out(self.read(codes).mean(1, keepdim=True))

    texts = [chr(97 + number % 26) * (300 if number == 5 else 1 + number % 9) for number in range(600)]
    subject = subject_of(Letters(), texts, modality="text", labels=[0, 1] * 300)
    with pytest.warns(UserWarning, match="layers of local/network whose width changes with the samples .*: read"):
        found = measured(subject)
    assert [layer.layer for layer in found] == ["out"]


def test_a_network_without_layers_to_be_seen_is_refused():
    with pytest.raises(ModelError, match=r"intro/mlp-numpy@digits is a MLP, not an nn.Module"):
        measured(opened("intro/mlp-numpy", "digits"), limit=10)


@pytest.mark.parametrize("how", [{"limit": 1}, {"limit": 0}, {"deltas": ()}, {"deltas": (-0.1,)}, {"deltas": (math.nan,)}])
def test_what_cannot_be_measured_is_refused(how, subject_of, images):
    with pytest.raises(OptionError):
        measured(subject_of(Layers(), images(10, 1, 4, 4)), **how)


def test_on_balls_everything_is_as_geometry_says():
    """Medians of 200 points scatter, by about 10 %; the ratio does not, and DeepFool goes 2 % too far."""
    low, high = concentration((2, 200), samples=200, pairs=20_000, lines=64)
    assert low.dimension.ci_low <= 2 <= low.dimension.ci_high
    assert high.dimension.value is None and high.dimension.ci_low > 10  # 200, of which 20,000 pairs show no more
    for ball in (low, high):
        assert ball.adversarial.value == pytest.approx(ball.exact_adversarial, rel=0.15)
        assert ball.noise.value == pytest.approx(ball.exact_noise, rel=0.15)
        assert ball.ratio.value == pytest.approx(ball.exact_ratio, rel=0.07)
    assert high.exact_adversarial < low.exact_adversarial / 4 and high.exact_noise > low.exact_noise
    assert median_height(1) == pytest.approx(0.5)


@pytest.mark.parametrize("dimensions", [(0,), (3, -1)])
def test_there_is_no_ball_without_a_dimension(dimensions):
    with pytest.raises(OptionError, match="no ball"):
        concentration(dimensions)
