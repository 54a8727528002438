"""docs/webhooks.md: its example is what is sent, its lines of Python and its commands work."""
from __future__ import annotations

import json
import re
import shlex
import time
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from predict.outbox.envelope import as_cloud_event
from predict.outbox.repository import Delivery
from predict.outbox.signing import sign
from tests.command_line import Run
from tests.fakes.api import FakeApi

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text("utf-8")
COMMANDS = re.findall(r"^    imgclass (webhooks .+)$", PAGE, re.M)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def block(language: str) -> str:
    """The one block of code in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)
    return str(found)


def test_example() -> None:
    """The example is what is sent of such an event, to the letter."""
    example = json.loads(block("json"))
    delivery = Delivery(
        uuid.uuid4(), uuid.uuid4(), uuid.UUID(example["id"]), example["type"],
        example["subject"], example["data"],
        datetime.fromisoformat(example["time"].replace("Z", "+00:00")), 0)
    headers, body = as_cloud_event(delivery, {})
    assert json.loads(body) == example
    assert headers == {"content-type": "application/cloudevents+json"}


def test_verification() -> None:
    """The lines of Python take what is genuine, and nothing forged, altered or old."""
    names: dict[str, Any] = {}
    exec(block("python"), names)
    is_genuine = names["is_genuine"]
    now, body = int(time.time()), b'{"data": 1}'
    headers = sign(SECRET, "id-1", now, body)
    assert is_genuine(SECRET, headers, body)
    assert not is_genuine(SECRET, headers, body + b" ")
    assert not is_genuine(SECRET, {**headers, "webhook-id": "id-2"}, body)
    assert not is_genuine("whsec_" + "A" * 32, headers, body)
    assert not is_genuine(SECRET, sign(SECRET, "id-1", now - 400, body), body)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(run: Run, api: FakeApi, command: str) -> None:
    """Each command succeeds when its placeholders are filled in."""
    webhook_id = str(api.webhooks.add({"url": "https://a.example"})["webhook_id"])
    filled = command.replace("WEBHOOK_ID", webhook_id).replace(
        "DELIVERY_ID", api.webhooks.fail(webhook_id))
    result = run(*shlex.split(filled))
    assert (result.exit_code, result.stderr) == (0, "")


def test_there_are_commands() -> None:
    """The commands were found, every one there is."""
    assert {command.split()[1] for command in COMMANDS} == {
        "add", "list", "show", "remove", "deliveries", "retry"}
