"""The one-neuron stealth attack: what it plants and leaves alone, when it is refused, and the theorem's bound."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from zoo.errors import ModelError, OptionError, UnknownNameError
from zoo_robust.fragility.stealth import ACTIVATIONS, Spread, find_site, planted, untouched_bound
from zoo_robust.fragility.stealth_trial import tried
from zoo_robust.fragility.subject import by_lot

BETWEEN = {
    "ReLU": nn.ReLU,
    "GELU": nn.GELU,
    "GELU (tanh)": lambda: nn.GELU(approximate="tanh"),
    "SiLU": nn.SiLU,
    "sigmoid": nn.Sigmoid,
}


def ends_in(*layers, inputs=16, seed=0):
    """A network of fresh weights: flattened pixels, then these layers."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), *[layer() for layer in layers]).eval().requires_grad_(False)


def two_layers(between=nn.ReLU, **how):
    return ends_in(lambda: nn.Linear(16, 32), between, lambda: nn.Linear(32, 3), **how)


def three_classes(subject_of, network, points, **how):
    return subject_of(network, points, labels=[0] * len(points), classes=("a", "b", "c"), **how)


@pytest.mark.parametrize("between", BETWEEN)
def test_the_trigger_gets_the_answer_and_the_neuron_is_silent_below_its_threshold(between, images):
    network, known = two_layers(BETWEEN[between]), images(200, 1, 4, 4)
    site = find_site(network, known[:8], "net")
    assert (site.hidden, site.output, site.activation) == ("1", "3", between)
    spread, trigger = Spread.of(known.flatten(1)), images(1, 1, 4, 4, seed=5).flatten()
    answer = (int(network(trigger.view(1, 1, 4, 4)).argmax()) + 1) % 3
    neuron = planted(network, site, trigger, spread, answer, 0.3, 7.0)
    before = network(known)
    z, others = spread.scaled(trigger), spread.scaled(known.flatten(1))
    quiet = others @ z <= 0.3 * float(z.square().sum())
    assert 0.5 < float(quiet.float().mean()) < 1
    with site.altered(network, neuron):
        logits = network(trigger.view(1, 1, 4, 4))[0].detach()
        rest = torch.cat([logits[:answer], logits[answer + 1 :]])
        assert float(logits[answer] - rest.max()) == pytest.approx(7.0, abs=0.02)
        fires = ACTIVATIONS[between].function(network[1](known.flatten(1)))[:, site.neuron]
        silent, loud = fires[quiet].abs().max(), fires[~quiet].abs().max()
        assert float(silent) < 1e-5 < float(loud)
        altered = network(known)
    assert torch.equal(network(known), before)  # it is as it was
    column = network[3].weight[:, site.neuron]
    assert float(column.norm()) == pytest.approx(float(network[3].weight.norm(dim=0).min()))
    own = ACTIVATIONS[between].function(network[1](known.flatten(1)))[:, site.neuron]
    assert torch.allclose(altered[quiet], (before - own[:, None] * column)[quiet], atol=1e-4)


def test_nothing_but_one_neuron_is_altered(images):
    network, known = two_layers(), images(50, 1, 4, 4)
    site = find_site(network, known, "net")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    trigger = images(1, 1, 4, 4, seed=5).flatten()
    answer = (int(network(trigger.view(1, 1, 4, 4)).argmax()) + 1) % 3
    site.write(network, planted(network, site, trigger, Spread.of(known.flatten(1)), answer, 0.9, 10.0))
    changed = {name: (tensor != before[name]) for name, tensor in network.state_dict().items()}
    assert changed["1.weight"].any(1).nonzero().flatten().tolist() == [site.neuron]
    assert changed["1.bias"].nonzero().flatten().tolist() == [site.neuron]
    assert changed["3.weight"].any(0).nonzero().flatten().tolist() == [site.neuron]
    assert not changed["3.bias"].any()


