"""Specs of language models. Their benchmarks are the texts of plugin `data`, their metrics the core's."""

from zoo.specs import BenchmarkSpec, MetricSpec, ModelSpec, Optimizer, RecipeSpec
from zoo_generative.shipped import shipped

METRICS: list[MetricSpec] = []
BENCHMARKS: list[BenchmarkSpec] = []

MODELS = [
    ModelSpec(
        name="char-gpt",
        summary="GPT of characters, four layers of 128, window 128; 686,592 parameters",
        tasks={"generate": "zoo_generative.char_gpt:CharGPT"},
        modality="text",
        weights={
            "tiny-shakespeare": shipped(
                "char-gpt-tiny-shakespeare", "2ad2b76bbee6efe4be0e5abf75f5e42fffce7765bc527ca9da12bb7f1894a113"
            )
        },
        paper="Radford et al. 2019, Language models are unsupervised multitask learners",
    ),
]

RECIPES = [
    RecipeSpec(
        name="char-gpt-tiny-shakespeare",
        summary="The GPT on the first nine tenths of tiny Shakespeare: AdamW",
        model="generative/char-gpt",
        task="generate",
        benchmark="data/tiny-shakespeare",
        dataset="data/tiny-shakespeare",
        trainer="zoo_generative.trainers:train_char_gpt",
        config={"width": 112, "dropout": 0.1},
        epochs=20,
        batch_size=32,
        optimizer=Optimizer(name="adamw", lr=2.5e-3, weight_decay=0.1),
        schedule="onecycle",
        clip_norm=1.0,
        validation=0.05,
        metric="bits-per-character",
        options={"steps": 450},
    ),
]
