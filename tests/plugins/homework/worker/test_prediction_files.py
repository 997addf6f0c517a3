"""Files of predictions: what is read from each, and what each mistake is called."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_homework.statuses import SubmissionError
from zoo_homework.worker.inputs import Inputs
from zoo_homework.worker.prediction_files import read_predictions
from zoo_homework.worker.programs import run_code

IDS, CLASSES = ["a", "b", "c"], ("ham", "spam")


def read(tmp_path: Path, content: str | bytes, suffix: str = ".csv") -> Any:
    path = tmp_path / f"my{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_predictions(path, IDS, CLASSES)


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def header(text: str) -> bytes:
    """A `.npy` file of nothing but its header, which numpy parses as Python."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "content",
    [
        "id,label\na,ham\nb,spam\nc,ham\n",
        "id,label\r\nc,ham\r\nb,spam\r\na,ham\r\n",
        "\ufefflabel;id\nham;a\nspam;b\nham;c",
        "id\tlabel\na\t0\nb\t1\nc\t0\n",
        ",id,label\n0,a,ham\n1,b,spam\n2,c,ham\n,,\n",
        "id, label\na, ham\nb, spam\nc, ham\n\n",
        'id,label,comment\na,ham,"one, two"\nb,spam,\nc,ham,\n',
        "ID,Label\na,0.0\nb,1.0\nc,0.0\n",
    ],
)
def test_labels_are_read_in_the_order_of_the_ids_whatever_the_order_of_the_rows(content: str, tmp_path: Path) -> None:
    assert read(tmp_path, content).tolist() == [0, 1, 0]


