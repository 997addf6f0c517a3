"""Trying the one-neuron stealth attack: one altered network a trigger, against samples that the attacker never saw."""

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.data import Dataset
from zoo.errors import ModelError, OptionError, UnknownNameError
from zoo.metrics import Score, clustered_mean, scored, wilson
from zoo.opening import save_state
from zoo.seeds import derived_seed, sample_seed
from zoo_robust.fragility.dimension import paired
from zoo_robust.fragility.layers import recorded
from zoo_robust.fragility.stealth import Neuron, Site, Spread, find_site, planted, untouched_bound
from zoo_robust.fragility.subject import Chosen, Subject, by_lot

KNOWN = 1000
"""Samples that the attacker has, if nothing else is said."""


@dataclass(frozen=True)
class Trial:
    """One trigger: what the victim answered, what was planted, whether the altered network says it, and what else changed.

    `own` are the validation samples that are the trigger itself, whose prediction changes because it should.
    """

    trigger: str
    was: str
    answer: str
    hit: bool
    changed: int
    changed_ids: tuple[str, ...]
    own: tuple[str, ...]
    share: Score
    """Of the predictions on validation samples, those that change."""
    delta: float
    bound: float
    """The theorem's, for all `width` dimensions of Φ: of triggers whose z' is even on the sphere in all of them."""
    bound_intrinsic: float
    """The same for the intrinsic dimension of Φ that is measured, which its assumption is nearer to."""
    neuron: Neuron


@dataclass(frozen=True)
class Trials:
    """All of them; `samples` are those of validation, of which the attacker saw none, and `outside` those that are farther from
    the centre than all that he knows: the theorem speaks of none."""

    victim: str
    dataset: str
    site: Site
    samples: int
    outside: int
    width: int
    dimension: Score
    gamma: float
    trials: tuple[Trial, ...]

    def scores(self) -> dict[str, Score]:
        """success: triggers that get the planted answer; untouched: attacks that change no other prediction of validation;
        changed: mean share of those predictions that change."""
        n = len(self.trials)
        hits = sum(trial.hit for trial in self.trials)
        others = [trial.changed - len(trial.own) for trial in self.trials]
        untouched = sum(count <= 0 for count in others)
        shares = np.array([trial.changed / self.samples for trial in self.trials])
        return {
            "success": scored(hits / n, n, wilson(hits, n)),
            "untouched": scored(untouched / n, n, wilson(untouched, n)),
            "changed": scored(shares.mean(), n, clustered_mean(shares, np.arange(n), "triggers")),
        }


def tried(
    subject: Subject,
    *,
    triggers: int = 20,
    kind: str = "noise",
    ids: Sequence[str] = (),
    answer: str | None = None,
    gamma: float = 0.9,
    lead: float = 10.0,
    known: int = KNOWN,
    known_split: str = "train",
    limit: int | None = None,
    seed: int = 0,
) -> Trials:
    """Attack a victim once for each trigger, and count what changes on its samples: on `limit` of them, which the seed draws.

    The attacker knows `known` samples of `known_split`, drawn by the seed. Triggers are `ids` of samples of either split; else so
    many inputs of uniform noise in [0, 1] (`kind` "noise"), or samples of `known_split` (`kind` "sample") beyond the known.
    The answer is a class name, or another than the victim's, drawn by the seed.
    Raises ModelError where the victim has no place for the neuron, and OptionError where a setting cannot be.
    """
    if known < 2 or (not ids and triggers < 1):
        raise OptionError("an attacker needs 2 known samples or more, and a trigger", "raise `known` or `triggers`")
    source = subject.split(known_split)
    seen = known if source is subject.dataset else 0
    if seen >= len(source.ids):
        raise OptionError(f"{seen:,} known samples of {len(source.ids):,} leave none to validate on", "lower `known`")
    validation = by_lot(subject.dataset, seed, limit, start=seen)
    first = next(_inputs(subject, by_lot(source, seed, min(known, 64))))
    site = find_site(subject.network, first[1], subject.info.name)
    spread = Spread.of(torch.cat([latents for _, _, latents in _latents(subject, by_lot(source, seed, known), site)]))
    named = _named(subject, source, ids) if ids else _made(subject, source, triggers, kind, seed, known, first[1])
    return _all(subject, validation, site, spread, named, answer, gamma, lead, seed)


