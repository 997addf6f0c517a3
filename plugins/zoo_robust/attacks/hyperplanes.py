"""The nearest point of a hyperplane that lies in the box [0, 1]: what FAB steps to."""

from torch import Tensor, where

from zoo.tasks import Norm

ROUNDS = 100
"""Newton steps at most; each meets a kink at least, and fewer than ten are usual."""


def to_hyperplane(points: Tensor, slopes: Tensor, gaps: Tensor, norm: Norm) -> Tensor:
    """The smallest step δ [b, d] with slopes·δ = gaps and points + δ in [0, 1], points [b, d] being in it; gaps [b].

    Every coordinate goes the way that its slope wants, by min(λ s, room): s is 1 under L∞ and |slope| under L2, and λ is where
    Σ |slope| min(λ s, room) reaches |gap|. That sum is concave and made of straight pieces, so Newton's method climbs to the
    solution itself. Where no point of the box is in the plane, δ goes to the corner that comes nearest.
    Source: Croce & Hein 2020, arXiv:1907.02044, eq. 4; parity: pyautoattack `projection_linf` and `projection_l2`.
    """
    pull = slopes * where(gaps < 0, -1.0, 1.0)[:, None]
    strength = pull.abs()
    steepest = strength.amax(1, keepdim=True)
    scale = where(steepest > 0, steepest, 1.0)  # so that neither tiny slopes nor their squares are lost
    weight, wanted = strength / scale, gaps.abs()[:, None] / scale
    room = where(pull > 0, 1 - points, points)
    speed: Tensor | float = weight if norm == "l2" else 1.0  # without a slope nothing moves in the end, by its sign of 0
    steepness, work = (weight * speed)[:, None], (weight * room)[:, None]
    factor = wanted.new_zeros(wanted.shape)
    for _ in range(ROUNDS):
        free = (factor * speed < room).to(weight)
        slope, done = (steepness @ free[:, :, None])[:, 0], (work @ (1 - free)[:, :, None])[:, 0]
        # Where nothing is free the corner is reached, and any factor leaves it there.
        further = where(slope > 0, (wanted - done) / slope, factor)
        if not bool((further > factor).any()):
            break
        factor = further.maximum(factor)
    return pull.sign() * (factor * speed).minimum(room)
