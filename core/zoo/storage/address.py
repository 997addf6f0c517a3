"""Addresses with a scheme (`s3://bucket/prefix`): opened by fsspec, and called again while what is wrong may pass."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from zoo.errors import OptionError, StoreError, reason_of
from zoo.home import offline_forced
from zoo.remote import passes, status_of
from zoo.wording import without_secrets

T = TypeVar("T")

FIRST, LONGEST = 0.5, 20.0
"""Seconds: at most so long before the second attempt and, doubled each time, before any other; by chance less."""
PATIENCE = 120.0
"""Seconds after which no further attempt is made: a store that is away for a minute costs that minute."""
HERE = ("file", "local", "memory")
"""Schemes of what is no network."""
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)(?:::[a-z].*)?://.*", re.IGNORECASE | re.DOTALL)
_FINAL = (ValueError, NotImplementedError, FileExistsError, FileNotFoundError, PermissionError, IsADirectoryError)
"""What is the same the next time, though most of them are OSErrors."""
_PASSING = ("ClientConnectionError", "ClientPayloadError", "HTTPClientError", "FSTimeoutError", "ConnectionError", "RetryError")
"""What aiohttp, botocore, fsspec and others call a connection that failed or broke, which is no OSError there."""


def is_address(text: str) -> bool:
    """Whether a text is an address with a scheme, not a path."""
    return _SCHEME.fullmatch(text) is not None


def scheme_of(address: str) -> str:
    """`s3` of `s3://bucket/prefix`."""
    found = _SCHEME.fullmatch(address)
    return found[1].lower() if found else ""


def checked_address(text: str) -> str:
    """The address that a text means, a path being one of `file://`. Raises OptionError where nothing can be kept below it."""
    if not is_address(text):
        return f"file://{Path(text).expanduser().absolute().as_posix()}"  # as fsspec has it: nothing is quoted
    if "?" in text or "#" in text:
        raise OptionError(f"nothing can be kept below {text}, which ends in settings", "give the address of a folder or a bucket")
    return text.rstrip("/") if not text.endswith("://") else text


def opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and its path there.

    Raises OptionError where the scheme is unknown or what it needs is not installed, StoreError where `ZOO_OFFLINE` forbids it.
    """
    scheme = scheme_of(address)
    if offline_forced() and scheme not in HERE:
        raise StoreError(f"ZOO_OFFLINE forbids to ask {address}", "unset it, or take what lies on this machine")
    try:
        import tenacity  # noqa: F401 - so that its absence is met before the first call
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations
    except ModuleNotFoundError as error:
        raise OptionError(f"{address} needs {error.name}, which is not installed", "pip install 'deepzoo[remote]'") from error
    more = {"auto_mkdir": True} if scheme in ("file", "local") else {}
    try:
        files, path = url_to_fs(address, use_listings_cache=False, **more)
    except ImportError as error:
        known = known_implementations.get(scheme, {})
        package = str(known.get("class", "")).partition(".")[0]
        needed = f"install what it needs: {known.get('err') or error}"
        cure = f"pip install {package}" if package not in ("", "fsspec") else needed
        raise OptionError(f"what opens {scheme}:// is not installed", cure) from error
    except ValueError as error:
        hint = "write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, file:///FOLDER"
        raise OptionError(f"{address} cannot be opened: {_said(error, address)}", hint) from error
    except Exception as error:
        raise StoreError(f"cannot open {address}: {_said(error, address)}", advice(error)) from error
    return files, str(path)


def trying(call: Callable[[], T], patience: float | None = None) -> T:
    """What a call returns, tried again while what it raises may pass: no connection, no answer in time, HTTP 408, 425, 429, 5xx.

    The pause before each attempt is drawn at random up to twice the longest of the one before, so that many who failed at once
    do not come back at once. Raises what the last attempt did.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

    return Retrying(
        retry=retry_if_exception(may_pass),
        wait=wait_random_exponential(multiplier=FIRST, max=LONGEST),
        stop=stop_after_delay(PATIENCE if patience is None else patience),
        reraise=True,
    )(call)


def may_pass(error: BaseException) -> bool:
    """Whether what a client of a store raised may be otherwise the next time."""
    status = _status(error)
    if status is not None:
        return status in (408, 425, 429) or status >= 500
    if isinstance(error, _FINAL):
        return False
    return passes(error) or any(base.__name__ in _PASSING for base in type(error).__mro__)


def failed(what: str, address: str, error: BaseException, then: str = "") -> StoreError:
    """The error for what could not be done at an address in all attempts: `cannot write s3://…: …`."""
    return StoreError(f"cannot {what} {address}: {_said(error, address)}", "; ".join(filter(None, (advice(error), then))))


def advice(error: BaseException) -> str:
    """What to do about what a client of a store raised."""
    if isinstance(error, PermissionError) or "credentials" in str(error).lower() or _status(error) in (401, 403):
        return "log in as the scheme's own tools do, and see what you may do there"
    if isinstance(error, FileNotFoundError):
        return "does the bucket or folder exist?"
    return "try again later" if may_pass(error) else "see whether the address is right"


def whole_address(shown: str) -> str:
    """The address that is shown without its secrets: `ZOO_SHARDS`, where that is it. Raises StoreError where none is known."""
    if "***" not in shown:
        return shown
    known = os.environ.get("ZOO_SHARDS", "")
    if without_secrets(known) == shown:
        return known
    raise StoreError(
        f"{shown} is known without its secrets only", "set ZOO_SHARDS to the whole address; empty, it means ZOO_HOME"
    )


def joined(address: str, *names: str) -> str:
    """The address of a file or folder below another."""
    return "/".join((address.rstrip("/") if not address.endswith("://") else address[:-1], *names))


def _status(error: BaseException) -> int | None:
    """The status of HTTP that a store answered; s3fs keeps it in the cause of its own error."""
    for one in (error, error.__cause__):
        if one is None:
            continue
        response = getattr(one, "response", None)
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else status_of(one)
        if isinstance(found, int):
            return found
    return None


def _said(error: BaseException, address: str) -> str:
    """What an error says, without the address: that may hold a password."""
    return reason_of(error).replace(address, without_secrets(address))
