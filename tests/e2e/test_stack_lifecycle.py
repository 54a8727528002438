"""The whole stack: found in place, restarted in part, stopped without a trace."""
from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from imgclass.client import Client, Model
from imgclass.embedded import secret_files
from imgclass.embedded.errors import StackError
from imgclass.embedded.identity import wait_for_end
from imgclass.embedded.report import Report
from imgclass.embedded.stack import NAMES, Stack
from imgclass.settings import DEVELOPMENT_EMAIL
from imgclass.tokens import development_token
from tests.servers import ROOT, SEARCH_PATH


def client(stack: Stack, admin: bool = False) -> Client:
    secret = secret_files.read(stack.layout.secrets, "jwt-secret")
    return Client(stack.gateway.url, development_token(secret, DEVELOPMENT_EMAIL, admin=admin))


def models(stack: Stack) -> list[Model]:
    with client(stack, admin=True) as api:
        return api.models()


def leaders(stack: Stack) -> dict[str, psutil.Process]:
    """The process of each name, all of which must run."""
    found = {}
    for name in NAMES:
        process = stack.processes.running(name)
        assert process is not None, f"{name} does not run"
        found[name] = process
    return found


def members(stack: Stack) -> list[psutil.Process]:
    """Every process of the stack and its children."""
    return [member for leader in leaders(stack).values()
            for member in (leader, *leader.children(recursive=True))]


def processes_of(folder: Path) -> list[str]:
    """The command lines of all processes that mention a folder, or work in it."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join([*process.cmdline(), process.cwd(), *process.environ().values()])
        except psutil.Error:
            continue
        if str(folder) in words:
            found.append(words)
    return found


def test_sample_is_an_espresso(stack: Stack) -> None:
    """The cup of coffee is classified through the gateway, and stored as it was sent."""
    picture = ROOT / "examples" / "pictures" / "coffee.jpg"
    with client(stack) as api:
        prediction = api.predict(picture)
        assert (prediction.predicted_class, prediction.model_version) == ("espresso", "v1")
        assert prediction.confidence_score >= 0.9
        assert api.image_content(prediction.image_id) == picture.read_bytes()


def test_second_start_finds_everything(stack: Stack) -> None:
    """A second start is quick, starts nothing, and registers nothing."""
    before, registered = leaders(stack), models(stack)
    lines: list[str] = []
    stack.report = Report(lines.append, spinner=False)
    started = time.monotonic()
    stack.up()
    assert time.monotonic() - started < 10
    assert leaders(stack) == before
    text = "\n".join(lines)
    assert text.count("already running") == 4
    assert "started" not in text
    assert models(stack) == registered


def test_nothing_listens_outside(stack: Stack) -> None:
    """Every port of every process is on the loopback interface."""
    hosts = {connection.laddr.ip for process in members(stack)
             for connection in process.net_connections("inet")
             if connection.laddr and connection.status == psutil.CONN_LISTEN}
    assert hosts <= {"127.0.0.1", "::1"}


def test_nothing_of_the_developer_leaks_in(stack: Stack) -> None:
    """The processes' environments hold only what the stack gives them, and no secret."""
    secrets = [path.read_text() for path in stack.layout.secrets.iterdir()]
    for name, process in leaders(stack).items():
        environment = process.environ()
        assert not [each for each in environment if each.startswith(("AWS_", "S3_", "PYTEST"))]
        if name != "s3":  # MinIO has no other way to learn its keys
            assert not [each for each in secrets if each in environment.values()]


def test_status_knows_every_process(stack: Stack) -> None:
    """Each process is listed with its address and what it uses."""
    status, addresses = stack.status(), stack.addresses()
    assert set(status) == set(NAMES)
    for name in NAMES:
        usage = status[name]
        assert usage is not None and usage.memory_bytes > 1_000_000
        assert addresses[name].startswith("127.0.0.1:")
    assert stack.gateway.url == f"http://{addresses['gateway']}"


@pytest.mark.parametrize("killed", NAMES)
def test_killed_part_is_restarted(stack: Stack, killed: str) -> None:
    """After one process was killed, `up` starts that one again and leaves the others."""
    before = leaders(stack)
    before[killed].kill()
    assert wait_for_end([before[killed]], 5) == []
    stack.up()
    after = leaders(stack)
    assert {name for name in NAMES if before[name] != after[name]} == {killed}


def test_data_survives_down_and_up(stack: Stack) -> None:
    """`down` leaves no process; after `up` pictures, predictions and the model are there."""
    with client(stack) as api:
        before = api.predictions(limit=1)
    registered, running = models(stack), members(stack)
    assert stack.down() is True
    assert wait_for_end(running, 0) == []
    assert processes_of(stack.var) == []
    assert stack.down() is False
    stack.up()
    with client(stack) as api:
        after = api.predictions(limit=2)
        assert after.total == before.total + 1
        assert after.predictions[1] == before.predictions[0]
        assert len(api.image_content(before.predictions[0].image_id)) > 1000
    assert models(stack) == registered


def test_changed_setting_restarts_what_it_concerns(stack: Stack) -> None:
    """A changed setting reaches the functions and the gateway; the servers stay."""
    before = leaders(stack)
    stack.passed_on = {"MAX_BODY_BYTES": "2000000"}
    try:
        stack.up()
        after = leaders(stack)
        assert {name for name in NAMES if before[name] == after[name]} == {"postgres", "s3"}
    finally:
        stack.passed_on = {}
        stack.up()


def test_failed_start_stops_what_it_started(stack: Stack, tmp_path: Path) -> None:
    """A second stack beside the first; its model is no model, so it ends as if it never was."""
    archive = tmp_path / "model.zip"
    archive.write_bytes(b"not a zip file")
    second = Stack(ROOT, tmp_path / "var", port=0, search_path=SEARCH_PATH, archive=archive)
    try:
        with pytest.raises(StackError, match="the default model cannot be registered: "):
            second.up()
        assert second.running() == set()
        assert processes_of(second.var) == []
        assert (second.layout.logs / "model-admin.log").stat().st_size > 0
    finally:
        second.clean_data()
    assert {path.name for path in second.var.iterdir()} == {".imgclass", "lock", "models"}
    assert len(members(stack)) > len(NAMES)
