"""Who gets into the console, by what means, and what it may load."""
from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from imgclass.embedded.stack import Stack
from tests.e2e.access import client_of, token_of
from tests.e2e.console.pages import (
    CAT, COFFEE, LOOKS, Open, check, sign_in, somebody, visit)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")


def test_sign_in(stack: Stack, open_page: Open) -> None:
    """A token that is none, is expired or is forged does not open the console, and each is told
    why; a good one outlives a reload, and not a sign-out."""
    page = open_page("/api/v1/predictions")
    token, _ = token_of(stack, somebody())
    for wrong, why in (("nonsense", "This is no token"), (token[:-4] + "AAAA", "not valid here")):
        page.get_by_label("Token (JWT)").fill(wrong)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("main")).to_contain_text(why)
    sign_in(page, token)
    expect(page.get_by_text("token ends in")).to_be_visible()
    links = page.get_by_role("navigation", name="Pages").get_by_role("link")
    assert links.all_inner_texts() == ["Classify", "History", "Dashboard"]
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is in the picture?")
    page.get_by_role("button", name="Sign out").click()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_keyboard_alone(stack: Stack, open_page: Open) -> None:
    """Everything is reached with the keyboard, and each page begins at its heading."""
    page = open_page()
    # The browser needs a while to learn that somebody waits for its dialogue.
    page.on("filechooser", lambda chooser: chooser.set_files(COFFEE))
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Token (JWT)")).to_be_focused()
    page.keyboard.insert_text(token_of(stack, somebody())[0])
    page.keyboard.press("Enter")
    expect(heading).to_have_text("What is in the picture?")
    expect(heading).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Choose pictures")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#polite")).to_contain_text("coffee.jpg: espresso")
    page.get_by_role("link", name="Skip to the content").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_older_service(stack: Stack, open_page: Open) -> None:
    """What a service does not have is not shown."""
    email = somebody()
    with client_of(stack, email) as client:
        answer = client.predict(COFFEE)
    page = open_page("/predictions/uncertain", "/drift")
    for absent in ("**/predictions/uncertain?*", "**/drift?*"):
        page.route(absent, lambda route: route.fulfill(status=404, json={"status": 404}))
    sign_in(page, token_of(stack, email, admin=True)[0])
    visit(page, "History")
    expect(page.get_by_text("1 of 1")).to_be_visible()
    expect(page.get_by_role("link", name="Least certain")).to_have_count(0)
    page.goto(f"{stack.gateway.url}/console/#/history/{answer.prediction_id}")
    expect(page.get_by_role("region", name="Lineage")).to_be_visible()
    expect(page.get_by_role("region", name="Feedback")).to_have_count(0)
    visit(page, "Dashboard")
    expect(page.get_by_role("region", name="Drift")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS)
def test_looks(stack: Stack, open_page: Open, look: str) -> None:
    """In light and dark and on a narrow screen no page is wider than the screen, and none breaks
    a rule of accessibility that a program can check. Pictures of all are kept."""
    email = somebody()
    with client_of(stack, email) as client:
        latest = client.predict(COFFEE)
        client.predict(CAT)
    page = open_page(look=look)
    check(page, f"{look}-sign-in")
    sign_in(page, token_of(stack, email, admin=True)[0])
    page.set_input_files("#files", [COFFEE, CAT])
    expect(page.get_by_role("link", name="Details")).to_have_count(2)
    check(page, f"{look}-classify")
    for path, settled in {
        "history": "4 of 4", f"history/{latest.prediction_id}": "Picture SHA-256",
        "dashboard": "Class mix", "models": "Push a version", "models/v1": "The whole report",
        "events": "Completeness",
    }.items():
        page.goto(f"{stack.gateway.url}/console/#/{path}")
        expect(page.get_by_text(settled).first).to_be_visible()
        page.wait_for_load_state("networkidle")
        check(page, f"{look}-{path.split('/')[0]}{'-detail' if '/' in path else ''}")


def test_headers(stack: Stack) -> None:
    """The files say what they may load, are asked about anew each time, and are sent once."""
    root = stack.gateway.url
    assert httpx.get(root).headers["Location"] == "/console/"
    for path in ("", "js/main.js", "styles/base.css", "icon.svg"):
        answer = httpx.get(f"{root}/console/{path}")
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-cache"
        again = httpx.get(
            f"{root}/console/{path}", headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert httpx.get(f"{root}/console/nothing.js").status_code == 404
