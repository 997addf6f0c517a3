"""digits, mnist, fashion-mnist and cifar10: their samples, and parsers that take nothing else."""

import gzip
import hashlib
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import zoo_data
from zoo.errors import DataError
from zoo.opening.datasets import check, open_dataset
from zoo.specs import BenchmarkSpec, DatasetSpec
from zoo_data import classification_specs
from zoo_data.idx import parse_idx

SPECS = {spec.name: spec for spec in zoo_data.zoo_datasets()}


def idx(values: bytes, *shape: int) -> bytes:
    return bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + values


def with_files(spec: DatasetSpec, contents: dict[str, bytes], folder: Path, splits: dict[str, int | None]) -> DatasetSpec:
    """The spec with other files of the same names, which are put where it looks for them."""
    files = []
    for file in spec.files:
        if file.name in contents:
            path = folder / spec.folders[0] / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents[file.name])
            content = gzip.decompress(contents[file.name]) if file.gzip else contents[file.name]
            found = hashlib.sha256(content).hexdigest()
            size = {"content_size": len(content)} if file.gzip else {"size": len(content)}
            files.append(file.model_copy(update={"sha256": found, **size}))
    return spec.model_copy(update={"files": tuple(files), "splits": splits})


def test_digits_is_split_by_every_fifth_sample() -> None:
    train, test = (open_dataset(SPECS["digits"], split) for split in ("train", "test"))
    assert (len(train.ids), len(test.ids)) == (1437, 360)
    assert list(test.ids[:3]) == ["digits-0000", "digits-0005", "digits-0010"]
    assert not set(train.ids) & set(test.ids)
    image = test[0].input
    assert (image.shape, image.dtype) == ((1, 8, 8), torch.float32)
    assert 0 <= image.min() < image.max() <= 1


def test_mnist_is_whole_and_in_order(real_data: Path) -> None:
    test = open_dataset(SPECS["mnist"], "test")
    assert test.targets[:10] == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    sample = test[9999]
    assert (sample.id, sample.target) == ("mnist-test-09999", 6)
    assert (sample.input.shape, sample.input.dtype) == ((1, 28, 28), torch.uint8)
    assert {row.state for row in check(SPECS["mnist"])} == {"present"}


def test_mnist_unpacked_by_torchvision_is_accepted(real_data: Path, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST/raw"
    raw.mkdir(parents=True)
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (raw / name).write_bytes(gzip.decompress((real_data / f"mnist/{name}.gz").read_bytes()))
    unpacked = open_dataset(SPECS["mnist"], "test", data_dir=tmp_path)
    assert unpacked.fingerprint == open_dataset(SPECS["mnist"], "test").fingerprint


def test_a_truncated_mnist_file_is_named(real_data: Path, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / "mnist" / name).write_bytes((real_data / "mnist" / name).read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"mnist/t10k-images-idx3-ubyte\.gz is not .*truncated"):
        open_dataset(SPECS["mnist"], "test", data_dir=tmp_path)


def test_fashion_mnist_is_known_by_its_content(real_data: Path, tmp_path: Path) -> None:
    """Whatever wrote the container: Debian's copy as it is here, its content packed anew, and its bare content."""
    assert {row.state for row in check(SPECS["fashion-mnist"])} == {"present"}
    test = open_dataset(SPECS["fashion-mnist"], "test")
    assert test.targets[:10] == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7] and {test.targets.count(label) for label in range(10)} == {1000}
    (tmp_path / "fashion-mnist").mkdir()
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        content = gzip.decompress((real_data / f"fashion_mnist/{name}.gz").read_bytes())
        (tmp_path / f"fashion-mnist/{name}.gz").write_bytes(gzip.compress(content, 1))
    assert open_dataset(SPECS["fashion-mnist"], "test", data_dir=tmp_path).fingerprint == test.fingerprint


