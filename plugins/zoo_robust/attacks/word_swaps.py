"""Word swaps: other words for the same, as people write them in messages, chosen by the victim's scores."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from torch import Tensor

from zoo.specs import Frozen
from zoo.tasks import Attacked, Threat, Victim
from zoo_robust.attacks.texts import Drafts, count_of

_WORD = re.compile(r"\S+")
_CORE = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)

SAME = (
    *(("you", "u", "ya"), ("your", "ur"), ("are", "r"), ("to", "2"), ("for", "4"), ("before", "b4"), ("see", "c")),
    *(("please", "pls", "plz"), ("thanks", "thx", "tnx"), ("text", "txt", "message", "msg", "sms"), ("today", "2day")),
    *(("tomorrow", "tmr", "2moro"), ("tonight", "2nite"), ("because", "cos", "cuz"), ("and", "&", "n"), ("at", "@")),
    *(("be", "b"), ("why", "y"), ("okay", "ok", "k"), ("great", "gr8", "superb"), ("late", "l8"), ("love", "luv")),
    *(("good", "gud", "nice", "fine"), ("have", "hav"), ("with", "wid"), ("that", "dat"), ("the", "da"), ("this", "dis")),
    *(
        ("call", "ring", "phone", "dial"),
        ("mobile", "cell", "handset"),
        ("reply", "answer", "respond"),
        ("send", "snd", "forward"),
    ),
    *(("free", "gratis", "complimentary"), ("win", "gain", "get"), ("won", "gained"), ("winner", "champion")),
    *(("prize", "award", "reward", "gift"), ("cash", "money", "funds"), ("claim", "collect", "redeem"), ("urgent", "pressing")),
    *(("now", "nw", "immediately"), ("stop", "end", "quit"), ("week", "wk"), ("weekly", "wkly"), ("customer", "client")),
    *(("service", "svc"), ("offer", "deal"), ("guaranteed", "assured", "certain"), ("selected", "chosen", "picked")),
    *(("chat", "talk"), ("dating", "meeting"), ("new", "fresh", "latest"), ("latest", "newest"), ("contact", "reach")),
    *(("number", "no", "num"), ("minute", "min"), ("minutes", "mins"), ("hour", "hr"), ("hours", "hrs"), ("video", "vid")),
    *(("camera", "cam"), ("ringtone", "tone"), ("want", "wish"), ("wait", "hold"), ("just", "jus"), ("only", "merely")),
    *(("really", "truly"), ("big", "large"), ("small", "little"), ("happy", "glad"), ("sorry", "sry"), ("friend", "mate", "pal")),
    *(("home", "house"), ("buy", "purchase"), ("start", "begin"), ("help", "aid"), ("wont", "won't"), ("im", "i'm")),
    *(("dont", "don't"), ("cant", "can't"), ("what", "wat", "wot"), ("later", "l8r")),
)
"""Words that stand for one another in text messages: spellings that the SMS Spam Collection itself has, and near synonyms."""


class WordSwaps(Frozen):
    """Each of eps swaps is the one that harms the victim's margin most; no word is swapped twice.

    Source: greedy substitution by the victim's scores, Jin, Jin, Zhou & Szolovits 2020 (TextFooler), arXiv:1907.11932, from the
    declared list `SAME` instead of word vectors.
    """

    iterative: ClassVar[bool] = False

    def __call__(
        self, victim: Victim, inputs: Sequence[str], labels: Tensor, threat: Threat, seeds: Sequence[int], /
    ) -> Attacked:
        count = count_of(threat, "words", "robust/word-swaps")
        drafts = Drafts(victim, inputs, labels)
        for _ in range(count):
            drafts.step(lambda row: list(swapped(drafts.texts[row], inputs[row])))
            if not drafts.standing:
                break
        return drafts.attacked()


def swapped(text: str, clean: str) -> Iterator[str]:
    """The text with one more of the clean one's words swapped; words between blanks keep their number and their places."""
    originals = clean.split()
    for place, match in enumerate(_WORD.finditer(text)):
        if match.group() != originals[place]:
            continue
        lead, word, tail = _CORE.match(match.group()).groups()  # type: ignore[union-attr]
        for group in SAME:
            if word.lower() in group:
                for other in group:
                    if other != word.lower():
                        yield text[: match.start()] + lead + _cased(other, word) + tail + text[match.end() :]


def _cased(other: str, word: str) -> str:
    """A word in the case of another: all capitals, or the first."""
    return other.upper() if len(word) > 1 and word.isupper() else other.capitalize() if word[:1].isupper() else other
