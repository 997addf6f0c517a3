"""Specs of what classifies messages: a bag of n-grams, recurrent networks, a Transformer; at most 280,000 parameters each."""

from zoo.specs import ModelSpec, Optimizer, RecipeSpec, Weights

ROUNDED = "rounded to float16"


def sms_spam_weights(model: str, sha256: str, note: str = "") -> dict[str, Weights]:
    """The weights that the recipe `MODEL-sms-spam` makes; `note` says what became of them after it."""
    return {"sms-spam": Weights.shipped(f"sequence/{model}-sms-spam", sha256, note=note, classes=("ham", "spam"))}


MODELS = [
    ModelSpec(
        name="ngram-bag",
        summary="Sum of hashed word, word-pair and character n-gram vectors, then a linear layer",
        tasks={"classify": "zoo_sequence.bag:NgramBag"},
        modality="text",
        config={"classes": 2},
        weights=sms_spam_weights("ngram-bag", "186574007936e401037ea7e766496c64027e402d68a979bb0b3ae6494dcff323"),
        paper="Joulin, Grave, Bojanowski & Mikolov 2017, Bag of tricks for efficient text classification, arXiv:1607.01759",
    ),
    ModelSpec(
        name="rnn",
        summary="Bidirectional plain recurrent network over word vectors, maximum over time",
        tasks={"classify": "zoo_sequence.recurrent:RecurrentClassifier"},
        modality="text",
        config={"cell": "rnn", "classes": 2},
        weights=sms_spam_weights("rnn", "aa5ee700d39771cfdfe6627c341e64c2d9a404a5c313113e5e1cb27e9cdfef7b", ROUNDED),
        paper="Elman 1990, Finding structure in time, doi:10.1207/s15516709cog1402_1",
    ),
    ModelSpec(
        name="gru",
        summary="Bidirectional gated recurrent units over word vectors, maximum over time",
        tasks={"classify": "zoo_sequence.recurrent:RecurrentClassifier"},
        modality="text",
        config={"cell": "gru", "classes": 2},
        weights=sms_spam_weights("gru", "2fcc9767e11a2c809b14b215be60f249e3562069596073eb96bcb3f2532014da"),
        paper="Cho et al. 2014, Learning phrase representations using RNN encoder-decoder, arXiv:1406.1078",
    ),
    ModelSpec(
        name="lstm",
        summary="Bidirectional long short-term memory over word vectors, maximum over time",
        tasks={"classify": "zoo_sequence.recurrent:RecurrentClassifier"},
        modality="text",
        config={"cell": "lstm", "classes": 2},
        weights=sms_spam_weights("lstm", "3fcf290f736b379cfb0a2b369e44fc712a61c1892aef11f02fafb45d2bc1c936"),
        paper="Hochreiter & Schmidhuber 1997, Long short-term memory, doi:10.1162/neco.1997.9.8.1735",
    ),
    ModelSpec(
        name="transformer",
        summary="Transformer encoder of one layer over word vectors, maximum over words",
        tasks={"classify": "zoo_sequence.transformer:TransformerClassifier"},
        modality="text",
        config={"classes": 2},
        weights=sms_spam_weights("transformer", "a6a7505d25f58ef1dc4bfea937c572fd0d672b7877cad002d4b17ee65f28af1d", ROUNDED),
        paper="Vaswani et al. 2017, Attention is all you need, arXiv:1706.03762",
    ),
]


def sms_spam_recipe(model: str, summary: str, epochs: int, optimizer: Optimizer) -> RecipeSpec:
    return RecipeSpec(
        name=f"{model}-sms-spam",
        summary=summary,
        model=f"sequence/{model}",
        dataset="data/sms-spam",
        epochs=epochs,
        batch_size=32,
        optimizer=optimizer,
        clip_norm=1.0,
        metric="nll",  # some 60 spam messages are too few to choose by F1
    )


ADAMW = Optimizer(name="adamw", lr=3e-3, weight_decay=1e-2)
RECIPES = [
    sms_spam_recipe("ngram-bag", "The n-gram bag on SMS spam; half a minute", 10, Optimizer(name="sgd", lr=0.5)),
    sms_spam_recipe("rnn", "The plain recurrent network on SMS spam; a minute", 8, ADAMW),
    sms_spam_recipe("gru", "The GRU on SMS spam; two minutes", 8, ADAMW),
    sms_spam_recipe("lstm", "The LSTM on SMS spam; two minutes", 8, ADAMW),
    sms_spam_recipe("transformer", "The Transformer on SMS spam; a minute", 8, ADAMW),
]
