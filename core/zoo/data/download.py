"""Fetching one file from a server or from the Hugging Face hub; resumable, and safe beside other processes."""

import os
import re
import socket
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from zoo.errors import StoreError
from zoo.version import __version__

if TYPE_CHECKING:
    from http.client import HTTPResponse

Progress = Callable[[int, int | None], None]
"""Called with bytes done so far and bytes in all, where they are known."""

ATTEMPTS = 4
PAUSE = 0.5
"""Seconds before the second attempt; doubled before each further one."""
TIMEOUT = 30.0
"""Seconds without a byte after which an attempt is given up."""
PROBE = 5.0
"""Seconds in which the hub must answer before it is asked for anything."""
CHUNK = 1 << 20


class DownloadError(Exception):
    """A file cannot be had, or is not what was declared: `str()` says why. `final` where trying again is of no use."""

    def __init__(self, message: str, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


def download(
    url: str, path: Path, verify: Callable[[Path], None], *, size: int | None = None, progress: Progress | None = None
) -> None:
    """Make `path` the file at `url`, of `size` bytes where that is known.

    What is not complete lies in `path.part`, and a later call goes on from there if the server vouches that the file is
    still the same. `verify` raises where the complete file is not the right one; it is then removed. Of several processes
    one downloads and the others wait. Raises DownloadError, StoreError where the disk refuses, and what `verify` raises.
    """
    from filelock import FileLock

    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock")):
            if path.exists():
                return
            _complete(url, part, size, progress)
            try:
                verify(part)
            except Exception:
                _forget(part)
                raise
            os.replace(part, path)
            _forget(part)
    except OSError as error:
        kept = part.stat().st_size if part.exists() else 0
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}",
            f"make room or make it writable, then try again: it goes on from the {kept:,} bytes that are there",
        ) from error


def state_at(url: str) -> str:
    """What changes when the file at `url` does: its ETag, date and size; empty where the server tells neither of the first two.

    Raises DownloadError.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _state_at(url)
        except DownloadError as error:
            if error.final or attempt == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE * 2**attempt)
    raise AssertionError


def _state_at(url: str) -> str:
    try:
        answer = _request(url, Path(), 0, "", method="HEAD")
    except DownloadError as error:
        if not re.match(r"HTTP (400|403|405|501)\b", str(error)):  # of servers that know no HEAD, or signed for GET alone
            raise
        answer = _request(url, Path(), 0, "")
    with answer:
        told = [answer.headers.get(name, "") for name in ("ETag", "Last-Modified", "Content-Length")]
    return repr(told) if any(told[:2]) else ""


def download_from_hub(uri: str, *, offline: bool) -> Path:
    """The file at `hf://repo@revision/file`, in the hub's own cache. Raises DownloadError."""
    match = re.fullmatch(r"hf://([\w.-]+(?:/[\w.-]+)?)@([\w.-]+)/(.+)", uri)
    if match is None:
        raise DownloadError(f"{uri!r} does not read hf://repo@revision/file", final=True)
    from huggingface_hub import hf_hub_download

    repo, revision, name = match.groups()
    forbidden = offline
    offline = offline or not hub_reachable()
    try:
        return Path(hf_hub_download(repo, name, revision=revision, local_files_only=offline))
    except hub_errors() as error:
        reason = str(error).strip().partition("\n")[0]
        why = "ZOO_OFFLINE forbids to ask the hub" if forbidden else "no connection"
        raise DownloadError(f"not in the hub's cache, and {why}" if offline else reason or type(error).__name__) from error


