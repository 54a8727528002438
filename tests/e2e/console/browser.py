"""A real browser for tests: Debian's Chromium, and what it says went wrong."""
from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable")
PATIENCE_MS = 60_000
# It asks for nothing on its own; without a user of its own it has no sandbox.
ARGUMENTS = (
    "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run")


def program() -> str | None:
    """The browser's path, if there is one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """The browser, without a window. What is expected of a page may take a minute."""
    expect.set_options(timeout=PATIENCE_MS)
    sandbox = () if os.geteuid() else ("--no-sandbox",)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program(), args=[*ARGUMENTS, *sandbox])
        yield chromium
        chromium.close()


@dataclass
class Witness:
    """What a page said went wrong, and which other origins it asked.

    A refused request is an error to the browser's console: each that is expected is named in
    `refusals`, as the end of its path.
    """

    origin: str
    refusals: tuple[str, ...]
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not self._expected(message):
            self.errors.append(f"{message.text} ({message.location['url']})")

    def _expected(self, message: ConsoleMessage) -> bool:
        path = message.location["url"].partition("?")[0]
        return message.text.startswith("Failed to load resource") and path.endswith(self.refusals)

    def _see(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "blob:", "data:")):
            self.strangers.append(request.url)
