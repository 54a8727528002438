"""Whether the function on this machine is alive: `python -IS common/healthcheck.py PORT`.

The images' HEALTHCHECK runs it every few seconds, so it imports as little as it can. It exits
with 0 if /_/health answers 200, and with 1 otherwise.
"""
from __future__ import annotations

import http.client
import sys

TIMEOUT_SECONDS = 2


def is_alive(port: int) -> bool:
    """Whether the function that listens on `port` answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/_/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_alive(int(sys.argv[1])) else 1)
