"""Logs stay small, and their telling line is found."""
from __future__ import annotations

from pathlib import Path

import pytest

from imgclass.embedded import log_files
from imgclass.embedded.errors import StackError
from imgclass.embedded.log_files import last_words, opened


@pytest.mark.parametrize(("text", "expected"), [
    ("", "it printed nothing"),
    ("\n \n", "it printed nothing"),
    ("one\ntwo\n", "two"),
    ("[ERROR] Exception in worker\nTraceback:\n  File x\n"
     "ModuleNotFoundError: No module named 'x'\n"
     "[INFO] Shutting down\n[ERROR] Reason: Worker failed to boot.\n",
     "ModuleNotFoundError: No module named 'x'"),
    ("imgclass: PORT is not set\n[ERROR] Shutting down\n", "imgclass: PORT is not set"),
    ("LOG:  starting\nFATAL:  lock file exists\nHINT:  Is another running?\n",
     "FATAL:  lock file exists"),
    ("nginx: [emerg] bind() failed\nbye\n", "nginx: [emerg] bind() failed"),
    ("x" * 1000, "x" * 300),
])
def test_telling_line_is_found(tmp_path: Path, text: str, expected: str) -> None:
    """Of all that a process printed, the line that says why it stopped."""
    path = tmp_path / "log"
    path.write_text(text)
    assert last_words(path) == expected


def test_earlier_starts_are_passed_over(tmp_path: Path) -> None:
    """Only what was printed since this start counts."""
    path = tmp_path / "log"
    path.write_text("ValueError: old\nfine\n")
    assert last_words(path, start=16) == "fine"


def test_only_the_end_is_read(tmp_path: Path) -> None:
    """A large log is not read as a whole."""
    path = tmp_path / "log"
    path.write_text("ValueError: long ago\n" + "fine\n" * 20_000)
    assert last_words(path) == "fine"


def test_missing_log_is_said(tmp_path: Path) -> None:
    """Without a log there are no last words."""
    assert last_words(tmp_path / "log") == "its log cannot be read: No such file or directory"


def test_log_is_appended_to(tmp_path: Path) -> None:
    """What an earlier process printed stays."""
    path = tmp_path / "log"
    for word in (b"one ", b"two"):
        with opened(path) as log:
            log.write(word)
    assert path.read_bytes() == b"one two"


def test_large_log_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that has grown large is kept once, and a new one is begun."""
    monkeypatch.setattr(log_files, "MAX_BYTES", 3)
    path = tmp_path / "log"
    for text in (b"first", b"second", b"x"):
        with opened(path) as log:
            log.write(text)
    assert path.read_bytes() == b"x"
    assert (tmp_path / "log.1").read_bytes() == b"second"


def test_unwritable_log_is_one_line(tmp_path: Path) -> None:
    """A folder that is missing is named."""
    with pytest.raises(StackError, match="log cannot be written: No such file"):
        opened(tmp_path / "missing" / "log")
