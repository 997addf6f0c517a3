"""Tables as people write them; what csv: and the homeworks make of their columns is proved beside those."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.tables import TableError, read_header, read_table

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(WORDS.filter(str.strip), WORDS, WORDS), min_size=1, max_size=6),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    marked=st.booleans(),
)
def test_what_the_standard_library_writes_is_read_as_it_reads_it(
    rows: list[tuple[str, str, str]], delimiter: str, end: str, marked: bool
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("a", "b", "label"), *rows])
    content = buffer.getvalue().encode("utf-8-sig" if marked else "utf-8")
    table = read_table(content, ".csv")
    expected = list(csv.reader(io.StringIO(buffer.getvalue(), newline=""), delimiter=delimiter))[1:]
    assert [list(row) for row in zip(*table.columns.values(), strict=True)] == expected
    assert list(table.rows) == list(range(2, len(rows) + 2))
    assert read_header(content, ".csv") == ["a", "b", "label"]


def test_rows_keep_the_numbers_that_a_spreadsheet_shows() -> None:
    table = read_table(b'a,b\n\n1,"two\nlines"\n,\n3,4\n\n', ".csv")
    assert (list(table.rows), table.columns) == ([3, 5], {"a": ["1", "3"], "b": ["two\nlines", "4"]})


def test_a_header_is_read_from_the_beginning_alone() -> None:
    assert read_header(b'ID;"Text";n\nx;y;"cut', ".csv") == ["id", "text", "n"]
    assert read_header(b"label,text", ".csv") == ["label", "text"]
    assert read_header(b"", ".csv") == []


def test_names_that_differ_in_case_alone_stay_as_they_are() -> None:
    assert list(read_table(b"Id,ID,Label\n1,2,3\n", ".csv").columns) == ["Id", "ID", "label"]


@pytest.mark.parametrize(
    ("content", "suffix", "problem"),
    [
        (b"", ".csv", "has no header"),
        (b"a,b\n1\n", ".csv", "row 2 has 1 fields, the header 2"),
        (b"a,a\n1,2\n", ".csv", "two columns have one name: 'a'"),
        (b'a,b\n"1,2\n', ".csv", "row 2 is no CSV"),
        (b"a,b\n1,\x00\n", ".csv", "zero bytes"),
        (b"PAR1", ".parquet", "no Parquet file"),
    ],
)
def test_what_is_no_table_is_named(content: bytes, suffix: str, problem: str) -> None:
    with pytest.raises(TableError, match=problem):
        read_table(content, suffix)
