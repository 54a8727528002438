"""Checking an archive on its author's machine."""
from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from common.config import Settings
from model_admin.authoring import check
from tests import archives


def test_limits_are_the_services() -> None:
    """The limits are those of a service that is not configured otherwise."""
    defaults = {field.name: field.metadata["default"] for field in fields(Settings)}
    assert check.MAX_BYTES == int(defaults["max_model_bytes"])
    assert check.TIMEOUT_SECONDS == float(defaults["validation_timeout_seconds"])


def test_broken_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the registry refuses at once is refused with its words, and with exit code 1."""
    path = tmp_path / "model.zip"
    path.write_bytes(archives.archive(labels={"file": "labels.txt", "count": 5}))
    assert check.main(str(path)) == 1
    assert json.loads(capsys.readouterr().out) == {
        "state": "rejected",
        "report": {"reason": "labels.txt has 3 lines, but $.labels.count says 5."}}


def test_damaged_graph(tmp_path: Path) -> None:
    """What the validation refuses is rejected, and told with what the archive is."""
    path = tmp_path / "model.zip"
    path.write_bytes(archives.archive())
    verdict = check.check(path)
    assert verdict["state"] == "rejected"
    assert verdict["report"] == {"reason": "saved_model.pb is damaged."}
    assert (verdict["version"], verdict["manifest"]["name"]) == ("v1", "tiny")
    assert verdict["size_bytes"] == path.stat().st_size


def test_validation_without_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A validation that is cut off is a rejection, as the service has it in the end."""
    monkeypatch.setattr(check, "TIMEOUT_SECONDS", 0.01)
    path = tmp_path / "model.zip"
    path.write_bytes(archives.archive())
    assert check.check(path)["report"] == {"reason": "It took longer than 0.01 seconds."}
