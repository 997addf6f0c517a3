"""Decoders of key tones: both cut a recording into frames, say which key each holds, and join equal neighbours."""

from collections.abc import Sequence

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from zoo_audio.waves import GAP, HIGH, KEYS, LOW, PAUSE, RATE

SPLIT = 1050
"""Hz between the lower and the upper frequencies."""
BANDS = (600, SPLIT, 1750)


class Frames(BaseModel):
    """Options of a decoder."""

    model_config = ConfigDict(extra="forbid")
    frame: int = Field(default=200, ge=64, le=400, description="Samples of a frame.")
    threshold: float = Field(default=0.12, ge=0, description="Amplitude of a tone that counts; those dialled have 0.25.")


class Decoder:
    """What both decoders share."""

    def __init__(self, frame: int = 200, threshold: float = 0.12) -> None:
        self.frame, self.threshold = frame, threshold
        self.hop = frame // 2

    def __call__(self, waves: Sequence[torch.Tensor]) -> list[str]:
        return [self.text(wave.cpu().numpy().astype(np.float64)) for wave in waves]

    def text(self, wave: np.ndarray) -> str:
        """The keys of one recording float64 [t]; a silence longer than that between keys is a space."""
        if len(wave) < self.frame:
            return ""
        keys = self.keys(np.lib.stride_tricks.sliding_window_view(wave, self.frame)[:: self.hop])
        found, last, silence, sounding = "", None, 0, None
        for key in keys:
            steady = key if key == last else None  # one frame alone is noise
            last = key
            if steady is not None and steady != sounding:
                word = silence * self.hop / RATE > PAUSE + GAP / 2
                found += f" {steady}" if found and word else steady
            if steady is not None or key is None:
                sounding = steady
            silence = 0 if steady is not None else silence + 1
        return found

    def keys(self, frames: np.ndarray) -> list[str | None]:
        """The key of each frame float64 [n, frame], None where it holds none."""
        raise NotImplementedError

    def key(self, low: int, high: int) -> str:
        return KEYS[low][high]


class Goertzel(Decoder):
    """The amplitude at each of the eight frequencies; a key's two must be large."""

    def keys(self, frames: np.ndarray) -> list[str | None]:
        time = np.arange(self.frame) / RATE
        waves = np.exp(-2j * np.pi * np.outer((*LOW, *HIGH), time))
        amplitudes = 2 / self.frame * np.abs(frames @ waves.T)
        low, high = amplitudes[:, :4], amplitudes[:, 4:]
        loud = (low.max(axis=1) > self.threshold) & (high.max(axis=1) > self.threshold)
        best = zip(low.argmax(axis=1), high.argmax(axis=1), loud, strict=True)
        return [self.key(i, j) if sounds else None for i, j, sounds in best]


class Peaks(Decoder):
    """The largest peak of the spectrum in each of the two bands, taken for the nearest frequency of a key."""

    def keys(self, frames: np.ndarray) -> list[str | None]:
        spectrum = 2 / self.frame * np.abs(np.fft.rfft(frames, axis=1))
        hertz = np.fft.rfftfreq(self.frame, 1 / RATE)
        found, sounds = [], np.ones(len(frames), dtype=bool)
        for start, stop, known in ((BANDS[0], BANDS[1], LOW), (BANDS[1], BANDS[2], HIGH)):
            inside = np.flatnonzero((hertz >= start) & (hertz < stop))
            band = spectrum[:, inside]
            sounds &= band.max(axis=1) > self.threshold
            found.append(np.abs(hertz[inside][band.argmax(axis=1)][:, None] - np.array(known)).argmin(axis=1))
        return [self.key(i, j) if here else None for i, j, here in zip(*found, sounds, strict=True)]
