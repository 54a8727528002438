"""POST /: anybody may remind predict of its inbox, and nobody makes it work more than is due."""
from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry

from common.auth import Authenticator
from common.errors import StoreUnavailable
from common.web import create_web_app
from predict.inbox import cron
from predict.inbox.sweep import COMPARE_SECONDS, DAYS, SweepReport
from tests import tokens
from tests.environments import settings
from tests.fakes.clock import FakeClock

SECONDS = 30.0


class Duties:
    """What the inbox was asked to do, in order; `held` lets a sweep end."""

    def __init__(self) -> None:
        self.done: list[tuple[str, float]] = []
        self.store_down = False
        self.held = threading.Event()
        self.held.set()

    def sweep(self, days: int) -> SweepReport | None:
        if self.store_down:
            raise StoreUnavailable("No answer from the bucket.")
        self.done.append(("sweep", days))
        self.held.wait(10)
        return SweepReport(3, 2, None)

    def drain(self, seconds: float) -> dict[str, int]:
        self.done.append(("drain", seconds))
        return {"classified": 2, "pending": 1}


@pytest.fixture
def duties() -> Duties:
    return Duties()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def client(duties: Duties, clock: FakeClock) -> FlaskClient:
    """predict as far as cron-connector knows it."""
    app = create_web_app(
        "predict", Authenticator(settings()), {}, 1000, CollectorRegistry(),
        open_paths=frozenset({cron.PATH}))
    app.register_blueprint(cron.create_routes(
        cron.Rounds(duties, SECONDS, clock.monotonic)))
    return app.test_client()


def test_call_without_a_token(client: FlaskClient, duties: Duties) -> None:
    """What cron-connector sends, an empty body and two headers, sweeps and drains."""
    answer = client.post("/", headers={
        "X-Topic": "cron-function", "X-Connector": "cron-connector"})
    assert (answer.status_code, answer.json) == (200, {"skipped": False})
    assert duties.done == [("sweep", DAYS), ("drain", cron.DRAIN_SECONDS)]


def test_call_too_early(client: FlaskClient, duties: Duties, clock: FakeClock) -> None:
    """However often somebody calls, there is one round in so many seconds."""
    assert [client.post("/").json for _ in range(5)] == [
        {"skipped": False}, *[{"skipped": True}] * 4]
    clock.sleep(SECONDS - 1)
    assert client.post("/").json == {"skipped": True}
    clock.sleep(1)
    assert client.post("/").json == {"skipped": False}
    assert len(duties.done) == 4


def test_calls_at_once(client: FlaskClient, duties: Duties) -> None:
    """Who calls while a round is being made does not wait for it."""
    duties.held.clear()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(client.application.test_client().post, "/")
        try:
            while not duties.done:
                assert not first.done()
            assert client.post("/").json == {"skipped": True}
        finally:
            duties.held.set()
        assert first.result().json == {"skipped": False}


def test_pictures_and_rows_are_compared_now_and_then(
    client: FlaskClient, duties: Duties, clock: FakeClock,
) -> None:
    """The first round compares pictures with their rows, and then one an hour."""
    for pause in (SECONDS, SECONDS, COMPARE_SECONDS - 2 * SECONDS, SECONDS):
        client.post("/")
        clock.sleep(pause)
    assert [days for what, days in duties.done if what == "sweep"] == [DAYS, 0, 0, DAYS]


def test_outage(client: FlaskClient, duties: Duties, clock: FakeClock) -> None:
    """A store that does not answer is told to the caller, and not asked again at once."""
    duties.store_down = True
    assert [client.post("/").status_code for _ in range(2)] == [503, 200]
    duties.store_down = False
    clock.sleep(SECONDS)
    assert client.post("/").json == {"skipped": False}


def test_nothing_else_is_open(client: FlaskClient) -> None:
    """The open path is that path alone."""
    client.application.add_url_rule("/other", view_func=lambda: "secret")
    assert client.get("/other").status_code == 401
    assert client.get("/").status_code == 405


def test_closed_unless_asked_for(client: FlaskClient) -> None:
    """An application that opens no path has none at its root."""
    app = create_web_app("probe", Authenticator(settings()), {}, 1000, CollectorRegistry())
    app.add_url_rule("/", view_func=lambda: "secret", methods=["POST"])
    assert app.test_client().post("/").status_code == 401
    assert app.test_client().post("/", headers=tokens.bearer("user")).status_code == 200
