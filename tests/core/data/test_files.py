"""Files: where they are looked for, how they are fetched, and that nothing altered gets through."""

import gzip
import hashlib
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest

from zoo.data import download
from zoo.data.archives import unpack
from zoo.data.files import DataFiles, fetch
from zoo.data.places import cached_path
from zoo.errors import DataError, StoreError, WeightsError
from zoo.opening.datasets import check, get, status
from zoo.specs import DataFile, DatasetSpec

CONTENT = os.urandom(3_000_000)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def spec_of(*files: DataFile) -> DatasetSpec:
    return DatasetSpec(
        name="toys/bricks",
        summary="Bricks.",
        modality="image",
        target="nowhere:open",
        splits={"test": None},
        files=files,
        folders=("bricks", "BRICKS"),
        licence="CC0-1.0",
        citation="None.",
    )


@dataclass
class Server:
    """A real HTTP server on this machine, with the manners that a test wants."""

    content: bytes = CONTENT
    etag: str | None = '"one"'
    ranges: bool = True
    cut_after: int | None = None
    """Bytes after which the connection breaks, once."""
    statuses: list[int] = field(default_factory=list)
    """Errors to answer first."""
    declares_length: bool = True
    slow: bool = False
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/bricks.bin"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.requests.append((handler.path, wanted))
        if self.statuses:
            handler.send_error(self.statuses.pop(0))
            return
        start = 0
        if wanted and self.ranges and handler.headers.get("If-Range") == self.etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        else:
            handler.send_response(200)
        body = self.content[start:]
        if self.declares_length:
            handler.send_header("Content-Length", str(len(body)))
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.end_headers()
        if self.cut_after is not None:
            body, self.cut_after = body[: self.cut_after], None
        for position in range(0, len(body), 100_000):
            handler.wfile.write(body[position : position + 100_000])
            if self.slow:
                handler.wfile.flush()
                time.sleep(0.05)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "PAUSE", 0.01)
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):
                state.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield state
        http.shutdown()


def parts_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock" and "hashes" not in path.parts]


def test_a_download_has_its_hash_and_is_made_once(server: Server) -> None:
    seen: list[tuple[int, int | None]] = []
    first = fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin", kind="data", progress=lambda *p: seen.append(p))
    second = fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin", kind="data")
    assert first == second
    assert first.read_bytes() == CONTENT
    assert len(server.requests) == 1
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_broken_connection_is_resumed(server: Server) -> None:
    server.cut_after = 1_000_000
    path = fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin")
    assert path.read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, "bytes=1000000-"]


def test_a_server_without_ranges_sends_the_whole_again(server: Server) -> None:
    server.cut_after, server.ranges = 1_000_000, False
    path = fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin")
    assert path.read_bytes() == CONTENT


def test_a_file_that_changed_on_the_server_is_not_pieced_together(server: Server) -> None:
    server.cut_after = 1_000_000
    other = os.urandom(2_000_000)
    answer = server.answer

    def change(handler: BaseHTTPRequestHandler) -> None:
        answer(handler)
        server.content, server.etag = other, '"two"'

    server.answer = change  # type: ignore[method-assign]
    path = fetch(server.url, sha256=sha256(other), name="bricks.bin")
    assert path.read_bytes() == other


def test_without_an_etag_nothing_is_resumed(server: Server) -> None:
    server.cut_after, server.etag = 1_000_000, None
    assert fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, None]


def test_passing_errors_are_tried_again_and_lasting_ones_are_not(server: Server) -> None:
    server.statuses = [503, 500]
    assert fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin").read_bytes() == CONTENT
    server.statuses = [404]
    with pytest.raises(WeightsError, match=r"other\.bin is absent and cannot be downloaded: HTTP 404"):
        fetch(server.url, sha256=sha256(b"other"), name="other.bin")
    assert len(server.requests) == 4


def test_a_download_with_a_wrong_hash_is_removed(server: Server, zoo_home: Path) -> None:
    with pytest.raises(DataError, match="SHA-256") as caught:
        fetch(server.url, sha256=sha256(b"other"), name="bricks.bin", kind="data")
    assert sha256(b"other") in caught.value.message
    assert sha256(CONTENT) in caught.value.message
    assert parts_below(zoo_home) == []


@pytest.mark.parametrize("declares_length", [True, False])
def test_no_more_than_the_declared_size_is_written(server: Server, zoo_home: Path, declares_length: bool) -> None:
    server.declares_length = declares_length
    with pytest.raises(DataError, match="declared"):
        fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin", kind="data", size=1_000_000)
    assert sum(path.stat().st_size for path in parts_below(zoo_home)) < 100


