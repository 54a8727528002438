"""Checks of the stack that `make up` runs on this machine: processes, ports, secrets, disk."""
from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

from imgclass.doctor.findings import Finding, failed, ok, skipped, warning
from imgclass.embedded import functions, http_probe, secret_files
from imgclass.embedded.layout import NEEDED_BYTES
from imgclass.embedded.stack import Stack

SOON_FULL_BYTES = 5 * NEEDED_BYTES
CONNECT_SECONDS = 2.0
OTHERS = 0o077


def check_machine(stack: Stack) -> Iterator[Finding]:
    """Each check; all are skipped where there is no such stack."""
    if not stack.layout.is_ours():
        yield skipped("stack", f"there is no stack of `make up` in {stack.var}")
        return
    running = {name: usage is not None for name, usage in stack.status().items()}
    yield check_processes(running, stack.layout.logs)
    yield check_ports(running, stack.addresses())
    yield check_functions({
        name: address for name, address in stack.addresses().items()
        if name in functions.NAMES and running[name]}, stack.layout.logs)
    yield check_secrets(stack.layout.secrets)
    yield check_disk(stack.var, shutil.disk_usage(stack.var).free)


def check_processes(running: Mapping[str, bool], logs: Path) -> Finding:
    """Whether all processes run, by their names."""
    stopped = [name for name, runs in running.items() if not runs]
    if not stopped:
        return ok("stack", f"all {len(running)} processes run")
    if len(stopped) == len(running):
        return failed("stack", "the stack is not running", "make up")
    return failed("stack", f"stopped: {', '.join(stopped)}",
                  f"make up; why it stopped is in {logs / stopped[0]}.log")


def check_ports(running: Mapping[str, bool], addresses: Mapping[str, str]) -> Finding:
    """Whether what runs listens, and what does not run finds its ports free.

    A process may have ports beside its own, and need not use them: s3-console is s3's.
    """
    for name, address in addresses.items():
        listens = _listens(address)
        owners = [each for each in running if name == each or name.startswith(f"{each}-")]
        if running.get(name) and not listens:
            return failed("ports", f"{name} runs, but does not listen at {address}",
                          "make down, then make up")
        if listens and not any(running[each] for each in owners):
            return failed("ports", f"another program listens at {address}, the port of {name}",
                          "stop it, or for the gateway take another port: API_PORT=8001 make up")
    return ok("ports", f"{len(addresses)} ports are as they should be")


def check_functions(addresses: Mapping[str, str], logs: Path) -> Finding:
    """Whether each function reaches database, object store and model."""
    if not addresses:
        return skipped("functions", "none runs")
    for name, address in addresses.items():
        host, _, port = address.rpartition(":")
        status, body = http_probe.get(host, int(port), "/_/ready")
        if status != 200:
            said = http_probe.detail(body) or f"status {status}"
            return failed("functions", f"{name} is not ready: {said}",
                          f"make down, then make up; see {logs / name}.log")
    return ok("functions", "each reaches what it needs")


def check_secrets(folder: Path) -> Finding:
    """Whether the stack's credentials are there, and nobody else can read them."""
    for name in secret_files.GENERATORS:
        path = folder / name
        try:
            mode = path.stat().st_mode
            empty = not path.read_bytes().strip()
        except FileNotFoundError:
            return failed("credentials", f"{path} is missing", "make up makes it anew")
        except OSError as error:
            return failed("credentials", f"{path} cannot be read: {error.strerror}",
                          "run this as the owner of the checkout")
        if empty:
            return failed("credentials", f"{path} is empty", f"rm {path}, then make up")
        if mode & OTHERS:
            return failed("credentials", f"{path} can be read by others", f"chmod 600 {path}")
    return ok("credentials", f"all {len(secret_files.GENERATORS)} are there, and private")


def check_disk(folder: Path, free: int) -> Finding:
    """Whether there is room for pictures and for the database."""
    said = f"{free / 1e9:.1f} GB are free at {folder}"
    mend = "make room, or have the data elsewhere: IMGCLASS_VAR=FOLDER make up"
    if free < NEEDED_BYTES:
        return failed("disk", said, mend)
    return warning("disk", said, mend) if free < SOON_FULL_BYTES else ok("disk", said)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
