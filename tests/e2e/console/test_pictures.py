"""Pictures in the console: sent, looked up, counted, and told what they really show."""
from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from imgclass.embedded.stack import Stack
from tests.e2e.access import client_of, token_of
from tests.e2e.console.pages import (
    CAT, COFFEE, NARROW, Open, sign_in, somebody, thumbnails, visit)
from tests.servers import ROOT


def test_pictures(stack: Stack, open_page: Open) -> None:
    """Pictures that are chosen appear with five classes and the time; what is no picture is told
    why. They are in the history, where one of them is looked at and deleted."""
    page = open_page("/api/v1/predict")
    token, _ = token_of(stack, somebody())
    sign_in(page, token)
    page.set_input_files("#files", [COFFEE, CAT, ROOT / "README.md"])
    coffee = page.get_by_role("listitem").filter(has_text="coffee.jpg")
    expect(coffee.get_by_role("heading")).to_have_text("espresso")
    expect(coffee.get_by_role("list").get_by_role("listitem")).to_have_count(5)
    expect(coffee).to_contain_text(re.compile(r"model \d+\sms"))
    text = page.get_by_role("listitem").filter(has_text="README.md")
    expect(text).to_contain_text("The file is not a JPEG, PNG or WebP picture.")

    visit(page, "History")
    expect(page.get_by_text("2 of 2")).to_be_visible()
    page.get_by_label("Class").fill("espresso")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("1 of 1")).to_be_visible()
    page.get_by_role("list", name="Predictions").get_by_role("link", name="espresso").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("espresso")
    picture = page.get_by_role("img", name="coffee.jpg: espresso")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 600
    expect(page.get_by_role("region", name="Lineage")).to_contain_text("v1")
    page.get_by_role("button", name="Delete picture").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("1 of 1")).to_be_visible()
    assert [text.split("\n")[0] for text in thumbnails(page)] == ["a cat having a striped coat"]


def test_drop_and_paste(stack: Stack, open_page: Open) -> None:
    """Pictures that are dropped or pasted are classified like chosen ones."""
    page = open_page()
    sign_in(page, token_of(stack, somebody())[0])
    # No browser lets a page make files of the disk: they are handed over as bytes.
    transfer = page.evaluate_handle(
        """bytes => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(bytes)], "cup.jpg"));
            return transfer;
        }""", [*COFFEE.read_bytes()])
    zone = page.get_by_role("region", name="Add pictures")
    zone.dispatch_event("drop", {"dataTransfer": transfer})
    page.evaluate(
        "transfer => document.dispatchEvent("
        "new ClipboardEvent('paste', {clipboardData: transfer}))", transfer)
    expect(page.get_by_role("heading", name="espresso")).to_have_count(2)


def test_patience(stack: Stack, open_page: Open) -> None:
    """A picture that the service is too busy for is sent again when told to, with its key."""
    page = open_page("/api/v1/predict")
    sign_in(page, token_of(stack, somebody())[0])
    keys = []

    def refuse_once(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            return route.continue_()
        return route.fulfill(status=503, headers={"Retry-After": "1"}, json={
            "title": "Overloaded", "status": 503, "detail": "Too much is going on."})

    page.route("**/api/v1/predict", refuse_once)
    page.set_input_files("#files", COFFEE)
    expect(page.get_by_text("again in 1 s")).to_be_visible()
    expect(page.get_by_role("heading", name="espresso")).to_be_visible()
    assert len(keys) == 2 and len(set(keys)) == 1


def test_endless_history(stack: Stack, open_page: Open) -> None:
    """More of the history comes as one scrolls, until all of it is there."""
    email = somebody()
    with client_of(stack, email) as client:
        for _ in range(30):
            client.predict(COFFEE)
    page = open_page()
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    sign_in(page, token_of(stack, email)[0])
    visit(page, "History")
    expect(page.get_by_text("24 of 30")).to_be_visible()
    page.get_by_role("button", name="Show more").scroll_into_view_if_needed()
    expect(page.get_by_text("30 of 30")).to_be_visible()
    assert len(thumbnails(page)) == 30


def test_dashboard(stack: Stack, open_page: Open) -> None:
    """The dashboard counts what was classified, today and by class."""
    email = somebody()
    with client_of(stack, email) as client:
        for picture in (COFFEE, COFFEE, CAT):
            client.predict(picture)
    page = open_page()
    sign_in(page, token_of(stack, email)[0])
    visit(page, "Dashboard")
    mix = page.get_by_role("list", name="Most frequent classes")
    assert mix.get_by_role("listitem").all_inner_texts() == [
        "espresso\n2", "a cat having a striped coat\n1"]
    days = page.get_by_role("table", name="Predictions per day").get_by_role("row")
    expect(days).to_have_count(30)
    expect(days.last).to_contain_text("3")
    page.get_by_role("link", name="7 days").click()
    expect(days).to_have_count(7)


def test_feedback(stack: Stack, open_page: Open) -> None:
    """The least certain answers are a view of the history, from which one is confirmed, corrected
    and taken back; a label that the model does not have is refused, and why."""
    email = somebody()
    with client_of(stack, email) as client:
        client.predict(COFFEE)
    page = open_page("/feedback")
    sign_in(page, token_of(stack, email)[0])
    visit(page, "History")
    page.get_by_role("link", name="Least certain").click()
    expect(page.get_by_text("1 shown")).to_be_visible()
    page.get_by_role("link", name="espresso").click()
    feedback = page.get_by_role("region", name="Feedback")
    said = feedback.get_by_role("status")
    feedback.get_by_role("button", name="It is espresso").click()
    expect(said).to_have_text("Labelled espresso.")
    feedback.get_by_label("It is rather").fill("nothing of the kind")
    feedback.get_by_role("button", name="Correct").click()
    expect(feedback).to_contain_text("label must be one of the classes of model version v1")
    feedback.get_by_label("It is rather").fill("a cat having a striped coat")
    feedback.get_by_label("Comment").fill("asleep in it")
    feedback.get_by_role("button", name="Correct").click()
    expect(said).to_have_text("Labelled a cat having a striped coat.")
    page.reload()
    expect(said).to_have_text("Labelled a cat having a striped coat.")
    expect(feedback.get_by_label("Comment")).to_have_value("asleep in it")
    page.goto(f"{stack.gateway.url}/console/#/history?view=uncertain")
    expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    page.go_back()
    feedback.get_by_role("button", name="Withdraw").click()
    expect(said).to_have_text("The label is withdrawn.")