def test_a_killed_download_goes_on_where_it_stopped(server: Server, zoo_home: Path) -> None:
    server.slow = True
    code = f"from zoo.data.files import fetch; fetch({server.url!r}, sha256={sha256(CONTENT)!r}, name='bricks.bin')"
    child = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"ZOO_HOME": str(zoo_home)})
    deadline = time.monotonic() + 30
    while not any(path.stat().st_size > 500_000 for path in zoo_home.rglob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not list(zoo_home.rglob("bricks.bin"))
    server.slow = False
    assert fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin").read_bytes() == CONTENT
    resumed = server.requests[-1][1]
    assert resumed is not None
    assert int(resumed.removeprefix("bytes=").removesuffix("-")) > 500_000


def test_two_processes_download_one_file_once(server: Server, zoo_home: Path) -> None:
    server.slow = True
    code = f"from zoo.data.files import fetch; print(fetch({server.url!r}, sha256={sha256(CONTENT)!r}, name='bricks.bin'))"
    command = [sys.executable, "-c", code]
    children = [subprocess.Popen(command, env=os.environ | {"ZOO_HOME": str(zoo_home)}, stdout=-1) for _ in range(2)]
    outputs = {child.communicate()[0] for child in children}
    assert len(outputs) == 1
    assert Path(outputs.pop().decode().strip()).read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_full_disk_is_named_and_what_is_there_is_kept(server: Server, zoo_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> int:
        raise OSError(28, "No space left on device")

    server.cut_after = 1_000_000
    with monkeypatch.context() as patch:
        patch.setattr(download, "ATTEMPTS", 1)
        with pytest.raises(WeightsError, match="connection broke"):
            fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin")
        patch.setattr(download, "_copy", full)
        with pytest.raises(StoreError, match="No space left on device") as caught:
            fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin")
    assert "1,000,000 bytes" in caught.value.hint
    assert fetch(server.url, sha256=sha256(CONTENT), name="bricks.bin").read_bytes() == CONTENT
    assert server.requests[-1][1] == "bytes=1000000-"


def test_a_file_or_a_packages_file_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"good")
    assert fetch(f"file:{path}", sha256=sha256(b"good"), name="weights.bin") == path
    with pytest.raises(WeightsError, match=r"weights\.bin"):
        fetch(f"file:{path}", sha256=sha256(b"bad"), name="weights.bin")
    with pytest.raises(WeightsError, match="there is no file"):
        fetch(f"file:{tmp_path / 'none'}", sha256=None, name="none")
    assert fetch("pkg:zoo/py.typed", sha256=None, name="py.typed").name == "py.typed"
    with pytest.raises(DataError, match="no file 'nothing' in the package 'zoo'"):
        fetch("pkg:zoo/nothing", sha256=None, name="nothing", kind="data")
    assert path.exists()


@pytest.mark.parametrize("uri", ["ftp:host/file", "hf://no-revision/file", "nonsense"])
def test_an_address_that_cannot_be_read_is_an_error(uri: str) -> None:
    with pytest.raises(WeightsError, match="hf://"):
        fetch(uri, sha256=None, name="file")


def test_a_hub_file_offline_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(WeightsError) as caught:
        fetch("hf://no-such-org/no-such-repo@main/model.safetensors", sha256=sha256(b""), name="model.safetensors")
    assert "model.safetensors is absent" in caught.value.message
    assert "put it at" in caught.value.hint


def test_absent_and_offline_names_file_address_size_and_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    file = DataFile(name="a/bricks.bin", sha256=sha256(CONTENT), size=3_000_000, urls=("https://example.org/bricks.bin",))
    with pytest.raises(DataError) as caught:
        DataFiles(spec_of(file)).read("a/bricks.bin")
    for part in ("a/bricks.bin of toys/bricks", "https://example.org/bricks.bin", "3.0 MB", f"{tmp_path}/bricks/a/bricks.bin"):
        assert part in str(caught.value)


def test_files_are_found_under_every_accepted_folder_and_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = DataFile(name="bricks.bin", sha256=sha256(b"bricks"), aliases=("raw/b.bin",))
    for place in ("bricks/bricks.bin", "BRICKS/bricks.bin", "bricks/raw/b.bin"):
        root = tmp_path / place.replace("/", "-")
        (root / place).parent.mkdir(parents=True)
        (root / place).write_bytes(b"bricks")
        assert DataFiles(spec_of(file), data_dir=root).read("bricks.bin") == b"bricks"
        monkeypatch.setenv("ZOO_DATA_DIR", f"{tmp_path}{os.pathsep}{root}")
        assert DataFiles(spec_of(file)).path("bricks.bin") == root / place


def test_an_altered_file_is_named_and_not_passed_over(server: Server, tmp_path: Path) -> None:
    file = DataFile(name="bricks.bin", sha256=sha256(CONTENT), urls=(server.url,))
    (tmp_path / "bricks").mkdir()
    (tmp_path / "bricks/bricks.bin").write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    for ask in (DataFiles.read, DataFiles.path):
        with pytest.raises(DataError) as caught:
            ask(DataFiles(spec_of(file), data_dir=tmp_path), "bricks.bin")
        assert str(tmp_path / "bricks/bricks.bin") in caught.value.message
        assert sha256(CONTENT) in caught.value.message
        assert "zoo data get toys/bricks" in caught.value.hint
    assert server.requests == []


def test_an_md5_is_enough_where_nothing_else_is_published(tmp_path: Path) -> None:
    (tmp_path / "bricks").mkdir()
    (tmp_path / "bricks/bricks.bin").write_bytes(b"bricks")
    good = DataFile(name="bricks.bin", sha256=None, md5=hashlib.md5(b"bricks").hexdigest())
    assert DataFiles(spec_of(good), data_dir=tmp_path).read("bricks.bin") == b"bricks"
    with pytest.raises(DataError, match="MD5"):
        DataFiles(spec_of(good.model_copy(update={"md5": "0" * 32})), data_dir=tmp_path).path("bricks.bin")


def zipped(content: bytes) -> DataFile:
    return DataFile(name="b.gz", sha256=sha256(content), gzip=True, content_size=len(content), aliases=("b",))


def test_gzip_files_are_known_by_their_content_whatever_the_container(tmp_path: Path) -> None:
    (tmp_path / "bricks").mkdir()
    for container in (gzip.compress(b"x" * 999, 1), gzip.compress(b"x" * 999, 9, mtime=1), b"x" * 999):
        (tmp_path / "bricks/b.gz").write_bytes(container)
        files = DataFiles(spec_of(zipped(b"x" * 999)), data_dir=tmp_path)
        assert files.read("b.gz") == b"x" * 999
        assert files.path("b.gz") == tmp_path / "bricks/b.gz"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda raw: raw[:-20], "truncated"),
        (lambda raw: raw[:30] + bytes([raw[30] ^ 1]) + raw[31:], "broken|SHA-256"),
        (lambda raw: b"", "0 bytes"),
        (lambda raw: gzip.compress(b"another content of the file"), "expected|may hold"),
        (lambda raw: gzip.compress(bytes(50_000_000)), "unpacks to more than the 5,000 bytes"),
    ],
)
def test_a_damaged_gzip_file_is_never_content(damage, reason: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    content = CONTENT[:5000]
    (tmp_path / "bricks").mkdir()
    (tmp_path / "bricks/b.gz").write_bytes(damage(gzip.compress(content, mtime=0)))
    for ask in (DataFiles.read, DataFiles.path):
        with pytest.raises(DataError, match=reason):
            ask(DataFiles(spec_of(zipped(content)), data_dir=tmp_path), "b.gz")


def archive_spec(archive: bytes, **urls: tuple[str, ...]) -> DatasetSpec:
    return spec_of(
        DataFile(name="bricks.tar.gz", sha256=sha256(archive), size=len(archive), **urls),
        DataFile(name="in/one.bin", sha256=sha256(b"one"), size=3, member_of="bricks.tar.gz", aliases=("one.bin",)),
        DataFile(name="in/two.bin", sha256=sha256(b"two"), size=3, member_of="bricks.tar.gz", aliases=("two.bin",)),
    )


def tar_of(**members: bytes) -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"in/{name}.bin")
            info.size = len(content)
            tar.addfile(info, BytesIO(content))
    return buffer.getvalue()


