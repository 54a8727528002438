"""Notifications to events: what each kind of server tells of an object that was written."""
from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from predict.inbox.events import StorageEvent
from predict.inbox.notifications import read_notification
from tests.notifications import (
    ETAG, JSON, MD5, aws, body, minio, minio_record, rustfs, seaweedfs)

KEY = "uploads/6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11/cup.jpg"
FROM_MINIO = StorageEvent(
    "images", KEY, version_id="", etag=ETAG, sequencer="18EB72C315E6DB10", size=5000,
    written_at=datetime(2026, 11, 26, 1, 4, 18, 650_000, timezone.utc),
    content_type="image/jpeg")
FROM_SEAWEEDFS = StorageEvent(
    "images", KEY, version_id="", etag=ETAG, sequencer="18EB72C3F49960E5", size=5000,
    written_at=datetime(2026, 11, 26, 1, 4, 22, tzinfo=timezone.utc),
    content_type="image/jpeg")
NAMES = ["cup.jpg", "a b.jpg", "a+b.jpg", "a%20b%2Bc.jpg", "100%.jpg", "Größe 寸法 📷.jpg",
         "'quoted\" \\ & <b>?#.jpg", "a/b/c.jpg", "..", "line\nbreak.jpg", ";DROP TABLE.jpg"]


def read(document: Any, **headers: str) -> tuple[list[StorageEvent], int]:
    return read_notification(body(document), {**JSON, **headers})


def read_one(document: Any) -> StorageEvent:
    """The one event a notification tells of."""
    events, ignored = read(document)
    assert ignored == 0
    (event,) = events
    return event


def test_minio() -> None:
    """MinIO tells all that there is to know."""
    assert read_one(minio(minio_record(KEY))) == FROM_MINIO


def test_rustfs() -> None:
    """RustFS speaks as MinIO does; its times may be finer than Python reads them."""
    event = read_one(rustfs(KEY))
    assert replace(event, written_at=None) == replace(FROM_MINIO, written_at=None)
    if event.written_at is not None:  # from Python 3.11 on
        assert event.written_at.replace(microsecond=0) == datetime(
            2026, 11, 26, 1, 4, 18, tzinfo=timezone.utc)


def test_aws() -> None:
    """AWS leaves the prefix of the events' names out, and the media type."""
    assert read_one(aws(KEY)) == replace(FROM_MINIO, content_type="")