def test_numbers_are_names_where_a_class_is_named_by_digits(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("id,label\na,1\nb,2.0\n")
    assert read_predictions(tmp_path / "my.csv", ["a", "b"], ("1", "2")).tolist() == [0, 1]
    (tmp_path / "my.csv").write_text("id,label\na,0\nb,1\n")
    with pytest.raises(SubmissionError, match=r"'0' is none of the classes 1, 2$"):
        read_predictions(tmp_path / "my.csv", ["a", "b"], ("1", "2"))


def test_probabilities_become_their_logarithms_and_logits_stay_as_they_are(tmp_path: Path) -> None:
    probabilities = read(tmp_path, "id,spam,ham\nb,0.75,0.25\na,0.125,0.875\nc,0,1\n")
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(np.exp(probabilities), [[0.875, 0.125], [0.25, 0.75], [1, 0]], atol=1e-12)
    values = np.float32([[1.1, -3e-7], [0.3333333, 2], [1e30, -0.0]])
    rows = "\n".join(f"{name},{a},{b}" for name, (a, b) in zip(IDS, values, strict=True))
    logits = read(tmp_path, f"id,logit:ham,logit:spam\n{rows}\n")
    assert logits.dtype == np.float32
    assert logits.tobytes() == values.tobytes()


def test_a_label_beside_probabilities_must_have_the_highest(tmp_path: Path) -> None:
    rows = "id,label,ham,spam\na,{},0.9,0.1\nb,spam,0.5,0.5\nc,1,0.2,0.8\n"
    assert read(tmp_path, rows.format("ham")).tolist() == read(tmp_path, rows.format("0")).tolist()
    with pytest.raises(SubmissionError, match="disagree in 1 rows, the first of id 'a'"):
        read(tmp_path, rows.format("spam"))


def test_a_table_reads_the_same_from_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for column, values in (("label", [1, 0, 1]), ("label", ["spam", "ham", "spam"])):
        buffer = io.BytesIO()
        pq.write_table(pa.table({"id": ["c", "a", "b"], column: values}), buffer)
        assert read(tmp_path, buffer.getvalue(), ".parquet").tolist() == [0, 1, 1]


def test_an_array_is_in_the_order_of_the_ids(tmp_path: Path) -> None:
    assert read(tmp_path, npy([1, 0, 1]), ".npy").tolist() == [1, 0, 1]
    assert read(tmp_path, npy(["ham", "spam", "ham"]), ".npy").tolist() == [0, 1, 0]
    assert read(tmp_path, npy([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]), ".npy").argmax(axis=1).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("content", "suffix", "status", "message"),
    [
        ("id,label\na,ham\nb,spam\n", ".csv", "bad-ids", r"1 missing \(c\)"),
        ("id,label\na,ham\nb,spam\nc,ham\nd,ham\n", ".csv", "bad-ids", r"1 unknown \(d\)"),
        ("id,label\na,ham\na,spam\nb,ham\nc,ham\n", ".csv", "bad-ids", r"1 duplicated \(a\)"),
        ("label\nham\nham\nham\n", ".csv", "bad-format", "no column 'id'"),
        ("id,guess\na,1\nb,1\nc,1\n", ".csv", "bad-format", "neither a column 'label'"),
        ("id,label\na,ham\nb,eggs\nc,ham\n", ".csv", "bad-format", "'eggs' is none of the classes"),
        ("id,label\na,ham\nb,2\nc,ham\n", ".csv", "bad-format", "'2' is none of the classes ham, spam, nor a number from 0 to 1"),
        ("Id,ID,label\na,a,ham\n", ".csv", "bad-format", "no column 'id'"),
        ("id,label\na,ham\nb,\nc,ham\n", ".csv", "not-finite", "prediction 2"),
        ("id,ham,spam\na,1,0\nb,nan,0\nc,1,0\n", ".csv", "not-finite", "row 2"),
        ("id,ham,spam\na,1,0\nb,inf,0\nc,1,0\n", ".csv", "not-finite", "row 2"),
        ("id,ham,spam\na,1,0\nb,x,0\nc,1,0\n", ".csv", "bad-format", "'x' in column 'ham'"),
        ("id,ham,spam\na,1,0\nb,0.7,0.7\nc,1,0\n", ".csv", "bad-format", "row 2 adds up to 1.4"),
        ("id,ham,spam\na,1,0\nb,-1,2\nc,1,0\n", ".csv", "bad-format", "not probabilities"),
        ("id,label,label\na,0,1\n", ".csv", "bad-format", "one name"),
        ("id,label\na,ham,3\n", ".csv", "bad-format", "row 2 has 3 fields"),
        ('id,label\n"a,ham\n', ".csv", "bad-format", "no CSV"),
        (bytes(100), ".csv", "bad-format", "zero bytes"),
        (" \n ", ".csv", "empty", "empty"),
        ("id,label\na,hämm\n".encode("latin-1"), ".csv", "bad-encoding", "line 2"),
        ("id,label\na,ham\n".encode("utf-16"), ".csv", "bad-encoding", "UTF-16"),
        (b"\x80\x04K\x01.", ".csv", "pickle-refused", "pickle"),
        (b"PK\x03\x04", ".npz", "bad-format", "an archive of arrays; write one array"),
        (npy(np.array([print, None, 1], dtype=object)), ".npy", "pickle-refused", "Python objects"),
        ("id,label\na,ham\n", ".npy", "bad-format", "no .npy file"),
        (b"\x93NUMPY\x01\x00", ".npy", "bad-format", "no .npy file"),
        (header("(" * 9000), ".npy", "bad-format", "no .npy file"),
        (header("-" * 9000 + "1"), ".npy", "bad-format", "no .npy file|more numbers"),
        (header("'\n\0"), ".npy", "bad-format", "no .npy file"),
        (npy([0, 1]), ".npy", "bad-ids", "3 samples"),
        (npy(3), ".npy", "bad-ids", "shape"),
        (npy([0, 1, 2]), ".npy", "bad-format", "from 0 to 1"),
        (npy([0.0, 1.0, 1.0]), ".npy", "bad-format", r"expected labels \[3\]"),
        (npy([[0.0, 0.5, 0.5]] * 3), ".npy", "bad-format", r"probabilities \[3, 2\]"),
        (b"PAR1 and nothing else", ".parquet", "bad-format", "no Parquet"),
    ],
)
def test_every_mistake_has_its_name(content: str | bytes, suffix: str, status: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=message) as caught:
        read(tmp_path, content, suffix)
    assert str(caught.value.status) == status
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("returned", ["{0: 'ham'}", "('ham' for _ in inputs)", "None"])
def test_a_program_that_returns_no_array_is_told_what_it_returned(
    returned: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "predict", sys)  # which is forgotten afterwards
    about = {"task": "classify", "modality": "text", "protocol": {}, "sizes": []}
    split = {**about, "ids": IDS, "classes": list(CLASSES)}
    (tmp_path / "split.json").write_text(json.dumps(split))
    (tmp_path / "texts.json").write_text(json.dumps(["a", "b", "c"]))
    (tmp_path / "predict.py").write_text(f"def predict(inputs):\n    return {returned}\n")
    with pytest.raises(SubmissionError, match=r"predict returned a \w+, not a list") as caught:
        run_code(tmp_path / "predict.py", Inputs(tmp_path))
    assert str(caught.value.status) == "bad-format"
