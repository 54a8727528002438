"""`events list`, `show`, `retry` and `completeness`."""
from __future__ import annotations

import json
import uuid

import pytest

from tests.command_line import Run
from tests.fakes.api import FakeApi, token
from tests.fakes.api_events import DEAD, EVENT


def test_list(run: Run, api: FakeApi) -> None:
    """Events are listed, newest first, with their fate, their object and their id."""
    old, new = api.events.add(**DEAD), api.events.add()
    result = run("events", "list")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"2026-01-01T00:00:01+00:00\tpending\t-\t0\tuploads/ada/1.jpg\t{new['event_id']}",
        f"2026-01-01T00:00:00+00:00\tdead\texhausted\t8\tuploads/ada/0.jpg\t{old['event_id']}"]


def test_list_filters(run: Run, api: FakeApi) -> None:
    """State, fault and owner reach the service."""
    api.events.add(**DEAD)
    api.events.add(**{**DEAD, "fault": "gone"})
    assert run("events", "list", "--state", "pending").stdout == ""
    assert run("events", "list", "--state", "dead").stdout.count("\n") == 2
    assert run("events", "list", "--fault", "gone").stdout.count("gone") == 1
    assert run("events", "list", "--user", uuid.uuid4()).stdout == ""
    assert run("events", "list", "--user", EVENT["user_id"]).stdout.count("\n") == 2


def test_list_beyond_a_page(run: Run, api: FakeApi) -> None:
    """--limit may be more than a page of the service has, and no page is fetched in vain."""
    for _ in range(250):
        api.events.add()
    rows = json.loads(run("events", "list", "--limit", 120, "--json").stdout)
    assert [row["event_id"] for row in rows] == [
        row["event_id"] for row in api.events.rows[:120]]
    assert api.requests == ["GET /api/v1/events"] * 2


def test_show(run: Run, api: FakeApi) -> None:
    """An event is shown with all that is known of it and nothing that is not."""
    row = api.events.add(**DEAD)
    result = run("events", "show", row["event_id"])
    assert [line.split("\t") for line in result.stdout.splitlines()] == [
        ["event", row["event_id"]], ["bucket", "images"], ["object", "uploads/ada/0.jpg"],
        ["owner", str(EVENT["user_id"])], ["state", "dead"], ["fault", "exhausted"],
        ["reason", "The object store does not answer."], ["attempts", "8"],
        ["announced by", "notification"], ["received", "2026-01-01T00:00:00+00:00"],
        ["finished", "2026-01-01T01:00:00+00:00"], ["bytes", "7"], ["ETag", "0" * 32],
        ["sequencer", "18A"], ["written", "2026-01-01T00:00:00+00:00"]]
    shown = json.loads(run("events", "show", row["event_id"], "--json").stdout)
    assert (shown["event_id"], shown["sequencer"], shown["object_modified"]) == (
        row["event_id"], "18A", None)


def test_show_one_that_is_classified(run: Run, api: FakeApi) -> None:
    """A classified event names its prediction; what nobody told is left out."""
    prediction_id = str(uuid.uuid4())
    row = api.events.add(
        state="done", prediction_id=prediction_id, user_id=None, size_bytes=None, etag="",
        sequencer="", written_at=None, object_modified="2026-01-01T00:00:00Z")
    lines = run("events", "show", row["event_id"]).stdout.splitlines()
    assert f"prediction\t{prediction_id}" in lines
    assert {"owner\t-", "bytes\t-", "modified\t2026-01-01T00:00:00+00:00"} <= set(lines)
    assert not {"ETag", "sequencer", "version", "written", "due"} & {
        line.split("\t")[0] for line in lines}


def test_show_one_that_waits(run: Run, api: FakeApi) -> None:
    """A pending event says when it is due."""
    row = api.events.add(version_id="v7")
    lines = run("events", "show", row["event_id"]).stdout.splitlines()
    assert {"due\t2026-01-01T00:00:01+00:00", "version\tv7"} <= set(lines)


def test_retry(run: Run, api: FakeApi) -> None:
    """A dead event is worked on again."""
    row = api.events.add(**DEAD)
    result = run("events", "retry", row["event_id"])
    assert (result.exit_code, result.stdout) == (0, f"{row['event_id']} is pending\n")
    again = run("events", "retry", row["event_id"])
    assert (again.exit_code, again.stderr) == (
        1, "imgclass: The event is pending; only a dead one can be retried. (status 409)\n")
    row.update(DEAD)
    shown = json.loads(run("events", "retry", row["event_id"], "--json").stdout)
    assert (shown["event_id"], shown["state"]) == (row["event_id"], "pending")


def test_retry_all(run: Run, api: FakeApi) -> None:
    """--all retries every dead event, or those that are chosen, and says how many."""
    for fault in ("gone", "exhausted", "exhausted"):
        api.events.add(**{**DEAD, "fault": fault})
    result = run("events", "retry", "--all", "--fault", "exhausted", "--limit", 1)
    assert (result.exit_code, result.stdout) == (0, "1 dead events are worked on again\n")
    assert json.loads(run("events", "retry", "--all", "--json").stdout) == {"retried": 2}
    run("events", "retry", "--all", "--user", EVENT["user_id"])
    assert api.events.bodies == [
        {"fault": "exhausted", "limit": 1}, {}, {"user_id": EVENT["user_id"]}]


@pytest.mark.parametrize("arguments", [
    [], [str(uuid.uuid4()), "--all"], [str(uuid.uuid4()), "--fault", "gone"], ["everything"],
    ["--all", "--limit", "0"], ["--fault", "gone"]])
def test_retry_of_what(run: Run, api: FakeApi, arguments: list[str]) -> None:
    """What is to be retried must be said, and said once, before anything is sent."""
    assert run("events", "retry", *arguments).exit_code == 2
    assert api.requests == []


def test_completeness(run: Run) -> None:
    """When everything is accounted for, the counts are shown and the exit code is 0."""
    result = run("events", "completeness")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "seen\t5", "classified\t3", "superseded\t1", "pending\t0", "dead\t1", "erased\t0",
        "unannounced\t0", "lying in the bucket\t1"]


def test_incomplete(run: Run, api: FakeApi) -> None:
    """While something waits the exit code is 1, and one line says how much."""
    api.events.completeness.update(pending=2, unannounced=3, complete=False)
    result = run("events", "completeness")
    assert (result.exit_code, result.stderr) == (
        1, "imgclass: 5 are still to be classified\n")


def test_differences(run: Run, api: FakeApi) -> None:
    """What does not add up is named, also as JSON."""
    api.events.completeness.update(
        adds_up=False, differences={"classified_without_image": 2})
    result = run("events", "completeness", "--json")
    assert result.exit_code == 1
    assert result.stderr == "imgclass: it does not add up: 2 classified without image\n"
    assert json.loads(result.stdout) == api.events.completeness


def test_events_need_the_role_admin(run: Run) -> None:
    """Another user's token is told what it lacks."""
    result = run("events", "list", "--token", token())
    assert (result.exit_code, result.stderr) == (
        4, "imgclass: This needs a token with the role admin. (status 403)\n")
