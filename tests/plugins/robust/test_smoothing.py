"""Randomised smoothing: its statistics against scipy and simulation, its radius where it is known, and the authors' files."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, norm
from torch import nn

import zoo
from zoo.errors import ModelError
from zoo.metrics.certified import CertifiedAccuracy
from zoo.tasks import Threat, Victim
from zoo.tasks.base import Rows
from zoo_robust.smoothing.certificate import Smoothing
from zoo_robust.smoothing.denoised import Denoised
from zoo_robust.smoothing.smoothed import Smoothed
from zoo_robust.smoothing.votes import ABSTAINS, certified, lower_bound, predicted, two_sided, votes

L2, LINF = Threat("l2", 0.5), Threat("linf", 0.1)


class Plane(nn.Module):
    """Two classes on the sides of a hyperplane: w·x + b > 0 is class 1."""

    def __init__(self, w, b):
        super().__init__()
        self.w, self.b = torch.as_tensor(w).flatten(), b

    def forward(self, images):
        side = images.flatten(1) @ self.w + self.b
        return torch.stack([-side, side], dim=1)


def plane(distance, size=(1, 4, 4)):
    """A hyperplane at a signed distance from an image that is grey all over."""
    torch.manual_seed(0)
    w = torch.randn(math.prod(size))
    image = torch.full(size, 0.5)
    return Plane(w, distance * float(w.norm()) - float(w @ image.flatten())), image


def certificate(model, images, threat=L2, seeds=None, labels=None, **options):
    victim = Victim(model, "victim", 2, None)
    labels = torch.ones(len(images), dtype=torch.int64) if labels is None else labels
    return Smoothing(**options).certify(victim, images, labels, threat, seeds or list(range(len(images))))


# --- the statistics -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.05, 0.001])
@pytest.mark.parametrize(("hits", "n"), [(0, 10), (1, 10), (10, 10), (99, 100), (51, 100), (99_850, 100_000), (100_000, 100_000)])
def test_the_lower_bound_is_that_of_clopper_and_pearson(hits, n, alpha):
    expected = binomtest(hits, n, alternative="greater").proportion_ci(1 - alpha, method="exact").low
    assert lower_bound(hits, n, alpha) == pytest.approx(expected, rel=1e-9)


def test_the_lower_bound_of_no_miss_is_known_in_closed_form():
    for n in (1, 100, 100_000):
        assert lower_bound(n, n, 0.001) == pytest.approx(0.001 ** (1 / n), rel=1e-12)


def test_more_hits_and_more_draws_can_only_raise_the_bound_and_it_never_exceeds_the_share():
    bounds = [lower_bound(hits, 1000, 0.001) for hits in range(1001)]
    assert all(low < high for low, high in itertools.pairwise(bounds))
    assert all(bound <= hits / 1000 for hits, bound in enumerate(bounds))
    assert all(lower_bound(9 * n, 10 * n, 0.001) < lower_bound(90 * n, 100 * n, 0.001) for n in (1, 10, 100))


@pytest.mark.parametrize(("first", "second"), [(10, 0), (60, 40), (40, 60), (51, 49), (50, 50), (1, 0), (530, 470), (0, 0)])
def test_the_two_sided_test_is_scipys(first, second):
    expected = binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert two_sided(first, second) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("p", [0.55, 0.9, 0.999])
def test_the_bound_is_above_the_truth_no_more_often_than_alpha(p):
    alpha, n, times = 0.05, 200, 20_000
    hits = np.random.default_rng(0).binomial(n, p, times)
    bound = np.array([lower_bound(h, n, alpha) for h in range(n + 1)])[hits]
    wrong = (bound > p).mean()
    assert wrong <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / times)


def test_a_wrong_answer_is_given_no_more_often_than_alpha():
    alpha, times = 0.05, 20_000
    tops = np.random.default_rng(1).multinomial(100, [0.34, 0.36, 0.3], times)
    answers = np.array([predicted(torch.tensor(counts), alpha) for counts in tops])
    assert (answers == ABSTAINS).mean() > 0.5
    assert np.isin(answers, (0, 2)).mean() <= alpha


def test_an_even_vote_abstains_and_a_certificate_needs_a_majority():
    assert predicted(torch.tensor([500, 500, 0]), 0.001) == ABSTAINS
    assert predicted(torch.tensor([0, 1000, 0]), 0.001) == 1
    assert predicted(torch.tensor([7]), 0.5) == 0
    even, clear = torch.tensor([510, 490]), torch.tensor([900, 100])
    assert certified(even, even, 0.5, 0.001) == (ABSTAINS, 0.0)
    answer, radius = certified(clear, clear, 0.5, 0.001)
    assert answer == 0
    assert radius == pytest.approx(0.5 * norm.ppf(lower_bound(900, 1000, 0.001)))
    # The class is that of the first draws, whatever the others say.
    assert certified(torch.tensor([90, 10]), torch.tensor([100, 900]), 0.5, 0.001) == (ABSTAINS, 0.0)


# --- the radius ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distance", [0.1, 0.3, 0.6])
def test_the_radius_of_a_plane_is_below_its_distance_and_nears_it(distance):
    model, image = plane(distance)
    radius = [float(certificate(model, image[None], sigma=0.5, n=n).radius) for n in (1000, 100_000)]
    assert 0 < radius[0] < radius[1] < distance
    assert radius[1] > 0.97 * distance - 0.002


def test_the_radius_is_as_large_as_the_number_of_draws_allows_and_no_larger():
    model, image = plane(50.0)
    for n in (100, 10_000):
        most = 0.25 * norm.ppf(0.001 ** (1 / n))
        assert float(certificate(model, image[None], sigma=0.25, n=n).radius) == pytest.approx(most, rel=2e-5)


def test_on_the_plane_it_abstains():
    model, image = plane(0.0)
    found = certificate(model, image[None].repeat(4, 1, 1, 1), sigma=0.5, n=2000)
    assert found.predicted.tolist() == [ABSTAINS] * 4
    assert found.radius.tolist() == [0.0] * 4


def test_what_is_certified_is_the_answer_right_or_wrong():
    model, image = plane(-0.5)
    found = certificate(model, image[None], sigma=0.5, n=2000)
    assert found.predicted.tolist() == [0]
    assert float(found.radius) > 0.3


def test_the_radius_under_linf_is_that_of_the_cube_inside_the_ball():
    model, image = plane(0.5)
    both = [float(certificate(model, image[None], threat, sigma=0.5, n=2000).radius) for threat in (L2, LINF)]
    assert both[1] == pytest.approx(both[0] / 4)


def test_no_attack_within_the_radius_changes_the_smoothed_answer():
    model, image = plane(0.4)
    radius = float(certificate(model, image[None], sigma=0.5, n=20_000).radius)
    worst = image - radius * (model.w / model.w.norm()).view(image.shape)
    (counts,) = votes(model, worst, 0.5, [400_000], seed=3)
    assert counts[1] > counts[0]


def test_a_certificate_of_a_sample_is_its_own():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    images = torch.rand(5, 1, 4, 4)
    together = certificate(model, images, seeds=[5, 6, 7, 8, 9], sigma=0.5, n=2000)
    alone = [certificate(model, images[i : i + 1], seeds=[5 + i], sigma=0.5, n=2000) for i in reversed(range(5))]
    assert together.radius.tolist() == [float(one.radius) for one in reversed(alone)]
    assert together.predicted.tolist() == [int(one.predicted) for one in reversed(alone)]
    assert together.radius.tolist() != certificate(model, images, seeds=[1, 2, 3, 4, 5], sigma=0.5, n=2000).radius.tolist()


def test_all_draws_are_made_and_their_noise_has_the_deviation():
    seen = []

    def logits(images):
        seen.append(images)
        return torch.stack([images.flatten(1).sum(1), torch.zeros(len(images))], dim=1)

    first, counts = votes(logits, torch.zeros(3, 64, 64), 0.25, [10, 1000], seed=3)
    assert (int(first.sum()), int(counts.sum())) == (10, 1000)
    noise = torch.cat(seen)
    assert len(noise) == 1010
    assert float(noise.std()) == pytest.approx(0.25, rel=5e-3)
    assert float(noise.mean()) == pytest.approx(0, abs=1e-3)
    assert float(noise.min()) < -0.9  # it is not clipped
    assert not torch.equal(noise[:10], noise[10:20])


# --- the models ---------------------------------------------------------------------------------------------------------------


def test_a_smoothed_model_votes_and_abstains_by_a_tie():
    model, image = plane(0.3)
    _, middle = plane(0.0)
    smoothed = Smoothed(model, 0.5, 1000, 0.001)
    clear, doubtful = smoothed(torch.stack([image, image - 0.3 * (model.w / model.w.norm()).view(image.shape)]), [1, 2])
    p = float(norm.cdf(0.3 / 0.5))
    assert float(clear.softmax(0)[1]) == pytest.approx(p, abs=0.05)
    assert float(clear.exp().sum()) == pytest.approx(1)
    assert doubtful.tolist() == [0.0, 0.0]
    assert torch.equal(middle, image)


def test_a_run_counts_abstentions_as_mistakes_and_its_seed_draws_the_noise():
    base = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    torch.manual_seed(0)
    with torch.no_grad():
        base[1].weight.normal_(0, 0.5)
    model = zoo.load("robust/smoothed", base=base, classes="dataset", options={"sigma": 0.3, "n": 40})
    runs = [
        zoo.evaluate(model, "digits", limit=40, metrics=["abstentions"], seed=seed, batch_size=size)
        for seed, size in ((0, 7), (0, 40), (1, 40))
    ]
    accuracy, share = ([{r.metric: r.value for r in run.results}[name] for run in runs] for name in ("accuracy", "abstentions"))
    assert accuracy[0] == accuracy[1]
    assert share[0] == share[1] > 0.2
    assert accuracy[0] + share[0] <= 1
    assert "count as wrong" in runs[0].results[0].note
    assert (accuracy[2], share[2]) != (accuracy[0], share[0])
    assert runs[0].guard.note == ""


def test_the_name_of_the_whole_and_of_its_base_stand_in_the_record():
    record = zoo.evaluate("robust/smoothed(intro/mlp)", "digits", limit=10, options={"n": 50, "sigma": "0.1"})
    assert record.model.name == "robust/smoothed(intro/mlp@digits)"
    assert record.model.options == {"sigma": 0.1, "n": 50, "alpha": 0.001}
    assert record.model.parts["base"].name == "intro/mlp@digits"
    assert record.primary.value > 0.5


def test_a_denoiser_comes_before_the_base_and_is_told_the_noise():
    told = []

    def half(conditions, seeds):
        told.extend((condition.sigma, seed) for condition, seed in zip(conditions, seeds, strict=True))
        return [condition.image / 2 for condition in conditions]

    model = Denoised(nn.Flatten(), half, 0.25)
    images = torch.rand(3, 1, 2, 2)
    assert torch.allclose(model(images), images.flatten(1) / 2)
    assert told == [(0.25, 0)] * 3


def test_behind_a_denoiser_a_base_is_still_followed_through_its_substitute_and_still_draws():
    def as_it_is(conditions, seeds):
        return [condition.image for condition in conditions]

    class Rounded(nn.Module):
        def forward(self, images):
            return images.round().flatten(1)

        def bpda(self, images):
            return images.flatten(1)

    class Drawn(nn.Flatten):
        random = True

        def forward(self, images, seeds):
            return super().forward(images) + torch.tensor(seeds)[:, None]

    images = torch.rand(2, 1, 1, 2)
    inputs = images.clone().requires_grad_()
    Victim(Denoised(Rounded(), as_it_is, 0.25), "v", 2, None)(inputs).sum().backward()
    assert torch.equal(inputs.grad, torch.ones_like(inputs))
    drawn = Denoised(Drawn(), as_it_is, 0.25)
    assert drawn.random and torch.equal(drawn(images, [1, 2]), images.flatten(1) + torch.tensor([[1.0], [2.0]]))
    assert not Denoised(nn.Flatten(), as_it_is, 0.25).random and not hasattr(Denoised(nn.Flatten(), as_it_is, 0.25), "bpda")


def test_the_certificate_is_of_the_smoothed_victim_and_says_so():
    record = zoo.evaluate(
        "robust/smoothing",
        "digits",
        task="attack",
        limit=6,
        aux={"victim": "intro/mlp@digits"},
        options={"n": 500, "sigma": 0.1},
        protocol={"norm": "l2", "eps": 0.1},
        metrics=["certified-curve:radii=0+0.1+0.2"],
    )
    scores = {result.metric: result for result in record.results}
    curve = next(result for name, result in scores.items() if "curve" in name).detail["certified-accuracy"]
    assert curve == sorted(curve, reverse=True)
    assert scores["certified-accuracy"].value == curve[1]
    assert any("smoothed by noise of deviation 0.1, from 100 and 500 draws" in text for text in record.remarks)
    assert record.model.options["n"] == 500


def test_what_is_smoothed_already_is_not_smoothed_again():
    model, image = plane(0.3)
    with pytest.raises(ModelError, match="smoothed already"):
        certificate(Smoothed(model, 0.5, 100, 0.001), image[None])


# --- the authors' results -----------------------------------------------------------------------------------------------------

PUBLISHED = {
    "0.25": [0.748, 0.600, 0.428, 0.266],
    "0.50": [0.652, 0.546, 0.414, 0.320, 0.234, 0.152, 0.094],
}
"""Certified accuracy at radii 0, 0.25, 0.5, …, of `smoothing_certify/SOURCE.md`."""


@pytest.mark.parametrize("sigma", PUBLISHED)
def test_certified_accuracy_of_the_authors_files_is_theirs_to_the_digit(real_data, sigma):
    file = real_data / "smoothing_certify" / f"noise_{sigma}_test_sigma_{sigma}.tsv"
    ids, target, answers, radius, correct, _ = np.loadtxt(file, skiprows=1, unpack=True)
    columns = {
        "predicted": answers.astype(int),
        "target": target.astype(int),
        "radius": radius,
        "limit": np.full(len(ids), np.inf),
        "eps": np.zeros(len(ids)),
    }
    rows = Rows([str(int(i)) for i in ids], columns, tuple("0123456789"))
    assert len(rows) == 500
    assert np.array_equal(columns["predicted"] == columns["target"], correct.astype(bool))
    for place, share in enumerate(PUBLISHED[sigma]):
        metric = CertifiedAccuracy(at=0.25 * place)
        assert round(metric.compute(metric.update(rows), rows.classes).value, 3) == share
