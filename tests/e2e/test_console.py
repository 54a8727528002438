"""The console in a real browser, before the whole stack."""
from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from imgclass.embedded.stack import Stack
from tests.archives import renamed
from tests.databases import query
from tests.e2e.access import client_of, settings_of, token_of
from tests.e2e.browser import Witness, browser, program
from tests.servers import ROOT

COFFEE, CAT = (ROOT / "examples/pictures" / name for name in ("coffee.jpg", "chelsea.jpg"))
SCREENSHOTS = ROOT / "build" / "screenshots"
WIDE, NARROW = (1200, 850), (360, 740)
LOOKS = {"light": ("light", WIDE), "dark": ("dark", WIDE), "narrow": ("light", NARROW)}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")

pytestmark = pytest.mark.skipif(
    program() is None, reason="there is no Chromium (Debian, Ubuntu: apt-get install chromium)")

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
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
    page.keyboard.press("Tab")
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


@pytest.fixture(scope="module")
def second(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default model's archive under another version."""
    assert stack.archive is not None
    archive = tmp_path_factory.mktemp("console") / "console-2.zip"
    renamed(stack.archive, "console-2", archive)
    return archive


def test_models(stack: Stack, open_page: Open, second: Path) -> None:
    """An administrator pushes a version, sees it validated, gives it traffic, compares it,
    activates it and rolls back; in the end it is deleted."""
    page = open_page()
    sign_in(page, token_of(stack, "root@example.com", admin=True)[0])
    visit(page, "Models")
    page.get_by_label("Archive", exact=True).set_input_files(second)
    page.get_by_role("button", name="Push").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("console-2")
    expect(page.get_by_role("region", name="Validation")).to_contain_text("passed")
    page.get_by_role("slider").focus()
    page.keyboard.press("End")
    page.get_by_label("Shadow").check()
    page.get_by_role("button", name="Set traffic").click()
    role = page.locator("main p[role=status]")
    expect(role).to_have_text("readycanary 100 %shadow")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Pictures both answered")).to_be_visible()
    page.get_by_role("button", name="Activate", exact=True).click()
    expect(role).to_have_text("readyactive")

    visit(page, "Models")
    page.get_by_role("button", name="Roll back").click()
    first = page.get_by_role("row").filter(has=page.get_by_role("link", name="v1", exact=True))
    expect(first).to_contain_text("active")
    page.get_by_role("link", name="v1", exact=True).click()
    expect(page.get_by_role("region", name="Replicas")).to_contain_text("litert")
    page.goto(f"{stack.gateway.url}/console/#/models/console-2")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(role).to_contain_text("deleted")


def test_events(stack: Stack, open_page: Open) -> None:
    """An upload that is no picture is among the dead with the reason, and can be retried."""
    email = somebody()
    with client_of(stack, email) as client:
        client.predict(COFFEE)
        form = client.create_upload("cup.jpg", "image/jpeg")
        sent = httpx.post(form.url, data=dict(form.fields), files={"file": b"no picture"})
        assert sent.is_success
        client.wait_for_upload(form.upload_id)
    page = open_page()
    sign_in(page, token_of(stack, "root@example.com", admin=True)[0])
    visit(page, "Events")
    expect(page.get_by_role("region", name="Completeness")).to_contain_text("accounted for")
    row = page.get_by_role("row").filter(has_text=str(form.upload_id)).or_(
        page.get_by_role("row").filter(has_text="not a picture")).first
    expect(row).to_contain_text("dead: not a picture")
    row.get_by_role("button", name="Retry").click()
    expect(page.locator("#polite")).to_contain_text("is worked on again")


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


# As many answers of the last hour, and of a month ago, when the model was surer.
DRIFTED = """
    INSERT INTO predictions (image_id, user_id, model_version, predicted_class, confidence_score,
                             prediction_time_ms, created_at)
    SELECT %s, %s, 'v1', 'espresso', CASE WHEN number > 300 THEN 0.95 ELSE 0.35 END, 12,
        now() - CASE WHEN number > 300 THEN interval '30 days 6 hours' ELSE interval '1 hour' END
    FROM generate_series(1, 600) AS number"""


@pytest.mark.parametrize("look", LOOKS)
def test_drift(stack: Stack, open_page: Open, look: str) -> None:
    """An administrator sees on the dashboard how far the answers are from earlier ones: drawn
    beside what is usually read as much, in words, and as a table for who cannot see the chart."""
    email = somebody()
    token, user_id = token_of(stack, email, admin=True)
    with client_of(stack, email) as client:
        answer = client.predict(COFFEE)
    query(settings_of(stack), DRIFTED, str(answer.image_id), user_id)
    page = open_page(look=look)
    sign_in(page, token)
    visit(page, "Dashboard")
    drift = page.get_by_role("region", name="Drift")
    read = drift.get_by_role("row").filter(has_text="v1 confidence")
    expect(read).to_contain_text("much")
    told = drift.get_by_role("table", name="Population stability index of v1").get_by_role("row")
    chart = drift.locator("svg")
    assert told.all_inner_texts() == [
        text.replace(": ", "\t") for text in chart.locator("title").all_text_contents()]
    index = float(told.filter(has_text="confidence").inner_text().split("\t")[1])
    assert f"{index:.3f}" in read.inner_text() and index > 0.25
    bar, much = chart.locator("rect.alarm").first, chart.locator("line.mark").last
    assert bar.bounding_box()["y"] < much.bounding_box()["y"]
    check(page, f"{look}-drift")
    with client_of(stack, email) as client:
        client.delete_image(answer.image_id)


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


def check(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


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
