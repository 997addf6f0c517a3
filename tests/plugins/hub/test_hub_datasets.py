"""hf:OWNER/NAME: downloaded from a hub, which here is a server of ours on the loopback, and found again without it."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COMMIT, REPOSITORY = "c" * 40, "somebody/words"


def table(texts: list[str]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": texts, "label": [len(text) % 2 for text in texts]}), buffer)
    return buffer.getvalue()


class Hub(ThreadingHTTPServer):
    """Answers as the hub does for one repository. `broken` files end in the middle; what was asked for is in `asked`."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.broken, self.asked = files, set[str](), list[str]()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        path = self.path.partition("?")[0]
        if path.startswith(f"/api/datasets/{REPOSITORY}/tree/"):
            sizes = {name: len(content) for name, content in self.server.files.items()}
            self.answer(json.dumps([{"type": "file", "path": name, "size": sizes[name], "oid": "0"} for name in sizes]).encode())
        elif path.startswith(f"/api/datasets/{REPOSITORY}"):
            siblings = [{"rfilename": name} for name in self.server.files]
            self.answer(json.dumps({"id": REPOSITORY, "sha": COMMIT, "siblings": siblings}).encode())
        elif path.startswith(f"/datasets/{REPOSITORY}/resolve/{COMMIT}/"):
            name = path.rpartition(f"{COMMIT}/")[2]
            self.answer(self.server.files[name], name)
        else:
            code = 200 if path == "/" else 404
            self.send_response(code)
            if code == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def answer(self, content: bytes, name: str = "") -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        if name:
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[: len(content) // 2] if name in self.server.broken else content)


@pytest.fixture
def hub() -> Iterator[Hub]:
    files = {"en/train.parquet": table(["a", "bb"]), "en/test.parquet": table(["one", "two2", "three"]), "README.md": b"# Words"}
    server = Hub(files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def opened(hub: str, home: Path, name: str = f"hf:{REPOSITORY}", **environment: str) -> subprocess.CompletedProcess[str]:
    code = f"import zoo; d = zoo.dataset({name!r}); print([d[i].input for i in range(len(d.ids))], d.targets)"
    settings = {"HF_ENDPOINT": hub, "HF_HOME": str(home / "hf"), "ZOO_HOME": str(home / "zoo"), "HF_HUB_DISABLE_XET": "1"}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "ZOO_"))}
    return subprocess.run([sys.executable, "-c", code], env=kept | settings | environment, capture_output=True, text=True)


def test_it_is_downloaded_once_and_found_again_without_the_hub(hub: Hub, tmp_path: Path) -> None:
    first = opened(hub.address, tmp_path)
    assert first.stdout == "['one', 'two2', 'three'] [1, 0, 1]\n", first.stderr
    assert not any("README" in asked for asked in hub.asked)  # tables alone
    hub.asked.clear()
    again = opened("http://127.0.0.1:1", tmp_path)
    assert again.stdout == first.stdout and hub.asked == []


def test_a_download_that_was_cut_off_is_not_taken_for_the_whole(hub: Hub, tmp_path: Path) -> None:
    hub.broken.add("en/test.parquet")
    cut = opened(hub.address, tmp_path)
    assert cut.returncode and "cannot be downloaded" in cut.stderr
    away = opened("http://127.0.0.1:1", tmp_path)
    assert away.returncode and "the hub's cache has it in part" in away.stderr
    hub.broken.clear()
    assert opened(hub.address, tmp_path).stdout == "['one', 'two2', 'three'] [1, 0, 1]\n"


@pytest.mark.slow
def test_what_is_not_there_or_forbidden_is_said(hub: Hub, tmp_path: Path) -> None:
    assert "no public dataset 'somebody/else'" in opened(hub.address, tmp_path, "hf:somebody/else").stderr
    assert "ZOO_OFFLINE forbids" in opened(hub.address, tmp_path, ZOO_OFFLINE="1").stderr


@pytest.mark.slow
def test_several_configurations_are_told_apart(hub: Hub, tmp_path: Path) -> None:
    hub.files["de/test.parquet"] = table(["eins"])
    both = opened(hub.address, tmp_path)
    assert "holds several configurations" in both.stderr and "it has de, en: hf:config=NAME:PATH" in both.stderr
    assert opened(hub.address, tmp_path, f"hf:config=de:{REPOSITORY}").stdout == "['eins'] [0]\n"
    assert "no configuration 'fr'" in opened(hub.address, tmp_path, f"hf:config=fr:{REPOSITORY}").stderr