def test_members_are_unpacked_once_from_a_downloaded_archive(server: Server) -> None:
    server.content = tar_of(one=b"one", two=b"two", other=b"not asked for")
    spec = archive_spec(server.content, urls=(server.url,))
    assert DataFiles(spec).read("in/two.bin") == b"two"
    cached_path(spec.files[0]).unlink()
    assert DataFiles(spec).read("in/one.bin") == b"one"
    assert len(server.requests) == 1


def test_members_that_lie_unpacked_need_no_archive(tmp_path: Path) -> None:
    spec = archive_spec(b"never seen")
    (tmp_path / "bricks/in").mkdir(parents=True)
    (tmp_path / "bricks/in/one.bin").write_bytes(b"one")
    (tmp_path / "bricks/two.bin").write_bytes(b"two")
    assert [DataFiles(spec, tmp_path).read(name) for name in ("in/one.bin", "in/two.bin")] == [b"one", b"two"]
    assert [row.name for row in check(spec, tmp_path)] == ["in/one.bin", "in/two.bin"]


@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
def test_an_archive_without_the_member_or_with_a_larger_one_is_an_error(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"bricks.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w") as opened:
            opened.writestr("in/one.bin", b"one")
    else:
        path.write_bytes(tar_of(one=b"one"))
    stored: dict[str, bytes] = {}
    unpack(path, {"in/one.bin": 3}, stored.__setitem__)
    assert stored == {"in/one.bin": b"one"}
    with pytest.raises(DataError, match=r"no member in/two\.bin"):
        unpack(path, {"in/two.bin": 3}, stored.__setitem__)
    with pytest.raises(DataError, match="at most 2 bytes"):
        unpack(path, {"in/one.bin": 2}, stored.__setitem__)


