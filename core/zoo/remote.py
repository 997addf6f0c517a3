"""Remote models: how a plugin calls a service that is at times slow, busy or gone.

    service = Service("the vision API", per_second=5)
    with service(lambda: urlopen(request, timeout=30)) as answer:
        logits = json.load(answer)["logits"]

Its spec says `remote=True`: nothing of a run is then used again, and no other run waits for its answers.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from zoo.errors import OptionError, PluginError

if TYPE_CHECKING:
    from pyrate_limiter import Limiter
    from tenacity import RetryCallState

__all__ = ["Service", "ServiceError"]

T = TypeVar("T")
PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
"""Statuses of HTTP that may be another the next time."""
LASTING = (ValueError, FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""Errors that are OSErrors at times, such as the address that requests cannot read, and yet are not of the network."""
CUT_SHORT = ("TransportError", "IncompleteRead")
"""What httpx and http.client call an answer that did not come, or not whole, which is no OSError there."""


class ServiceError(Exception):
    """A service refused, or gave no answer in all attempts. Whoever predicts with it is told the samples, too."""


class Service:
    """Calls one service: at most so many a second, from all threads together, and again while what is wrong may pass.

    What passes: no connection, no answer in time, and the statuses 408, 425, 429, 500, 502, 503 and 504. Between attempts it
    waits `first` seconds, then twice as long each time, at most `longest`; what the service says in Retry-After is heeded, and
    where that is longer than `longest` it gives up. Any other status or error is final, and told at once.
    """

    def __init__(
        self,
        name: str,
        *,
        attempts: int = 6,
        first: float = 0.5,
        longest: float = 60.0,
        per_second: float | None = None,
    ) -> None:
        """Raises OptionError for numbers that cannot be, and PluginError where what it needs is not installed."""
        if attempts < 1 or first < 0 or longest < first or (per_second is not None and per_second <= 0):
            raise OptionError(
                f"{name}: {attempts} attempts, {first} s to {longest} s, {per_second} a second cannot be",
                "attempts are at least 1, 0 <= first <= longest, and per_second is more than 0",
            )
        self.name = name
        self._attempts, self._first, self._longest = attempts, first, longest
        self._limiter = _limiter(name, per_second)

    def __call__(self, call: Callable[[], T]) -> T:
        """What the call returns. It makes one request, with a time limit, and raises what its client raises for a bad status.

        Raises ServiceError: the service's refusal, or the last of the errors that did not pass.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt

        def attempt() -> T:
            if self._limiter is not None:
                self._limiter.try_acquire(self.name)
            return call()

        trying = Retrying(
            retry=retry_if_exception(self._passes),
            wait=self._wait,
            stop=stop_after_attempt(self._attempts),
            reraise=True,
        )
        try:
            return trying(attempt)
        except Exception as error:
            raise ServiceError(self._said(error, int(trying.statistics.get("attempt_number", 1)))) from error

    def _passes(self, error: BaseException) -> bool:
        after = retry_after(error)
        return passes(error) and (after is None or after <= self._longest)

    def _wait(self, state: "RetryCallState") -> float:
        grown = min(self._longest, self._first * 2.0 ** min(state.attempt_number - 1, 60))
        error = state.outcome.exception() if state.outcome is not None else None
        after = retry_after(error) if error is not None else None
        return grown if after is None else max(after, 0.0)

    def _said(self, error: Exception, attempts: int) -> str:
        status, after = status_of(error), retry_after(error)
        what = f"{status} ({error})" if status is not None else f"{type(error).__name__}: {error}"
        if not passes(error):
            return f"{self.name} refused: {what}"
        if after is not None and after > self._longest:
            return f"{self.name} asks to be asked again in {after:.0f} s, which is longer than {self._longest:g} s: {what}"
        return f"{self.name} gave no answer in {attempts} attempts; at last {what}"


def status_of(error: BaseException) -> int | None:
    """The status of HTTP in what a client raised: urllib, requests, httpx and aiohttp each keep it elsewhere."""
    response = getattr(error, "response", None)
    found = (getattr(holder, name, None) for holder in (error, response) for name in ("code", "status", "status_code"))
    return next((value for value in found if isinstance(value, int) and 100 <= value < 600), None)


def passes(error: BaseException) -> bool:
    """Whether what a client raised may be otherwise the next time."""
    status = status_of(error)
    if status is not None:
        return status in PASSING
    if isinstance(error, LASTING):
        return False
    return isinstance(error, OSError) or any(base.__name__ in CUT_SHORT for base in type(error).__mro__)


def retry_after(error: BaseException) -> float | None:
    """Seconds that a service asks to wait, which it says as such or as a date; None where it says nothing."""
    for holder in (error, getattr(error, "response", None)):
        headers: Any = getattr(holder, "headers", None)
        said = headers.get("Retry-After") if hasattr(headers, "get") else None
        if said is None:
            continue
        try:
            return float(said)
        except ValueError:
            pass
        try:
            when = parsedate_to_datetime(said)
        except ValueError:
            continue
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
    return None


def _limiter(name: str, per_second: float | None) -> "Limiter | None":
    try:
        import tenacity  # noqa: F401 - so that its absence is met before the first call
        from pyrate_limiter import Limiter, Rate
    except ModuleNotFoundError as error:
        raise PluginError(f"{name} is a remote model, which needs {error.name}", "pip install 'deepzoo[remote]'") from error
    if per_second is None:
        return None
    return Limiter(Rate(1, max(1, round(1000 / per_second))))  # one in so many milliseconds, so that none come in a heap
