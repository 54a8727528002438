"""The commands of /docs, run as they stand."""
from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgclass.embedded.stack import Stack
from scripts.reference.compose import compose
from scripts.reference.samples import sample
from tests.e2e.access import settings_of, token_of
from tests.servers import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")

# Run after all others, and not on what others use. Registering a model takes long and is tried
# elsewhere; the rest would have to be preceded by a failure.
LAST = ("removeWebhook", "deleteImage", "deleteUser", "deleteMe")
NOT_RUN = {"registerModel"}
REFUSED = {
    "activateModel": {"200", "409"}, "deactivateModel": {"404"}, "rollBack": {"409"},
    "setTraffic": {"409"}, "deleteModel": {"409"}, "compareModels": {"404", "409"},
    "showUpload": {"200"}, "cancelBackfill": {"200", "409"}, "showEvent": {"404"},
    "retryEvent": {"404"}, "retryDelivery": {"404"}}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    found = [(path, method, operation) for path, methods in compose()["paths"].items()
             for method, operation in methods.items()]
    yield from (each for each in found if each[2]["operationId"] not in {*LAST, *NOT_RUN})
    for name in LAST:
        yield from (each for each in found if each[2]["operationId"] == name)


def test_every_command(stack: Stack, tmp_path: Path) -> None:
    """Each gets an answer that is described, and where nothing has to fail first, a good one."""
    token, user_id = token_of(stack, "reader@example.com", admin=True)
    picture = ROOT / "examples/pictures/coffee.jpg"
    addresses = {name: f"http://{each}" for name, each in stack.functions.addresses().items()}
    shell = {
        "PATH": "/usr/bin:/bin", "IMGCLASS_URL": stack.gateway.url, "TOKEN": token,
        "EVENTS_TOKEN": settings_of(stack).events_token, "USER_ID": user_id,
        "OTHER_VERSION": "v2", "PICTURE": str(picture), "NAME": "efficientnet-lite0",
        "ENCODED_PICTURE": base64.b64encode(picture.read_bytes()).decode(),
        "RECEIVER": "sink", "EVENT_ID": user_id, "DELIVERY_ID": user_id}
    tried = 0
    for path, method, operation in operations():
        name = operation["operationId"]
        shell["FUNCTION_URL"] = addresses["history" if "erasures" in path else "predict"]
        shell["VERSION"] = "none" if name == "deactivateModel" else "v1"  # others need it active
        command = sample(path, method, operation)
        output = "" if "--output" in command else "--output answer"
        done = subprocess.run(
            ["bash", "-c", f"{command} --silent {output} --write-out '%{{http_code}}'"],
            cwd=tmp_path, env=shell, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
        status = done.stdout
        assert status in operation["responses"], (name, status)
        assert status in REFUSED.get(name, {"200", "201", "202", "204"}), (name, status)
        if status in ("200", "201", "202") and output:
            shell |= _ids((tmp_path / "answer").read_text(encoding="utf-8"))
        tried += 1
    assert tried >= 40


def _ids(answer: str) -> dict[str, str]:
    """What an answer names, as variables for the commands that follow."""
    document = json.loads(answer)
    return {name.upper(): document[name] for name in (
        "prediction_id", "image_id", "upload_id", "webhook_id", "backfill_id")
        if document.get(name)}
