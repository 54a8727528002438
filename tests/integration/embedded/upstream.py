"""A function's stand-in: a real WSGI server that answers with what it was asked."""
from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PROBLEM = '{"type": "urn:imgclass:problem:broken-picture", "status": 422}'


class Echo:
    """Answers 200 with a description of the request; `?problem` with a problem, `?unnamed`
    without the header that names the request."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        request = Request(environ)
        request_id = request.headers.get("X-Request-Id", "")
        if "problem" in request.args:
            answer = Response(PROBLEM, 422, mimetype="application/problem+json")
        else:
            answer = Response(mimetype="application/json", response=json.dumps({
                "function": self._name,
                "uri": environ["RAW_URI"],
                "request_id": request_id,
                "host": request.headers.get("Host"),
                "received": len(request.get_data()),
            }))
        if "unnamed" not in request.args:
            answer.headers["X-Request-Id"] = request_id
        return answer(environ, start_response)


@contextmanager
def serving(name: str) -> Iterator[str]:
    """Run one on a free port; yields host:port."""
    server = make_server("127.0.0.1", 0, Echo(name), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
