"""Postgres: a cluster of its own, on 127.0.0.1 over TCP, with passwords."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosql
import psutil
import psycopg2
from psycopg2.extensions import connection as Connection

from imgclass.embedded import secret_files
from imgclass.embedded.accounts import unprivileged
from imgclass.embedded.environment import clean
from imgclass.embedded.errors import StackError
from imgclass.embedded.identity import send, wait_for_end
from imgclass.embedded.layout import Layout
from imgclass.embedded.placement import place
from imgclass.embedded.ports import LOOPBACK, Ports
from imgclass.embedded.process import Command, Processes

NAME = "postgres"
ADMIN = "postgres"
ROLE = DATABASE = "imgclass"
START_SECONDS = 120  # recovery after a crash replays the log before it lets anybody in
QUERIES: Any = aiosql.from_path(Path(__file__).with_name("postgres.sql"), "psycopg2")


@dataclass
class Postgres:
    """The server of one stack."""

    layout: Layout
    processes: Processes
    ports: Ports
    search_path: str = os.defpath

    def start(self) -> bool:
        """Have the server running, with the application's role and database in it.

        Say whether it had to be started.
        """
        self.port = self.ports.settle(self.processes.running(NAME) is not None, NAME)
        self._account = unprivileged()
        self._place = place(self.layout.postgres, self._account)
        self._environment = clean(self.layout, self.search_path, {})
        started = self.processes.ensure(
            self._command(), self._accepts, START_SECONDS, self._prepare)
        self._create_application()
        return started

    def settings(self) -> dict[str, str]:
        """How the functions reach it; the password is a secret file."""
        return {
            "POSTGRES_HOST": LOOPBACK,
            "POSTGRES_PORT": str(self.port),
            "POSTGRES_USER": ROLE,
            "POSTGRES_DB": DATABASE,
            "POSTGRES_SSLMODE": "disable",
        }

    @contextmanager
    def admin_connection(self) -> Iterator[Connection]:
        """A connection as the superuser, in autocommit mode."""
        with closing(psycopg2.connect(
                host=LOOPBACK, port=self.port, user=ADMIN, dbname="postgres", connect_timeout=5,
                password=secret_files.read(self.layout.secrets, "postgres-admin-password"),
                sslmode="disable", gssencmode="disable")) as connection:
            connection.autocommit = True
            yield connection

    def _command(self) -> Command:
        options = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            # The path of a socket in the checkout could be longer than the 107 bytes it may have.
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Command(
            name=NAME,
            argv=(self._place.program("postgres"), "-D", str(self._place.data), *arguments),
            environment=self._environment, directory=Path("/"), account=self._account,
            stop_signal=signal.SIGINT)  # "fast": does not wait for clients to leave

    def _prepare(self) -> None:
        if self._place.data.is_dir():
            self._check_version()
            _clear_stale_lock(self._place.data)
        else:
            self._initialise()

    def _initialise(self) -> None:
        """Make the cluster; half a cluster is never left behind."""
        data = self._place.data
        fresh = data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        password = data.with_name("password.new")
        try:
            secret_files.write(
                password, secret_files.read(self.layout.secrets, "postgres-admin-password"))
            if self._account:
                os.chown(password, self._account.uid, self._account.gid)
            self._run_initdb(fresh, password)
        finally:
            password.unlink(missing_ok=True)
        fresh.rename(data)

    def _run_initdb(self, data: Path, password: Path) -> None:
        user = self._account
        result = subprocess.run(
            [self._place.program("initdb"), "-D", str(data), "-U", ADMIN, "-A", "scram-sha-256",
             f"--pwfile={password}", "-E", "UTF8", "--locale=C", "--locale-provider=builtin",
             "--builtin-locale=C.UTF-8"],
            env=self._environment, cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
            text=True, errors="replace", check=False, user=user.uid if user else None,
            group=user.gid if user else None, extra_groups=[] if user else None)
        if result.returncode != 0:
            lines = [line for line in result.stderr.splitlines() if "error:" in line]
            raise StackError(
                "the database cannot be made: "
                f"{(lines or result.stderr.strip().splitlines() or ['initdb said nothing'])[-1]}")

    def _check_version(self) -> None:
        made_by = (self._place.data / "PG_VERSION").read_text(encoding="ascii").strip()
        wanted = subprocess.run(
            [self._place.program("postgres"), "--version"], capture_output=True, text=True,
            check=True).stdout.split()[-1].split(".")[0]
        if made_by != wanted:
            raise StackError(
                f"the data was written by Postgres {made_by} and this is Postgres {wanted}: "
                "export what you need with the old version, then `make clean-data`")

    def _accepts(self) -> bool:
        try:
            with self.admin_connection():
                return True
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StackError(
                    f"the passwords in {self.layout.secrets} do not open the database: "
                    "restore them, or `make clean-data`") from None
            return False

    def _create_application(self) -> None:
        password = secret_files.read(self.layout.secrets, "postgres-password")
        with self.admin_connection() as connection:
            if not QUERIES.role_exists(connection, role=ROLE):
                QUERIES.create_role(connection, password=password)
            if not QUERIES.database_exists(connection, database=DATABASE):
                QUERIES.create_database(connection)


def _clear_stale_lock(data: Path) -> None:
    """Remove the lock file a killed server left, once none of its processes is left.

    Postgres itself takes a lock whose number is in use again, or still a zombie's, for a
    running server's and would not start.
    """
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    orphans = [process for process in psutil.process_iter() if _works_in(process, data)]
    for process in orphans:
        send(process, signal.SIGQUIT)  # "immediate": it leaves recovery to the next start
    for process in wait_for_end(orphans, 10):
        send(process, signal.SIGKILL)
    wait_for_end(orphans, 5)
    lock.unlink(missing_ok=True)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == str(folder.resolve())
    except (psutil.Error, OSError):
        return False
