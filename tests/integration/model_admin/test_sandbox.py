"""What the validating process gives up, tried in processes of their own."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def run(code: str) -> Any:
    """What `code`, run after importing the sandbox, prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json\nfrom model_admin.validation import sandbox\n{code}"],
        env={"PYTHONPATH": f"{ROOT / 'functions/model-admin'}:{ROOT}"},
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_limits() -> None:
    """CPU time, memory, file size and open files are bounded for good."""
    limits = run("""
import resource
sandbox.limit_resources(7)
print(json.dumps({name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))
                  for name in ("CPU", "AS", "FSIZE", "NOFILE", "CORE")}))
""")
    assert limits == {
        "CPU": [7, 7], "AS": [16 << 30] * 2, "FSIZE": [4 << 30] * 2, "NOFILE": [256, 256],
        "CORE": [0, 0]}


def test_lower_limits_stay() -> None:
    """Limits that are lower already, as a container may set them, are not raised or an error."""
    limits = run("""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
sandbox.limit_resources(7)
print(json.dumps(resource.getrlimit(resource.RLIMIT_NOFILE)))
""")
    assert limits == [64, 64]


def test_memory_is_refused() -> None:
    """A model that asks for more memory than allowed gets an error, not the machine's."""
    refused = run("""
sandbox.limit_resources(7)
try:
    bytearray(17 << 30)
    print("false")
except MemoryError:
    print("true")
""")
    assert refused is True


def test_network() -> None:
    """Whether the network is gone is told as it is: a server in the same machine is out of reach
    exactly if it is said to be."""
    isolated, connected = run("""
import socket
server = socket.create_server(("127.0.0.1", 0))
isolated = sandbox.leave_network()
try:
    socket.create_connection(server.getsockname(), timeout=2).close()
    connected = True
except OSError:
    connected = False
print(json.dumps([isolated, connected]))
""")
    assert isolated is not connected
