"""Specs of language models of characters, each of about half a million parameters, as `generative/char-gpt` has."""

from zoo.specs import ModelSpec, Optimizer, RecipeSpec


def char_model(name: str, what: str, cell: str, hidden: int, paper: str) -> ModelSpec:
    return ModelSpec(
        name=name,
        summary=f"Language model of characters: {what}, two layers of {hidden}",
        tasks={"generate": "zoo_sequence.char_rnn:CharRNN"},
        modality="text",
        config={"cell": cell, "hidden": hidden},
        paper=paper,
    )


MODELS = [
    char_model(
        "char-rnn", "a plain recurrent network", "rnn", 396, "Mikolov et al. 2010, Recurrent neural network based language model"
    ),
    char_model("char-gru", "gated recurrent units", "gru", 226, "Cho et al. 2014, arXiv:1406.1078"),
    char_model(
        "char-lstm", "long short-term memory", "lstm", 195, "Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735"
    ),
]


def shakespeare_recipe(name: str, lr: float, dropout: float) -> RecipeSpec:
    """49 million characters in all, whatever the cell."""
    return RecipeSpec(
        name=f"{name}-tiny-shakespeare",
        summary="Truncated back-propagation through time on the first nine tenths of tiny Shakespeare: AdamW",
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
    shakespeare_recipe("char-rnn", 2e-3, 0.1),
    shakespeare_recipe("char-gru", 2e-3, 0.2),
    shakespeare_recipe("char-lstm", 4e-3, 0.2),
]