def hub_errors() -> tuple[type[Exception], ...]:
    """What the hub's client raises: OSErrors mostly, and for a connection that ends in the middle its library's own."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    return (OSError, ValueError, EntryNotFoundError, *(base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception)))


def hub_reachable() -> bool:
    """Whether the hub, or a proxy on the way, answers anything: its own client would try again for half a minute."""
    from huggingface_hub.constants import ENDPOINT

    try:
        with urlopen(Request(ENDPOINT, method="HEAD"), timeout=PROBE):
            return True
    except HTTPError:
        return True
    except (OSError, HTTPException, ValueError):
        return False


def _complete(url: str, part: Path, size: int | None, progress: Progress | None) -> None:
    for attempt in range(ATTEMPTS):
        try:
            _attempt(url, part, size, progress)
            return
        except DownloadError as error:
            if error.final or attempt == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE * 2**attempt)


def _attempt(url: str, part: Path, size: int | None, progress: Progress | None) -> None:
    """Bring `part` to completion, from where it stands."""
    held, validator = _kept(part)
    with _request(url, part, held, validator) as response:
        start = held if _continues(response, held) else 0
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else None
        if size is not None and total not in (None, size):
            raise DownloadError(f"the server has {total:,} bytes, not the {size:,} declared", final=True)
        if not start:
            _forget(part)
            _tag(part).write_text(_validator(response))
        with open(part, "ab" if start else "wb") as output:
            done = _copy(response, output, start, total, size, progress)
    if done != (total if total is not None else done):
        raise DownloadError(f"the connection broke after {done:,} of {total:,} bytes")


def _request(url: str, part: Path, held: int, validator: str, method: str = "GET") -> "HTTPResponse":
    headers = {"User-Agent": f"deepzoo/{__version__}"}
    if held:
        headers |= {"Range": f"bytes={held}-", "If-Range": validator}
    url, login = _login(url)
    request = Request(url, headers=headers, method=method)
    if login:
        request.add_unredirected_header("Authorization", login)  # for this server alone
    try:
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT)
        return response
    except HTTPError as error:
        error.close()
        if error.code == 416 and held:  # what is kept is no beginning of what the server has
            _forget(part)
        passing = error.code >= 500 or error.code in (408, 416, 429)
        raise DownloadError(f"HTTP {error.code} {error.reason}", final=not passing) from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", "") or error
        unknown = isinstance(reason, socket.gaierror)  # most likely there is no network; the resolver has itself tried again
        raise DownloadError(str(reason) or type(error).__name__, final=unknown) from error


def _login(url: str) -> tuple[str, str]:
    """The URL without user and password, and the header that says them; empty where there are none."""
    parts = urlsplit(url)
    who, at, host = parts.netloc.rpartition("@")
    header = f"Basic {b64encode(unquote(who).encode()).decode()}" if at else ""
    return parts._replace(netloc=host).geturl(), header


def _copy(
    response: "HTTPResponse", output: BinaryIO, done: int, total: int | None, size: int | None, progress: Progress | None
) -> int:
    """Append the response to `output`, but never more than `size` in all; the bytes that it then holds."""
    while True:
        try:
            chunk = response.read(CHUNK)
        except (OSError, HTTPException) as error:
            raise DownloadError(f"the connection broke after {done:,} bytes: {error}") from error
        if size is not None and done + len(chunk) > size:
            output.truncate(0)
            raise DownloadError(f"the server sends more than the {size:,} bytes declared", final=True)
        if not chunk:
            break
        output.write(chunk)
        done += len(chunk)
        if progress is not None:
            progress(done, total or size)
    output.flush()
    os.fsync(output.fileno())
    return done


def _continues(response: "HTTPResponse", held: int) -> bool:
    """Whether the response goes on from the byte that was asked for; if not, it is the whole file."""
    if response.status != 206:
        return False
    if not response.headers.get("Content-Range", "").startswith(f"bytes {held}-"):
        raise DownloadError(f"the server answered with another range: {response.headers.get('Content-Range')}", final=True)
    return True


def _kept(part: Path) -> tuple[int, str]:
    """Bytes that are there from an earlier attempt, and what the server is asked to compare; 0 where it cannot be asked."""
    with suppress(OSError):
        validator = _tag(part).read_text()
        return (part.stat().st_size, validator) if validator else (0, "")
    return 0, ""


def _validator(response: "HTTPResponse") -> str:
    """A strong ETag or a date, with which the server can tell whether the file is still the same; else empty."""
    tag: str = response.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return tag
    date: str = response.headers.get("Last-Modified", "")
    return date


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)
