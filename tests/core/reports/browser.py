"""A headless Chromium, driven through its DevTools protocol over a pipe: no library, and no port, is needed for that."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

BINARIES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KEYS = {"Tab": 9, "Enter": 13, "Space": 32, "ArrowDown": 40, "ArrowUp": 38}
SIGNS = {"Enter": "\r", "Space": " "}
PATIENCE = 60
"""Seconds until the browser counts as hung."""


def binary() -> str | None:
    """Where it is; None where it is not installed."""
    return next(filter(None, map(shutil.which, BINARIES)), None)


class Browser:
    """One page at a time; `problems` are errors of its console, `asked` the addresses that it asked for."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.asked: list[str] = []
        self._profile = tempfile.mkdtemp()
        pipes = (*os.pipe(), *os.pipe())
        given, self._write, self._read, told = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in pipes)  # not 3, nor 4
        for end in pipes:
            os.close(end)
        options = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", "--no-first-run",
            "--disable-background-networking",
            "--disable-dev-shm-usage", "--disable-extensions", f"--user-data-dir={self._profile}", "about:blank",
        ]  # fmt: skip
        # It reads the protocol from descriptor 3, and writes it to 4.
        start = ["bash", "-c", f'exec "$@" 3<&{given} 4>&{told}', "bash", str(binary()), *options]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(start, pass_fds=(given, told), start_new_session=True, **quiet)
        os.close(given)
        os.close(told)
        self._number, self._rest, self._session = 0, b"", ""
        (page,) = (one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End it, and remove what it kept."""
        try:
            self._session = ""
            self.call("Browser.close")
            self._process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
        finally:
            os.close(self._write)
            os.close(self._read)
            shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, path: Path, width: int = 1280, height: int = 900, *, dark: bool = False) -> None:
        """Open a file from the disk, and wait until it is there and its script has run."""
        self.problems, self.asked = [], []
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.absolute().as_uri())
        while self.value("document.readyState + location.protocol") != "completefile:":
            time.sleep(0.02)

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript comes to in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str, times: int = 1) -> None:
        """Press a key of the keyboard."""
        sign = SIGNS.get(key, "")
        code = {"key": sign if sign == " " else key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        for _ in range(times):
            self.call("Input.dispatchKeyEvent", type="keyDown" if sign else "rawKeyDown", text=sign, **code)
            self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    def tab_to(self, expression: str) -> None:
        """Press Tab until the element that has the keyboard is the one wanted: `document.getElementById("theme")`."""
        for _ in range(300):
            if self.value(f"document.activeElement === {expression}"):
                return
            self.press("Tab")
        raise AssertionError(f"no number of tabs leads to {expression}")

    def shoot(self, path: Path) -> None:
        """A picture of the whole page, PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12_000), "scale": 1}
        taken = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def call(self, method: str, **parameters: Any) -> Any:
        """Ask the browser something; what it reports meanwhile is kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._hear(answer)
        raise AssertionError(f"the browser does not answer {method}")

    def _hear(self, event: dict[str, Any]) -> None:
        method, told = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.problems.append(str(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.problems.append(told["entry"]["text"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._read, 1 << 20)
            if not part:
                raise OSError("the browser has ended")
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(text)
        return found
