"""Tables, lines and JSON."""
from __future__ import annotations

import io
import json
import re
import sys
import uuid
from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from imgclass.cli import output


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        """What was written, without the sequences that style it and move the cursor."""
        return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", self.getvalue())


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Makes stdout and stderr one terminal without colours, 80 columns wide."""
    def switch() -> Terminal:
        # In the test itself: pytest sets its own streams after the fixtures.
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    for name, value in {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    return switch


def test_rows_are_a_table_on_a_terminal(on_terminal: Callable[[], Terminal]) -> None:
    """A terminal gets headings, aligned columns and the caption; brackets stay as they are."""
    terminal = on_terminal()
    with output.Rows("file", "ms", numbers=("ms",)) as rows:
        rows.caption = "2 files"
        rows.add("[red]a.jpg", "7")
        rows.add("b.jpg", "12")
        assert terminal.text() == ""
    lines = [line.rstrip() for line in terminal.text().splitlines()]
    assert "  file         ms" in lines
    assert "  [red]a.jpg    7" in lines
    assert "2 files" in terminal.text()


def test_rows_come_at_once_on_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets each row when it is known, without headings."""
    with output.Rows("file", "ms") as rows:
        rows.add("a.jpg", "7")
        assert capsys.readouterr().out == "a.jpg\t7\n"
    assert capsys.readouterr().out == ""


def test_table_is_shown_when_the_command_fails(on_terminal: Callable[[], Terminal]) -> None:
    """Rows that were there before a failure are not lost."""
    terminal = on_terminal()
    with pytest.raises(RuntimeError), output.Rows("file") as rows:
        rows.add("a.jpg")
        raise RuntimeError
    assert "a.jpg" in terminal.text()


@pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
def test_colours(
    on_terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch, no_colour: str,
    coloured: bool,
) -> None:
    """A row has its colour on a terminal, unless NO_COLOR says no."""
    monkeypatch.setenv("NO_COLOR", no_colour)
    terminal = on_terminal()
    with output.Rows("check") as rows:
        rows.add("disk", style="red")
    assert ("\x1b[31m" in terminal.getvalue()) is coloured
    assert "disk" in terminal.text()


def test_no_colours_on_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets the text alone."""
    with output.Rows("check") as rows:
        rows.add("disk", style="red")
    assert capsys.readouterr().out == "disk\n"


def test_no_rows_no_table(on_terminal: Callable[[], Terminal]) -> None:
    """Without rows only the caption is shown."""
    terminal = on_terminal()
    with output.Rows("file") as rows:
        rows.caption = "nothing yet"
    assert terminal.text() == "nothing yet\n"


def test_progress_on_a_terminal(on_terminal: Callable[[], Terminal]) -> None:
    """Several items are counted on a terminal, and each comes once."""
    terminal = on_terminal()
    with output.progress(["a", "b"], "classifying", 2) as items:
        assert list(items) == ["a", "b"]
    assert "classifying" in terminal.text()


def test_progress_is_silent_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets no progress bar."""
    with output.progress(["a", "b"], "classifying", 2) as items:
        assert list(items) == ["a", "b"]
    assert capsys.readouterr() == ("", "")


def test_spinner_on_a_terminal(on_terminal: Callable[[], Terminal]) -> None:
    """A spinner shows the text it was given last; brackets stay as they are."""
    terminal = on_terminal()
    with output.spinner("uploading") as reword:
        reword("validating [x].zip")
    assert "validating [x].zip" in terminal.text()


def test_spinner_is_silent_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets no spinner."""
    with output.spinner("uploading") as reword:
        reword("validating")
    assert capsys.readouterr() == ("", "")


def test_when(on_terminal: Callable[[], Terminal]) -> None:
    """A terminal shows local time to the second."""
    on_terminal()
    instant = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert output.when(instant) == f"{instant.astimezone():%Y-%m-%d %H:%M:%S}"


def test_json_writes_ids_and_instants_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Values JSON has no form for are written as they are in the service's answers."""
    output.print_json([uuid.UUID(int=1), datetime(2026, 1, 2, tzinfo=timezone.utc)])
    assert capsys.readouterr().out == (
        '[\n  "00000000-0000-0000-0000-000000000001",\n  "2026-01-02T00:00:00+00:00"\n]\n')


@pytest.mark.parametrize("values", [[], [1], [1, {"a": None}]], ids=str)
def test_json_list(capsys: pytest.CaptureFixture[str], values: list[object]) -> None:
    """A list that is printed piece by piece is one document."""
    output.print_json_list(iter(values))
    assert json.loads(capsys.readouterr().out) == values


def test_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What is read along is a line, whatever is in it."""
    output.print_json_line({"id": uuid.UUID(int=1), "text": "a\nb"})
    assert capsys.readouterr().out == (
        '{"id": "00000000-0000-0000-0000-000000000001", "text": "a\\nb"}\n')


@pytest.mark.parametrize(("text", "shown"), [
    ("cup of espresso", "cup of espresso"), ("Käse 寿司", "Käse 寿司"),
    ("a\nb\tc", "a\\nb\\tc"), ("\x1b[31m", "\\x1b[31m"), ("\udcff", "\\udcff")])
def test_printable(text: str, shown: str) -> None:
    """Letters of all scripts stay; what is not for the eye is spelt out."""
    assert output.printable(text) == shown