def test_a_truncated_archive_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "bricks.tar.gz"
    path.write_bytes(tar_of(one=CONTENT)[:100_000])
    with pytest.raises(DataError, match="broken archive"):
        unpack(path, {"in/one.bin": len(CONTENT)}, lambda name, content: None)


def test_a_member_with_a_wrong_hash_is_an_error(tmp_path: Path) -> None:
    archive = tar_of(one=b"eno", two=b"two")
    (tmp_path / "bricks").mkdir()
    (tmp_path / "bricks/bricks.tar.gz").write_bytes(archive)
    with pytest.raises(DataError, match=r"in/one\.bin of toys/bricks"):
        DataFiles(archive_spec(archive), tmp_path).read("in/one.bin")


def test_status_get_and_check_tell_what_is_here(server: Server, tmp_path: Path) -> None:
    server.content = tar_of(one=b"one", two=b"two")
    spec = archive_spec(server.content, urls=(server.url,))
    assert {row.state for row in status(spec)} == {"absent"}
    assert status(spec)[0].size == len(server.content)
    assert {row.state for row in get(spec)} == {"present"}
    assert {row.state for row in check(spec)} == {"present"}
    (tmp_path / "bricks").mkdir()
    (tmp_path / "bricks/one.bin").write_bytes(b"eno")
    states = {row.name: row.state for row in check(spec, tmp_path)}
    assert states == {"in/one.bin": "altered", "in/two.bin": "present"}
    with pytest.raises(DataError, match=r"in/one\.bin"):
        get(spec, tmp_path)


def test_an_archive_stands_for_its_members(tmp_path: Path) -> None:
    archive = tar_of(one=b"one", two=b"two")
    (tmp_path / "bricks").mkdir()
    (tmp_path / "bricks/bricks.tar.gz").write_bytes(archive)
    rows = status(archive_spec(archive), tmp_path)
    assert {row.state for row in rows} == {"present"}
    assert {row.path for row in rows} == {tmp_path / "bricks/bricks.tar.gz"}


def test_a_name_that_cannot_be_resolved_is_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket
    from urllib.error import URLError

    asked = []

    def unresolved(*_: object, **__: object) -> None:
        asked.append(1)
        raise URLError(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))

    monkeypatch.setattr(download, "urlopen", unresolved)
    with pytest.raises(download.DownloadError, match="Temporary failure"):
        download.download("https://nowhere.invalid/x", tmp_path / "x", lambda _: None)
    assert len(asked) == 1


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


@pytest.mark.parametrize("packed", [False, True])
def test_a_pointer_of_git_lfs_is_called_one(packed: bool, tmp_path: Path) -> None:
    (tmp_path / "bricks").mkdir()
    (tmp_path / "bricks/bricks.bin").write_bytes(LFS)
    files = DataFiles(spec_of(DataFile(name="bricks.bin", sha256=sha256(CONTENT), gzip=packed)), tmp_path)
    for read in (files.path, files.read):
        with pytest.raises(DataError, match="a pointer of Git LFS") as caught:
            read("bricks.bin")
        assert "git lfs pull" in caught.value.hint


def test_nobody_is_told_to_remove_an_altered_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "bricks").mkdir()
    (tmp_path / "bricks/bricks.bin").write_bytes(b"altered")
    with pytest.raises(DataError, match="as declared") as caught:
        DataFiles(spec_of(DataFile(name="bricks.bin", sha256=sha256(CONTENT))), tmp_path).path("bricks.bin")
    assert "remove" not in caught.value.hint and "move it elsewhere" in caught.value.hint
