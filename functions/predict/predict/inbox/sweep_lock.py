"""One sweep at a time: an interface, and PostgreSQL behind it."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg2

from common.db import Database, load_queries
from common.errors import DatabaseUnavailable

_queries = load_queries(Path(__file__).with_name("queries.sql"))


class SweepLock(Protocol):
    """Lets one process sweep at a time."""

    def attempt(self) -> AbstractContextManager[bool]:
        """Whether the lock is held while the context lasts. Raises DatabaseUnavailable."""


class PostgresSweepLock:
    """SweepLock on PostgreSQL: a connection of its own, with which the lock ends."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def attempt(self) -> Iterator[bool]:
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(closing(self._database.connect()))
                connection.autocommit = True
                alone = _queries.try_lock(connection)
            except psycopg2.OperationalError as error:
                raise DatabaseUnavailable() from error
            yield alone
