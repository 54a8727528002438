"""JSON logs with the request id: to stdout and, where LOG_DIR can be written, to a file."""
from __future__ import annotations

import logging
import sys
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue

from flask import g, has_request_context
from pythonjsonlogger.json import JsonFormatter

from common import tracing

FILE_BYTES = 10 * 1024 * 1024
FILES_KEPT = 5


class _RequestId(logging.Filter):
    """Adds the ids of the request being served and of its trace, if there are any."""

    def filter(self, record: logging.LogRecord) -> bool:
        if has_request_context():
            record.request_id = g.get("request_id")
        if trace := tracing.trace_id():
            record.trace_id = trace
        return True


class _FormattedOnce(logging.Formatter):
    """The line that `formatter` makes of a record, however many handlers write it."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter
        self._last: tuple[logging.LogRecord | None, str] = (None, "")

    def format(self, record: logging.LogRecord) -> str:
        if self._last[0] is not record:
            self._last = record, self._formatter.format(record)
        return self._last[1]


class _InBackground(QueueHandler):
    """Has one thread write what all others log.

    A handler that writes holds its lock while it waits for the interpreter's, and with many
    threads at work all of them come to stand in that line.
    """

    def __init__(self, handlers: list[logging.Handler]) -> None:
        super().__init__(SimpleQueue())
        self._handlers = handlers
        self._writer = QueueListener(self.queue, *handlers)
        self._writer.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record as it is, since it stays in this process."""
        return record

    def flush(self) -> None:
        """Write what was logged until now."""
        self._writer.stop()
        self._writer.start()

    def close(self) -> None:
        """Write what is left; called when the process ends."""
        self._writer.stop()
        for handler in self._handlers:
            handler.close()
        super().close()


def json_formatter(**fields: str) -> JsonFormatter:
    """One JSON object a line, with the time in UTC and `fields` in every record."""
    return JsonFormatter(
        "{levelname}{name}{message}", style="{", timestamp="time",
        rename_fields={"levelname": "level", "name": "logger"}, static_fields=fields)


def configure(function: str, level: str, directory: Path) -> None:
    """Send every log record of this process to stdout and `directory`/<function>.jsonl.

    They are written soon after, in their order; a process that is killed loses the last few.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handlers.append(RotatingFileHandler(
            directory / f"{function}.jsonl", maxBytes=FILE_BYTES, backupCount=FILES_KEPT))
        skipped = None
    except OSError as error:
        skipped = error
    formatter = _FormattedOnce(json_formatter(function=function))
    for handler in handlers:
        handler.setFormatter(formatter)
    in_background = _InBackground(handlers)
    in_background.addFilter(_RequestId())
    logging.basicConfig(level=level, handlers=[in_background], force=True)
    for library in ("botocore", "boto3", "urllib3", "s3transfer"):
        logging.getLogger(library).setLevel(logging.WARNING)
    if skipped is not None:
        logging.getLogger(__name__).info("no log file: %s", skipped)
