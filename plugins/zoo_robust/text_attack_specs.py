"""Entries that attack texts, and the benchmarks on which they do."""

from zoo.specs import BenchmarkSpec, ModelSpec
from zoo_robust.attack_specs import attack

METRICS = ("robust-accuracy", "clean-accuracy", "success-rate", "median-norm", "forwards")


def text_attack(name: str, target: str, summary: str, paper: str) -> ModelSpec:
    """An attack of texts: its class is its options, and what runs them."""
    return attack(name, target, summary, paper, modality="text")


def messages_under(name: str, norm: str, eps: int, what: str) -> BenchmarkSpec:
    """The test messages of SMS spam, with at most so many changes each."""
    return BenchmarkSpec(
        name=name,
        summary=f"Test messages of SMS spam, at most {eps} {what} each; its victim is the classifier",
        task="attack",
        modality="text",
        dataset="data/sms-spam",
        metrics=METRICS,
        protocol={"norm": norm, "eps": eps},
        aux={"victim": "sequence/lstm@sms-spam"},
    )


MODELS = [
    text_attack(
        "random-edits",
        "zoo_robust.attacks.random_edits:RandomEdits",
        "Characters changed at random: the baseline that an attack of texts must beat",
        "Gao, Lanchantin, Soffa & Qi 2018, DeepWordBug, arXiv:1801.04354, whose baseline it is",
    ),
    text_attack(
        "char-edits",
        "zoo_robust.attacks.char_edits:CharEdits",
        "Characters of the words that the victim leans on, changed one by one as its scores say",
        "Gao, Lanchantin, Soffa & Qi 2018, DeepWordBug, arXiv:1801.04354",
    ),
    text_attack(
        "word-swaps",
        "zoo_robust.attacks.word_swaps:WordSwaps",
        "Words swapped for their synonyms and spellings of a declared list, as the victim's scores say",
        "Jin, Jin, Zhou & Szolovits 2020, Is BERT really robust?, arXiv:1907.11932",
    ),
]

BENCHMARKS = [
    messages_under("sms-spam-edits", "edits", 3, "characters inserted, deleted or replaced"),
    messages_under("sms-spam-words", "words", 3, "words swapped"),
]
