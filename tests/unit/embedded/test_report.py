"""What is said while the stack starts."""
from __future__ import annotations

import re

import pytest

from imgclass.embedded.report import Report, silent


def test_step_is_one_line_with_its_notes() -> None:
    """A step is reported when it ends, with what was said of it and how long it took."""
    lines: list[str] = []
    with Report(lines.append, spinner=False).step("postgres") as say:
        assert lines == []
        say("started")
        say("port 1")
    assert len(lines) == 1
    assert re.fullmatch(r"postgres   started, port 1  \(0\.\d s\)", lines[0])


def test_long_step_is_announced() -> None:
    """Without a terminal, a step that takes its time says so first."""
    lines: list[str] = []
    with Report(lines.append, spinner=False).step("model", "this takes 10 s"):
        assert lines == ["model      this takes 10 s ..."]


def test_failed_step_is_not_reported() -> None:
    """A step that fails leaves the word to the error."""
    lines: list[str] = []
    with pytest.raises(ZeroDivisionError):
        with Report(lines.append, spinner=False).step("postgres"):
            1 / 0
    assert lines == []


def test_lines_are_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    """With a spinner as well, nothing is printed that a plain terminal cannot show."""
    with Report(print, spinner=True).step("model", "this takes 10 s") as say:
        say("done")
    assert "done" in capsys.readouterr().out.encode("ascii").decode()


def test_silence_is_possible(capsys: pytest.CaptureFixture[str]) -> None:
    """Tests need no reports."""
    with silent().step("postgres") as say:
        say("started")
    assert capsys.readouterr().out == ""
