"""Background processes: started, recorded, replaced and stopped."""
from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from imgclass.embedded.errors import StackError
from imgclass.embedded.process import Command, NotReady, Processes

READY = "print('ready', flush=True); import time; time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """An empty set of processes; whatever a test starts is stopped."""
    for name in ("run", "logs"):
        (tmp_path / name).mkdir()
    processes = Processes(tmp_path / "run", tmp_path / "logs")
    yield processes
    processes.stop(processes.names(), grace_seconds=0.1)


def command(program: str, **changes: object) -> Command:
    made = Command("sleeper", (sys.executable, "-c", program), {}, Path("/"))
    return replace(made, **changes)  # type: ignore[arg-type]  # whatever the test changes


def has_logged(tmp_path: Path, text: str) -> bool:
    return text in (tmp_path / "logs" / "sleeper.log").read_text()


def test_started_process_runs_detached(processes: Processes, tmp_path: Path) -> None:
    """A process leads a session of its own, with its output in its log and no input."""
    program = f"import os, sys; print(sys.stdin.read() == '', os.getcwd(), flush=True); {READY}"
    processes.start(command(program, directory=tmp_path))
    processes.wait_until("sleeper", lambda: has_logged(tmp_path, "ready"), 10)
    process = processes.running("sleeper")
    assert process is not None
    assert os.getsid(process.pid) == process.pid
    assert has_logged(tmp_path, f"True {tmp_path}")
    assert processes.names() == ["sleeper"]


def test_environment_is_only_what_is_given(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of this program's environment reaches the process."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the developer's own")
    program = f"import os; print(sorted(os.environ), flush=True); {READY}"
    processes.start(command(program, environment={"GIVEN": "1", "LC_CTYPE": "C"}))
    processes.wait_until("sleeper", lambda: has_logged(tmp_path, "ready"), 10)
    assert has_logged(tmp_path, "['GIVEN', 'LC_CTYPE']")


def test_record_is_private(processes: Processes, tmp_path: Path) -> None:
    """The record of a process can be read by its owner alone."""
    processes.start(command(READY))
    path = tmp_path / "run" / "sleeper.json"
    assert path.stat().st_mode & 0o777 == 0o600


def test_stop_ends_the_children_too(processes: Processes, tmp_path: Path) -> None:
    """Nothing of a stopped process is left, not even children that ignore the signal."""
    processes.start(command(
        "import os, signal; os.fork() or signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY))
    processes.wait_until("sleeper", lambda: has_logged(tmp_path, "ready\nready"), 10)
    leader = processes.running("sleeper")
    assert leader is not None
    members = [leader, *leader.children()]
    processes.stop(["sleeper"], grace_seconds=0.5)
    assert len(members) == 2
    assert not any(member.is_running() and member.status() != psutil.STATUS_ZOMBIE
                   for member in members)
    assert (processes.names(), processes.running("sleeper")) == ([], None)


def test_stubborn_process_is_killed(processes: Processes, tmp_path: Path) -> None:
    """A process that ignores the signal is killed after its time."""
    processes.start(command(STUBBORN))
    processes.wait_until("sleeper", lambda: has_logged(tmp_path, "ready"), 10)
    started = time.monotonic()
    processes.stop(["sleeper"], grace_seconds=0.5)
    assert 0.5 <= time.monotonic() - started < 5
    assert processes.running("sleeper") is None


def test_stop_signal_is_the_commands_own(processes: Processes, tmp_path: Path) -> None:
    """A process is asked to stop in the way it understands."""
    program = ("import signal; signal.signal(signal.SIGINT, lambda *_: exit(print('fast'))); "
               + READY)
    processes.start(command(program, stop_signal=signal.SIGINT))
    processes.wait_until("sleeper", lambda: has_logged(tmp_path, "ready"), 10)
    processes.stop(["sleeper"])
    assert has_logged(tmp_path, "fast")


def test_stranger_with_the_number_is_spared(processes: Processes, tmp_path: Path) -> None:
    """Stopping a process whose number another process has got since leaves that one alone."""
    processes.start(command(READY))
    path = tmp_path / "run" / "sleeper.json"
    record = json.loads(path.read_text())
    record["identity"]["started"] -= 100
    (tmp_path / "run" / "old.json").write_text(json.dumps(record))
    assert processes.running("old") is None
    processes.stop(["old"])
    assert processes.running("sleeper") is not None
    assert processes.names() == ["sleeper"]


def test_ensure_keeps_what_is_right(processes: Processes) -> None:
    """A process that runs from the same command is kept."""
    assert processes.ensure(command(READY), lambda: True, 5) is True
    first = processes.running("sleeper")
    assert processes.ensure(command(READY), lambda: True, 5) is False
    assert processes.running("sleeper") == first


@pytest.mark.parametrize("changes", [
    {"environment": {"A": "2"}}, {"content": "changed"},
    {"argv": (sys.executable, "-c", STUBBORN)}])
def test_ensure_replaces_what_is_out_of_date(
    processes: Processes, changes: dict[str, object]
) -> None:
    """A process that was started from something else is replaced, once it is stopped."""
    processes.ensure(command(READY), lambda: True, 5)
    first = processes.running("sleeper")
    seen: list[object] = []
    assert processes.ensure(
        command(READY, **changes), lambda: True, 5,
        prepare=lambda: seen.append(processes.running("sleeper")))
    assert processes.running("sleeper") not in (None, first)
    assert seen == [None]


def test_ensure_replaces_what_has_died(processes: Processes) -> None:
    """A process that was killed is started again."""
    processes.ensure(command(READY), lambda: True, 5)
    first = processes.running("sleeper")
    assert first is not None
    first.kill()
    first.wait(5)
    assert processes.ensure(command(READY), lambda: True, 5) is True
    assert processes.running("sleeper") not in (None, first)


def test_death_at_start_is_explained(processes: Processes, tmp_path: Path) -> None:
    """Who waits for a process that dies hears its last words and where its log is."""
    (tmp_path / "logs" / "sleeper.log").write_text("imgclass: words of an earlier start\n")
    processes.start(command("raise ValueError('PORT is not set')"))
    with pytest.raises(NotReady) as caught:
        processes.wait_until("sleeper", lambda: False, 10)
    assert str(caught.value) == ("sleeper stopped at its start: ValueError: PORT is not set "
                                 f"(log: {tmp_path / 'logs' / 'sleeper.log'})")


def test_waiting_has_an_end(processes: Processes) -> None:
    """Who waits for a process that never gets ready is told so."""
    processes.start(command(READY))
    with pytest.raises(NotReady, match="sleeper is not ready after 0 s"):
        processes.wait_until("sleeper", lambda: False, 0.2)


def test_missing_program_is_one_line(processes: Processes) -> None:
    """A program that is not there is named."""
    with pytest.raises(StackError, match="sleeper cannot be started: .*'/nowhere'"):
        processes.start(command("", argv=("/nowhere",)))
    assert processes.names() == []


def test_damaged_record_is_one_line(processes: Processes, tmp_path: Path) -> None:
    """A record that cannot be understood is not passed over."""
    path = tmp_path / "run" / "sleeper.json"
    path.write_text("{")
    with pytest.raises(StackError, match="sleeper.json is damaged"):
        processes.running("sleeper")
    path.unlink()


def test_usage_is_of_the_whole_family(processes: Processes, tmp_path: Path) -> None:
    """Memory is that of a process and its children; of what does not run nothing is known."""
    assert processes.usage("sleeper") is None
    processes.start(command("import os; os.fork(); " + READY))
    processes.wait_until("sleeper", lambda: has_logged(tmp_path, "ready\nready"), 10)
    process, usage = processes.running("sleeper"), processes.usage("sleeper")
    assert process is not None and usage is not None
    assert usage.pid == process.pid
    assert usage.memory_bytes > process.memory_info().rss
    assert 0 <= usage.seconds < 60
