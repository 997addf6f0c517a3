"""hf:PATH: Parquet and Arrow as Hugging Face keeps them, read without their library."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import zoo
from zoo.errors import DataError


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8), value, dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def images(labels: list[int], names: list[str]) -> pa.Table:
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    rows = [{"image": {"bytes": png(20 * max(label, 0)), "path": None}, "label": label} for label in labels]
    return pa.Table.from_pylist(rows).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def test_images_with_the_names_of_their_classes_are_read_from_parquet(tmp_path) -> None:
    (tmp_path / "data").mkdir()
    for split, labels in (("train", [0, 1]), ("test", [1, 0, 1])):
        pq.write_table(images(labels, ["cat", "dog"]), tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    spec = zoo.registry().dataset(f"hf:{tmp_path}")
    assert (spec.modality, spec.classes, sorted(spec.splits)) == ("image", ("cat", "dog"), ["test", "train"])
    found = zoo.dataset(f"hf:{tmp_path}")
    assert found.targets == [1, 0, 1] and int(found[0].input.max()) == 20 and found.ids[2] == "row-2"


def test_what_save_to_disk_made_is_read(tmp_path) -> None:
    for split in ("train", "validation"):
        (tmp_path / split).mkdir()
        table = images([1, 0], ["cat", "dog"])
        with (
            pa.OSFile(str(tmp_path / split / "data-00000-of-00001.arrow"), "wb") as file,
            pa.ipc.new_stream(file, table.schema) as out,
        ):
            out.write_table(table)
    assert sorted(zoo.registry().dataset(f"hf:{tmp_path}").splits) == ["train", "val"]
    assert zoo.dataset(f"hf:{tmp_path}", "val").targets == [1, 0]


def test_texts_are_scored_as_the_same_csv_is(tmp_path) -> None:
    texts, labels = ["free prize now", "see you later", "call to claim", "ok"], ["spam", "ham", "spam", "ham"]
    pq.write_table(pa.table({"text": texts, "label": labels}), tmp_path / "sms.parquet")
    (tmp_path / "sms.csv").write_text(
        "text,label\n" + "".join(f"{text},{label}\n" for text, label in zip(texts, labels, strict=True))
    )
    values: list[Any] = [
        zoo.evaluate("sequence/ngram-bag", f"{kind}:{tmp_path / name}").primary.value
        for kind, name in (("hf", "sms.parquet"), ("csv", "sms.csv"))
    ]
    assert values[0] == values[1] is not None


def test_columns_may_be_named(tmp_path) -> None:
    pq.write_table(pa.table({"words": ["a", "b"], "kind": ["x", "y"]}), tmp_path / "own.parquet")
    with pytest.raises(DataError, match="no column of inputs; its columns are: words, kind"):
        zoo.registry().dataset(f"hf:{tmp_path}")
    assert zoo.dataset(f"hf:input=words,label=kind:{tmp_path}").classes == ("x", "y")


def test_a_split_without_labels_and_a_broken_file_are_refused(tmp_path) -> None:
    pq.write_table(images([0, -1], ["cat", "dog"]), tmp_path / "test.parquet")
    with pytest.raises(DataError, match="row 1 has the label -1"):
        zoo.dataset(f"hf:{tmp_path}")
    (tmp_path / "test.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="cannot be read"):
        zoo.registry().dataset(f"hf:{tmp_path}")


def test_a_name_that_is_nowhere_is_said_with_the_cure(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match="hub's cache has no dataset") as caught:
        zoo.registry().dataset("hf:somebody/nothing")
    assert "hf download somebody/nothing --repo-type dataset" in caught.value.hint
    with pytest.raises(DataError, match="there is no folder"):
        zoo.registry().dataset(f"hf:{Path(tmp_path)}/a b")
