"""What the functions' keys may do in the object store, and what they may not."""
from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client

from imgclass.embedded.objectstore import ObjectStore
from tests.servers import KINDS, functions_keys, object_store_settings, s3_client_of

BUCKETS = ["images", "models"]
READABLE_BY_ALL = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::images/*"}]})


@pytest.fixture(scope="module", params=KINDS)
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """Each kind of object store."""
    found: ObjectStore = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def root(store: ObjectStore) -> S3Client:
    return s3_client_of(store, object_store_settings(store))


@pytest.fixture(scope="module")
def functions(store: ObjectStore) -> S3Client:
    return s3_client_of(store, functions_keys(store))


@pytest.fixture(scope="module")
def foreign_bucket(root: S3Client) -> Iterator[str]:
    """Somebody else's bucket, with an object `secret`."""
    name = f"foreign-{uuid.uuid4()}"
    root.create_bucket(Bucket=name)
    root.put_object(Bucket=name, Key="secret", Body=b"secret")
    yield name
    root.delete_object(Bucket=name, Key="secret")
    root.delete_bucket(Bucket=name)


@pytest.fixture
def key(root: S3Client) -> Iterator[str]:
    """A key of the test's own, free again afterwards in both buckets."""
    key = f"rights/{uuid.uuid4()}"
    yield key
    for bucket in BUCKETS:
        root.delete_object(Bucket=bucket, Key=key)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_objects_may_be_handled(functions: S3Client, bucket: str, key: str) -> None:
    """In both buckets objects can be written, read, listed, copied and removed."""
    functions.head_bucket(Bucket=bucket)
    functions.put_object(Bucket=bucket, Key=key, Body=b"written")
    functions.copy_object(
        Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key},
        ContentType="image/png", MetadataDirective="REPLACE")
    found = functions.get_object(Bucket=bucket, Key=key)
    assert (found["ContentType"], found["Body"].read()) == ("image/png", b"written")
    listed = functions.list_objects_v2(Bucket=bucket, Prefix=key)
    assert [each["Key"] for each in listed["Contents"]] == [key]
    functions.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(functions.exceptions.NoSuchKey):
        functions.get_object(Bucket=bucket, Key=key)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_objects_may_be_written_in_parts(functions: S3Client, bucket: str, key: str) -> None:
    """An upload in parts can be completed, or given up."""
    def begin() -> dict[str, Any]:
        upload = functions.create_multipart_upload(Bucket=bucket, Key=key)
        return {"Bucket": bucket, "Key": key, "UploadId": upload["UploadId"]}

    place = begin()
    part = functions.upload_part(**place, PartNumber=1, Body=b"part")
    assert len(functions.list_parts(**place)["Parts"]) == 1
    functions.complete_multipart_upload(
        **place, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    functions.abort_multipart_upload(**begin())
    assert functions.get_object(Bucket=bucket, Key=key)["Body"].read() == b"part"


@pytest.mark.parametrize("bucket", BUCKETS)
def test_others_may_be_let_write(functions: S3Client, bucket: str, key: str) -> None:
    """A form signed with these keys stores an object for somebody who has none."""
    form = functions.generate_presigned_post(bucket, key, ExpiresIn=60)
    answer = httpx.post(form["url"], data=form["fields"], files={"file": b"posted"})
    assert answer.status_code == 204, answer.text
    assert functions.get_object(Bucket=bucket, Key=key)["Body"].read() == b"posted"


def test_versions_may_be_handled(root: S3Client, functions: S3Client, key: str) -> None:
    """Where the bucket keeps versions, each can be listed, read, copied and removed."""
    place: dict[str, Any] = {"Bucket": "models", "Key": key}
    root.put_bucket_versioning(
        Bucket="models", VersioningConfiguration={"Status": "Enabled"})
    try:
        first, second = (
            functions.put_object(**place, Body=body)["VersionId"] for body in (b"1", b"2"))
        assert functions.get_object(**place, VersionId=first)["Body"].read() == b"1"
        copied = functions.copy_object(
            **place, MetadataDirective="REPLACE",
            CopySource={"Bucket": "models", "Key": key, "VersionId": first})
        listed = functions.list_object_versions(Bucket="models", Prefix=key)["Versions"]
        assert {each["VersionId"] for each in listed} == {first, second, copied["VersionId"]}
        for version in (first, second, copied["VersionId"]):
            functions.delete_object(**place, VersionId=version)
        with pytest.raises(functions.exceptions.NoSuchKey):
            functions.get_object(**place)
    finally:
        root.put_bucket_versioning(
            Bucket="models", VersioningConfiguration={"Status": "Suspended"})


Attempt = Callable[[S3Client, str], object]

FORBIDDEN: dict[str, Attempt] = {
    "make a bucket": lambda s3, foreign: s3.create_bucket(Bucket=f"new-{uuid.uuid4()}"),
    "remove a bucket": lambda s3, foreign: s3.delete_bucket(Bucket="models"),
    "see the rules": lambda s3, foreign: s3.get_bucket_notification_configuration(
        Bucket="images"),
    "change the rules": lambda s3, foreign: s3.put_bucket_notification_configuration(
        Bucket="images", NotificationConfiguration={}),
    "open a bucket": lambda s3, foreign: s3.put_bucket_policy(
        Bucket="images", Policy=READABLE_BY_ALL),
    "keep versions": lambda s3, foreign: s3.put_bucket_versioning(
        Bucket="images", VersioningConfiguration={"Status": "Enabled"}),
    "let objects expire": lambda s3, foreign: s3.put_bucket_lifecycle_configuration(
        Bucket="images", LifecycleConfiguration={"Rules": [{
            "ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""},
            "Expiration": {"Days": 1}}]}),
    "see a foreign bucket": lambda s3, foreign: s3.head_bucket(Bucket=foreign),
    "list a foreign bucket": lambda s3, foreign: s3.list_objects_v2(Bucket=foreign),
    "read a foreign object": lambda s3, foreign: s3.get_object(Bucket=foreign, Key="secret"),
    "copy a foreign object": lambda s3, foreign: s3.copy_object(
        Bucket="images", Key="stolen", CopySource={"Bucket": foreign, "Key": "secret"}),
    "write a foreign object": lambda s3, foreign: s3.put_object(
        Bucket=foreign, Key="secret", Body=b"x"),
    "remove a foreign object": lambda s3, foreign: s3.delete_object(
        Bucket=foreign, Key="secret"),
}


@pytest.mark.parametrize("attempt", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_nothing_else_is_allowed(
    functions: S3Client, foreign_bucket: str, attempt: Attempt
) -> None:
    """The buckets' configuration, and all other buckets, are out of reach."""
    with pytest.raises(ClientError) as caught:
        attempt(functions, foreign_bucket)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_foreign_buckets_are_not_even_named(functions: S3Client, foreign_bucket: str) -> None:
    """Of all buckets, the functions see theirs."""
    assert sorted(each["Name"] for each in functions.list_buckets()["Buckets"]) == BUCKETS


def test_nobody_is_let_write_elsewhere(functions: S3Client, foreign_bucket: str) -> None:
    """A form signed with these keys for a foreign bucket is worthless."""
    form = functions.generate_presigned_post(foreign_bucket, "posted", ExpiresIn=60)
    answer = httpx.post(form["url"], data=form["fields"], files={"file": b"posted"})
    assert answer.status_code == 403
