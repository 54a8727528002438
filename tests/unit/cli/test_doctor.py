"""`doctor`."""
from __future__ import annotations

import json

import pytest

from imgclass.embedded.ports import free_port
from tests.command_line import Run
from tests.fakes.api import FakeApi, token


@pytest.fixture
def healthy(api: FakeApi) -> FakeApi:
    """A service at which nothing is wrong."""
    api.models["v1"] = {
        "version": "v1", "name": "tiny", "state": "ready", "is_active": True, "digest": "",
        "twin_digest": None, "size_bytes": 1, "created_at": "2026-01-01T00:00:00Z",
        "validated_at": None, "activated_at": None}
    return api


def test_nothing_is_wrong(run: Run, healthy: FakeApi) -> None:
    """Each check is a line, and the exit code is 0."""
    result = run("doctor")
    assert (result.exit_code, result.stderr) == (0, "")
    states = {line.split("\t")[0]: line.split("\t")[1] for line in result.stdout.splitlines()}
    assert states == {
        "address": "ok", "stack": "skipped", "health": "ok", "clock": "ok", "token": "warning",
        "access": "ok", "model": "ok", "notification": "skipped", "uploads": "warning",
        "webhooks": "skipped"}


def test_failure(run: Run, healthy: FakeApi) -> None:
    """A check that fails says how to mend it, and the exit code is 1."""
    healthy.seconds_ahead = 3600
    result = run("doctor", "--json")
    assert result.exit_code == 1
    (failure,) = [each for each in json.loads(result.stdout) if each["state"] == "failed"]
    assert failure["check"] == "clock"
    assert "timedatectl" in failure["mend"]


def test_service_that_is_down(run: Run) -> None:
    """What cannot be asked is not asked."""
    result = run("doctor", "--url", f"http://127.0.0.1:{free_port()}", "--json")
    assert result.exit_code == 1
    assert [each["check"] for each in json.loads(result.stdout)] == ["address", "stack"]


def test_expired_token(run: Run, healthy: FakeApi) -> None:
    """A token that has expired fails twice: by what it says, and by what the service says."""
    found = json.loads(run("doctor", "--token", token(lifetime=-60), "--json").stdout)
    assert [each["check"] for each in found if each["state"] == "failed"] == [
        "token", "access"]


def test_no_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any token that is what fails."""
    monkeypatch.delenv("IMGCLASS_TOKEN")
    found = json.loads(run("doctor", "--json").stdout)
    assert [each["check"] for each in found if each["state"] == "failed"] == ["token"]


def test_no_address(run: Run) -> None:
    """What can be no address is the only finding."""
    (found,) = json.loads(run("doctor", "--url", "nowhere", "--json").stdout)
    assert (found["check"], found["state"]) == ("address", "failed")


def test_malformed_setting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that cannot be understood is named in one line."""
    monkeypatch.setenv("API_PORT", "http")
    result = run("doctor")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
