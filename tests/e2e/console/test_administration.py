"""What an administrator does in the console: models, events, drift."""
from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from imgclass.embedded.stack import Stack
from tests.archives import renamed
from tests.databases import query
from tests.e2e.access import client_of, settings_of, token_of
from tests.e2e.console.pages import COFFEE, LOOKS, Open, check, sign_in, somebody, visit

# As many answers of the last hour, and of a month ago, when the model was surer.
DRIFTED = """
    INSERT INTO predictions (image_id, user_id, model_version, predicted_class, confidence_score,
                             prediction_time_ms, created_at)
    SELECT %s, %s, 'v1', 'espresso', CASE WHEN number > 300 THEN 0.95 ELSE 0.35 END, 12,
        now() - CASE WHEN number > 300 THEN interval '30 days 6 hours' ELSE interval '1 hour' END
    FROM generate_series(1, 600) AS number"""


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
