"""transcribe: the text that is said, or dialled, in a recording.

Target: str, the reference. Prediction: str. Stored: both.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from zoo.data import Sample
from zoo.errors import PredictionError
from zoo.inference import Form
from zoo.tasks import Batch, DataInfo, ModelInfo, Task
from zoo_audio.waves import RATE, dialled


class Transcriber(Protocol):
    """What a model of this task does."""

    def __call__(self, waves: Sequence[Any], /) -> Sequence[str]:
        """The text of each of b recordings, float32 tensors [t] in [-1, 1] of `RATE` samples a second."""


class Settings(BaseModel):
    """What a protocol of this task says."""

    model_config = ConfigDict(extra="forbid")
    fold_case: bool = Field(default=False, description="Whether capitals count as their small letters.")


class Transcribe(Task):
    """Runs a transcriber. Recordings are of several lengths, so a batch is a list of them."""

    name: ClassVar[str] = "transcribe"
    version: ClassVar[int] = 1
    shard_size: ClassVar[int] = 64
    settings: ClassVar[type[Settings]] = Settings

    @classmethod
    def default_metrics(cls, data: DataInfo) -> tuple[str, ...]:
        return ("audio/cer", "audio/wer", "audio/exact-match")

    @classmethod
    def examples(cls, data: DataInfo) -> Sequence[Sample]:
        numbers = ("112", "0800 330 1000", "*#21#", "5", "70 77 07", "999 888")
        return [Sample(f"call-{i}", dialled(number, noise=0.05, seed=i), number) for i, number in enumerate(numbers)]

    def prepare(self, sample: Sample) -> Sample:
        wave, text = sample.input, sample.target
        if getattr(wave, "ndim", 0) != 1 or not len(wave) or not wave.is_floating_point():
            found = f"{wave.dtype} {list(wave.shape)}" if hasattr(wave, "shape") else type(wave).__name__
            raise ValueError(f"a recording is a float tensor [t], not {found}")
        if not float(wave.abs().max()) <= 1:
            raise ValueError("a recording lies in [-1, 1]")
        if not isinstance(text, str):
            raise ValueError(f"its target is a str, not {type(text).__name__}")
        return Sample(sample.id, wave.float(), self._folded(text))

    def collate(self, samples: Sequence[Sample]) -> list[Any]:
        return [sample.input for sample in samples]

    def predict(self, model: Transcriber, batch: Batch) -> list[str]:
        """A text for each recording."""
        texts = model(batch.inputs)
        if not isinstance(texts, (list, tuple)) or len(texts) != len(batch):
            found = f"{len(texts)} texts" if isinstance(texts, (list, tuple)) else type(texts).__name__
            raise PredictionError(
                f"{self.model.name} returned {found} for {len(batch)} recordings", "return a list of str", batch.ids
            )
        if wrong := [id_ for id_, text in zip(batch.ids, texts, strict=True) if not isinstance(text, str)]:
            kind = type(texts[list(batch.ids).index(wrong[0])]).__name__
            raise PredictionError(f"{self.model.name} returned {kind} for {', '.join(wrong[:5])}", "a transcript is a str", wrong)
        return [self._folded(text) for text in texts]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("text", pa.string()), ("reference", pa.string())])

    def encode(self, predictions: Sequence[str], batch: Batch) -> dict[str, pa.Array]:
        return {"text": pa.array(predictions, pa.string()), "reference": pa.array(batch.targets, pa.string())}

    def decode(self, table: pa.Table) -> dict[str, np.ndarray[Any, Any]]:
        """`text` and `reference` str [n]."""
        return {name: np.array(table[name].to_pylist(), dtype=object) for name in ("text", "reference")}

    def _folded(self, text: str) -> str:
        return text.casefold() if self.how.fold_case else text


def form(model: ModelInfo, data: DataInfo, wanted: Any) -> Form:
    """The text of each file."""
    columns = pa.schema([("id", pa.string()), ("seconds", pa.float64()), ("text", pa.string())])

    def rows(batch: Batch, texts: Sequence[str]) -> Any:
        for id_, wave, text in zip(batch.ids, batch.inputs, texts, strict=True):
            yield {"id": id_, "seconds": len(wave) / RATE, "text": text}

    return Form(Transcribe(model, data), lambda _: "", columns, rows)
