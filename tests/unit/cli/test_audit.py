"""`audit`."""
from __future__ import annotations

import json
import uuid

from tests.command_line import Run
from tests.fakes.api import FakeApi, token
from tests.fakes.api_privacy import LINE

ADA = LINE["actor"]


def test_lines(run: Run, api: FakeApi) -> None:
    """Lines are listed, newest first: when, who, from where, what, to what, and more."""
    api.privacy.add_line()
    api.privacy.add_line(
        actor=None, action="login.refused", subject="GET /api/v1/models", detail={},
        remote_address=None)
    result = run("audit")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "2026-01-01T00:00:00+00:00\t-\t-\tlogin.refused\tGET /api/v1/models\t-",
        f'2026-01-01T00:00:00+00:00\t{ADA}\t192.0.2.7\tmodel.activate\tv1\t'
        '{"previous": null}']


def test_filters(run: Run, api: FakeApi) -> None:
    """Actor, action, subject and time reach the service."""
    api.privacy.add_line()
    api.privacy.add_line(
        action="image.delete", actor=str(uuid.uuid4()), subject="7", at="2026-02-01T00:00:00Z")
    for arguments, count in (
            (["--actor", ADA], 1), (["--action", "image."], 1), (["--action", "image"], 0),
            (["--subject", "v1"], 1), (["--from", "2026-01-15"], 1), (["--to", "2026-01-15"], 1),
            ([], 2)):
        assert run("audit", *arguments).stdout.count("\n") == count, arguments


def test_beyond_a_page(run: Run, api: FakeApi) -> None:
    """--limit may be more than a page of the service has, and no page is fetched in vain."""
    for _ in range(250):
        api.privacy.add_line()
    shown = json.loads(run("audit", "--limit", 120, "--json").stdout)
    assert [line["audit_id"] for line in shown] == list(range(250, 130, -1))
    assert api.requests == ["GET /api/v1/audit"] * 2


def test_nothing_is_sent_to_the_terminal(run: Run, api: FakeApi) -> None:
    """What an attacker put into a request is shown, not obeyed."""
    api.privacy.add_line(subject="GET /\x1b[2J", detail={"reasons": {"\x1b]0;x": 1}})
    assert "\x1b" not in run("audit").stdout


def test_needs_the_role_admin(run: Run) -> None:
    """Another user's token is told what it lacks."""
    result = run("audit", "--token", token())
    assert (result.exit_code, result.stderr) == (
        4, "imgclass: This needs a token with the role admin. (status 403)\n")
