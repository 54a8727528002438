"""An S3 server simulated in this process by moto, which adapters reach by host and port."""
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

ENDPOINT = "s3.test:9000"

# moto reads this once, when its S3 is first used.
os.environ["MOTO_S3_CUSTOM_ENDPOINTS"] = f"http://{ENDPOINT}"


@contextmanager
def simulated_s3() -> Iterator[None]:
    """While it lasts, clients of ENDPOINT find an empty S3 server there."""
    from moto import mock_aws

    with mock_aws():
        yield
