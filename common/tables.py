"""Rows as files that are sent while they are read: CSV (RFC 4180) and NDJSON."""
from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flask import Response
from werkzeug.wsgi import ClosingIterator

from common.iso_json import IsoJsonProvider
from common.parameters import sent_choice

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8; header=present", "ndjson": "application/x-ndjson"}
# Lines are sent together: each writing to a socket costs as much as making many of them.
_LINES = 200
# What a spreadsheet takes for the beginning of a formula, at the beginning of a text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Row = Mapping[str, Any]


def sent_format(formats: Iterable[str] = MEDIA_TYPES) -> str:
    """The parameter format of the current request, csv unless sent. Raises InvalidValue."""
    return sent_choice("format", [*formats]) or "csv"


def table_answer(rows: Iterator[Row], columns: Sequence[str], kind: str, name: str) -> Response:
    """Rows of these columns as a file `name` of a kind of MEDIA_TYPES, however many there are.

    The first row is awaited, so that what cannot be read at all is refused; an answer that
    breaks off later has no end, and the client notices.
    """
    begun = itertools.chain([*itertools.islice(rows, 1)], rows)
    lines = _csv_lines(begun, columns) if kind == "csv" else _json_lines(begun)
    return attachment(_together(lines), rows, MEDIA_TYPES[kind], f"{name}.{kind}")


def attachment(
    chunks: Iterable[bytes], rows: Iterator[Any], media_type: str, filename: str
) -> Response:
    """`chunks`, made of `rows`, as a file; the rows are closed whatever becomes of the answer."""
    body = ClosingIterator(chunks, [close] if (close := getattr(rows, "close", None)) else [])
    return Response(body, content_type=media_type, headers={
        "Content-Disposition": f'attachment; filename="{filename}"',
        "Cache-Control": "no-store"})


def _together(lines: Iterator[str]) -> Iterator[bytes]:
    while some := [*itertools.islice(lines, _LINES)]:
        yield "".join(some).encode()


def _json_lines(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield _as_json(row) + "\n"


def _csv_lines(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[str]:
    line = io.StringIO(newline="")
    writer = csv.writer(line)
    for cells in itertools.chain([columns], (
            [_cell(row[name]) for name in columns] for row in rows)):
        writer.writerow(cells)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would run begins with an apostrophe instead."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if value is None or isinstance(value, (int, float)):
        return value
    text = _as_json(value)
    return json.loads(text) if text.startswith('"') else text


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=IsoJsonProvider.default)
