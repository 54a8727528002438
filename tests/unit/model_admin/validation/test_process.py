"""Which of two twins is served when the child is done."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_admin.validation.process import settle

CRASH = "It took longer than 600 seconds."


@pytest.fixture
def twin(tmp_path: Path) -> Path:
    """A float32 twin beside an int8 one."""
    (tmp_path / "int8.tflite").write_bytes(b"int8")
    path = tmp_path / "twin.tflite"
    path.write_bytes(b"float32")
    return path


def settled(twin: Path, accepted: bool, crash: str | None) -> tuple[bytes, dict[str, Any]]:
    """What is served, and the report on it."""
    report = {"twin": {"kind": "float32"}, "quantize": {"accepted": accepted, "mode": "int8"}}
    settle(report, crash, twin, twin.with_name("int8.tflite"))
    return twin.read_bytes(), report


def test_accepted(twin: Path) -> None:
    """An accepted int8 twin takes the place of the other one."""
    assert settled(twin, True, None) == (b"int8", {
        "twin": {"kind": "int8"}, "quantize": {"accepted": True, "mode": "int8"}})


def test_refused(twin: Path) -> None:
    """A refused one does not."""
    assert settled(twin, False, None) == (b"float32", {
        "twin": {"kind": "float32"}, "quantize": {"accepted": False, "mode": "int8"}})


@pytest.mark.parametrize("accepted", [True, False])
def test_crash(twin: Path, accepted: bool) -> None:
    """Nothing that a child said before it crashed speaks for an int8 twin."""
    assert settled(twin, accepted, CRASH) == (b"float32", {
        "twin": {"kind": "float32"}, "quantize": {"accepted": False, "reason": CRASH}})
