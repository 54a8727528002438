"""The console in a real browser, before the whole stack."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from imgclass.embedded.stack import Stack
from tests.e2e.console.browser import Witness, browser, program
from tests.e2e.console.pages import LOOKS, Open


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if program() is None:
        pytest.skip("there is no Chromium (Debian, Ubuntu: apt-get install chromium)")
    with browser() as chromium:
        yield chromium


@pytest.fixture
def open_page(stack: Stack, chromium: Browser) -> Iterator[Open]:
    """Opens the console; at the end nothing must have gone wrong, and nobody else been asked."""
    witnesses, contexts = [], []

    def opened(*refusals: str, look: str = "light") -> Page:
        scheme, (width, height) = LOOKS[look]
        context = chromium.new_context(
            color_scheme=scheme,  # type: ignore[arg-type]  # one of its literals
            viewport={"width": width, "height": height}, reduced_motion="reduce", locale="en-GB")
        page = context.new_page()
        witness = Witness(stack.gateway.url, refusals)
        witness.watch(page)
        witnesses.append(witness)
        contexts.append(context)
        page.goto(f"{stack.gateway.url}/console/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [each.errors for each in witnesses] == [[]] * len(witnesses)
    assert [each.strangers for each in witnesses] == [[]] * len(witnesses)