def test_fashion_mnist_is_read_from_its_gzip_files(tmp_path: Path) -> None:
    contents = {
        "t10k-images-idx3-ubyte.gz": gzip.compress(idx(bytes(range(256)) * 7 + bytes(0), 2, 28, 32)),
        "t10k-labels-idx1-ubyte.gz": gzip.compress(idx(b"\x09\x00", 2)),
    }
    spec = with_files(SPECS["fashion-mnist"], contents, tmp_path, {"test": 2})
    opened = open_dataset(spec, "test", data_dir=tmp_path)
    assert opened.targets == [9, 0]
    assert opened.classes is not None
    assert opened.classes[9] == "Ankle boot"
    assert opened[0].id == "fashion-mnist-test-00000"
    assert opened[0].input[0, 0, :3].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("images", "labels", "problem"),
    [
        (idx(bytes(784), 1, 28, 28), idx(b"\x01\x02", 2), "1 images, but .* 2 labels"),
        (idx(bytes(784), 1, 28, 28), idx(b"\x0a", 1), "a label 10, but there are 10 classes"),
        (idx(bytes(784), 1, 28, 28), idx(b"", 0), "0 values"),
        (idx(bytes(783), 1, 28, 28), idx(b"\x01", 1), "1 x 28 x 28 values, but holds 783"),
        (idx(b"\x01", 1), idx(b"\x01", 1), "no IDX file of bytes in 3 dimensions"),
    ],
)
def test_idx_files_that_do_not_fit_are_refused(images: bytes, labels: bytes, problem: str, tmp_path: Path) -> None:
    contents = {"t10k-images-idx3-ubyte.gz": gzip.compress(images), "t10k-labels-idx1-ubyte.gz": gzip.compress(labels)}
    spec = with_files(SPECS["mnist"], contents, tmp_path, {"test": None})
    with pytest.raises(DataError, match=problem):
        open_dataset(spec, "test", data_dir=tmp_path)


@given(shape=st.lists(st.integers(1, 5), min_size=3, max_size=3), data=st.data())
def test_idx_round_trips_and_no_other_length_is_taken(shape: list[int], data: st.DataObject) -> None:
    count = shape[0] * shape[1] * shape[2]
    values = data.draw(st.binary(min_size=count, max_size=count))
    content = idx(values, *shape)
    found, read = parse_idx(content, "file")
    assert (list(found), bytes(read)) == (shape, values)
    for wrong in (content[:-1], content + b"\x00", content[:5]):
        with pytest.raises(DataError):
            parse_idx(wrong, "file")


@given(st.binary(max_size=40))
def test_idx_parses_no_nonsense(content: bytes) -> None:
    try:
        shape, values = parse_idx(content, "file")
    except DataError:
        return
    assert len(values) == shape[0] * shape[1] * shape[2]


def batch(*labels: int) -> bytes:
    return b"".join(bytes([label]) + bytes([label]) * 1024 + bytes([100]) * 1024 + bytes([200]) * 1024 for label in labels)


def test_cifar10_is_read_in_order_with_its_planes(tmp_path: Path) -> None:
    folder = "cifar-10-batches-bin"
    contents = {f"{folder}/data_batch_{number}.bin": batch(number, 9) for number in range(1, 6)}
    contents[f"{folder}/test_batch.bin"] = batch(3)
    spec = with_files(SPECS["cifar10"], contents, tmp_path, {"train": 10, "test": 1})
    train = open_dataset(spec, "train", data_dir=tmp_path)
    assert train.targets == [1, 9, 2, 9, 3, 9, 4, 9, 5, 9]
    sample = open_dataset(spec, "test", data_dir=tmp_path)[0]
    assert (sample.id, sample.target, sample.input.shape) == ("cifar10-test-00000", 3, (3, 32, 32))
    assert sample.input[:, 31, 31].tolist() == [3, 100, 200]


@pytest.mark.parametrize(("content", "problem"), [(batch(1)[:-1], "3072 bytes"), (b"", "0 bytes"), (batch(10), "a label 10")])
def test_cifar10_batches_that_do_not_fit_are_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    spec = with_files(SPECS["cifar10"], {"cifar-10-batches-bin/test_batch.bin": content}, tmp_path, {"test": None})
    with pytest.raises(DataError, match=problem):
        open_dataset(spec, "test", data_dir=tmp_path)


def test_every_dataset_says_what_a_reader_needs() -> None:
    for spec in SPECS.values():
        assert spec.licence
        assert spec.citation
        assert spec.homepage.startswith("http")


def test_every_file_of_a_classification_dataset_has_a_hash_and_every_split_a_size() -> None:
    for spec in classification_specs.DATASETS:
        assert all(file.sha256 for file in spec.files)
        assert all(size for size in spec.splits.values())


def test_every_classification_dataset_has_a_benchmark_on_its_test_split() -> None:
    benchmarks: dict[str, BenchmarkSpec] = {spec.dataset: spec for spec in zoo_data.zoo_benchmarks() if spec.task == "classify"}
    assert set(benchmarks) >= {spec.name for spec in classification_specs.DATASETS}
    for name, benchmark in benchmarks.items():
        assert benchmark.split in SPECS[name].splits
        assert benchmark.modality == SPECS[name].modality
    assert benchmarks["sms-spam"].metrics[0] == "f1:positive=spam"
    assert benchmarks["cifar10"].metrics[:2] == ("accuracy", "accuracy:k=5")
