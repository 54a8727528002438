"""JSON logs, to stdout and to a file where there can be one."""
from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g

from common import logs
from tests.root_logger import untouched_root_logger


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Give the root logger its handlers and level back."""
    with untouched_root_logger():
        yield


def written(capsys: pytest.CaptureFixture[str]) -> str:
    """What has come to stdout."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    return capsys.readouterr().out


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_records_are_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each record is one JSON object with time, level, logger, function and what was added."""
    logs.configure("probe", "INFO", tmp_path)
    logging.getLogger("a.b").info('said "%s"\nand more', "ü", extra={"status": 200})
    (record,) = lines(written(capsys))
    assert record["message"] == 'said "ü"\nand more'
    assert (record["level"], record["logger"]) == ("INFO", "a.b")
    assert (record["function"], record["status"]) == ("probe", 200)
    assert datetime.fromisoformat(record["time"]).utcoffset() == timedelta(0)


def test_records_are_written_to_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the folder can be written, or made, the same lines go to a file as well."""
    logs.configure("probe", "INFO", tmp_path / "not" / "there yet")
    logging.getLogger().warning("hello")
    printed = written(capsys)
    kept = (tmp_path / "not" / "there yet" / "probe.jsonl").read_text(encoding="utf-8")
    assert kept == printed
    assert lines(kept)[0]["message"] == "hello"


def test_falls_back_to_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the folder cannot be written, stdout gets everything and says why it is alone."""
    (tmp_path / "file").write_text("no folder")
    logs.configure("probe", "INFO", tmp_path / "file" / "logs")
    logging.getLogger().info("hello")
    first, second = lines(written(capsys))
    assert first["message"].startswith("no log file: ")
    assert second["message"] == "hello"


def test_request_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While a request is served, every record carries its id, whoever wrote it."""
    logs.configure("probe", "INFO", tmp_path)
    with Flask("probe").test_request_context("/"):
        g.request_id = "id-1"
        logging.getLogger("some.library").info("inside")
    logging.getLogger("some.library").info("outside")
    inside, outside = lines(written(capsys))
    assert inside["request_id"] == "id-1"
    assert "request_id" not in outside


def test_tracebacks_stay_on_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An exception with its traceback is part of the one JSON object."""
    logs.configure("probe", "INFO", tmp_path)
    try:
        raise ValueError("broken")
    except ValueError as error:
        logging.getLogger().error("it failed", exc_info=error)
    (record,) = lines(written(capsys))
    assert "ValueError: broken" in record["exc_info"]


def test_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Records below the level are dropped."""
    logs.configure("probe", "WARNING", tmp_path)
    logging.getLogger().info("quiet")
    logging.getLogger().warning("loud")
    assert [record["message"] for record in lines(written(capsys))] == ["loud"]


def test_libraries_are_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The S3 client's records of every request, headers and all, are never written."""
    logs.configure("probe", "DEBUG", tmp_path)
    logging.getLogger("botocore.endpoint").debug("Authorization: hidden")
    logging.getLogger("mine").debug("shown")
    assert [record["message"] for record in lines(written(capsys))] == ["shown"]


def test_files_rotate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Log files are bounded in size and number."""
    monkeypatch.setattr(logs, "FILE_BYTES", 2000)
    logs.configure("probe", "INFO", tmp_path)
    for number in range(200):
        logging.getLogger().info("record %d", number)
    written(capsys)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["probe.jsonl"] + [
        f"probe.jsonl.{number}" for number in range(1, logs.FILES_KEPT + 1)]
    assert all(path.stat().st_size <= 2000 for path in tmp_path.iterdir())
