"""Forms sent straight to an object store, which is not to see who the sender is."""
from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from typing import BinaryIO

import httpx

from imgclass import __version__
from imgclass.errors import NoAnswer, Unreachable, UploadRefused
from imgclass.transport import LOCAL_HOSTS, parse_url

# What an S3 server says when it refuses (Amazon S3 API, Error Responses).
CODE = re.compile(r"<Code>([A-Za-z]{1,100})</Code>")


class FormSender:
    """Sends forms without a token, over connections that are made with the first of them."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._http: httpx.Client | None = None

    def send(
        self, url: str, fields: Mapping[str, str], file: BinaryIO, content_type: str
    ) -> None:
        """Return once the store has the file.

        Raises UploadRefused with the store's reason, Unreachable or NoAnswer, and ClientError
        when `url` is not an address.
        """
        store = parse_url(url).copy_with(raw_path=b"/")
        try:
            # The file comes last: what stands behind it is not read.
            response = self._client().post(
                url, data=dict(fields), files={"file": ("picture", file, content_type)})
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(
                f"cannot connect to the object store at {store}: {error}") from error
        except httpx.RequestError as error:
            raise NoAnswer(f"no answer from the object store at {store}: {error}") from error
        if not response.is_success:
            code = CODE.search(response.text)
            said = f"{code[1]}, status" if code else "status"
            raise UploadRefused(f"the object store refused it ({said} {response.status_code})")

    def close(self) -> None:
        with self._lock:
            if self._http is not None:
                self._http.close()

    def _client(self) -> httpx.Client:
        with self._lock:
            if self._http is None:
                self._http = httpx.Client(
                    headers={"User-Agent": f"imgclass/{__version__}"}, timeout=self._timeout,
                    # No proxy between a machine and itself.
                    mounts={f"all://{_host(host)}": None for host in LOCAL_HOSTS})
            return self._http


def _host(name: str) -> str:
    return f"[{name}]" if ":" in name else name
