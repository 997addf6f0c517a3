"""What is read and coded in bulk is what a look at each row and field finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data import tables, tabular
from zoo.data.bulk import as_numbers, coded, plain_rows
from zoo.data.tables import read_table
from zoo.data.tabular import table_dataset
from zoo.errors import DataError

WORDS = ["a", "label", "id", "text", "index", "yes", "no", "é", "\u2028", "\xa0", "\x85", "", " ", '"', '""', "\r", "\t"]
NUMBERS = ["1", "-2.5", "1e3", "+1", "1_0", "nan", "inf", "1e39", ".5", "0x1"]
BITS = st.sampled_from(WORDS + NUMBERS)
LINES = st.lists(st.lists(BITS, min_size=1, max_size=4), max_size=6)


def told(content: bytes):
    """The dataset that a CSV is, or why it is none."""
    try:
        table = read_table(content, ".csv")
        found = table_dataset(table, "FILE")
        inputs = found.inputs if isinstance(found.inputs, list) else found.inputs.tolist()
        return found.fingerprint, found.ids, found.targets, found.classes, inputs, table.passed_over, list(table.rows)
    except DataError as error:
        return str(error)


@settings(deadline=None, max_examples=400)
@given(
    header=st.lists(st.sampled_from(["a", "b", "label", "id", "text", "", "index", " b"]), min_size=1, max_size=4),
    lines=LINES,
    delimiter=st.sampled_from(",;"),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    last=st.booleans(),
    marked=st.booleans(),
)
def test_a_csv_is_the_same_data_however_it_is_read(header, lines, delimiter, end, last, marked) -> None:
    text = end.join(delimiter.join(fields) for fields in [header, *lines]) + (end if last else "")
    content = text.encode("utf-8-sig" if marked else "utf-8")
    whole = told(content)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "plain_rows", lambda *_: None)
        patched.setattr(tabular, "as_numbers", lambda _: None)
        assert told(content) == whole


def test_a_plain_csv_is_read_in_bulk() -> None:
    columns = plain_rows(b"a,b,label\n1,2,x\n3,4,y\n", ",", 3)
    assert columns is not None and [list(column) for column in columns] == [["1", "3"], ["2", "4"], ["x", "y"]]
    assert columns[0][1] == "3" and list(columns[0][1:]) == ["3"] and len(columns[2]) == 2


@pytest.mark.parametrize("rows", ['1,"2",x', "1,2,x\n\n3,4,y", "1,2", "1,2,x,4", ",,", "1,2,\0", "1,2,x\r3,4,y", "1,2,\xff"])
def test_what_is_not_plain_is_left_to_a_look_at_each_row(rows: str) -> None:
    assert plain_rows(f"a,b,label\n{rows}\n".encode("latin1"), ",", 3) is None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_numbers_are_those_of_python_to_the_last_bit(values: list[float]) -> None:
    content = "a\n" + "".join(f"{value!r}\n" for value in values)
    (column,) = plain_rows(content.encode(), ",", 1) or ()
    assert np.array_equal(as_numbers(column), np.array(values, np.float32))


def test_labels_are_coded_in_the_order_of_their_first_rows() -> None:
    (column,) = plain_rows(b"label\nb\na\nb\nc\n", ",", 1) or ()
    for fields in (column, list(column)):
        codes, distinct = coded(fields)
        assert codes.tolist() == [0, 1, 0, 2] and distinct == ["b", "a", "c"]
