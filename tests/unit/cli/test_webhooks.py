"""`webhooks add`, `list`, `show`, `remove`, `deliveries` and `retry`."""
from __future__ import annotations

import json
import uuid

import pytest

from tests.command_line import Run
from tests.fakes.api import FakeApi, token
from tests.fakes.api_webhooks import EVENT_TYPES, SECRET

URL = "https://a.example/hook"


@pytest.fixture
def webhook_id(run: Run, api: FakeApi) -> str:
    """The one webhook there is."""
    assert run("webhooks", "add", URL).exit_code == 0
    (registered,) = api.webhooks.rows
    return registered


def test_add(run: Run, api: FakeApi) -> None:
    """A registered webhook is told with its secret."""
    result = run("webhooks", "add", URL)
    (webhook_id,) = api.webhooks.rows
    assert [line.split("\t") for line in result.stdout.splitlines()] == [
        ["webhook", webhook_id], ["events", ", ".join(EVENT_TYPES)], ["secret", SECRET]]
    assert (result.exit_code, result.stderr) == (0, "")
    assert api.webhooks.registrations == [{"url": URL}]


def test_add_for_some_events(run: Run, api: FakeApi) -> None:
    """Types of events can be chosen; --json has everything, the secret included."""
    result = run("webhooks", "add", URL, "--event", EVENT_TYPES[1], "--json")
    assert api.webhooks.registrations == [{"url": URL, "event_types": [EVENT_TYPES[1]]}]
    added = json.loads(result.stdout)
    assert (added["url"], added["event_types"], added["secret"]) == (
        URL, [EVENT_TYPES[1]], SECRET)


def test_refused(run: Run) -> None:
    """What the service refuses is told in one line."""
    result = run("webhooks", "add", "a.example")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "imgclass: url must begin with http:// or https://. (status 422)\n")


def test_list(run: Run, api: FakeApi, webhook_id: str) -> None:
    """Webhooks are listed with what waits for them, and without their secrets."""
    api.webhooks.fail(webhook_id)
    assert run("webhooks", "list").stdout == (
        f"2026-01-01T00:00:00+00:00\t0\t1\t{URL}\t{webhook_id}\n")
    (listed,) = json.loads(run("webhooks", "list", "--json").stdout)
    assert (listed["webhook_id"], listed["secret"]) == (webhook_id, None)


def test_show(run: Run, api: FakeApi, webhook_id: str) -> None:
    """A webhook is shown with what is wrong with it, if anything is."""
    assert [line.split("\t") for line in
            run("webhooks", "show", webhook_id).stdout.splitlines()] == [
        ["webhook", webhook_id], ["url", URL], ["events", ", ".join(EVENT_TYPES)],
        ["pending", "0"], ["dead", "0"], ["created", "2026-01-01T00:00:00+00:00"]]
    api.webhooks.fail(webhook_id)
    assert [line.split("\t") for line in
            run("webhooks", "show", webhook_id).stdout.splitlines()][4:8] == [
        ["dead", "1"], ["problem", "It answered 500."], ["failures in a row", "1"],
        ["paused until", "2026-01-01T00:05:00+00:00"]]
    assert json.loads(run("webhooks", "show", webhook_id, "--json").stdout)["failures"] == 1


def test_remove(run: Run, api: FakeApi, webhook_id: str) -> None:
    """A removed webhook is gone."""
    result = run("webhooks", "remove", webhook_id)
    assert (result.exit_code, result.stdout) == (0, f"{webhook_id} is told nothing more\n")
    assert api.webhooks.rows == {}
    assert run("webhooks", "remove", webhook_id).stderr == (
        f"imgclass: There is no webhook {webhook_id}. (status 404)\n")


@pytest.mark.parametrize("to_sink", [False, True])
def test_deliveries(run: Run, api: FakeApi, webhook_id: str, to_sink: bool) -> None:
    """Deliveries are listed newest first, all or those that were given up, page by page."""
    receiver = "sink" if to_sink else webhook_id
    dead = [api.webhooks.fail(receiver) for _ in range(2)]
    pending = api.webhooks.fail(receiver, "pending")
    lines = run("webhooks", "deliveries", receiver).stdout.splitlines()
    assert [line.split("\t") for line in lines] == [
        ["2026-01-01T00:00:00+00:00", state, attempts, EVENT_TYPES[0], subject,
         "It answered 500.", delivery_id]
        for state, attempts, subject, delivery_id in (
            ("pending", "1", "prediction-2", pending), ("dead", "12", "prediction-1", dead[1]),
            ("dead", "12", "prediction-0", dead[0]))]
    second = run("webhooks", "deliveries", receiver, "--dead", "--page", 2, "--limit", 1)
    assert second.stdout.rstrip().endswith(dead[0])
    found = json.loads(run("webhooks", "deliveries", receiver, "--dead", "--json").stdout)
    assert found["total"] == 2
    assert [each["delivery_id"] for each in found["deliveries"]] == dead[::-1]


def test_retry(run: Run, api: FakeApi, webhook_id: str) -> None:
    """One delivery, or all that were given up, are attempted again."""
    first, *_ = [api.webhooks.fail(webhook_id) for _ in range(3)]
    assert run("webhooks", "retry", webhook_id, first).stdout == "1 delivery is attempted again\n"
    assert run("webhooks", "retry", webhook_id).stdout == "2 deliveries are attempted again\n"
    assert json.loads(run("webhooks", "retry", "sink", "--json").stdout) == {"retried": 0}
    assert {each["state"] for each in api.webhooks.sent[webhook_id]} == {"pending"}


def test_retry_unknown(run: Run, webhook_id: str) -> None:
    """What was delivered is not there any more."""
    unknown = uuid.uuid4()
    result = run("webhooks", "retry", webhook_id, unknown)
    assert (result.exit_code, result.stderr) == (
        5, f"imgclass: There is no delivery {unknown}; what was delivered is forgotten. "
           "(status 404)\n")


@pytest.mark.parametrize("arguments", [
    ["add"], ["show", "everything"], ["remove", "sink"], ["deliveries", "everything"],
    ["deliveries", "sink", "--limit", "101"], ["retry"], ["retry", "sink", "all"]])
def test_usage_errors(run: Run, api: FakeApi, arguments: list[str]) -> None:
    """What is missing or senseless is a usage error before anything is sent."""
    assert run("webhooks", *arguments).exit_code == 2
    assert api.requests == []


def test_webhooks_need_the_role_admin(run: Run) -> None:
    """Another user's token is told what it lacks."""
    result = run("webhooks", "list", "--token", token())
    assert (result.exit_code, result.stderr) == (
        4, "imgclass: This needs a token with the role admin. (status 403)\n")