@pytest.mark.parametrize("name", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_every_way_of_writing(name: str) -> None:
    """However an object is written, it is taken in."""
    assert read_one(minio(minio_record(KEY, name=name))) == FROM_MINIO


@pytest.mark.parametrize("name", NAMES)
def test_keys_of_s3(name: str) -> None:
    """A key is what it was, however it had to be quoted."""
    key = KEY.replace("cup.jpg", name)
    for notification in (minio(minio_record(key)), aws(key), rustfs(key)):
        assert read_one(notification).key == key


@pytest.mark.parametrize(("sent", "key"), [
    ("in%2Fa+b.jpg", "in/a b.jpg"), ("in/a+b.jpg", "in/a b.jpg"), ("a%20b", "a b"),
    ("a%2Bb", "a+b"), ("a%2bb", "a+b"), ("%25", "%"), ("%", "%"), ("%zz", "%zz"),
    ("%F0%9F%93%B7", "📷"), ("📷", "📷"), ("%22%27", "\"'")])
def test_quoting(sent: str, key: str) -> None:
    """Servers quote more or less; all of it is understood."""
    record = minio_record("")
    record["s3"]["object"]["key"] = sent
    assert read_one(minio(record)).key == key


def test_key_that_is_no_text() -> None:
    """A key whose bytes are no UTF-8 cannot be one of ours."""
    record = minio_record("")
    record["s3"]["object"]["key"] = "uploads%2F%FF.jpg"
    assert read(minio(record)) == ([], 1)


def test_empty_object() -> None:
    """Of an empty object MinIO tells no size."""
    assert read_one(minio(minio_record(KEY, size=None))).size == 0
    assert read_one(minio(minio_record(KEY, size=0))).size == 0


@pytest.mark.parametrize(("sent", "version_id"), [
    (None, ""), ("", ""), ("null", ""), ("9d297713-2c78-4e57-a8a4-14dece1969d4",) * 2,
    ("3nullsEcure",) * 2])
def test_version(sent: str | None, version_id: str) -> None:
    """Objects outside of versions have none, which S3 also calls null."""
    assert read_one(minio(minio_record(KEY, versionId=sent))).version_id == version_id


def test_etags() -> None:
    """ETags may be quoted, of many parts, or not told."""
    for sent, etag in [(f'"{ETAG}"', ETAG), (f"{ETAG}-2", f"{ETAG}-2"), (None, "")]:
        assert read_one(minio(minio_record(KEY, eTag=sent))).etag == etag


@pytest.mark.parametrize(("sent", "written_at"), [
    ("2026-11-26T01:04:18Z", datetime(2026, 11, 26, 1, 4, 18, tzinfo=timezone.utc)),
    ("2026-11-26T02:04:18+01:00", datetime(2026, 11, 26, 1, 4, 18, tzinfo=timezone.utc)),
    ("2026-11-26T01:04:18", datetime(2026, 11, 26, 1, 4, 18, tzinfo=timezone.utc)),
    ("0001-01-01T00:00:00+01:00", None), ("yesterday", None), ("", None), (None, None),
    (1795655062, None)])
def test_times(sent: Any, written_at: datetime | None) -> None:
    """Times are UTC unless they say otherwise; those that cannot be read are not told."""
    record = minio_record(KEY)
    record["eventTime"] = sent
    event = read_one(minio(record))
    assert event.written_at == written_at
    assert event.written_at is None or event.written_at.tzinfo is timezone.utc


def test_several_records() -> None:
    """Records stand for themselves: one that is none of ours hides no other."""
    removed = {**minio_record(KEY), "eventName": "s3:ObjectRemoved:Delete"}
    keys = [f"{KEY}.{number}" for number in range(3)]
    records = [minio_record(keys[0]), removed, {}, minio_record(keys[1]), "x", None,
               minio_record(keys[2]), [1]]
    events, ignored = read({"Records": records})
    assert ([event.key for event in events], ignored) == (keys, 5)


def test_record_without_envelope() -> None:
    """A record may come alone, as brokers pass it on."""
    assert read_one(minio_record(KEY)) == FROM_MINIO


@pytest.mark.parametrize("name", [
    "s3:ObjectCreated:PutTagging", "s3:ObjectCreated:DeleteTagging",
    "s3:ObjectCreated:PutRetention", "s3:ObjectCreated:PutLegalHold",
    "s3:ObjectTagging:Put", "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectAccessed:Get", "s3:ObjectRestore:Completed", "ObjectCreated", "s3:TestEvent",
    "s3:s3:ObjectCreated:Put", ""])
def test_other_events(name: str) -> None:
    """What leaves the bytes as they were, or removes them, is nothing to classify."""
    assert read(minio({**minio_record(KEY), "eventName": name})) == ([], 1)


def test_greeting_of_aws() -> None:
    """A new configuration is greeted with an event of no object."""
    assert read({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "images"}) == ([], 1)


def test_seaweedfs() -> None:
    """The filer tells the same in its own words; the time of writing orders the writings."""
    assert read_one(seaweedfs(KEY)) == FROM_SEAWEEDFS


@pytest.mark.parametrize("name", NAMES)
def test_keys_of_seaweedfs(name: str) -> None:
    """The filer quotes nothing: a plus is a plus."""
    key = KEY.replace("cup.jpg", name)
    assert read_one(seaweedfs(key)).key == key


def test_overwritten_in_seaweedfs() -> None:
    """An object that was overwritten is another writing."""
    notification = seaweedfs(KEY, "update")
    notification["message"]["new_entry"]["chunks"][0]["modified_ts_ns"] += 1
    assert read_one(notification) == replace(FROM_SEAWEEDFS, sequencer="18EB72C3F49960E6")


def test_tagged_in_seaweedfs() -> None:
    """An update that leaves the bytes alone is the same writing, and so changes nothing."""
    notification = seaweedfs(KEY, "update")
    notification["message"]["new_entry"]["extended"]["X-Amz-Tagging-a"] = "Yg=="
    assert read_one(notification) == FROM_SEAWEEDFS


@pytest.mark.parametrize("kind", ["delete", "rename", "", "CREATE", None, 1, ["create"]])
def test_other_events_of_seaweedfs(kind: Any) -> None:
    """What is removed or renamed is nothing to classify."""
    assert read({**seaweedfs(KEY), "event_type": kind}) == ([], 1)
    assert read(seaweedfs(KEY, "delete")) == ([], 1)


def test_folders_of_seaweedfs() -> None:
    """A prefix is a directory to the filer, which announces it."""
    notification = seaweedfs("uploads")
    notification["message"]["new_entry"] = {
        "name": "uploads", "is_directory": True,
        "attributes": {"mtime": 1795655062, "file_mode": 2147484153, "mtime_ns": 385679675}}
    assert read(notification) == ([], 1)


@pytest.mark.parametrize("key", [
    "/buckets/images", "/buckets", "/buckets/", "/etc/passwd", "images/uploads/x", "",
    "/buckets2/images/uploads/x.jpg"])
def test_outside_of_buckets(key: str) -> None:
    """The filer also keeps what is in no bucket."""
    assert read({**seaweedfs(KEY), "key": key}) == ([], 1)


def test_parts_in_seaweedfs() -> None:
    """The parts of an object in the making are objects too, but none under uploads/."""
    part = ".uploads/ff628689e1693e0e67c938399f02213bb669bd21_d66c/0001_0c46fd37.part"
    assert not read_one(seaweedfs(part)).is_upload


def test_object_of_parts_in_seaweedfs() -> None:
    """An object of many parts has no MD5; its ETag stands beside, its last chunk dates it."""
    notification = seaweedfs(KEY, file_size=10485760)
    entry = notification["message"]["new_entry"]
    del entry["attributes"]["md5"]
    first = entry["chunks"][0]
    entry["chunks"] = [
        {**first, "modified_ts_ns": first["modified_ts_ns"] + offset} for offset in (1, 2, 0)]
    entry["extended"]["Seaweed-X-Amz-ETag"] = (
        "ZjM3MDI2Zjg5NGM2MzhjZTBmOTQ3Njk1ZmYzMWEyNjctMg==")
    event = read_one(notification)
    assert (event.etag, event.size) == ("f37026f894c638ce0f947695ff31a267-2", 10485760)
    assert event.sequencer == "18EB72C3F49960E7"


def test_md5_in_seaweedfs() -> None:
    """What was not written by S3 has an MD5 instead of an ETag, or neither."""
    notification = seaweedfs(KEY)
    del notification["message"]["new_entry"]["extended"]
    assert read_one(notification).etag == ETAG
    del notification["message"]["new_entry"]["attributes"]["md5"]
    assert read_one(notification).etag == ""


@pytest.mark.parametrize(("nanoseconds", "sequencer"), [
    ({}, "18EB72C3DDA45C00"), ({"mtime_ns": 385156325}, "18EB72C3F49960E5")])
def test_inline_in_seaweedfs(nanoseconds: dict[str, Any], sequencer: str) -> None:
    """Content that is kept in the entry itself has no chunks; the entry's time stands in."""
    notification = seaweedfs(KEY, **nanoseconds)
    entry = notification["message"]["new_entry"]
    del entry["chunks"]
    del entry["attributes"]["file_size"], entry["attributes"]["mime"]
    entry["content"] = MD5
    event = read_one(notification)
    assert event == replace(FROM_SEAWEEDFS, sequencer=sequencer, size=0, content_type="")


@pytest.mark.parametrize("mtime", [10**17, 2**60, -10**12, 10**30, "never", None])
def test_impossible_times_in_seaweedfs(mtime: Any) -> None:
    """An entry of no time that there is cannot be read, and hides nothing else."""
    assert read(seaweedfs(KEY, mtime=mtime)) == ([], 1)


@pytest.mark.parametrize("sent", [
    b"", b"{", b"null", b"[]", b"{}", b"1", b'"event_type"', b"\xff\xfe", b'{"Records": null}',
    b'{"Records": {"a": 1}}', b"NaN", b"[" * 100_000, b"9" * 10_000, b"\0" * 10,
    b'{"event_type": "create"}', b"Records", b"<xml/>"])
def test_garbage(sent: bytes) -> None:
    """What is no notification is counted as one entry that is none."""
    assert read_notification(sent, JSON) == ([], 1)
    assert read_notification(sent, {}) == ([], 1)


def test_nothing_is_told() -> None:
    """No records are no entries."""
    assert read({"Records": []}) == ([], 0)


@pytest.mark.parametrize(("field", "value"), [
    ("key", None), ("key", 7), ("key", ["x"]), ("size", "many"), ("size", [1]), ("size", 1e999),
    ("eTag", 7), ("versionId", 7), ("sequencer", [1]), ("contentType", 7)])
def test_fields_of_other_types(field: str, value: Any) -> None:
    """A record whose fields are not what they should be is none."""
    record = minio_record(KEY)
    record["s3"]["object"][field] = value
    assert read_notification(json.dumps(minio(record)).encode(), JSON) == ([], 1)
