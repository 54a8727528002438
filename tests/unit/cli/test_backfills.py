"""`backfill start`, `show`, `list` and `cancel`."""
from __future__ import annotations

import json
import sys
import uuid
from datetime import datetime, timezone

import pytest

from imgclass.cli.backfills import progress
from imgclass.results.backfills import Backfill
from tests.command_line import Run
from tests.fakes.api import FakeApi, token
from tests.fakes.api_backfills import BROKEN, FakeBackfills
from tests.unit.cli.test_output import Terminal

USER = "6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11"


def started(api: FakeApi) -> str:
    """The id of the one backfill there is."""
    (backfill_id,) = api.backfills.rows
    return backfill_id


def test_start(run: Run, api: FakeApi) -> None:
    """A started backfill is told with its size and how to watch it; the command does not wait."""
    result = run("backfill", "start", "--model", "v2")
    assert result.stdout == (
        f"v2 classifies 5 pictures: imgclass backfill show {started(api)}\n")
    assert (result.exit_code, result.stderr) == (0, "")
    assert api.backfills.orders == [{"model_version": "v2", "filter": {}}]
    assert api.requests == ["POST /api/v1/backfills"]


def test_start_with_every_filter(run: Run, api: FakeApi) -> None:
    """Every option travels under the service's name; times are local and get their zone."""
    run("backfill", "start", "--model", "v2", "--from", "2026-01-31", "--to",
        "2026-02-01T12:30:00", "--class", "espresso", "--min-confidence", 0.25,
        "--max-confidence", 1, "--old-model", "v1", "--user", USER, "--rate", 5)
    (order,) = api.backfills.orders
    chosen = order["filter"]
    assert datetime.fromisoformat(chosen.pop("from")) == datetime(2026, 1, 31).astimezone()
    until = datetime.fromisoformat(chosen.pop("to"))
    assert until == datetime(2026, 2, 1, 12, 30).astimezone(timezone.utc)
    assert until.tzinfo is not None
    assert order == {"model_version": "v2", "pictures_per_second": 5.0, "filter": {
        "predicted_class": "espresso", "min_confidence": 0.25, "max_confidence": 1.0,
        "model_version": "v1", "user_id": USER}}


def test_start_and_wait(run: Run, api: FakeApi) -> None:
    """--wait stays until the backfill has ended and sums it up."""
    api.backfills.pace = 2
    result = run("backfill", "start", "--model", "v2", "--wait")
    assert result.stdout.splitlines() == [
        f"v2 classifies 5 pictures: imgclass backfill show {started(api)}",
        "done: 4 of 5 pictures classified, 1 failed"]
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(api.requests) == 3


def test_start_and_wait_as_json(run: Run, api: FakeApi) -> None:
    """--json prints the backfill alone, as it stands at the end."""
    running = json.loads(run("backfill", "start", "--model", "v2", "--json").stdout)
    assert (running["state"], running["total"]) == ("running", 5)
    done = json.loads(run("backfill", "start", "--model", "v2", "--wait", "--json").stdout)
    assert (done["state"], done["classified"], done["failed"]) == ("done", 4, 1)
    assert done["failures"] == [{"image_id": BROKEN, "reason": "Its object is gone."}]


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal sees how many pictures are through, and what the backfill waits for."""
    for name, value in {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "120"}.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    row = FakeBackfills().start({"model_version": "v2", "filter": {}})
    with progress(Backfill.from_document(row)) as update:
        update(Backfill.from_document({
            **row, "classified": 2, "failed": 1, "problem": "The [store] is away."}))
    assert "3/5" in terminal.text()
    assert "The [store] is away." in terminal.text()


def test_progress_is_silent_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets no progress bar."""
    backfill = Backfill.from_document(
        FakeBackfills().start({"model_version": "v2", "filter": {}}))
    with progress(backfill) as update:
        update(backfill)
    assert capsys.readouterr() == ("", "")


def test_wait_for_one_that_fails(run: Run, api: FakeApi) -> None:
    """A backfill that cannot go on ends the command with its problem and exit code 1."""
    api.backfills.problem = "Model version v2 is not ready."
    result = run("backfill", "start", "--model", "v2", "--wait")
    assert result.exit_code == 1
    assert result.stderr == (
        "imgclass: the backfill is failed: Model version v2 is not ready.\n")


