"""Storage notifications as the servers send them; times, sizes and digests were theirs."""
from __future__ import annotations

import base64
import copy
import json
from typing import Any
from urllib.parse import quote_plus

JSON = {"Content-Type": "application/json"}
ETAG = "4d141d895b5f3ad398a1b3eb9d3aac22"
# The same digest as SeaweedFS keeps it.
MD5 = "TRQdiVtfOtOYobPrnTqsIg=="

_RECORD: dict[str, Any] = {
    "eventVersion": "2.0", "eventSource": "minio:s3", "awsRegion": "",
    "eventTime": "2026-11-26T01:04:18.650Z", "eventName": "s3:ObjectCreated:Put",
    "userIdentity": {"principalId": "icadmin"},
    "requestParameters": {
        "principalId": "icadmin", "region": "", "sourceIPAddress": "127.0.0.1"},
    "responseElements": {
        "x-amz-id-2": "5517c8dd5c146250036de13d75f50221d9069e8f3d1c4786a2464a591c36649d",
        "x-amz-request-id": "18EB72C315DC9168",
        "x-minio-deployment-id": "bade0f74-a09c-41c9-b00e-8e9154eafafb",
        "x-minio-origin-endpoint": "http://127.0.0.1:9000"},
    "s3": {
        "s3SchemaVersion": "1.0", "configurationId": "Config",
        "bucket": {"name": "images", "ownerIdentity": {"principalId": "icadmin"},
                   "arn": "arn:aws:s3:::images"},
        "object": {"size": 5000, "eTag": ETAG, "contentType": "image/jpeg",
                   "userMetadata": {"content-type": "image/jpeg"},
                   "sequencer": "18EB72C315E6DB10"}},
    "source": {"host": "127.0.0.1", "port": "", "userAgent": "Boto3/1.44.5"},
}


def minio_record(key: str, bucket: str = "images", name: str = "Put", **written: Any) -> Any:
    """One record of MinIO. `written` changes fields of the object; None leaves one out."""
    record = copy.deepcopy(_RECORD)
    record["eventName"] = f"s3:ObjectCreated:{name}"
    record["s3"]["bucket"].update(name=bucket, arn=f"arn:aws:s3:::{bucket}")
    fields = {**record["s3"]["object"], "key": quote_plus(key), **written}
    record["s3"]["object"] = {
        name: value for name, value in fields.items() if value is not None}
    return record


def minio(*records: Any) -> dict[str, Any]:
    """What MinIO posts; it sends one record at a time."""
    return {"EventName": records[0]["eventName"], "Key": "images/cup.jpg",
            "Records": [*records]}


def rustfs(key: str) -> dict[str, Any]:
    """The same envelope, other names in it, and times to the nanosecond."""
    record = minio_record(key)
    record.update(eventSource="rustfs:s3", eventTime="2026-11-26T01:04:18.650123456Z")
    return minio(record)


def aws(*keys: str) -> dict[str, Any]:
    """What AWS sends: no prefix before the events' names, no media type."""
    records = []
    for key in keys:
        record = minio_record(key, contentType=None, userMetadata=None)
        record.update(
            eventVersion="2.1", eventSource="aws:s3", awsRegion="eu-central-1",
            eventName="ObjectCreated:Put")
        record["s3"]["configurationId"] = "uploads"
        records.append(record)
    return {"Records": records}


def seaweedfs(
    key: str, kind: str = "create", bucket: str = "images", **attributes: Any
) -> dict[str, Any]:
    """What the filer of SeaweedFS posts. `attributes` change those of the entry."""
    folder, _, name = f"/buckets/{bucket}/{key}".rpartition("/")
    entry = {
        "name": name,
        "chunks": [{"size": 5000, "modified_ts_ns": 1795655062385156325, "e_tag": MD5,
                    "fid": {"volume_id": 1, "file_key": 1, "cookie": 522937578}}],
        "attributes": {
            "file_size": 5000, "mtime": 1795655062, "file_mode": 432, "crtime": 1795655062,
            "mime": "image/jpeg", "md5": MD5, "inode": 12760806321783268028,
            "ctime": 1795655062, "atime": 1795655062, **attributes},
        "extended": {
            "Seaweed-X-Amz-ETag": base64.b64encode(ETAG.encode()).decode(),
            "Seaweed-X-Amz-Owner": "YWRtaW4=", "X-Amz-Meta-Model": "cmVzbmV0"}}
    message: dict[str, Any] = {"delete_chunks": True, "signatures": [804026792]}
    if kind != "create":
        message["old_entry"] = copy.deepcopy(entry)
    if kind != "delete":
        message.update(new_entry=entry, new_parent_path=folder)
    return {"event_type": kind, "key": f"{folder}/{name}", "message": message}


def body(document: Any) -> bytes:
    """A document as it is sent."""
    return json.dumps(document).encode()
