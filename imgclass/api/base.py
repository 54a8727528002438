"""What the parts of the client share: one transport, and how answers are read."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar, Union
from urllib.parse import quote

import httpx

from imgclass.errors import UnexpectedAnswer
from imgclass.transport import Transport

Picture = Union[str, "os.PathLike[str]", bytes, BinaryIO]
Result = TypeVar("Result")
PAGE_SIZE = 100

# As long as the service takes at most to load a model, or to compare millions of answers.
ANALYSIS_TIMEOUT_SECONDS = 60.0


class Page(Protocol):
    """A part of a list, and where the next one begins, if there is one."""

    @property
    def next_cursor(self) -> str | None: ...


AnyPage = TypeVar("AnyPage", bound=Page)


class Api:
    """A part of the client; all parts talk through one transport."""

    _transport: Transport

    def _get(
        self,
        path: str,
        read: Callable[[dict[str, Any]], Result],
        parameters: dict[str, str] | None = None,
    ) -> Result:
        return read_answer(self._transport.send("GET", path, params=parameters), read)

    def _pages(
        self,
        path: str,
        read: Callable[[dict[str, Any]], AnyPage],
        parameters: dict[str, str] | None = None,
    ) -> Iterator[AnyPage]:
        """A list page by page, each fetched when it is asked for."""
        asked = {"limit": str(PAGE_SIZE), **(parameters or {})}
        while True:
            page = self._get(path, read, asked)
            yield page
            if page.next_cursor is None:
                return
            asked["cursor"] = page.next_cursor


@contextmanager
def opened(source: Picture) -> Iterator[tuple[str, bytes | BinaryIO]]:
    """The name and the content of a file in a multipart form."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        with path.open("rb") as file:
            # A name that is not UTF-8 is legal on disk, but not in a form.
            yield os.fsencode(path.name).decode("utf-8", "replace"), file
    else:
        yield "picture", source


def read_answer(response: httpx.Response, read: Callable[[dict[str, Any]], Result]) -> Result:
    """What an answer says. Raises UnexpectedAnswer when it is no answer of this service."""
    try:
        return read(response.json())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnexpectedAnswer(
            f"{response.url} does not answer as imgclass does: is the address right?") from error


def segment(name: object) -> str:
    """A value as one segment of a path."""
    return quote(str(name), safe="")