def test_refused(run: Run) -> None:
    """What the service refuses is told in one line."""
    result = run("backfill", "start", "--model", "v9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "imgclass: model_version: there is no model version v9. (status 422)\n")


@pytest.mark.parametrize("options", [
    [], ["--model", "v2", "--rate", 0], ["--model", "v2", "--min-confidence", 1.5],
    ["--model", "v2", "--from", "yesterday"], ["--model", "v2", "--user", "ada"]])
def test_usage_errors(run: Run, api: FakeApi, options: list[object]) -> None:
    """An option that is missing or senseless is a usage error before anything is sent."""
    assert run("backfill", "start", *options).exit_code == 2
    assert api.requests == []


def test_show(run: Run, api: FakeApi) -> None:
    """A backfill is shown with its filter, its progress and the pictures that failed."""
    run("backfill", "start", "--model", "v2", "--old-model", "v1", "--wait")
    result = run("backfill", "show", started(api))
    assert [line.split("\t") for line in result.stdout.splitlines()] == [
        ["backfill", started(api)], ["model", "v2"], ["state", "done"], ["total", "5"],
        ["classified", "4"], ["failed", "1"], ["pictures a second", "20"],
        ["only model_version", "v1"], ["created", "2026-01-01T00:00:00+00:00"],
        ["finished", "2026-01-01T00:01:00+00:00"], [f"failed {BROKEN}", "Its object is gone."]]
    assert json.loads(run("backfill", "show", started(api), "--json").stdout)["filter"] == {
        "model_version": "v1"}


def test_show_a_problem(run: Run, api: FakeApi) -> None:
    """What is wrong with a backfill is shown."""
    run("backfill", "start", "--model", "v2")
    api.backfills.problem = "Model version v2 is not ready."
    lines = run("backfill", "show", started(api)).stdout.splitlines()
    assert "problem\tModel version v2 is not ready." in lines


def test_list(run: Run, api: FakeApi) -> None:
    """Backfills are listed, newest first, with their progress."""
    run("backfill", "start", "--model", "v2", "--wait")
    run("backfill", "start", "--model", "v2")
    done, running = api.backfills.rows
    assert run("backfill", "list").stdout.splitlines() == [
        f"2026-01-01T00:00:00+00:00\trunning\tv2\t5\t0\t0\t{running}",
        f"2026-01-01T00:00:00+00:00\tdone\tv2\t5\t4\t1\t{done}"]
    listed = json.loads(run("backfill", "list", "--json").stdout)
    assert [each["backfill_id"] for each in listed] == [running, done]


def test_cancel(run: Run, api: FakeApi) -> None:
    """A cancelled backfill is told with what it has done."""
    run("backfill", "start", "--model", "v2")
    result = run("backfill", "cancel", started(api))
    assert (result.exit_code, result.stdout) == (
        0, "cancelled: 0 of 5 pictures classified, 0 failed\n")
    assert json.loads(run("backfill", "cancel", started(api), "--json").stdout)["state"] == (
        "cancelled")


def test_cancel_too_late(run: Run, api: FakeApi) -> None:
    """One that has ended cannot be cancelled."""
    run("backfill", "start", "--model", "v2", "--wait")
    result = run("backfill", "cancel", started(api))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "imgclass: The backfill is done; only a running one can be cancelled. (status 409)\n")


def test_unknown(run: Run) -> None:
    """An id nobody knows is told, and what is no id is a usage error."""
    missing = uuid.uuid4()
    result = run("backfill", "show", missing)
    assert (result.exit_code, result.stderr) == (
        5, f"imgclass: There is no backfill {missing}. (status 404)\n")
    assert run("backfill", "cancel", "everything").exit_code == 2


def test_backfills_need_the_role_admin(run: Run) -> None:
    """Another user's token is told what it lacks."""
    result = run("backfill", "list", "--token", token())
    assert result.exit_code == 4
    assert result.stderr == (
        "imgclass: This needs a token with the role admin. (status 403)\n")