def _all(
    subject: Subject,
    validation: Chosen,
    site: Site,
    spread: Spread,
    triggers: dict[str, Tensor],
    answer: str | None,
    gamma: float,
    lead: float,
    seed: int,
) -> Trials:
    digests: dict[str, list[str]] = {}
    parts = []
    for ids, inputs, latents in _latents(subject, validation, site):
        parts.append(latents)
        for id_, image in zip(ids, inputs, strict=True):
            digests.setdefault(_digest(image), []).append(id_)
    latents = torch.cat(parts)
    before = site.answers(subject.network, latents).argmax(1)
    dimension = paired(latents)
    names = subject.info.classes if isinstance(subject.info.classes, tuple) else subject.data.classes or ()
    trials = []
    for name, image in triggers.items():
        phi = _latent(subject.network, site, image, subject.info.name)
        was = int(site.answers(subject.network, phi[None])[0].argmax())
        planned = _answer(names, was, answer, seed, name)
        neuron = planted(subject.network, site, phi, spread, planned, gamma, lead)
        with site.altered(subject.network, neuron), torch.no_grad():
            hit = int(subject.network(image[None])[0].argmax()) == planned
            changed = (site.answers(subject.network, latents).argmax(1) != before).nonzero().flatten().tolist()
        delta = float(spread.scaled(phi).norm())
        least = dimension.value if dimension.value is not None else dimension.ci_low
        bounds = [untouched_bound(n, gamma, delta, len(latents)) for n in (latents.shape[1], max(1.0, least or 1.0))]
        changed_ids = tuple(validation.ids[row] for row in changed)
        own = tuple(id_ for id_ in digests.get(_digest(image), ()) if id_ in set(changed_ids))
        trials.append(
            Trial(
                trigger=name,
                was=names[was],
                answer=names[planned],
                hit=hit,
                changed=len(changed),
                changed_ids=changed_ids,
                own=own,
                share=scored(len(changed) / len(latents), len(latents), wilson(len(changed), len(latents))),
                delta=delta,
                bound=bounds[0],
                bound_intrinsic=bounds[1],
                neuron=neuron,
            )
        )
    outside = int((spread.scaled(latents).norm(dim=1) > 1).sum())
    return Trials(
        victim=subject.info.name,
        dataset=subject.data.name,
        site=site,
        samples=len(latents),
        outside=outside,
        width=latents.shape[1],
        dimension=dimension,
        gamma=gamma,
        trials=tuple(trials),
    )


def write(path: Path, subject: Subject, found: Trials) -> None:
    """Write the weights of the network as the first trial altered it, as safetensors, with its class names.

    Whoever runs them gives them as weights of his own: under the hash of no published ones.
    """
    altered = copy.deepcopy(subject.network)
    found.site.write(altered, found.trials[0].neuron)
    names = subject.info.classes if isinstance(subject.info.classes, tuple) else subject.data.classes
    save_state(path, altered.state_dict(), {"classes": json.dumps(names)})


def _latents(subject: Subject, samples: Chosen, site: Site) -> Iterator[tuple[Sequence[str], Tensor, Tensor]]:
    """Ids, inputs, and Φ [b, n], of each batch."""
    with recorded(subject.network, subject.info.name) as calls:
        for ids, inputs in _inputs(subject, samples):
            (phi,) = (call.input for call in calls if call.name == site.hidden)
            calls.clear()
            if not bool(torch.isfinite(phi).all()):
                raise ModelError(
                    f"what {site.hidden} of {subject.info.name} is given is not finite", "look at the weights before it"
                )
            yield ids, inputs, phi


def _inputs(subject: Subject, samples: Chosen) -> Iterator[tuple[Sequence[str], Tensor]]:
    for batch in subject.batches(samples):
        if not isinstance(batch.inputs, Tensor):
            raise ModelError(
                f"{subject.info.name} takes no tensors of one shape", "name a victim of images or vectors of one size"
            )
        yield batch.ids, batch.inputs


def _latent(network: Any, site: Site, image: Tensor, name: str) -> Tensor:
    with recorded(network, name) as calls, torch.no_grad():
        network(image[None])
    (phi,) = (call.input[0] for call in calls if call.name == site.hidden)
    return phi


def _named(subject: Subject, source: Dataset, ids: Sequence[str]) -> dict[str, Tensor]:
    """Triggers that are samples, by id."""
    found: dict[str, Tensor] = {}
    for id_ in ids:
        dataset = next((data for data in (source, subject.dataset) if id_ in data.ids), None)
        if dataset is None:
            raise UnknownNameError(f"{subject.data.name} has no sample {id_!r}", f"its ids look like {subject.dataset.ids[0]!r}")
        found[id_] = next(_inputs(subject, Chosen(dataset, [list(dataset.ids).index(id_)])))[1][0]
    return found


def _made(subject: Subject, source: Dataset, count: int, kind: str, seed: int, known: int, like: Tensor) -> dict[str, Tensor]:
    """Triggers that nobody named: noise, or samples that the attacker has beside the known."""
    if kind == "sample":
        drawn = by_lot(source, seed, count, start=known)
        if len(drawn) < count:
            raise OptionError(f"there are {len(drawn)} samples beyond the {known} known, not {count}", "ask for fewer `triggers`")
        return {id_: image for ids, images in _inputs(subject, drawn) for id_, image in zip(ids, images, strict=True)}
    if kind != "noise":
        raise OptionError(f"there is no kind of trigger {kind!r}", "there are: noise, sample; or name samples by id")
    generators = (torch.Generator().manual_seed(sample_seed(seed, f"trigger {number}")) for number in range(count))
    return {f"noise {number}": torch.rand(like.shape[1:], generator=draw) for number, draw in enumerate(generators)}


def _answer(names: Sequence[str], was: int, answer: str | None, seed: int, trigger: str) -> int:
    if answer is None:
        others = [index for index in range(len(names)) if index != was]
        return others[derived_seed(seed, f"answer to {trigger}") % len(others)]
    if answer not in names:
        raise OptionError(f"there is no class {answer!r}", f"the classes are: {', '.join(names[:20])}")
    return list(names).index(answer)


def _digest(image: Tensor) -> str:
    return hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest()
