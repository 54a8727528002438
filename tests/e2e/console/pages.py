"""The console's pages, as those who use them find their way about."""
from __future__ import annotations

import uuid
from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.servers import ROOT

COFFEE, CAT = (ROOT / "examples/pictures" / name for name in ("coffee.jpg", "chelsea.jpg"))
SCREENSHOTS = ROOT / "build" / "screenshots"
WIDE, NARROW = (1200, 850), (360, 740)
LOOKS = {"light": ("light", WIDE), "dark": ("dark", WIDE), "narrow": ("light", NARROW)}

Open = Callable[..., Page]


def somebody() -> str:
    return f"{uuid.uuid4().hex[:12]}@example.com"


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Token (JWT)").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is in the picture?")


def visit(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def thumbnails(page: Page) -> list[str]:
    return page.get_by_role("list", name="Predictions").get_by_role("link").all_inner_texts()


def check(page: Page, name: str) -> None:
    """No page is wider than the screen, or breaks a rule that a program knows; keep a picture."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
