"""Recordings: read from WAV files, dialled from numbers, and drawn."""

import wave
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from zoo.errors import DataError

RATE = 8000
"""Samples a second."""
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
"""Frequencies in Hz: each key is one of either. Source: ITU-T Q.23."""
KEYS = ("123A", "456B", "789C", "*0#D")
TONE, PAUSE, GAP = 0.07, 0.05, 0.25
"""Seconds of a key, of the silence behind it, and of a space between words."""
NOISE = (0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5)
"""Standard deviations of white noise, beside tones of amplitude 0.25."""


def read(path: Path) -> torch.Tensor:
    """The recording in a WAV file of 16 bits, its channels averaged. Raises DataError for another rate or width."""
    try:
        with wave.open(str(path)) as file:
            channels, width, rate, frames = file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes()
            content = file.readframes(frames)
    except (wave.Error, EOFError, OSError) as error:
        raise DataError(f"{path} is no WAV file: {error}", "put a whole one in its place") from error
    if rate != RATE or width != 2:
        raise DataError(f"{path} has {rate:,} samples a second of {8 * width} bits", f"convert it to {RATE:,} of 16 bits")
    samples = np.frombuffer(content, "<i2").reshape(-1, channels).astype(np.float32) / 2**15
    return torch.from_numpy(samples.mean(axis=1))


def write(path: Path, samples: torch.Tensor) -> None:
    """Write a recording as WAV of 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples.numpy() * 2**15).clip(-(2**15), 2**15 - 1).astype("<i2").tobytes())


def dialled(number: str, *, noise: float, seed: int) -> torch.Tensor:
    """A number dialled in white noise, float32 [t] in steps of 16 bits, as from a WAV file."""
    rng = np.random.default_rng(seed)
    parts = [np.zeros(int(PAUSE * RATE))]
    for key in number:
        if key == " ":
            parts.append(np.zeros(int(GAP * RATE)))
            continue
        row = next(i for i, keys in enumerate(KEYS) if key in keys)
        time = np.arange(int(TONE * RATE)) / RATE
        pair = (LOW[row], HIGH[KEYS[row].index(key)])
        parts += [sum(0.25 * np.sin(2 * np.pi * hertz * time) for hertz in pair), np.zeros(int(PAUSE * RATE))]
    clean = np.concatenate(parts)
    noisy = np.clip(clean + noise * rng.standard_normal(len(clean)), -1, 1 - 2**-15)
    return torch.from_numpy(np.round(noisy * 2**15).astype(np.float32) / 2**15)


def spectrogram(samples: torch.Tensor) -> Image.Image:
    """The power in dB over time (to the right) and frequency (upwards), white where it is largest."""
    frames = samples.numpy()[: len(samples) // 128 * 128].reshape(-1, 128)
    if not len(frames):
        return Image.new("L", (1, 65))
    power = 20 * np.log10(np.abs(np.fft.rfft(frames * np.hanning(128), axis=1)) + 1e-6).T[::-1]
    scaled = (power - power.max() + 60).clip(0, 60) / 60
    return Image.fromarray((scaled * 255).astype(np.uint8)).resize((2 * power.shape[1], 2 * power.shape[0]))
