"""A task and a modality of one's own: what was said, or dialled, in a recording."""

from zoo.hookspecs import hookimpl
from zoo.specs import BenchmarkSpec, DatasetSpec, MetricSpec, ModalitySpec, ModelSpec, TaskSpec


@hookimpl
def zoo_modalities():
    return [
        ModalitySpec(
            name="audio",
            summary="A float32 tensor [t] in [-1, 1], one channel, 8,000 samples a second.",
            suffixes=(".wav",),
            reader="zoo_audio.waves:read",
            picture="zoo_audio.waves:spectrogram",
        )
    ]


@hookimpl
def zoo_tasks():
    return [
        TaskSpec(
            name="transcribe",
            summary="Write down what is said or dialled in a recording.",
            target="zoo_audio.transcribe:Transcribe",
            modalities=("audio",),
            form="zoo_audio.transcribe:form",
        )
    ]


@hookimpl
def zoo_models():
    shared = {"modality": "audio", "options": "zoo_audio.decoders:Frames"}
    return [
        ModelSpec(
            name="goertzel",
            summary="Key tones by the Goertzel filter of each of the eight frequencies",
            tasks={"transcribe": "zoo_audio.decoders:Goertzel"},
            paper="Goertzel 1958, An algorithm for the evaluation of finite trigonometric series",
            **shared,
        ),
        ModelSpec(
            name="fft-peak",
            summary="Key tones by the largest peak of the spectrum below and above 1,050 Hz",
            tasks={"transcribe": "zoo_audio.decoders:Peaks"},
            **shared,
        ),
    ]


@hookimpl
def zoo_datasets():
    shared = {
        "modality": "audio",
        "tasks": ("transcribe",),
        "citation": "ITU-T Q.23, Technical features of push-button telephone sets",
    }
    return [
        DatasetSpec(
            name="dtmf",
            summary="Telephone numbers dialled in tones, in noise of eight strengths; synthesised from a seed",
            target="zoo_audio.dialled:synthesised",
            splits={"train": 64, "test": 240},
            licence="CC0-1.0",
            **shared,
        ),
        DatasetSpec(
            name="calls",
            summary="Recordings of one's own: WAV files, and a table of what is dialled in each",
            target="zoo_audio.dialled:recorded",
            splits={"test": None},
            folders=("calls",),
            contents=("test.tsv",),
            licence="The owner's",
            **shared,
        ),
    ]


@hookimpl
def zoo_metrics():
    shared = {"task": "transcribe", "direction": "lower", "range": (0.0, None), "reference": "jiwer"}
    return [
        MetricSpec(
            name="cer",
            summary="Character error rate: all edits over all characters of the references",
            target="zoo_audio.errors:CharacterErrorRate",
            **shared,
        ),
        MetricSpec(
            name="wer",
            summary="Word error rate: all edits over all words of the references",
            target="zoo_audio.errors:WordErrorRate",
            **shared,
        ),
        MetricSpec(
            name="exact-match",
            summary="Share of recordings that are transcribed without an error",
            task="transcribe",
            target="zoo_audio.errors:ExactMatch",
            direction="higher",
            reference="equality of strings",
        ),
    ]


@hookimpl
def zoo_benchmarks():
    shared = {"task": "transcribe", "modality": "audio", "metrics": ("audio/cer", "audio/wer", "audio/exact-match")}
    return [
        BenchmarkSpec(name="dtmf", summary="Transcribe numbers dialled in noise", dataset="dtmf", **shared),
    ]
