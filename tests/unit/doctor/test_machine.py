"""Checks of the stack on this machine."""
from __future__ import annotations

import socket
from pathlib import Path

import pytest

from imgclass.doctor.findings import State
from imgclass.doctor.machine import (
    check_disk, check_functions, check_machine, check_ports, check_processes, check_secrets)
from imgclass.embedded import secret_files
from imgclass.embedded.ports import free_port
from imgclass.embedded.stack import Stack
from tests.fakes.api import FakeApi


def test_no_stack(tmp_path: Path) -> None:
    """Where no stack was ever made nothing is checked."""
    (finding,) = check_machine(Stack(tmp_path, tmp_path / "var"))
    assert finding.state is State.SKIPPED


def test_stack_that_is_down(tmp_path: Path) -> None:
    """A stack that is down is to be started, and its secrets are still to be made."""
    stack = Stack(tmp_path, tmp_path / "var")
    stack.layout.prepare()
    findings = {each.check: each for each in check_machine(stack)}
    assert findings["stack"].said == "the stack is not running"
    assert {name: each.state for name, each in findings.items() if name != "disk"} == {
        "stack": State.FAILED, "ports": State.OK, "functions": State.SKIPPED,
        "credentials": State.FAILED}


def test_processes() -> None:
    """A process that has stopped is named, with its log."""
    assert check_processes({"s3": True, "predict": True}, Path("logs")).state is State.OK
    finding = check_processes({"s3": True, "predict": False}, Path("logs"))
    assert (finding.state, finding.said) == (State.FAILED, "stopped: predict")
    assert finding.mend.endswith("logs/predict.log")


def test_ports() -> None:
    """What runs has to listen, and what does not run must not have lost its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = f"127.0.0.1:{server.getsockname()[1]}"
        free = f"127.0.0.1:{free_port()}"
        assert check_ports({"s3": True, "model-admin": True, "predict": False}, {
            "s3": taken, "s3-master": taken, "s3-console": free,
            "model-admin": taken, "predict": free}).state is State.OK
        silent = check_ports({"s3": True}, {"s3": free})
        stolen = check_ports({"gateway": False}, {"gateway": taken})
        second = check_ports({"s3": False}, {"s3": free, "s3-master": taken})
    assert silent.said == f"s3 runs, but does not listen at {free}"
    assert stolen.said == f"another program listens at {taken}, the port of gateway"
    assert "API_PORT=8001 make up" in stolen.mend
    assert second.said == f"another program listens at {taken}, the port of s3-master"


def test_function_that_is_not_ready() -> None:
    """A function that lacks something is named."""
    with FakeApi() as api:
        address = api.url.removeprefix("http://")
        finding = check_functions({"predict": address}, Path("logs"))
    assert finding.state is State.FAILED
    assert finding.said.startswith("predict is not ready: ")


def test_credentials(tmp_path: Path) -> None:
    """Every secret has to be there, to hold something, and to be private."""
    secret_files.ensure(tmp_path)
    assert check_secrets(tmp_path).state is State.OK
    secret = tmp_path / "jwt-secret"
    secret.chmod(0o644)
    assert check_secrets(tmp_path).mend == f"chmod 600 {secret}"
    secret.write_text("\n")
    assert check_secrets(tmp_path).said == f"{secret} is empty"
    secret.unlink()
    assert check_secrets(tmp_path).said == f"{secret} is missing"


@pytest.mark.parametrize(("free", "state"), [
    (10**11, State.OK), (3 * 10**9, State.WARNING), (10**8, State.FAILED)])
def test_disk(free: int, state: State) -> None:
    """A disk that is nearly full is a failure, one that soon will be a warning."""
    finding = check_disk(Path("var"), free)
    assert (finding.state, bool(finding.mend)) == (state, state is not State.OK)
