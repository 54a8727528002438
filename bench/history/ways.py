"""The ways in which the history is asked: in the bench's own process, and through gunicorn."""
from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import jwt

from bench.history.questions import Get, GetAs
from bench.stacks import ROOT
from imgclass.embedded import http_probe, secret_files
from imgclass.embedded.functions import HISTORY, common_environment
from imgclass.embedded.layout import Layout
from imgclass.embedded.ports import LOOPBACK, Ports
from imgclass.embedded.postgres import Postgres
from imgclass.embedded.process import Command
from imgclass.tokens import development_token

IN_PROCESS, GUNICORN = WAYS = ("in process", "gunicorn")
FOLDER = ROOT / "functions" / HISTORY


class Ways:
    """Histories on the databases of one server, with the functions' own settings."""

    def __init__(self, layout: Layout, server: Postgres, search_path: str) -> None:
        self._layout, self._server, self._search_path = layout, server, search_path
        self._secret = secret_files.read(layout.secrets, "jwt-secret")

    def open(self, way: str, database: str) -> AbstractContextManager[GetAs]:
        """A history on the database of this name, asked in one of the WAYS."""
        environment = common_environment(self._layout, self._search_path, {
            **self._server.settings(), "POSTGRES_DB": database, "LOG_LEVEL": "ERROR",
            "MINIO_ENDPOINT": f"{LOOPBACK}:1", "MINIO_BUCKET_NAME": "images",
            "RATE_LIMIT_READ": "off"})
        return (self._in_process if way == IN_PROCESS else self._served)(environment)

    @contextmanager
    def _in_process(self, environment: Mapping[str, str]) -> Iterator[GetAs]:
        """The function's own application, called without a socket."""
        sys.path.insert(0, str(FOLDER))
        from common.config import Settings
        app = importlib.import_module("history.app").create_app(Settings.load(environment))
        client = app.test_client()

        def get_as(user_id: str) -> Get:
            headers = self._headers(user_id)

            def get(path: str) -> Any:
                answer = client.get(path, headers=headers)
                assert answer.status_code == 200, answer.text  # nosec B101  # a measurement
                return answer.json
            return get
        yield get_as

    @contextmanager
    def _served(self, environment: Mapping[str, str]) -> Iterator[GetAs]:
        """gunicorn as in production, asked on a kept connection."""
        processes, name = self._server.processes, f"{HISTORY}-{environment['POSTGRES_DB']}"
        port = Ports(self._layout.ports).settle(False, name)
        processes.ensure(
            Command(
                name, (sys.executable, "-m", "gunicorn", "-c", "python:common.gunicorn_conf",
                       "handler:app"),
                {**environment, "PYTHONPATH": f"{FOLDER}:{ROOT}", "PORT": str(port)}, FOLDER),
            lambda: http_probe.status(LOOPBACK, port, "/_/health") == 200, 60)
        try:
            with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False,
                              timeout=60) as client:
                def get_as(user_id: str) -> Get:
                    headers = self._headers(user_id)
                    return lambda path: client.get(
                        path, headers=headers).raise_for_status().json()
                yield get_as
        finally:
            processes.stop([name])

    def _headers(self, user_id: str) -> dict[str, str]:
        claims = jwt.decode(development_token(self._secret, "bench@example.org"),
                            options={"verify_signature": False})
        token = jwt.encode({**claims, "sub": user_id}, self._secret, algorithm="HS256")
        return {"Authorization": f"Bearer {token}"}