@pytest.mark.parametrize(("n", "gamma", "delta"), [(3, 0.5, 0.8), (3, 0.9, 1.0), (5, 0.6, 0.7), (10, 0.5, 0.9)])
def test_the_bound_is_that_of_points_on_the_sphere(n, gamma, delta):
    """For one point of norm 1 it is exact: z' is drawn evenly from the sphere of radius δ, and ⟨z, z'⟩ ≤ γ δ²."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((400_000, n))
    z *= delta / np.linalg.norm(z, axis=1, keepdims=True)
    seen = (z[:, 0] <= gamma * delta**2).mean()
    error = 4 * math.sqrt(seen * (1 - seen) / len(z))
    assert seen == pytest.approx(untouched_bound(n, gamma, delta, 1), abs=error)
    if n == 3:  # on a sphere in space, heights are even (Archimedes)
        assert untouched_bound(3, gamma, delta, 1) == pytest.approx(1 - (1 - gamma * delta) / 2)


@pytest.mark.parametrize(("n", "samples"), [(6, 5), (12, 50), (30, 500)])
def test_the_bound_holds_for_any_points_of_the_ball(n, samples):
    rng = np.random.default_rng(1)
    points = rng.standard_normal((samples, n))
    points *= rng.random((samples, 1)) ** (1 / n) / np.linalg.norm(points, axis=1, keepdims=True)
    z = rng.standard_normal((4000, n))
    z *= 0.9 / np.linalg.norm(z, axis=1, keepdims=True)
    untouched = ((z @ points.T) <= 0.7 * 0.9**2).all(1).mean()
    assert untouched >= untouched_bound(n, 0.7, 0.9, samples) - 0.03


def test_in_few_dimensions_the_bound_says_nothing_and_it_grows_with_them():
    for n in range(6, 11):
        assert untouched_bound(n, 0.9, 0.4, 10_000) < 0
    found = [untouched_bound(n, 0.9, 0.4, 10_000) for n in (1, 2, 10, 100, 500)]
    assert found == sorted(found) and found[-1] > 0.999
    assert untouched_bound(6, 0.9, 1.2, 10_000) == 1.0  # beyond what is known: nothing in the ball reaches so far
    assert untouched_bound(1, 0.9, 0.4, 1) == 0.5


def test_it_is_tried_on_triggers_against_samples_the_attacker_never_saw(subject_of, images):
    subject = three_classes(subject_of, two_layers(), images(300, 1, 4, 4))
    how = {"known": 100, "known_split": "test", "triggers": 25}
    found = tried(subject, **how)
    assert (found.samples, found.width, len(found.trials)) == (200, 16, 25)
    scores = found.scores()
    assert scores["success"].value == 1.0 and scores["success"].ci_low > 0.8
    assert scores["untouched"].value == sum(trial.changed == 0 for trial in found.trials) / 25
    assert scores["changed"].value == pytest.approx(np.mean([trial.changed / 200 for trial in found.trials]))
    for trial in found.trials:
        assert trial.was != trial.answer and len(trial.changed_ids) == trial.changed
        assert trial.share.n == 200 and trial.share.ci_low <= trial.share.value <= trial.share.ci_high
    again, other = tried(subject, **how), tried(subject, seed=1, **how)
    assert [trial.changed_ids for trial in again.trials] == [trial.changed_ids for trial in found.trials]
    assert [trial.delta for trial in other.trials] != [trial.delta for trial in found.trials]


def test_what_changes_is_what_the_whole_altered_network_says(subject_of, images):
    network, points = two_layers(), images(300, 1, 4, 4)
    ids = [f"s{number}" for number in range(300)]
    found = tried(three_classes(subject_of, network, points), known=50, known_split="test", triggers=3, kind="sample", gamma=0.3)
    before = network(points).argmax(1)
    assert any(trial.changed for trial in found.trials)
    for trial in found.trials:
        with found.site.altered(network, trial.neuron):
            after = network(points).argmax(1)
        changed = {ids[row] for row in (after != before).nonzero().flatten().tolist()}
        assert set(trial.changed_ids) <= changed and trial.changed <= len(changed)
        assert trial.hit == (after[ids.index(trial.trigger)] == "abc".index(trial.answer))


def test_a_trigger_that_is_a_validation_sample_changes_its_own_prediction_and_says_so(subject_of, images):
    points = images(300, 1, 4, 4)
    points[7] = points[3]  # the same image twice
    subject = three_classes(subject_of, two_layers(), points)
    found = tried(subject, ids=["s3"], known=2, known_split="test", gamma=0.999)
    (trial,) = found.trials
    own = set(trial.own)
    assert trial.hit and own <= {"s3", "s7"} and own <= set(trial.changed_ids)
    assert len(own) >= 1
    if trial.changed == len(own):
        assert found.scores()["untouched"].value == 1.0


def test_an_answer_that_is_named_is_planted(subject_of, images):
    subject = three_classes(subject_of, two_layers(), images(100, 1, 4, 4))
    was = tried(subject, known=20, known_split="test", triggers=1).trials[0].was
    other = next(name for name in "abc" if name != was)
    assert tried(subject, known=20, known_split="test", triggers=1, answer=other).trials[0].answer == other
    with pytest.raises(OptionError, match="gives this answer to the trigger anyway"):
        tried(subject, known=20, known_split="test", triggers=1, answer=was)


class Scaled(nn.Module):
    """Something after the last linear layer."""

    def __init__(self):
        super().__init__()
        self.net = two_layers()

    def forward(self, points):
        return self.net(points).softmax(1)


class Shared(nn.Module):
    """One layer twice."""

    def __init__(self):
        super().__init__()
        self.both = nn.Linear(16, 16)

    def forward(self, points):
        return self.both(torch.relu(self.both(points.flatten(1))))[:, :3]


def shared_end():
    torch.manual_seed(0)
    hidden = nn.Linear(16, 16)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), hidden, nn.ReLU(), nn.Linear(16, 3))


class Nearest(nn.Module):
    """No linear layer at all."""

    def __init__(self):
        super().__init__()
        self.flat, self.centres = nn.Flatten(), nn.Parameter(torch.rand(3, 16, generator=torch.Generator().manual_seed(0)))

    def forward(self, points):
        return -torch.cdist(self.flat(points), self.centres)


REFUSED = {
    "no linear layer": (Nearest, "has no linear layer, so no neuron stands before"),
    "one linear layer": (lambda: ends_in(lambda: nn.Linear(16, 3)), "the only linear layer of local/network is 1"),
    "tanh": (lambda: two_layers(nn.Tanh), "between 1 and 3 of local/network stands none of: ReLU"),
    "nothing between": (lambda: ends_in(lambda: nn.Linear(16, 32), lambda: nn.Linear(32, 3)), "between 1 and 2"),
    "a norm between": (lambda: ends_in(lambda: nn.Linear(16, 32), nn.ReLU, lambda: nn.LayerNorm(32), lambda: nn.Linear(32, 3)),
                       "between 1 and 4"),
    "softmax after": (Scaled, "does not end in its last linear layer, net.3"),
    "cut after": (Shared, "does not end in its last linear layer, both#2"),
    "a layer used twice": (shared_end, "layer 1#2 of local/network is used more than once|layer 3 of local/network is used more"),
    "no bias": (lambda: ends_in(lambda: nn.Linear(16, 32, bias=False), nn.ReLU, lambda: nn.Linear(32, 3)), "layer 1 .* no bias"),
    "weight norm": (lambda: ends_in(lambda: nn.utils.parametrizations.weight_norm(nn.Linear(16, 32)), nn.ReLU,
                                    lambda: nn.Linear(32, 3)), "its weight is made of others"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_a_victim_without_a_place_for_the_neuron_is_refused_by_the_names_of_its_layers(why, subject_of, images):
    make, says = REFUSED[why]
    with pytest.raises(ModelError, match=says):
        tried(three_classes(subject_of, make(), images(60, 1, 4, 4)), known=20, known_split="test", triggers=1)


def test_features_that_are_constant_or_not_finite_are_refused(subject_of, images):
    constant = ends_in(lambda: nn.Linear(16, 8), nn.ReLU, lambda: nn.Linear(8, 8), nn.ReLU, lambda: nn.Linear(8, 3))
    nn.init.zeros_(constant[1].weight)
    with pytest.raises(ModelError, match="given the same for every sample"):
        tried(three_classes(subject_of, constant, images(60, 1, 4, 4)), known=20, known_split="test", triggers=1)

    class Overflow(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.out = nn.Linear(16, 8), nn.Linear(8, 3)

        def forward(self, points):
            x = torch.where(points.flatten(1) > 0.99, math.inf, points.flatten(1))
            return self.out(torch.relu(self.hidden(x)).nan_to_num(0, 1, 0))

    broken = Overflow()
    points = images(60, 1, 4, 4)
    points[points > 0.99] = 0.9
    points[int(by_lot(three_classes(subject_of, broken, points).dataset, 0).ids[-1][1:]), 0, 0, 0] = 1.0  # none of the known
    with pytest.raises(ModelError, match="what hidden of local/network is given is not finite"):
        tried(three_classes(subject_of, broken, points), known=30, known_split="test", triggers=1)


@pytest.mark.parametrize(
    ("how", "error", "says"),
    [
        ({"gamma": 0.0}, OptionError, "`gamma` 0 must lie between"),
        ({"gamma": 1.0}, OptionError, "`gamma` 1 must lie between"),
        ({"gamma": math.nan}, OptionError, "`gamma` nan"),
        ({"lead": 0.0}, OptionError, "`lead` 0 above 0"),
        ({"lead": math.inf}, OptionError, "`lead` inf"),
        ({"answer": "z"}, OptionError, "there is no class 'z'"),
        ({"ids": ["no-such"]}, UnknownNameError, "has no sample 'no-such'"),
        ({"triggers": 0}, OptionError, "needs 2 known samples or more, and a trigger"),
        ({"known": 1}, OptionError, "needs 2 known samples"),
        ({"known": 60}, OptionError, "leave none to validate on"),
        ({"kind": "picture"}, OptionError, "no kind of trigger 'picture'"),
        ({"kind": "sample", "triggers": 50}, OptionError, "there are 40 samples beyond the 20 known, not 50"),
    ],
)
def test_settings_that_cannot_be_are_refused(how, error, says, subject_of, images):
    with pytest.raises(error, match=says):
        tried(
            three_classes(subject_of, two_layers(), images(60, 1, 4, 4)),
            **{"known": 20, "known_split": "test", "triggers": 1, **how},
        )
