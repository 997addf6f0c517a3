"""How the split of sms-spam was made: `python -m zoo_data.sms_spam_split` writes `sms_spam_split.tsv` again.

Spam is sent from templates, so a random split puts near-copies of many test messages into train, and rewards memory.
Here messages whose character shingles overlap by a Jaccard similarity of THRESHOLD or more are linked, links are
followed (single linkage), and every group lies on one side: no message has such a near-copy on the other one.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from zoo_data.sms_spam import LABELS, message_id, parse_messages

THRESHOLD = 0.4
SHINGLE = 5
TEST_SHARE = 0.2
SEED = 0
LARGEST_SHARE = 0.01
"""No group may hold more of the messages than this: a larger one would mean that links have chained."""

_URL = re.compile(r"https?://\S+|www\.\S+|\b[\w.-]+\.(?:com|co\.uk|net|org|uk|biz|tv|info)\b\S*")
_CODE = re.compile(r"\b\w*\d\w*\b")
_GAP = re.compile(r"[\W_]+")


def normalise(text: str) -> str:
    """The words of a message, without what a template varies: case, addresses, numbers, codes, punctuation, spaces."""
    text = _URL.sub(" url ", text.casefold())
    text = _GAP.sub(" ", _CODE.sub(" 0 ", text)).strip()
    return re.sub(r"\b0(?: 0)+\b", "0", text)


def shingles(text: str) -> frozenset[str]:
    """Character n-grams of a normalised text with a space around it; the whole of a text that is shorter."""
    padded = f" {text} "
    return frozenset(padded[start : start + SHINGLE] for start in range(max(1, len(padded) - SHINGLE + 1)))


def similar_pairs(texts: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of positions whose shingles have a Jaccard similarity of at least `threshold`, exactly, by inverted index."""
    sets = [shingles(text) for text in texts]
    holders: dict[str, list[int]] = defaultdict(list)
    for later, items in enumerate(sets):
        shared = Counter(earlier for item in items for earlier in holders[item])
        for earlier, count in shared.items():
            similarity = count / (len(items) + len(sets[earlier]) - count)
            if similarity >= threshold:
                yield earlier, later, similarity
        for item in items:
            holders[item].append(later)


def group_messages(texts: Sequence[str]) -> list[int]:
    """Group of each message, named by the position of its first member."""
    distinct: dict[str, list[int]] = defaultdict(list)
    for position, text in enumerate(texts):
        distinct[normalise(text)].append(position)
    parent = list(range(len(texts)))

    def root(position: int) -> int:
        while parent[position] != position:
            parent[position] = position = parent[parent[position]]
        return position

    def link(first: int, second: int) -> None:
        low, high = sorted((root(first), root(second)))
        parent[high] = low

    firsts = [positions[0] for positions in distinct.values()]
    for positions in distinct.values():
        for position in positions[1:]:
            link(positions[0], position)
    for earlier, later, _ in similar_pairs(list(distinct), THRESHOLD):
        link(firsts[earlier], firsts[later])
    return [root(position) for position in range(len(texts))]


def split_groups(groups: Sequence[int], labels: Sequence[int]) -> list[str]:
    """`train` or `test` of each message: whole groups, of each label TEST_SHARE of its messages, in a seeded order."""
    members: dict[int, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        members[group].append(position)
    sides = ["train"] * len(groups)
    for label in range(len(LABELS)):
        room = round(TEST_SHARE * labels.count(label))
        own = [group for group in members if labels[group] == label]
        for group in sorted(own, key=_draw):
            if len(members[group]) <= room:
                room -= len(members[group])
                for position in members[group]:
                    sides[position] = "test"
    return sides


def make_split(content: str) -> str:
    """The text of `sms_spam_split.tsv`: a line `id<tab>group<tab>split` for each message of SMSSpamCollection."""
    labels, texts = parse_messages(content)
    groups = group_messages(texts)
    _, largest = Counter(groups).most_common(1)[0]
    if largest > LARGEST_SHARE * len(texts):
        raise ValueError(f"the largest group holds {largest} of {len(texts)} messages: links have chained")
    sides = split_groups(groups, labels)
    rows = zip(groups, sides, strict=True)
    return "".join(f"{message_id(index)}\t{group}\t{side}\n" for index, (group, side) in enumerate(rows))


def _draw(group: int) -> str:
    return hashlib.sha256(f"{SEED} {message_id(group)}".encode()).hexdigest()


def main() -> None:
    import gzip

    folder = Path(__file__).parent
    content = gzip.decompress((folder / "SMSSpamCollection.gz").read_bytes()).decode()
    split = make_split(content)
    (folder / "sms_spam_split.tsv").write_text(split, encoding="utf-8", newline="\n")
    print(f"sms_spam_split.tsv: SHA-256 {hashlib.sha256(split.encode()).hexdigest()}")


if __name__ == "__main__":
    main()
