"""Local copies of the user's own files and folders at an address: fetched once, for as long as they do not change there.

A copy is whole or not there, and of one state of what it copies: what changes while it is fetched is refused.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from zoo.data.download import DownloadError, Progress, download, state_at
from zoo.errors import DataError, StoreError, ZooError
from zoo.home import cache_dir, offline_forced, writing
from zoo.remarks import remark
from zoo.storage.address import failed, is_address, opened, scheme_of, trying
from zoo.storage.objects import AT_FIRST
from zoo.wording import without_secrets

AT_ONCE = 8
"""Files of a folder that are fetched at once."""
STAMPS = ("ETag", "etag", "md5Hash", "content_md5", "generation", "LastModified", "last_modified", "mtime", "modified", "updated")
"""What the file systems of fsspec call that by which a file that has changed is told."""
_progress: ContextVar[Progress | None] = ContextVar("copying", default=None)


@contextmanager
def copying(progress: Progress | None) -> Iterator[None]:
    """Within the block, `progress` is told of what is fetched: bytes done, and in all."""
    token = _progress.set(progress)
    try:
        yield
    finally:
        _progress.reset(token)


def on_disk(place: str | os.PathLike[str]) -> Path:
    """The absolute path of a file or folder of the user's own; of one at an address, such as `s3://bucket/images`, of a copy.

    Whether it is still the same is asked there each time; under `ZOO_OFFLINE` the copy that was made last is taken, and a remark
    says so. Raises DataError where there is nothing at the address, or it changes meanwhile; OptionError and StoreError.
    """
    address = os.fspath(place)
    if not is_address(address):
        return Path(address).expanduser().absolute()
    if scheme_of(address) in ("file", "local"):
        return Path(address.partition("://")[2]).absolute()
    if "***" in address:
        raise DataError(f"{address} is known without its secrets only", "give the whole address")
    folder = cache_dir("copies") / hashlib.sha256(address.encode()).hexdigest()[:16]
    if offline_forced() and scheme_of(address) != "memory":
        return _last(folder, address)
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock"):  # of several processes one fetches it
            web = scheme_of(address) in ("http", "https")
            copy = _from_web(folder, address) if web else _from_store(folder, address)
            for name, text in (("address", without_secrets(address)), ("last", str(copy.relative_to(folder)))):
                with writing(folder / name) as temporary:
                    temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {folder}: {error.strerror or error}", "set ZOO_HOME to another folder") from error
    return copy


def parted(text: str) -> list[tuple[str, str]]:
    """The ways in which a text is two places with a `:` between them; one within an address (`s3://`, a port) parts nothing."""
    cuts = [found.start() for found in re.finditer(":(?!//)", text)]
    pairs = [(text[:cut], text[cut + 1 :]) for cut in cuts if not re.search("://[^/:]*$", text[:cut])]
    return [pair for pair in pairs if all(pair)]


def address_of(path: Path) -> str:
    """The address, without secrets, of which a file or folder is the copy; empty where it is none."""
    with suppress(ValueError, OSError, IndexError):
        parts = path.relative_to(cache_dir("copies")).parts
        address = (cache_dir("copies") / parts[0] / "address").read_text(encoding="utf-8")
        return "/".join((address, *parts[3:]))
    return ""


def _from_web(folder: Path, address: str) -> Path:
    """The copy of a file on a server, which is resumed where it broke off."""
    name = _name(unquote(urlsplit(address).path))
    try:
        state = state_at(address)
        path = folder / _digest(state or os.urandom(16).hex()) / name
        download(address, path, lambda part: None, progress=_progress.get())
        if state and state_at(address) != state:
            path.unlink()
            raise _changed(address)
    except DownloadError as error:
        raise DataError(f"cannot fetch {address}: {error}", _hint(folder)) from error
    return path if state else _by_content(path.parent, {name: path}) / name


def _from_store(folder: Path, address: str) -> Path:
    """The copy of a file or folder of a store that fsspec knows."""
    files, root = opened(address)
    listed = _listed(files, root, address, folder)
    state = _state(listed)
    name = _name(root)
    whole = folder / _digest(state or os.urandom(16).hex())
    if whole.is_dir():
        return whole / name
    part = whole.with_name(f".{whole.name}.part")  # a later call goes on from there
    paths = {inside: part.joinpath(name, *PurePosixPath(inside).parts) for inside in listed}
    total, done = sum(int(info["size"] or 0) for info in listed.values()), 0

    def fetch(inside: str) -> int:
        _fetch(files, listed[inside], paths[inside], address)
        return int(listed[inside]["size"] or 0)

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for size in pool.map(lambda inside, context: context.run(fetch, inside), listed, [copy_context() for _ in listed]):
                done += size
                if (tell := _progress.get()) is not None:
                    tell(done, total)
        if _state(_listed(files, root, address, folder)) != state:
            raise _changed(address)
    except BaseException as error:
        if not state or isinstance(error, DataError):  # no later call would go on from there
            shutil.rmtree(part, ignore_errors=True)
        raise
    if not state:
        return _by_content(part, paths) / name
    part.rename(whole)
    return whole / name


def _listed(files: Any, root: str, address: str, folder: Path) -> dict[str, Mapping[str, Any]]:
    """What a store says of each file at an address, by its path below that; of a file by the empty path."""

    def ask() -> dict[str, Mapping[str, Any]]:
        here = files.info(root)
        if here["type"] == "file":
            return {"": here}
        start = len(files._strip_protocol(root).rstrip("/")) + 1
        found = files.find(root, detail=True)
        return {files._strip_protocol(path)[start:]: info for path, info in found.items() if info["type"] == "file"}

    try:
        found = trying(ask, AT_FIRST)
    except FileNotFoundError:
        found = {}
    except Exception as error:
        raise failed("read", address, error, _hint(folder)) from error
    if not found:
        raise DataError(f"there is nothing at {address}", "write the address of a file or folder that is there")
    for name in found:
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute() or set("\\\0") & set(name):
            raise DataError(f"{address} holds {name!r}, which would be written elsewhere", "rename it")
    return {name: found[name] for name in sorted(found) if not name.endswith("/")}


def _fetch(files: Any, info: Mapping[str, Any], path: Path, address: str) -> None:
    """Make `path` one of the files of a store, whole."""
    size = info["size"]
    if path.is_file():  # it was written whole, by a call that did not come to its end
        return

    def once(temporary: Path) -> None:
        files.get_file(info["name"], str(temporary))
        if size is not None and temporary.stat().st_size != size:
            raise ConnectionError(f"{temporary.stat().st_size:,} of {size:,} bytes of {info['name']} came")

    with writing(path) as temporary:
        try:
            trying(lambda: once(temporary))
        except FileNotFoundError as error:
            raise _changed(address) from error
        except ZooError:
            raise
        except Exception as error:
            raise failed("fetch", address, error) from error


def _state(listed: Mapping[str, Mapping[str, Any]]) -> str:
    """What changes when a file does, or another comes or goes; empty where a store does not tell of each."""
    told = {name: [(stamp, str(info[stamp])) for stamp in STAMPS if info.get(stamp)] for name, info in listed.items()}
    created = {name: str(info.get("created", "")) for name, info in listed.items()}
    if not all(told[name] or created[name] for name in listed):
        return ""
    return repr([(name, info["size"], told[name] or created[name]) for name, info in listed.items()])


def _by_content(part: Path, paths: Mapping[str, Path]) -> Path:
    """Move a copy of what has no state to where its content belongs."""
    hashes = []
    for name, path in sorted(paths.items()):
        with open(path, "rb") as file:
            hashes.append((name, hashlib.file_digest(file, "sha256").hexdigest()))
    whole = part.parent / _digest(repr(hashes))
    if whole.is_dir():
        shutil.rmtree(part)
    else:
        part.rename(whole)
    return whole


def _last(folder: Path, address: str) -> Path:
    """The copy that was made last."""
    try:
        copy = folder / (folder / "last").read_text(encoding="utf-8")
        when = datetime.fromtimestamp((folder / "last").stat().st_mtime, UTC)
    except OSError as error:
        what = f"ZOO_OFFLINE forbids to ask {address}, and no copy of it is here"
        raise DataError(what, "unset it, and the copy is made") from error
    remark(f"of {address} the copy of {when:%Y-%m-%d %H:%M} UTC was taken: ZOO_OFFLINE forbids to ask whether it is the same")
    return copy


def _name(path: str) -> str:
    """What the copy of a path is called: as its last part is, unless that leads elsewhere."""
    last = PurePosixPath(path).name
    return "copy" if last in ("", "..") or set("\\\0") & set(last) else last


def _hint(folder: Path) -> str:
    return "ZOO_OFFLINE=1 takes the copy that was made last" if (folder / "last").is_file() else ""


def _changed(address: str) -> DataError:
    return DataError(f"what lies at {address} changed while it was fetched", "try again when nobody writes there")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
