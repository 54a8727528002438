"""`feedback` and `uncertain`."""
from __future__ import annotations

import json
import uuid

import pytest

from tests.command_line import Run
from tests.fakes.api import FakeApi


@pytest.fixture
def prediction_id(api: FakeApi, me: str) -> str:
    """The older of two predictions."""
    stored = api.remember(me, "espresso", str(uuid.uuid4()))
    api.remember(me, "tabby", str(uuid.uuid4()))
    return str(stored["prediction_id"])


def test_feedback(run: Run, api: FakeApi, prediction_id: str) -> None:
    """Label and comment reach the service, and the label is told."""
    result = run("feedback", prediction_id, "cup", "--comment", "the one in front")
    assert (result.exit_code, result.stdout) == (0, f"{prediction_id} is cup\n")
    said = api.feedback.said[prediction_id]
    assert (said["label"], said["comment"]) == ("cup", "the one in front")


def test_feedback_as_json(run: Run, prediction_id: str) -> None:
    """--json prints what is kept, and null once it is taken back."""
    said = json.loads(run("feedback", prediction_id, "cup", "--json").stdout)
    assert (said["label"], said["comment"]) == ("cup", None)
    assert json.loads(run("feedback", prediction_id, "--remove", "--json").stdout) is None


def test_feedback_taken_back(run: Run, api: FakeApi, prediction_id: str) -> None:
    """--remove leaves nothing of it."""
    run("feedback", prediction_id, "cup")
    result = run("feedback", prediction_id, "--remove")
    assert (result.exit_code, result.stdout) == (0, f"{prediction_id} is without feedback\n")
    assert api.feedback.said == {}


def test_unknown_label(run: Run, prediction_id: str) -> None:
    """A label that the model does not have is refused in the service's words."""
    result = run("feedback", prediction_id, "a cup")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "imgclass: label must be one of the classes of model version v1. (status 400)\n")


@pytest.mark.parametrize("arguments", [(), ("cup", "--remove")], ids=str)
def test_label_or_remove(run: Run, api: FakeApi, arguments: tuple[str, ...]) -> None:
    """Neither a label nor --remove is a usage error, and so are both."""
    assert run("feedback", uuid.uuid4(), *arguments).exit_code == 2
    assert api.requests == []


def test_uncertain(run: Run, api: FakeApi, prediction_id: str) -> None:
    """What is worth asking about comes least certain first, without what was answered."""
    newest = api.predictions[0]["prediction_id"]
    assert run("uncertain").stdout.splitlines() == [
        f"0.0000\ttabby\t0.9375\t{newest}", f"0.1250\tespresso\t0.9375\t{prediction_id}"]
    run("feedback", newest, "tabby")
    found = json.loads(run("uncertain", "--json", "--limit", 5).stdout)
    assert [each["prediction_id"] for each in found] == [prediction_id]
