"""Checks from outside."""
from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import jwt
import pytest

from imgclass.client import Client
from imgclass.doctor.administration import check_administration
from imgclass.doctor.findings import Finding, State
from imgclass.doctor.service import check_access, check_address, check_health, check_token
from imgclass.embedded.ports import free_port
from tests.fakes.api import SECRET, FakeApi, Outage, token


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.fixture
def admin(api: FakeApi) -> Iterator[Client]:
    with Client(api.url, token(admin=True)) as client:
        yield client


def administration(client: Client) -> dict[str, Finding]:
    """The findings by their names."""
    return {each.check: each for each in check_administration(client)}


def test_address_that_listens() -> None:
    """A port that takes connections is an address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        finding = check_address(f"http://127.0.0.1:{server.getsockname()[1]}")
    assert finding.state is State.OK


def test_address_at_which_nothing_listens() -> None:
    """A stack of one's own that is down is to be started."""
    finding = check_address(f"http://127.0.0.1:{free_port()}")
    assert finding.state is State.FAILED
    assert "make up" in finding.mend


def test_host_that_nobody_knows() -> None:
    """A name that leads nowhere is to be looked at."""
    finding = check_address("https://service.invalid")
    assert finding.state is State.FAILED
    assert finding.said.startswith("nothing answers at service.invalid:443")
    assert "DNS" in finding.mend


def test_no_address() -> None:
    """What can be no address says how one looks."""
    finding = check_address("localhost")
    assert (finding.state, finding.mend) == (State.FAILED, "set IMGCLASS_URL to http://HOST:PORT")


def test_healthy(admin: Client) -> None:
    """A service that answers and has our time is healthy."""
    assert [each.state for each in check_health(admin)] == [State.OK, State.OK]


@pytest.mark.parametrize(("seconds", "state", "said"), [
    (10, State.WARNING, "ahead of ours"), (-10, State.WARNING, "behind ours"),
    (120, State.FAILED, "ahead of ours"), (-3600, State.FAILED, "behind ours")])
def test_clocks_that_differ(
    admin: Client, api: FakeApi, seconds: float, state: State, said: str
) -> None:
    """Clocks that differ a little are a warning; those that make tokens invalid are a failure."""
    api.seconds_ahead = seconds
    clock = [*check_health(admin)][1]
    assert clock.state is state
    assert said in clock.said
    assert "NTP" in clock.mend


def test_another_service(api: FakeApi) -> None:
    """A page that is not the service's says that the address is wrong."""
    with Client(f"{api.url}/another-service", token()) as client:
        health, clock = check_health(client)
    assert (health.state, clock.state) == (State.FAILED, State.SKIPPED)
    assert "is the address right" in health.said
    assert "IMGCLASS_URL" in health.mend


@pytest.mark.parametrize(("claims", "state", "said"), [
    ({"exp": 1000 + 7200}, State.OK, "the token is valid for another 2:00:00"),
    ({"exp": 1000 + 60}, State.WARNING, "the token expires in 0:01:00"),
    ({"exp": 1000 - 60}, State.FAILED, "the token has expired 0:01:00 ago"),
    ({"exp": 5000, "nbf": 1060}, State.FAILED, "the token is valid in 0:01:00"),
    ({}, State.FAILED, "the token does not say when it expires")], ids=str)
def test_token(claims: dict[str, int], state: State, said: str) -> None:
    """A token tells for how long it is valid."""
    text = jwt.encode({"iss": "imgclass", "sub": "ada", **claims}, SECRET)
    finding = check_token(text, lambda: 1000.0)
    assert (finding.state, finding.said) == (state, said)
    assert bool(finding.mend) == (state is not State.OK)


def test_no_token() -> None:
    """What is no token is to be replaced by one."""
    assert check_token("opaque").state is State.FAILED


def test_access(admin: Client) -> None:
    """A token that the service takes leads to the history."""
    finding = check_access(admin)
    assert (finding.state, finding.said) == (
        State.OK, "the service takes the token; you have 0 predictions")


def test_token_that_the_service_does_not_take(api: FakeApi) -> None:
    """A refusal is told in the service's words, with how to get another token."""
    foreign = jwt.encode(
        {"iss": "imgclass", "sub": "ada", "exp": int(time.time()) + 600}, "another secret" * 3)
    with Client(api.url, foreign) as client:
        finding = check_access(client)
    assert (finding.state, finding.said) == (
        State.FAILED, "The token is not valid here. (status 401)")
    assert "imgclass token" in finding.mend


def test_database_that_is_away(admin: Client, api: FakeApi) -> None:
    """A service that lacks something says where to look."""
    api.outage = Outage(503, times=9, retry_after="0")
    finding = check_access(admin)
    assert finding.state is State.FAILED
    assert "/_/ready" in finding.mend


def test_model(admin: Client, api: FakeApi) -> None:
    """Without an active model the next step depends on what there is."""
    assert administration(admin)["model"].mend == "imgclass models push DIR --activate"
    api.models["v2"] = model = {
        "version": "v2", "name": "tiny", "state": "ready", "is_active": False, "digest": "",
        "twin_digest": None, "size_bytes": 1, "created_at": "2026-01-01T00:00:00Z",
        "validated_at": None, "activated_at": None}
    assert administration(admin)["model"].mend == "imgclass models activate v2"
    model["is_active"] = True
    assert administration(admin)["model"].said == "v2 is active"


def test_notifications(admin: Client, api: FakeApi) -> None:
    """Uploads that only the sweep has found mean that no notification comes."""
    assert administration(admin)["notification"].state is State.SKIPPED
    api.events.add()
    assert administration(admin)["notification"].state is State.OK
    api.events.add(announced_by="sweep")
    finding = administration(admin)["notification"]
    assert finding.state is State.WARNING
    assert finding.said.startswith("of the latest 2 uploads the sweep has found 1")


def test_uploads(admin: Client, api: FakeApi) -> None:
    """Uploads that were given up are a warning, those that do not add up a failure."""
    assert administration(admin)["uploads"].state is State.WARNING
    api.events.completeness["dead"] = 0
    assert administration(admin)["uploads"].state is State.OK
    api.events.completeness.update(adds_up=False, differences={"lost": 2})
    finding = administration(admin)["uploads"]
    assert (finding.state, finding.said) == (State.FAILED, "the uploads do not add up: 2 lost")


def test_webhooks(admin: Client, api: FakeApi) -> None:
    """A receiver that fails is named with its reason and what to do."""
    assert administration(admin)["webhooks"].state is State.SKIPPED
    webhook = admin.add_webhook("https://example.org/hook")
    webhook_id = str(webhook.webhook_id)
    assert administration(admin)["webhooks"].state is State.OK
    api.webhooks.fail(webhook_id)
    finding = administration(admin)["webhooks"]
    assert (finding.state, finding.said) == (
        State.FAILED, "https://example.org/hook has failed 1 times in a row: It answered 500.")
    api.webhooks.rows[webhook_id].update(failures=0)
    retry = f"imgclass webhooks retry {webhook.webhook_id}"
    assert administration(admin)["webhooks"].mend == retry


def test_without_the_role(api: FakeApi) -> None:
    """Who is no administrator is told what was not checked."""
    with Client(api.url, token()) as client:
        findings = administration(client)
    assert {each.state for each in findings.values()} == {State.SKIPPED}


def test_administration_that_is_away(admin: Client, api: FakeApi) -> None:
    """A function that does not answer fails its checks, and each is still made."""
    api.outage = Outage(500, times=99)
    assert {each.state for each in administration(admin).values()} == {State.FAILED}
