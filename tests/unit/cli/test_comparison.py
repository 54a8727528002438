"""`models compare`, against the routes that answer it."""
from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import Result

from common.auth import Authenticator
from common.web import create_web_app
from imgclass.client import Client
from model_admin.insight.routes import create_routes
from model_admin.insight.service import VersionComparison
from tests import command_line, tokens
from tests.environments import settings
from tests.fakes.comparisons import Given, InMemoryComparisonReader
from tests.served import served

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.fixture
def reader() -> InMemoryComparisonReader:
    """Four pictures that v1 answered, with v2 as its shadow; one more of v1's, a day later."""
    reader = InMemoryComparisonReader("v1", "v2")
    for picture, says in enumerate(["cup", "cup", "espresso", "[red]dog"]):
        live = Given("v1", picture, NOON, "cup", 0.75, 12)
        reader.answers += [live, Given("v2", picture, NOON, says, 1.0, 7, "shadow", live)]
    reader.answers.append(Given("v1", 9, NOON + timedelta(days=1), "cup", 0.25, 6000))
    return reader


@pytest.fixture
def url(reader: InMemoryComparisonReader) -> Iterator[str]:
    """Where its answers are compared."""
    app = create_web_app(
        "model-admin", Authenticator(settings()), {}, 1000, CollectorRegistry())
    app.register_blueprint(create_routes(VersionComparison(reader)))
    with served(app) as address:
        yield address


def compare(url: str, *arguments: str, old: str = "v1", new: str = "v2") -> Result:
    return command_line.run("models", "compare", old, new, *arguments, "--url", url,
                            "--token", tokens.hs256(uuid.uuid4(), roles=["admin"]))


def test_tables(url: str) -> None:
    """Agreement, changes of class and both distributions; bins that are empty are left out."""
    result = compare(url)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "v1 and v2 have both answered 4 pictures; they agree on 2 of them, 50.00%",
        "",
        "cup\t[red]dog\t1",
        "cup\tespresso\t1",
        "",
        "in all\t5\t4",
        "live\t5\t0",
        "shadow\t0\t4",
        "backfill\t0\t0",
        "mean confidence\t0.6500\t1.0000",
        "confidence 0.2–0.3\t1\t0",
        "confidence 0.7–0.8\t4\t0",
        "confidence 0.9–1\t0\t4",
        "p50, ms\t12\t7",
        "p95, ms\t6000\t7",
        "p99, ms\t6000\t7",
        "ms 5–10\t0\t4",
        "ms 10–20\t4\t0",
        "ms 5000–\t1\t0"]


def test_no_pairs(url: str) -> None:
    """Without pairs there is no rate and no table of changes, but the distributions are shown."""
    lines = compare(url, "--basis", "canary").stdout.splitlines()
    assert lines[:3] == ["no picture was answered by both v1 and v2", "", "in all\t5\t0"]
    assert "mean confidence\t0.6500\t-" in lines
    assert "p50, ms\t12\t-" in lines


def test_times(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are those of the clock on the wall; the end is excluded."""
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "Etc/GMT-2")
            time.tzset()
            whole = compare(url, "--from", "2026-01-31 14:00:00", "--to", "2026-02-01 14:00:01")
            part = compare(url, "--from", "2026-01-31T14:00:00", "--to", "2026-02-01 14:00:00")
            none = compare(url, "--from", "2026-01-31T14:00:01", "--to", "2026-02-01")
    finally:
        time.tzset()
    assert [result.stdout.split("in all\t")[1].split("\n")[0] for result in (whole, part, none)
            ] == ["5\t4", "4\t4", "0\t0"]


def test_number_of_changes(url: str) -> None:
    """So many changes are shown as asked for."""
    assert "espresso" not in compare(url, "--changes", "1").stdout


def test_as_json(url: str) -> None:
    """--json prints the whole comparison."""
    document = json.loads(compare(url, "--basis", "shadow", "--json").stdout)
    assert (document["basis"], document["pictures"], document["agreed"]) == ("shadow", 4, 2)
    assert document["class_changes"][1] == {"old": "cup", "new": "espresso", "pictures": 1}
    assert (document["old"]["version"], document["new"]["version"]) == ("v1", "v2")
    assert document["new"]["confidences"][-1] == {"low": 0.9, "high": 1.0, "count": 4}


@pytest.mark.parametrize("wrong", [
    ("--basis", "guess"), ("--changes", "51"), ("--from", "yesterday")], ids=str)
def test_options_that_cannot_be_meant(url: str, wrong: tuple[str, str]) -> None:
    """What the service would refuse is a usage error."""
    assert compare(url, *wrong).exit_code == 2


def test_unknown_version(url: str) -> None:
    """What the service refuses is one line."""
    result = compare(url, new="v9")
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "imgclass: There is no model version v9. (status 404)\n"


def test_client(url: str) -> None:
    """The client gives the comparison as values; times keep their offset."""
    with Client(url, tokens.hs256(uuid.uuid4(), roles=["admin"])) as client:
        found = client.compare_models(
            "v1", "v2", since=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))),
            until=NOON + timedelta(hours=1))
    assert (found.since, found.until) == (NOON, NOON + timedelta(hours=1))
    assert (found.pictures, found.agreement_rate) == (4, 0.5)
    assert (found.old.answers, found.old.mean_confidence, found.old.p95_ms) == (4, 0.75, 12)
    assert found.new.by_kind == {"live": 0, "shadow": 4, "backfill": 0}
    assert found.new.latencies_ms[-1].high is None
