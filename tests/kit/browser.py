"""A real browser without a window: opens a page, runs scripts in it, presses keys, and tells what it complained of."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from attrs import define, field

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
"""Path of the browser, None where there is none; in Debian it is in the package ``chromium``."""

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-port=0",
)
_STARTED = "DevTools listening on "
_KEYS = {"Enter": (13, "\r"), " ": (32, " "), "Tab": (9, "")}


@define(eq=False)
class Browser:
    """One page of a running browser.

    Attributes:
        complaints: Errors and warnings of the console, exceptions nobody caught, refusals of the page's policy.
        requests: Addresses the page asked for.
    """

    _socket: aiohttp.ClientWebSocketResponse
    complaints: list[str] = field(factory=list)
    requests: list[str] = field(factory=list)
    _numbers: itertools.count[int] = field(factory=lambda: itertools.count(1))

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; what the page says meanwhile is noted."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json(timeout=30)
            if message.get("id") == number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(str(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.complaints.append(str(params["entry"]))
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])

    async def open(self, url: str, *, width: int = 1280, height: int = 900, is_dark: bool = False) -> None:
        """Open an address and wait until it is loaded."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])
        await self.send("Page.navigate", url=url)
        await self.run(
            "new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))"
            ".then(() => true)"
        )

    async def run(self, script: str) -> Any:
        """Return the value of an expression in the page; of a promise, what it is kept with."""
        result = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(result["exceptionDetails"])
        return result["result"].get("value")

    async def press(self, key: str) -> None:
        """Press a key, as a person does."""
        code, text = _KEYS[key]
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **typed)


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Start a browser with an empty profile and give its page."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM,
            *_ARGUMENTS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(30):
                address = await _address_of(process)
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://{address}/json/list") as answer:
                    pages = await answer.json()
                (page,) = [each for each in pages if each["type"] == "page"]
                async with http.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Browser(socket)
                    await socket.send_json({"id": 0, "method": "Browser.close"})
                    async with asyncio.timeout(30):
                        await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


async def _address_of(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    seen: list[str] = []
    while line := (await process.stderr.readline()).decode():
        seen.append(line)
        if line.startswith(_STARTED):
            return line.removeprefix(f"{_STARTED}ws://").partition("/")[0]
    raise AssertionError(f"the browser did not start: {''.join(seen)}")
