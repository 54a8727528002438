"""Multipart forms, taken apart in memory."""
from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO

from flask import Request
from multipart import (  # type: ignore[import-untyped]
    MultipartError, ParserLimitReached, PushMultipartParser)
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from common.body import READ_BYTES
from common.errors import InvalidRequest

Parsed = tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]


class InMemoryFormParser(FormDataParser):
    """Werkzeug's, with another parser below it, which copies a file once instead of several times.

    Files are kept in memory: bodies are bounded, and no disk needs to be written.
    """

    def _parse_multipart(
        self, stream: IO[bytes], mimetype: str, content_length: int | None,
        options: dict[str, str],
    ) -> Parsed:
        """The fields and files of a form. Raises InvalidRequest for what is none, and
        RequestEntityTooLarge if it has too many parts, or too long ones that are no files."""
        fields, files = list[tuple[str, str]](), list[tuple[str, FileStorage]]()
        for headers, content in self._parts(stream, options.get("boundary", "")):
            _, named = parse_options_header(headers["Content-Disposition"])
            name, filename = named.get("name", ""), named.get("filename")
            if filename is not None:
                file = FileStorage(io.BytesIO(content), filename, name, headers=headers)
                files.append((name, file))
                continue
            if self.max_form_memory_size is not None and len(content) > self.max_form_memory_size:
                raise RequestEntityTooLarge()
            fields.append((name, content.decode("utf-8", "replace")))
        return stream, self.cls(fields), self.cls(files)

    def _parts(self, stream: IO[bytes], boundary: str) -> Iterator[tuple[Headers, bytes]]:
        headers, content = Headers(), list[bytes]()
        most = self.max_form_parts or float("inf")
        try:
            with PushMultipartParser(boundary, max_segment_count=most) as parser:
                while data := stream.read(READ_BYTES):
                    for event in parser.parse(data):
                        if event is None:
                            yield headers, b"".join(content)
                        elif isinstance(event, bytes):
                            content.append(event)
                        else:
                            headers, content = Headers(event.headerlist), []
        except ParserLimitReached as error:
            raise RequestEntityTooLarge() from error
        except MultipartError as error:
            raise InvalidRequest(f"The form is malformed: {error}.") from error


class InMemoryRequest(Request):
    """A request whose files are in memory."""

    form_data_parser_class = InMemoryFormParser
