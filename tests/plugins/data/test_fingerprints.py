"""Fingerprints of data in files: of every byte, and of files that have not changed without opening them again."""

from pathlib import Path

import pytest
from PIL import Image

import zoo
from zoo.identity import files


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures that may be a folder of classes, pictures alone, or images with masks; they count as settled at once."""
    monkeypatch.setattr(files, "SETTLED_NS", -(10**12))
    for part in ("a", "b"):
        (tmp_path / "root" / part).mkdir(parents=True)
        for number in range(3):
            Image.new("L", (4, 4), number % 2).save(tmp_path / "root" / part / f"{number}.png")
    return tmp_path / "root"


@pytest.mark.parametrize("name", ["folder:{0}", "images:noise25:{0}/a", "masks:{0}/a:{0}/b"])
def test_a_file_is_read_again_only_where_it_changed(name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = name.format(root)
    first = zoo.dataset(named).fingerprint
    with monkeypatch.context() as patch:
        patch.setattr(files.hashlib, "file_digest", lambda *_: pytest.fail("a file was hashed again"))
        assert zoo.dataset(named).fingerprint == first
    Image.new("L", (4, 4), 1).save(root / "a" / "0.png")
    edited = zoo.dataset(named).fingerprint
    assert edited != first
    with files.hashing_anew():
        assert zoo.dataset(named).fingerprint == edited
