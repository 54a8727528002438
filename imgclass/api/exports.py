"""The history and labelled datasets, as streams: nothing is held in memory as a whole."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import httpx

from imgclass.api.base import Api
from imgclass.errors import UnexpectedAnswer
from imgclass.filters import EVERYTHING, Filters

PREDICTIONS, DATASETS = "/api/v1/predictions/export", "/api/v1/datasets/export"

# The first row may take a while to find, and a picture a while to fetch.
TIMEOUT_SECONDS = 300.0


def _nobody(written: int) -> None:
    """Hears of nothing."""


class Exports(Api):
    """What everybody may take out of their own history, and an administrator as a dataset.

    Each method raises ConnectionLost when the stream ends before it is complete: what has come
    until then is not the whole.
    """

    def export(self, filters: Filters = EVERYTHING) -> Iterator[Mapping[str, Any]]:
        """Every prediction that matches, in one request, with all that the service exports."""
        return self._rows(PREDICTIONS, filters)

    def export_to(
        self, file: BinaryIO, format: str = "csv", filters: Filters = EVERYTHING,
        progress: Callable[[int], None] = _nobody,
    ) -> int:
        """Write the predictions that match as csv or ndjson; answers how many bytes.

        `progress` hears of the bytes written so far.
        """
        return self._write(PREDICTIONS, file, format, filters, progress)

    def dataset(self, filters: Filters = EVERYTHING) -> Iterator[Mapping[str, Any]]:
        """Every labelled picture: its label, its part of the split, its object key.

        Of the filters there are the model version and the times of the answers.
        """
        return self._rows(DATASETS, filters)

    def export_dataset_to(
        self, file: BinaryIO, format: str = "imagefolder", filters: Filters = EVERYTHING,
        progress: Callable[[int], None] = _nobody,
    ) -> int:
        """Write labelled pictures as csv, ndjson, imagefolder (a zip) or tfrecord; see export_to.
        """
        return self._write(DATASETS, file, format, filters, progress)

    def _rows(self, path: str, filters: Filters) -> Iterator[Mapping[str, Any]]:
        parameters = {"format": "ndjson", **filters.parameters()}
        with self._stream(path, parameters) as response:
            for line in response.iter_lines():
                yield _row(line, path)

    def _write(
        self, path: str, file: BinaryIO, format: str, filters: Filters,
        progress: Callable[[int], None],
    ) -> int:
        written = 0
        with self._stream(path, {"format": format, **filters.parameters()}) as response:
            for piece in response.iter_bytes():
                file.write(piece)
                written += len(piece)
                progress(written)
        return written

    def _stream(
        self, path: str, parameters: dict[str, str]
    ) -> AbstractContextManager[httpx.Response]:
        return self._transport.stream(
            path, params=parameters, headers={"Accept": "*/*"}, timeout=TIMEOUT_SECONDS)


def _row(line: str, path: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise UnexpectedAnswer(f"{path} does not answer as imgclass does: is the address right?")
    return row
