"""The root logger, kept from the applications that tests create: they configure it."""
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def untouched_root_logger() -> Iterator[None]:
    """Give the root logger its handlers and level back, and close those it was given."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []  # configuring closes those it finds
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
