"""Specs of language models. Their benchmarks are the texts of plugin `data`, their metrics the core's."""

from zoo.specs import BenchmarkSpec, MetricSpec, ModelSpec, Optimizer, RecipeSpec, Weights

METRICS: list[MetricSpec] = []
BENCHMARKS: list[BenchmarkSpec] = []

MODELS = [
    ModelSpec(
        name="char-gpt",
        summary="GPT of characters, four layers of 112, window 128; 529,088 parameters",
        tasks={"generate": "zoo_generative.char_gpt:CharGPT"},
        modality="text",
        weights={
            "tiny-shakespeare": Weights.shipped(
                "generative/char-gpt-tiny-shakespeare",
                "db7efa40ac173068f770ed655f9d441bac3eb5ae09ccbd9d08f1a5babac38f09",
                note="rounded to float16",
            )
        },
        paper="Radford et al. 2019, Language models are unsupervised multitask learners",
    ),
]

RECIPES = [
    RecipeSpec(
        name="char-gpt-tiny-shakespeare",
        summary="The GPT on the first nine tenths of tiny Shakespeare: AdamW; 45 minutes on one core",
        model="generative/char-gpt",
        task="generate",
        benchmark="data/tiny-shakespeare",
        dataset="data/tiny-shakespeare",
        trainer="zoo_generative.trainers:train_char_gpt",
        config={"dropout": 0.1},
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
