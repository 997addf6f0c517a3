"""The core's own tasks and modalities, declared as a plugin declares its own. Their names are nobody else's."""

from zoo.data.walking import SUFFIXES
from zoo.specs import ModalitySpec, TaskSpec

TABLES = (".csv", ".tsv", ".parquet")

TASK_SPECS: dict[str, TaskSpec] = {
    spec.name: spec
    for spec in (
        TaskSpec(
            name="attack",
            summary="Change an input so that a victim errs, or certify that no change does.",
            target="zoo.tasks.attack.task:Attack",
            targets_of="classify",
            labels=True,
        ),
        TaskSpec(
            name="classify",
            summary="Say which of several classes an input is of.",
            target="zoo.tasks.classify:Classify",
            classes=True,
            labels=True,
            form="zoo.inference.answers:classify_form",
        ),
        TaskSpec(
            name="detect",
            summary="Say where in an image objects of which classes are.",
            target="zoo.tasks.detect:Detect",
            classes=True,
            form="zoo.inference.answers:detect_form",
        ),
        TaskSpec(
            name="embed",
            summary="Give an input a vector, near those of its like.",
            target="zoo.tasks.embed:Embed",
            labels=True,
            form="zoo.inference.answers:embed_form",
        ),
        TaskSpec(
            name="generate",
            summary="Make images or texts, of nothing or of a condition, or say how likely they are.",
            target="zoo.tasks.generate.restore:Generate",
            form="zoo.inference.answers:restore_form",
        ),
        TaskSpec(
            name="segment",
            summary="Say of every pixel of which class it is, or how surely it is an edge.",
            target="zoo.tasks.segment:Segment",
            classes=True,
            form="zoo.inference.answers:segment_form",
        ),
    )
}

MODALITIES: dict[str, ModalitySpec] = {
    spec.name: spec
    for spec in (
        ModalitySpec(
            name="image",
            summary="A tensor [c, h, w], uint8 in 0..255 or float32 in [0, 1], of 1 (grey) or 3 (RGB) channels.",
            suffixes=SUFFIXES,
            reader="zoo.inference.inputs:read_picture",
        ),
        ModalitySpec(name="text", summary="A str.", suffixes=(".txt", ".md", ".text", *TABLES)),
        ModalitySpec(name="vector", summary="A float32 tensor [d].", suffixes=TABLES),
    )
}
