"""`history` and `show`."""
from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from tests.command_line import Run
from tests.fakes.api import JPEG, FakeApi

WEBP = b"RIFF....WEBP and so on"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures."""
    (tmp_path / "a.jpg").write_bytes(JPEG)
    (tmp_path / "b.webp").write_bytes(WEBP)
    return tmp_path


def test_history(run: Run, folder: Path, api: FakeApi) -> None:
    """The newest prediction comes first, with time, class, confidence and id."""
    run("classify", folder)
    result = run("history")
    newest, oldest = api.predictions
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"2026-01-01T00:00:01+00:00\ttabby\t0.9375\t{newest['prediction_id']}",
        f"2026-01-01T00:00:00+00:00\tespresso\t0.9375\t{oldest['prediction_id']}"]


def test_history_pages_and_filters(run: Run, folder: Path) -> None:
    """Page, limit, class and confidence reach the service."""
    run("classify", folder)
    second = run("history", "--page", 2, "--limit", 1)
    assert second.stdout.split("\t")[1] == "espresso"
    assert run("history", "--class", "tabby").stdout.count("\n") == 1
    assert run("history", "--min-confidence", 0.99).stdout == ""


def test_history_as_json(run: Run, folder: Path) -> None:
    """--json prints the page with its totals."""
    run("classify", folder)
    page = json.loads(run("history", "--limit", 1, "--json").stdout)
    assert (page["total"], page["limit"], len(page["predictions"])) == (2, 1, 1)
    assert page["predictions"][0]["created_at"] == "2026-01-01T00:00:01+00:00"


@pytest.mark.parametrize("wrong", [
    ("--page", 0), ("--limit", 101), ("--min-confidence", 1.5)])
def test_history_options_out_of_range(run: Run, api: FakeApi, wrong: tuple[str, float]) -> None:
    """What the service would refuse is a usage error before anything is sent."""
    assert run("history", *wrong).exit_code == 2
    assert api.requests == []


def test_history_sends_every_filter(run: Run, api: FakeApi) -> None:
    """Each filter travels under the name that the service gives it."""
    user = str(uuid.uuid4())
    assert run(
        "history", "--class", "cup", "--min-confidence", 0.5, "--model", "v1", "--source",
        "bucket", "--from", "2026-01-02T03:04:05", "--to", "2026-02-01", "--user", user
    ).exit_code == 0
    asked = api.queries[-1]
    assert {name: asked[name] for name in (
        "predicted_class", "min_confidence", "model_version", "source", "user_id")} == {
        "predicted_class": "cup", "min_confidence": "0.5", "model_version": "v1",
        "source": "bucket", "user_id": user}
    assert asked["from"].startswith("2026-01-02T03:04:05")
    assert asked["to"].startswith("2026-02-01T00:00:00")


def test_whole_history(run: Run, api: FakeApi, me: str) -> None:
    """--all goes through all pages, each prediction once."""
    for _ in range(201):
        api.remember(me, "espresso", str(uuid.uuid4()))
    result = run("history", "--all")
    assert [line.split("\t")[-1] for line in result.stdout.splitlines()] == [
        each["prediction_id"] for each in api.predictions]
    assert api.requests == ["GET /api/v1/predictions"] * 3


def test_whole_history_as_json(run: Run, folder: Path) -> None:
    """--all --json prints one list, also of nothing."""
    assert json.loads(run("history", "--all", "--json").stdout) == []
    run("classify", folder)
    found = json.loads(run("history", "--all", "--json").stdout)
    assert [each["predicted_class"] for each in found] == ["tabby", "espresso"]


def test_whole_history_has_no_pages(run: Run, api: FakeApi) -> None:
    """A page of everything is a usage error."""
    assert run("history", "--all", "--page", 2).exit_code == 2
    assert api.requests == []


def test_show(run: Run, folder: Path, api: FakeApi) -> None:
    """A prediction is shown with picture, model, engine and all digests in full."""
    run("classify", folder / "a.jpg")
    stored = api.predictions[0]
    result = run("show", stored["prediction_id"])
    assert (result.exit_code, result.stderr) == (0, "")
    shown = dict(line.split("\t") for line in result.stdout.splitlines())
    assert shown == {
        "prediction": stored["prediction_id"], "answer": "espresso 0.9375",
        "class 1": "espresso 0.9375", "created": "2026-01-01T00:00:00+00:00", "took": "12 ms",
        "came by": "http", "request": "request-1", "picture": stored["image_id"],
        "picture's SHA-256": "4" * 64, "owner": stored["user_id"], "model": "v1",
        "model digest": "1" * 64, "engine": "litert", "twin digest": "2" * 64,
        "preprocessing digest": "3" * 64}


def test_show_with_feedback(run: Run, folder: Path, api: FakeApi) -> None:
    """What somebody said of a prediction is shown with it."""
    run("classify", folder / "a.jpg")
    prediction_id = api.predictions[0]["prediction_id"]
    run("feedback", prediction_id, "cup", "--comment", "the one in front")
    shown = run("show", prediction_id).stdout
    assert "feedback\tit is cup\ncomment\tthe one in front\n" in shown
    run("feedback", prediction_id, "espresso")
    assert "feedback\tconfirmed\n" in run("show", prediction_id).stdout


def test_show_as_json(run: Run, folder: Path, api: FakeApi) -> None:
    """--json prints the lineage with the names of its fields."""
    run("classify", folder / "a.jpg")
    found = json.loads(run("show", api.predictions[0]["prediction_id"], "--json").stdout)
    assert (found["model_version"], found["engine"], found["feedback"]) == ("v1", "litert", None)


def test_show_of_what_is_not_there(run: Run) -> None:
    """An id nobody knows has an exit code of its own, and what is no id is a usage error."""
    result = run("show", uuid.uuid4())
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "imgclass: There is no such prediction. (status 404)\n"
    assert run("show", "latest").exit_code == 2
