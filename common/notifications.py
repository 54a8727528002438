"""Waiting for a PostgreSQL notification."""
from __future__ import annotations

import logging
import select
import time

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection

from common.db import Database

log = logging.getLogger(__name__)


class Listener:
    """Listens on one channel over a connection of its own; for one thread.

    A notification may be lost with its connection, so whoever waits must look at the database
    from time to time as well.
    """

    def __init__(self, database: Database, channel: str) -> None:
        self._database = database
        self._channel = channel
        self._connection: Connection | None = None

    def wait(self, seconds: float) -> None:
        """Return when the channel was notified, or after `seconds`, whether connected or not."""
        deadline = time.monotonic() + seconds
        try:
            if self._connection is None:
                self._connection = self._listen()
            self._await_notification(self._connection, seconds)
        except (psycopg2.Error, OSError) as error:
            log.warning("no notifications for now", exc_info=error)
            self.close()
            time.sleep(max(0, deadline - time.monotonic()))

    def close(self) -> None:
        """Give the connection up; the next wait() opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _listen(self) -> Connection:
        connection = self._database.connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        return connection

    @staticmethod
    def _await_notification(connection: Connection, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        poll = select.poll()  # select() refuses descriptors above 1023, and clients hold many
        poll.register(connection.fileno(), select.POLLIN)
        while not connection.notifies:
            if not poll.poll(1000 * max(0, deadline - time.monotonic())):
                return
            connection.poll()  # raises if the server has hung up
        connection.notifies.clear()
