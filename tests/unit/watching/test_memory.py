"""What a watcher remembers."""
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from imgclass.watching.memory import KEEP_SECONDS, Done, Memory, MemoryUnusable

DONE = Done(3, 7, "a" * 64, at=1000.0, prediction_id="1")


@pytest.fixture
def reopened(tmp_path: Path) -> Callable[..., Memory]:
    """Opens one and the same memory; `now` is the time by its clock."""
    (tmp_path / "folder").mkdir()
    return lambda now=1000.0: Memory(tmp_path / "state", tmp_path / "folder", lambda: now)


def test_survives(reopened: Callable[..., Memory]) -> None:
    """What was kept is there again, the latest of each file, under the same key."""
    with reopened() as memory:
        key = memory.key
        memory.keep("a.jpg", DONE)
        memory.keep("a.jpg", replace(DONE, size=4))
    with reopened() as memory:
        assert (memory.key, memory.find("a.jpg")) == (key, replace(DONE, size=4))
        assert memory.find("b.jpg") is None


def test_line_that_a_crash_cut_short(reopened: Callable[..., Memory], tmp_path: Path) -> None:
    """A last line that is half written costs nothing but itself, also for what comes later."""
    with reopened() as memory:
        memory.keep("a.jpg", DONE)
    with (tmp_path / "state").open("a") as file:
        file.write('{"file": "b.jpg", "si')
    with reopened() as memory:
        assert memory.find("a.jpg") == DONE
        memory.keep("c.jpg", DONE)
    with reopened() as memory:
        assert (memory.find("b.jpg"), memory.find("c.jpg")) == (None, DONE)


def test_grows_no_further_than_needed(reopened: Callable[..., Memory], tmp_path: Path) -> None:
    """What has been replaced is gone from the file when it is opened again."""
    with reopened() as memory:
        for size in range(100):
            memory.keep("a.jpg", replace(DONE, size=size))
    with reopened():
        lines = [json.loads(line) for line in (tmp_path / "state").read_text().splitlines()]
    assert [line.get("size") for line in lines] == [None, 99]


def test_forgets_what_is_gone_for_long(reopened: Callable[..., Memory], tmp_path: Path) -> None:
    """A file that left is forgotten after a while, one that lies there is not."""
    (tmp_path / "folder" / "here.jpg").touch()
    with reopened() as memory:
        for name in ("here.jpg", "gone.jpg"):
            memory.keep(name, DONE)
    with reopened(1000 + KEEP_SECONDS) as memory:
        assert memory.find("gone.jpg") == DONE
    with reopened(1001 + KEEP_SECONDS) as memory:
        assert (memory.find("here.jpg"), memory.find("gone.jpg")) == (DONE, None)


def test_name_that_is_not_utf8(reopened: Callable[..., Memory]) -> None:
    """A file may have a name that is no text."""
    with reopened() as memory:
        memory.keep("cup\udcff.jpg", DONE)
    with reopened() as memory:
        assert memory.find("cup\udcff.jpg") == DONE


def test_one_watcher_at_a_time(reopened: Callable[..., Memory]) -> None:
    """A second watcher is told, and the first one goes on."""
    with reopened() as memory:
        with pytest.raises(MemoryUnusable, match="another `imgclass watch` is at work here"):
            reopened()
        memory.keep("a.jpg", DONE)


@pytest.mark.parametrize("content", ["", "[1]\n", '{"a": 1}\n', '{"key": "1"}\n{"file": "a"}\n'])
def test_file_of_somebody_else(
    reopened: Callable[..., Memory], tmp_path: Path, content: str
) -> None:
    """A file that is no watcher's is left as it is."""
    (tmp_path / "state").write_text(content)
    with pytest.raises(MemoryUnusable, match="is not the file of a watcher"):
        reopened()
    assert (tmp_path / "state").read_text() == content


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    """A file that cannot be written is one line that says what to do."""
    with pytest.raises(MemoryUnusable, match="cannot be written .*: name another file"):
        Memory(tmp_path / "missing" / "state", tmp_path)
