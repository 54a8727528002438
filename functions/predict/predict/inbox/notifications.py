"""Bodies of storage notifications to events: of S3 servers, of SeaweedFS, as CloudEvents.

A body may hold anything: what cannot be read is counted, never an error, because a sender that is
refused sends the same again.
"""
from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote_plus

from predict.inbox.events import StorageEvent

# Listed one by one: ObjectCreated:* includes tagging, which our own tools might do.
CREATED = frozenset({
    "ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:CompleteMultipartUpload",
    "ObjectCreated:Copy"})
_BUCKETS = "/buckets/"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_BATCH = "application/cloudevents-batch+json"
_STRUCTURED = "application/cloudevents+json"
# What reading a document that is not what it should be may raise.
_UNREADABLE = (
    KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)


def read_notification(body: bytes, headers: Mapping[str, str]) -> tuple[list[StorageEvent], int]:
    """The events of objects written that a request tells of, and how many entries are none."""
    events, ignored = [], 0
    for message in _messages(body, {name.lower(): value for name, value in headers.items()}):
        for entry in _entries(message):
            event = _read(entry)
            if event is None:
                ignored += 1
            else:
                events.append(event)
    return events, ignored


@dataclass(frozen=True)
class _Message:
    """A body and its headers, by their names in lower case."""

    body: bytes
    headers: Mapping[str, str]

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def _messages(body: bytes, headers: Mapping[str, str]) -> list[_Message]:
    """A request, or the CloudEvents that come in one as a batch."""
    whole = _Message(body, headers)
    if whole.media_type != _BATCH:
        return [whole]
    try:
        return [_Message(json.dumps(each).encode(), {"content-type": _STRUCTURED})
                for each in json.loads(body)]
    except _UNREADABLE:
        return [whole]


def _entries(message: _Message) -> list[Any]:
    """What a message tells, one by one; of one that cannot be read, nothing."""
    try:
        document = _document(message)
    except _UNREADABLE:
        return [None]
    records = document.get("Records") if isinstance(document, dict) else None
    return records if isinstance(records, list) else [document]


def _document(message: _Message) -> Any:
    """The JSON of a message or, of a CloudEvent, its data."""
    if message.media_type != _STRUCTURED and "ce-specversion" not in message.headers:
        return json.loads(message.body)
    from cloudevents.core.bindings import http
    from cloudevents.core.exceptions import BaseCloudEventException

    read = (http.from_structured_event if message.media_type == _STRUCTURED
            else http.from_binary_event)
    try:
        data = read(http.HTTPMessage(dict(message.headers), message.body)).get_data()
    except BaseCloudEventException as error:
        raise ValueError("not a CloudEvent") from error
    return json.loads(data) if isinstance(data, (str, bytes)) else data


def _read(entry: Any) -> StorageEvent | None:
    try:
        return _read_seaweedfs(entry) if "event_type" in entry else _read_s3(entry)
    except _UNREADABLE:
        return None


def _read_s3(record: Any) -> StorageEvent | None:
    """A record as AWS, MinIO and RustFS send it."""
    if record["eventName"].removeprefix("s3:") not in CREATED:
        return None
    written = record["s3"]["object"]
    version_id = _text(written.get("versionId") or "")
    return StorageEvent(
        bucket=_text(record["s3"]["bucket"]["name"]),
        key=unquote_plus(_text(written["key"]), errors="strict"),
        version_id="" if version_id == "null" else version_id,
        etag=_text(written.get("eTag") or "").strip('"'),
        sequencer=_text(written.get("sequencer") or ""),
        size=int(written.get("size") or 0),
        written_at=_time(record.get("eventTime")),
        content_type=_text(written.get("contentType") or ""),
    )


def _read_seaweedfs(event: Any) -> StorageEvent | None:
    """An event of SeaweedFS' filer; an overwritten object is an `update`."""
    entry = event["message"].get("new_entry")
    if event["event_type"] not in ("create", "update") or not entry or entry.get("is_directory"):
        return None
    bucket, slash, key = _text(event["key"]).removeprefix(_BUCKETS).partition("/")
    if not slash or not event["key"].startswith(_BUCKETS):
        return None
    attributes = entry["attributes"]
    nanoseconds = [int(chunk["modified_ts_ns"]) for chunk in entry.get("chunks") or []]
    seconds = int(attributes["mtime"])
    written = max(nanoseconds, default=seconds * 10**9 + int(attributes.get("mtime_ns", 0)))
    return StorageEvent(
        bucket=bucket,
        key=key,
        etag=_seaweedfs_etag(entry),
        sequencer=f"{written:016X}",
        size=int(attributes.get("file_size", 0)),
        written_at=_EPOCH + timedelta(seconds=seconds),
        content_type=_text(attributes.get("mime", "")),
    )


def _seaweedfs_etag(entry: Any) -> str:
    """What S3 clients see as the ETag: as stored or, without that, the MD5."""
    stored = entry.get("extended", {}).get("Seaweed-X-Amz-ETag")
    if stored:
        return _decoded(stored).decode("ascii").strip('"')
    return _decoded(entry["attributes"].get("md5", "")).hex()


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(_text(text), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _time(sent: Any) -> datetime | None:
    """Times that cannot be read are only told for information."""
    try:
        value = datetime.fromisoformat(_text(sent).replace("Z", "+00:00"))
        return value.replace(tzinfo=value.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, TypeError, OverflowError):
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
