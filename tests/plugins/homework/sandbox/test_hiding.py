"""What programs must not see is found wherever it lies among what they are shown."""

from pathlib import Path

from zoo_homework.sandbox.hiding import hidden_paths, is_shown

LABELS = frozenset({"labels.gz"})
PACKAGES = frozenset({"zoo_data"})


def package(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "labels.gz").write_text("")
    return folder


def found(*view: tuple[Path, Path], folders: tuple[Path, ...] = ()) -> set[str]:
    shown_at = tuple((str(source), str(target)) for source, target in view)
    return set(hidden_paths(shown_at, PACKAGES, LABELS, tuple(map(str, folders))))


def test_every_copy_of_a_package_is_hidden_at_each_of_its_paths(tmp_path: Path) -> None:
    first, second = package(tmp_path / "real/lib/zoo_data"), package(tmp_path / "checkout/zoo_data")
    package(tmp_path / "real/lib/other")
    (tmp_path / "real/lib/other/labels.gz").unlink()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    linked = tmp_path / "link/lib"
    assert found((linked, linked), (second, second)) == {f"{linked}/zoo_data", str(second)}
    assert found((first.parent, Path("/elsewhere"))) == {"/elsewhere/zoo_data"}


def test_files_of_the_labels_and_folders_of_data_are_hidden(tmp_path: Path) -> None:
    (tmp_path / "venv/share/sms").mkdir(parents=True)
    (tmp_path / "venv/share/sms/labels.gz").write_text("")
    (tmp_path / "venv/data").mkdir()
    (tmp_path / "zoo_data").mkdir()  # no package: a folder that only has its name
    (tmp_path / "link").symlink_to(tmp_path / "venv")
    view = (tmp_path / "venv", tmp_path / "venv")
    assert found(view) == {str(tmp_path / "venv/share/sms/labels.gz")}
    outside = tmp_path / "elsewhere"
    assert found(view, folders=(tmp_path / "link/data", outside)) == {
        str(tmp_path / "venv/share/sms/labels.gz"),
        str(tmp_path / "venv/data"),
    }


def test_a_path_is_shown_by_whatever_name(tmp_path: Path) -> None:
    (tmp_path / "venv/data").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "venv")
    view = ((str(tmp_path / "link"), str(tmp_path / "link")),)
    assert is_shown(view, tmp_path / "venv/data") and is_shown(view, tmp_path / "link/data")
    assert not is_shown(view, tmp_path / "venv2")
