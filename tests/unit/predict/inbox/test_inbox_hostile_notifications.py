"""Notifications made up by a machine: none of them is an error, whatever it holds."""
from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from predict.inbox.events import StorageEvent
from predict.inbox.notifications import read_notification
from tests.notifications import JSON, aws, minio, minio_record, rustfs, seaweedfs

KEY = f"uploads/{uuid.UUID(int=7)}/cup.jpg"
# The same examples in every run, and none kept: a failure is everybody's.
bounded = settings(max_examples=150, derandomize=True, database=None, deadline=None)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from([10**40, -1, 2**63, "\0", "\ud800", "%FF", "null", KEY, "ObjectCreated:Put"]))
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["Records", "event_type", "message", "new_entry", "s3", "object", "key",
                         "eventName", "data", "specversion"]) | st.text(max_size=5),
        inner, max_size=4),
    max_leaves=12)
headers = st.fixed_dictionaries(
    {"Content-Type": st.sampled_from([
        "", "application/json", "application/cloudevents+json",
        "application/cloudevents-batch+json", "text/plain"])},
    optional={
        "Ce-Specversion": st.sampled_from(["1.0", "0.3", "", "x", "%"]),
        "Ce-Time": st.text(max_size=10), "Ce-Id": st.text(max_size=10)})
cloud_event = CloudEvent({
    "id": "1", "source": "/images", "type": "created", "specversion": "1.0",
    "datacontenttype": "application/json"}, minio(minio_record(KEY)))
genuine = st.sampled_from([
    minio(minio_record(KEY, versionId="null")), rustfs(KEY), aws(KEY, KEY), seaweedfs(KEY),
    seaweedfs(KEY, "update"), json.loads(to_structured_event(cloud_event).body)])


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything inside a document."""
    inner = document.items() if isinstance(document, dict) else (
        enumerate(document) if isinstance(document, list) else ())
    return [place for key, value in inner
            for place in ((*path, key), *places(value, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A genuine notification of which a few values are others, or are not there."""
    document = json.loads(json.dumps(draw(genuine)))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(places(document)))
        place = document
        try:
            for key in path:
                place = place[key]
            if draw(st.booleans()):
                place[last] = draw(documents)
            else:
                del place[last]
        except (KeyError, IndexError, TypeError):  # a change before has removed the place
            continue
        if not places(document):
            break
    return document


def assert_storable(events: list[StorageEvent]) -> None:
    """What is taken for an upload has no value that the table would refuse."""
    for event in (each for each in events if each.is_upload):
        for text, longest in [(event.key, 1024), (event.bucket, 63), (event.version_id, 128),
                              (event.etag, 128), (event.sequencer, 64)]:
            assert len(text) <= longest
            assert b"\0" not in text.encode()
        assert event.size is None or -2**63 <= event.size < 2**63
        assert event.written_at is None or isinstance(event.written_at, datetime)
        assert event.owner is None or isinstance(event.owner, uuid.UUID)
        assert event.is_unlikely in (True, False)


@bounded
@given(st.binary(max_size=200), headers)
def test_arbitrary_bytes(sent: bytes, headers: dict[str, str]) -> None:
    """Bytes of no kind at all are no error."""
    events, ignored = read_notification(sent, headers)
    assert_storable(events)
    assert events or ignored or sent.strip() == b"[]"


@bounded
@given(documents, headers)
def test_arbitrary_json(document: Any, headers: dict[str, str]) -> None:
    """JSON of no kind at all is no error."""
    events, _ = read_notification(json.dumps(document).encode(), headers)
    assert_storable(events)


@bounded
@given(mutated(), headers | st.just(JSON))
def test_mutated(document: Any, headers: dict[str, str]) -> None:
    """Notifications of which a part is wrong are no error."""
    events, _ = read_notification(json.dumps(document).encode(), headers)
    assert_storable(events)


@bounded
@given(st.text())
def test_arbitrary_keys(key: str) -> None:
    """Whatever a key is, an event can say whose it is, and what it looks like."""
    event = StorageEvent("images", key)
    assert event.is_upload in (True, False)
    assert_storable([event])
