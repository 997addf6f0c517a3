"""csv:PATH: the user's own rows, strictly read."""

import csv
import io
import subprocess
import unicodedata
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zoo
from zoo.data.dataset import Dataset
from zoo.errors import DataError, OptionError
from zoo.opening.datasets import open_dataset
from zoo_data.table import table_spec

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def opened(path: Path) -> Dataset:
    return open_dataset(table_spec(f"csv:{path}", str(path)), "test")


def table(folder: Path, content: str | bytes, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_text_and_label_make_texts(tmp_path: Path) -> None:
    path = table(tmp_path, 'note,text,label\nx,"Hello, ""you""",ham\ny,"two\nlines",spam\n')
    assert table_spec("csv:x", str(path)).modality == "text"
    dataset = opened(path)
    assert dataset.classes == ("ham", "spam")
    assert dataset[0] == ("row-2", 'Hello, "you"', 0)
    assert dataset[1] == ("row-3", "two\nlines", 1)


def test_numbers_and_label_make_vectors(tmp_path: Path) -> None:
    path = table(tmp_path, "id,width,label,height\na,1.5,10,-2e3\nb,0,9, 7 \n")
    assert table_spec("csv:x", str(path)).modality == "vector"
    dataset = opened(path)
    assert dataset.classes == ("9", "10")
    sample = dataset[0]
    assert (sample.id, sample.target) == ("a", 1)
    assert torch.equal(sample.input, torch.tensor([1.5, -2000.0]))


def test_tabs_separate_in_a_tsv_and_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = table(tmp_path, "text\tlabel\na, b\tham\n".encode("utf-8-sig"), "mine.TSV")
    assert opened(path)[0] == ("row-2", "a, b", 0)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read(tmp_path: Path, end: str) -> None:
    assert list(opened(table(tmp_path, end.join(["text,label", "a,x", "b,y"]))).ids) == ["row-2", "row-3"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("words,label\nhello,ham\n", "row 2 of .* has 'hello' in column 'words'"),
        ("text,class\nhello,ham\n", "needs a column 'label'.* its columns are: text, class"),
        ("label\nham\n", "needs a column 'label', and a column 'text' or columns of numbers; its columns are: label"),
        ("", "its columns are: none"),
        ("text,label,text\na,b,c\n", "two columns of .* have one name: 'text'"),
        ("text,label\na,ham\nb\n", "row 3 of .* has 1 fields, the header 2"),
        ("text,label\na,ham,b\n", "row 2 of .* has 3 fields"),
        ("text,label\na,\n", "row 2 of .* has no label"),
        ("text,label\n,ham\n", "row 2 of .* has no text"),
        ("id,text,label\n1,a,x\n2,b,x\n1,c,x\n", "rows 2 and 4 of .* have one id: '1'"),
        ("id,text,label\n,a,x\n", "row 2 of .* has no id"),
        ("size,label\n1,x\nnan,x\n", "row 3 of .* has 'nan' in column 'size'"),
        ("size,label\n1e39,x\n", "row 2 of .* has '1e39'"),
        ("size,label\n1_0,x\n", "row 2 of .* has '1_0'"),
        ("size,label\n,x\n", "row 2 of .* has ''"),
        ('text,label\n"a"b,x\n', "row 2 of .* is no CSV"),
        ('text,label\n"a,x\n', "row 2 of .* is no CSV"),
        ("text,label\n", "has no samples"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(content: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem):
        opened(table(tmp_path, content))


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    path = table(tmp_path, b"text,label\nfine,x\n" + "caf\xe9,x\n".encode("latin1"))
    with pytest.raises(DataError, match=r"line 3 of .*mine\.csv is not UTF-8 \(byte 0xe9\)") as caught:
        opened(path)
    assert "iconv -f latin1 -t utf-8 mine.csv" in caught.value.hint


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-16", "utf-16"), ("utf-16-le", "utf-16le"), ("utf-16-be", "utf-16be"), ("utf-32", "utf-32"), ("cp1252", "cp1252")],
)
def test_the_advice_for_another_encoding_is_the_line_that_mends_it(encoding: str, named: str, tmp_path: Path) -> None:
    """The very command is run, and what it makes is read."""
    path = table(tmp_path, "text,label\n“caf\xe9”,x\n".encode(encoding))
    with pytest.raises(DataError, match="UTF-8") as caught:
        opened(path)
    command = caught.value.hint.partition("for example: ")[2]
    assert f"-f {named} " in command
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert opened(tmp_path / "utf8-mine.csv")[0].input == "“caf\xe9”"


@pytest.mark.parametrize(
    "content",
    [
        "text,label\nhello,ham\nyou,spam\n",
        "text,label\nhello,ham\nyou,spam\n\n , \n\n",
        "text;label\nhello;ham\nyou;spam",
        "text\tlabel\nhello\tham\nyou\tspam\n",
        "Label, Text\nham, hello\nspam, you\n",
        'label, text\n"ham", "hello"\nspam, "you"\n',
        ",text,label\n0,hello,ham\n1,you,spam\n",
        "Unnamed: 0,text,label\n7,hello,ham\n3,you,spam\n",
        '"","text","label"\n"1","hello","ham"\n"2","you","spam"\n',
        "\ufefftext,label\r\nhello,ham \r\nyou,spam\r\n",
        "text,label,\nhello,ham,\nyou,spam,\n",
    ],
)
def test_a_table_is_read_however_people_save_it(content: str, tmp_path: Path) -> None:
    dataset = opened(table(tmp_path, content))
    assert (list(dataset.ids), dataset.classes) == (["row-2", "row-3"], ("ham", "spam"))
    assert [dataset[i][1:] for i in range(2)] == [("hello", 0), ("you", 1)]


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index"])
def test_the_index_of_pandas_is_no_feature_and_that_is_said(name: str, tmp_path: Path) -> None:
    path = table(tmp_path, f"{name},size,label\n0,5,x\n1,6,y\n")
    with pytest.warns(UserWarning, match=f"passed over: {name or 'without a name'}"):
        dataset = opened(path)
    assert [dataset[i].input.tolist() for i in range(2)] == [[5], [6]]


def test_a_column_called_index_that_counts_no_rows_is_a_feature(tmp_path: Path) -> None:
    dataset = opened(table(tmp_path, "index,size,label\n4,5,x\n2,6,y\n"))
    assert [dataset[i].input.tolist() for i in range(2)] == [[4, 5], [2, 6]]


def test_decimal_commas_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has '1,5' in column 'size'") as caught:
        opened(table(tmp_path, "size;label\n1,5;x\n"))
    assert caught.value.hint.startswith("write decimals with a point")


def test_labels_that_differ_in_blanks_or_in_composition_are_one_class(tmp_path: Path) -> None:
    dataset = opened(table(tmp_path, "text,label\na,caf\xe9\nb,cafe\u0301 \n"))
    assert dataset.classes == ("caf\xe9",)


def test_a_pointer_of_git_lfs_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a pointer of Git LFS") as caught:
        opened(table(tmp_path, LFS))
    assert "git lfs pull" in caught.value.hint


def test_a_share_of_every_class_is_held_out_for_good(tmp_path: Path) -> None:
    path = table(tmp_path, "text,label\n" + "".join(f"text {i},{'ham' if i % 5 else 'spam'}\n" for i in range(50)))
    spec, whole = table_spec("csv:x", str(path)), opened(path)
    train, test = (zoo.dataset(f"csv:holdout=0.2:{path}", split) for split in ("train", "test"))
    assert (list(spec.splits), len(whole.ids)) == (["train", "test"], 50)
    assert (Counter(train.targets), Counter(test.targets)) == ({0: 32, 1: 8}, {0: 8, 1: 2})
    assert sorted([*train.ids, *test.ids]) == sorted(whole.ids) and train.classes == whole.classes
    assert open_dataset(spec, "train").ids == train.ids, "the plain name trains on the same"
    assert zoo.dataset(f"csv:holdout=0.2:{path}", "test").ids == test.ids


@pytest.mark.parametrize(
    "options", ["holdout=2", "holdout=0", "holdout=half", "hold=0.2", "holdout=0.2,holdout=0.3", "holdout=0.2,x"]
)
def test_options_that_cannot_be_are_refused(options: str, tmp_path: Path) -> None:
    path = table(tmp_path, "text,label\na,x\n")
    with pytest.raises(OptionError, match=r"hold|x"):
        zoo.dataset(f"csv:{options}:{path}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        table_spec("csv:x", str(tmp_path / "none.csv"))


def test_a_long_document_is_read(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    assert len(opened(table(tmp_path, f"text,label\n{'word ' * 50_000},x\n"))[0].input) == 250_000
    assert csv.field_size_limit() == limit


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1).filter(str.strip)


@given(rows=st.lists(st.tuples(words, words), min_size=1, max_size=8), suffix=st.sampled_from(["csv", "tsv"]))
def test_texts_and_labels_round_trip(rows: list[tuple[str, str]], suffix: str) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, dialect="excel" if suffix == "csv" else "excel-tab", quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "label"), *rows])
    with TemporaryDirectory() as folder:
        dataset = opened(table(Path(folder), buffer.getvalue(), f"mine.{suffix}"))
    assert dataset.classes is not None
    expected = [(text, unicodedata.normalize("NFC", label.strip())) for text, label in rows]
    assert [(dataset[i].input, dataset.classes[dataset[i].target]) for i in range(len(rows))] == expected


@given(values=st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=2), min_size=1))
def test_vectors_round_trip(values: list[list[float]]) -> None:
    lines = ["a,b,label", *(f"{a!r},{b!r},x" for a, b in values)]
    with TemporaryDirectory() as folder:
        dataset = opened(table(Path(folder), "\n".join(lines)))
    assert [dataset[i].input.tolist() for i in range(len(values))] == values
