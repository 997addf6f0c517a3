"""sms-spam: the UCI SMS Spam Collection, split by groups of near-identical messages (see `sms_spam_split`)."""

from zoo.data import ArrayDataset, DataFiles
from zoo.errors import DataError

LABELS = ("ham", "spam")


def open_sms_spam(files: DataFiles, split: str) -> ArrayDataset:
    """Texts as they were sent; `groups` numbers the near-identical messages. Ids are line numbers, from `sms-0000`."""
    labels, texts = parse_messages(files.read("SMSSpamCollection").decode())
    rows = parse_split(files.read("sms_spam_split.tsv").decode(), len(texts))
    picked = [index for index, (_, side) in enumerate(rows) if side == split]
    return ArrayDataset(
        [texts[index] for index in picked],
        [labels[index] for index in picked],
        [message_id(index) for index in picked],
        LABELS,
        groups=[rows[index][0] for index in picked],
    )


def message_id(index: int) -> str:
    return f"sms-{index:04}"


def parse_messages(content: str) -> tuple[list[int], list[str]]:
    """Labels (0 ham, 1 spam) and texts of lines `label<tab>text`. Quotes are part of a text: this is not CSV."""
    labels, texts = [], []
    for number, line in enumerate(content.removesuffix("\n").split("\n"), 1):
        label, tab, text = line.partition("\t")
        if not tab or label not in LABELS:
            raise DataError(f"line {number} of SMSSpamCollection is not 'ham' or 'spam', a tab and a message")
        labels.append(LABELS.index(label))
        texts.append(text)
    return labels, texts


def parse_split(content: str, count: int) -> list[tuple[int, str]]:
    """Group and split of each of `count` messages, from lines `id<tab>group<tab>split` in the order of the messages."""
    rows = []
    for index, line in enumerate(content.splitlines()):
        fields = line.split("\t")
        if len(fields) != 3 or fields[0] != message_id(index) or fields[2] not in ("train", "test"):
            raise DataError(f"line {index + 1} of sms_spam_split.tsv is not '{message_id(index)}', a group and a split")
        rows.append((int(fields[1]), fields[2]))
    if len(rows) != count:
        raise DataError(f"sms_spam_split.tsv has {len(rows)} lines for {count} messages")
    return rows
