"""Specs of language models of characters, each of about half a million parameters, as `generative/char-gpt` has."""

from zoo.specs import ModelSpec, Optimizer, RecipeSpec, Weights


def char_model(name: str, what: str, cell: str, hidden: int, sha256: str, paper: str) -> ModelSpec:
    return ModelSpec(
        name=name,
        summary=f"Language model of characters: {what}, two layers of {hidden}",
        tasks={"generate": "zoo_sequence.char_rnn:CharRNN"},
        modality="text",
        config={"cell": cell, "hidden": hidden},
        weights={"tiny-shakespeare": Weights.shipped(f"sequence/{name}-tiny-shakespeare", sha256, note="rounded to float16")},
        paper=paper,
    )


MODELS = [
    char_model(
        "char-rnn",
        "a plain recurrent network",
        "rnn",
        396,
        "cfd345dfc5c4a0ad925407d8a5ca45fdbcaeda7676f7d8279468d1508d204f54",
        "Mikolov et al. 2010, Recurrent neural network based language model, doi:10.21437/Interspeech.2010-343",
    ),
    char_model(
        "char-gru",
        "gated recurrent units",
        "gru",
        226,
        "3a3d469e2597f5ffb72d0600b0596cb4bb901731773bb1e3004f7be050791918",
        "Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, arXiv:1406.1078",
    ),
    char_model(
        "char-lstm",
        "long short-term memory",
        "lstm",
        195,
        "36b566e3437b85a6f155ca3ff01c641dd2035a88dd0dfe52def90f16a7c1a3bd",
        "Hochreiter & Schmidhuber 1997, Long short-term memory, doi:10.1162/neco.1997.9.8.1735",
    ),
]


def shakespeare_recipe(name: str, minutes: int, lr: float, dropout: float) -> RecipeSpec:
    """49 million characters in all, whatever the cell."""
    return RecipeSpec(
        name=f"{name}-tiny-shakespeare",
        summary=f"Truncated back-propagation through time on nine tenths of tiny Shakespeare; {minutes} minutes on one core",
        model=f"sequence/{name}",
        task="generate",
        benchmark="data/tiny-shakespeare",
        dataset="data/tiny-shakespeare",
        trainer="zoo_sequence.bptt_trainer:train",
        config={"dropout": dropout},
        epochs=20,
        batch_size=64,
        optimizer=Optimizer(name="adamw", lr=lr, weight_decay=1e-2),
        schedule="onecycle",
        clip_norm=1.0,
        validation=0.05,
        metric="bits-per-character",
        options={"steps": 600, "length": 512, "k": 64},
    )


RECIPES = [
    shakespeare_recipe("char-rnn", 50, 1e-3, 0.1),
    shakespeare_recipe("char-gru", 55, 2e-3, 0.2),
    shakespeare_recipe("char-lstm", 40, 3e-3, 0.2),
]
