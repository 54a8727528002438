"""Notifications as CloudEvents, in each mode that HTTP has for them."""
from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from predict.inbox.events import StorageEvent
from predict.inbox.notifications import read_notification
from tests.notifications import JSON, minio, minio_record, seaweedfs

KEYS = [f"uploads/6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11/{name}"
        for name in ("a b+c%20.jpg", "Größe 📷.jpg")]
TOLD = minio(*map(minio_record, KEYS))
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def cloud_event(data: Any = TOLD, **attributes: Any) -> CloudEvent:
    """An event as a broker passes it on, with `attributes`."""
    return CloudEvent({
        "id": str(uuid.uuid4()), "source": "https://store.example/images",
        "type": "com.amazonaws.s3.objectcreated", "specversion": "1.0",
        "datacontenttype": "application/json", "subject": "Größe \"x\".jpg", **attributes}, data)


def structured(event: BaseCloudEvent, **changes: Any) -> dict[str, Any]:
    """The document of an event, with `changes`; a change to None leaves an attribute out."""
    document = {**json.loads(to_structured_event(event).body), **changes}
    return {name: value for name, value in document.items() if value is not None}


def titled(headers: dict[str, str]) -> dict[str, str]:
    """Headers as Flask names them."""
    return {name.title(): value for name, value in headers.items()}


def keys(read: tuple[list[StorageEvent], int]) -> list[str]:
    """The keys that are told of; nothing else may be there."""
    events, ignored = read
    assert ignored == 0
    return [event.key for event in events]


@pytest.mark.parametrize("mode", [to_binary_event, to_structured_event])
def test_modes(mode: Any) -> None:
    """Attributes in headers or all in the body: what counts is the data."""
    message = mode(cloud_event())
    assert keys(read_notification(message.body, titled(message.headers))) == KEYS
    assert keys(read_notification(message.body, message.headers)) == KEYS


def test_media_type_with_parameters() -> None:
    """A media type is the same in any case, and with parameters."""
    document = json.dumps(structured(cloud_event())).encode()
    for media_type in (f"{STRUCTURED}; charset=UTF-8", STRUCTURED.upper()):
        assert keys(read_notification(document, {"Content-Type": media_type})) == KEYS


def test_structured_with_headers_of_the_other_mode() -> None:
    """The media type decides: a proxy may have added headers of the other mode."""
    message = to_structured_event(cloud_event())
    headers = {**titled(message.headers), "Ce-Specversion": "1.0", "Ce-Type": "proxied"}
    assert keys(read_notification(message.body, headers)) == KEYS


@pytest.mark.parametrize("data", [minio_record(KEYS[0]), seaweedfs(KEYS[0])])
@pytest.mark.parametrize("mode", [to_binary_event, to_structured_event])
def test_data_of_other_shapes(mode: Any, data: Any) -> None:
    """The data may be one record, or of SeaweedFS."""
    message = mode(cloud_event(data))
    assert keys(read_notification(message.body, titled(message.headers))) == KEYS[:1]


@pytest.mark.parametrize("data", [json.dumps(TOLD), json.dumps(TOLD).encode()])
@pytest.mark.parametrize("media_type", ["application/json", "application/octet-stream"])
def test_data_as_text(data: Any, media_type: str) -> None:
    """Data that a sender took for text or bytes is JSON all the same."""
    event = cloud_event(data, datacontenttype=media_type)
    for message in (to_binary_event(event), to_structured_event(event)):
        assert keys(read_notification(message.body, titled(message.headers))) == KEYS


def test_data_in_base64() -> None:
    """Data in base64 is read."""
    document = structured(
        cloud_event(), data=None,
        data_base64=base64.b64encode(json.dumps(TOLD).encode()).decode())
    assert keys(read_notification(
        json.dumps(document).encode(), {"Content-Type": STRUCTURED})) == KEYS


def test_older_version() -> None:
    """Version 0.3 of the specification is understood as well."""
    document = structured(cloud_event(), specversion="0.3")
    assert keys(read_notification(
        json.dumps(document).encode(), {"Content-Type": STRUCTURED})) == KEYS


def test_batch() -> None:
    """A batch is so many events; one that cannot be read hides no other."""
    batch = [structured(cloud_event(minio(minio_record(KEYS[0])))),
             structured(cloud_event(), source=None), 7, None, "text", {},
             structured(cloud_event({"hello": "world"})),
             structured(cloud_event(minio(minio_record(KEYS[1]))))]
    events, ignored = read_notification(
        json.dumps(batch).encode(), {"Content-Type": f"{BATCH}; charset=utf-8"})
    assert ([event.key for event in events], ignored) == (KEYS, 6)
    assert read_notification(b"[]", {"Content-Type": BATCH}) == ([], 0)


@pytest.mark.parametrize("changes", [
    {"id": ""}, {"id": 7}, {"source": None}, {"type": None}, {"type": []},
    {"specversion": "7"}, {"specversion": ["1.0"]},
    {"time": "yesterday"}, {"time": 7}, {"data": None}, {"data": "text"}, {"data": 7},
    {"data": []}, {"data": None, "data_base64": "!"}, {"data": None, "data_base64": 7},
    {"datacontenttype": 7, "data": 7}, {"Not An Attribute": "x"}])
def test_wrong_events(changes: dict[str, Any]) -> None:
    """What breaks the specification tells of nothing."""
    document = json.dumps(structured(cloud_event(), **changes)).encode()
    assert read_notification(document, {"Content-Type": STRUCTURED}) == ([], 1)


@pytest.mark.parametrize("changes", [
    {"Ce-Id": ""}, {"Ce-Specversion": ""}, {"Ce-Specversion": "%FF"}, {"Ce-Time": "%"},
    {"Ce-Time": "31 Feb"}, {"Content-Type": "text/plain; charset=x"}, {"Ce-": "x"},
    {"Ce-Data": "x"}])
@pytest.mark.parametrize("sent", [b"", b"{", b"\xff\xff", b"null", b"[1]"])
def test_wrong_headers(changes: dict[str, str], sent: bytes) -> None:
    """Whatever is wrong with headers and body, it is counted and no error."""
    headers = {**titled(to_binary_event(cloud_event()).headers), **changes}
    assert read_notification(sent, headers) == ([], 1)


@pytest.mark.parametrize("media_type", [STRUCTURED, BATCH])
@pytest.mark.parametrize("sent", [b"", b"{", b"\xff\xff", b"null", b"7", b"\"x\"", b"[" * 10_000])
def test_garbage(media_type: str, sent: bytes) -> None:
    """A body that is no event at all is counted and no error."""
    assert read_notification(sent, {"Content-Type": media_type}) == ([], 1)


def test_plain_json_is_no_event() -> None:
    """A document that looks like an event, but is not called one, tells of nothing."""
    document = json.dumps(structured(cloud_event())).encode()
    assert read_notification(document, JSON) == ([], 1)
