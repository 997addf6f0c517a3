"""Learning rates as factors of a recipe's: functions of the step and of how many there are."""

import math

from pydantic import Field

from zoo.specs import Frozen


class Constant(Frozen):
    """The recipe's rate at every step."""

    def factor(self, step: int, steps: int, /) -> float:
        return 1.0


class WarmedUp(Frozen):
    """A linear rise from 0, then what `after` says of the share that is done of the rest."""

    warmup: float = Field(default=0.0, ge=0, lt=1, description="Share of the steps in which the rate rises linearly from 0.")

    def factor(self, step: int, steps: int, /) -> float:
        rising = round(self.warmup * steps)
        if step < rising:
            return step / rising
        return self.after(min((step - rising) / max(steps - rising, 1), 1.0), step, rising)

    def after(self, done: float, step: int, rising: int, /) -> float:
        """The factor at a share `done` in [0, 1] of the steps that follow the `rising` ones."""
        return 1.0


class Warmup(WarmedUp):
    """The recipe's rate after a linear rise. Parity: transformers' get_constant_schedule_with_warmup."""


class Cosine(WarmedUp):
    """Half a cosine from 1 to 0. Source: Loshchilov & Hutter 2017, eq. 5, no restart; warmed up, as in Goyal et al. 2017."""

    def after(self, done: float, step: int, rising: int, /) -> float:
        return cosine(1.0, 0.0, done)


class Linear(WarmedUp):
    """A straight line from 1 to 0. Parity: transformers' get_linear_schedule_with_warmup."""

    def after(self, done: float, step: int, rising: int, /) -> float:
        return 1 - done


class Polynomial(WarmedUp):
    """(1 - done) to a power, down to `end`. Parity: transformers' get_polynomial_decay_schedule_with_warmup."""

    power: float = Field(default=2.0, gt=0, description="Of the share that is still to do.")
    end: float = Field(default=0.0, ge=0, lt=1, description="Factor at the end.")

    def after(self, done: float, step: int, rising: int, /) -> float:
        return float((1 - self.end) * (1 - done) ** self.power + self.end)


class InverseSquareRoot(WarmedUp):
    """1 / sqrt(step / warm-up steps) after a linear rise. Source: Vaswani et al. 2017, eq. 3, as a factor of the largest rate."""

    warmup: float = Field(default=0.1, gt=0, lt=1, description="Share of the steps in which the rate rises linearly from 0.")

    def after(self, done: float, step: int, rising: int, /) -> float:
        return math.sqrt(max(rising, 1) / max(step, 1)) if step >= rising else 1.0


class Step(WarmedUp):
    """Constant, and multiplied by gamma at each of the marks. Source: He et al. 2016, section 3.4."""

    gamma: float = Field(default=0.1, gt=0, lt=1, description="Factor of each fall.")
    every: float = Field(default=1 / 3, gt=0, lt=1, description="Share of the steps after the warm-up between two falls.")

    def after(self, done: float, step: int, rising: int, /) -> float:
        return float(self.gamma ** int(min(done, 1 - 1e-9) / self.every + 1e-9))  # at the very end there is no further fall


class OneCycle(Frozen):
    """Up along a cosine, then down along another, momentum left alone.

    Source: Smith & Topin 2018, with the defaults of torch's OneCycleLR.
    """

    peak: float = Field(default=0.3, gt=0, lt=1, description="Share of the steps after which the rate is largest.")
    start: float = Field(default=25, gt=1, description="The first rate is the largest divided by this.")
    end: float = Field(default=250_000, gt=1, description="The last rate is the largest divided by this.")

    def factor(self, step: int, steps: int, /) -> float:
        done = step / max(steps, 1)
        if done < self.peak:
            return cosine(1 / self.start, 1.0, done / self.peak)
        return cosine(1.0, 1 / self.end, (done - self.peak) / (1 - self.peak))


class WarmupStableDecay(WarmedUp):
    """A linear rise, a plateau, and a linear fall to 0. Source: Hu et al. 2024, MiniCPM, arXiv:2404.06395, section 4."""

    warmup: float = Field(default=0.05, ge=0, lt=1, description="Share of the steps in which the rate rises linearly from 0.")
    decay: float = Field(default=0.2, gt=0, le=1, description="Share of the steps after the warm-up in which it falls.")

    def after(self, done: float, step: int, rising: int, /) -> float:
        return min(1.0, (1 - done) / self.decay)


class RangeTest(Frozen):
    """From `low` to 1 by the same factor at every step: train an epoch, and look where the loss falls fastest.

    Source: Smith 2017, Cyclical learning rates, arXiv:1506.01186, section 3.3, with the exponential growth of fastai's finder.
    """

    low: float = Field(default=1e-5, gt=0, lt=1, description="Factor of the first step; that of the last is 1.")

    def factor(self, step: int, steps: int, /) -> float:
        return float(self.low ** (1 - step / max(steps - 1, 1)))


def cosine(start: float, end: float, done: float) -> float:
    """Half a cosine from `start` to `end` at a share `done` of the way."""
    return end + (start - end) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
